"""Queries of rebuilding, checking and erasing: whole batches in, whole batches out, single certificates away."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlmodel import col

from anchor_service.store import rows
from anchor_service.store.tables import Certificate, Code, Erasure, Intervention, TreeTile


def certificates_of(connection: Connection, batch_id: int) -> list[Certificate]:
    """The certificates of a batch, in tree order."""
    query = select(rows.table(Certificate)).where(col(Certificate.batch_id) == batch_id)
    return rows.many(connection, Certificate, query.order_by(col(Certificate.leaf_index), col(Certificate.id)))


def waiting(connection: Connection, issuer_id: bytes) -> list[Certificate]:
    """An issuer's certificates that no batch holds yet."""
    query = select(rows.table(Certificate)).where(
        col(Certificate.issuer_id) == issuer_id,
        col(Certificate.batch_id).is_(None),
        col(Certificate.live),
    )
    return rows.many(connection, Certificate, query.order_by(col(Certificate.id)))


def of_digest(connection: Connection, issuer_id: bytes, document_digest: bytes) -> list[Certificate]:
    """Everything that is known of an issuer's file: live, replaced and withdrawn."""
    query = select(rows.table(Certificate)).where(
        col(Certificate.issuer_id) == issuer_id, col(Certificate.document_digest) == document_digest
    )
    return rows.many(connection, Certificate, query.order_by(col(Certificate.id)))


def delete_certificates(connection: Connection, certificates: Iterable[int]) -> None:
    """Delete certificates by their row, and what was done to them: SQLite may give a row's number once more."""
    for certificate in certificates:
        connection.execute(delete(rows.table(Certificate)).where(col(Certificate.id) == certificate))
        its = rows.table(Intervention).c
        on_it = (its.subject == "certificate", its.subject_id == str(certificate))
        connection.execute(delete(rows.table(Intervention)).where(*on_it))


def delete_tiles(connection: Connection, batch_id: int) -> None:
    """Delete a batch's tree, to be written anew in the same transaction."""
    table = rows.table(TreeTile)
    connection.execute(delete(table).where(table.c.batch_id == batch_id))


def withdraw_row(connection: Connection, certificate: int) -> None:
    """Take a waiting certificate out of the live ones."""
    connection.execute(update(Certificate).where(col(Certificate.id) == certificate).values(live=False))


def add_known_codes(connection: Connection, issuer_id: bytes, codes: Sequence[str], now: int) -> None:
    """Give codes out that stand on certificates already, but for those that are known."""
    known = set(connection.execute(select(col(Code.code)).where(col(Code.issuer_id) == issuer_id)).scalars())
    new: list[dict[str, Any]] = [
        {"code": code, "issuer_id": issuer_id, "created_at": now} for code in codes if code not in known
    ]
    if new:
        connection.execute(insert(Code), new)


def record_erasures(
    connection: Connection, batch_id: int, leaf_indexes: Iterable[int], actor_id: int | None, now: int
) -> None:
    """Record that the certificates of these leaves were erased; recording it again changes nothing."""
    known = erasures_of(connection, batch_id)
    values = {"batch_id": batch_id, "erased_at": now, "actor_id": actor_id}
    new = [{"leaf_index": index, **values} for index in leaf_indexes if index not in known]
    if new:
        connection.execute(insert(Erasure), new)


def erasures_of(connection: Connection, batch_id: int) -> set[int]:
    """The leaves of a batch whose certificates were erased."""
    return set(connection.execute(select(col(Erasure.leaf_index)).where(col(Erasure.batch_id) == batch_id)).scalars())
