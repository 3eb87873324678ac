"""Queries of intake."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update
from sqlmodel import col

from anchor_service.store import rows
from anchor_service.store.tables import Certificate


def live_matches(
    connection: Connection, issuer_id: bytes, digests: Iterable[bytes], numbers: Iterable[str], leaves: Iterable[bytes]
) -> list[Certificate]:
    """The issuer's live certificates that share a digest or a number, or have one of these leaf hashes."""
    query = select(rows.table(Certificate)).where(
        col(Certificate.issuer_id) == issuer_id,
        col(Certificate.live),
        or_(
            col(Certificate.document_digest).in_(list(digests)),
            col(Certificate.number).in_(list(numbers)),
            col(Certificate.leaf_hash).in_(list(leaves)),
        ),
    )
    return rows.many(connection, Certificate, query)


def live_codes(connection: Connection, codes: Iterable[str]) -> set[str]:
    """Which of these codes stand on a live certificate."""
    query = select(col(Certificate.code)).where(col(Certificate.live), col(Certificate.code).in_(list(codes)))
    return {code for code in connection.execute(query).scalars() if code is not None}


def insert_certificates(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert many certificates at once."""
    if rows:
        connection.execute(insert(Certificate), rows)


def retire(connection: Connection, leaf_hashes: Iterable[bytes]) -> None:
    """Take certificates that were superseded out of the live ones."""
    connection.execute(update(Certificate).where(col(Certificate.leaf_hash).in_(list(leaf_hashes))).values(live=False))


def withdraw(connection: Connection, issuer_id: bytes, document_digest: bytes) -> bool:
    """Take a certificate back that no batch holds yet. Returns whether there was one."""
    query = (
        update(Certificate)
        .where(
            col(Certificate.issuer_id) == issuer_id,
            col(Certificate.document_digest) == document_digest,
            col(Certificate.live),
            col(Certificate.batch_id).is_(None),
        )
        .values(live=False)
    )
    return connection.execute(query).rowcount == 1
