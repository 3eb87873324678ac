"""Queries of intake."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select, update
from sqlmodel import col

from anchor_service.store import bulk, rows
from anchor_service.store.tables import Batch, Certificate

# Values of one query, which a database bounds.
VALUES_AT_ONCE = 10_000


class Row(NamedTuple):
    """A certificate's row without its id. A million of them pass on their way in: it is no row object."""

    issuer_id: bytes
    document_digest: bytes
    metadata_text: str
    number: str
    code: str | None
    leaf_hash: bytes
    received_at: int
    live: bool = True
    batch_id: int | None = None
    leaf_index: int | None = None
    actor_id: int | None = None
    form_of: bytes | None = None


def live_matches(
    connection: Connection, issuer_id: bytes, digests: Sequence[bytes], numbers: Sequence[str], leaves: Sequence[bytes]
) -> Iterator[Row]:
    """The issuer's live certificates that share a digest or a number, or have one of these leaf hashes.

    A number is that of the issued file: its later forms are not found by it.
    """
    yield from _live(connection, issuer_id, col(Certificate.document_digest), digests)
    yield from _live(connection, issuer_id, col(Certificate.number), numbers, col(Certificate.form_of).is_(None))
    # Leaves are found by their batch.
    own = select(col(Batch.id)).where(col(Batch.issuer_id) == issuer_id)
    for condition in (col(Certificate.batch_id).in_(own), col(Certificate.batch_id).is_(None)):
        yield from _live(connection, issuer_id, col(Certificate.leaf_hash), leaves, condition)


def _live(
    connection: Connection, issuer_id: bytes, column: Any, values: Sequence[Any], *more: ColumnElement[bool]
) -> Iterator[Row]:
    table = rows.table(Certificate)
    wanted = [table.c[name] for name in Row._fields]
    for start in range(0, len(values), VALUES_AT_ONCE):
        some = column.in_(values[start : start + VALUES_AT_ONCE])
        query = select(*wanted).where(table.c.issuer_id == issuer_id, table.c.live, some, *more)
        yield from (Row(*row) for row in connection.execute(query))


def live_codes(connection: Connection, codes: Iterable[str]) -> set[str]:
    """Which of these codes stand on a live certificate."""
    query = select(col(Certificate.code)).where(
        col(Certificate.live), col(Certificate.code).in_(list(codes)), col(Certificate.form_of).is_(None)
    )
    return {code for code in connection.execute(query).scalars() if code is not None}


def insert_certificates(connection: Connection, certificates: Iterable[Row]) -> None:
    """Insert many certificates at once. Raises: as `bulk.insert_rows`."""
    bulk.insert_rows(connection, rows.table(Certificate).name, Row._fields, certificates)


def retire(connection: Connection, issuer_id: bytes, leaf_hashes: Iterable[bytes]) -> None:
    """Take certificates of an issuer that were superseded, and so are in a batch, out of the live ones: all forms."""
    own = select(col(Batch.id)).where(col(Batch.issuer_id) == issuer_id)
    leaves = list(leaf_hashes)
    issued = (col(Certificate.batch_id).in_(own), col(Certificate.leaf_hash).in_(leaves))
    later = (col(Certificate.issuer_id) == issuer_id, col(Certificate.form_of).in_(leaves))
    for condition in (issued, later):
        connection.execute(update(Certificate).where(*condition).values(live=False))


def withdraw(connection: Connection, issuer_id: bytes, document_digest: bytes) -> tuple[int, str, bytes] | None:
    """Take a certificate back that no batch holds yet. Returns its row's number, metadata and leaf, where one was."""
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
    told = (col(Certificate.id), col(Certificate.metadata_text), col(Certificate.leaf_hash))
    found = connection.execute(query.returning(*told)).one_or_none()
    return None if found is None else (found[0], found[1], found[2])


def revive(connection: Connection, issuer_id: bytes, leaf_hash: bytes) -> None:
    """Make a certificate live again that was retired, and its later forms, unless file, number or code is another's."""
    own, live = rows.table(Certificate), rows.table(Certificate).alias("live_ones")
    batches = select(col(Batch.id)).where(col(Batch.issuer_id) == issuer_id)
    taken = select(live.c.id).where(
        live.c.live,
        or_(
            and_(live.c.issuer_id == issuer_id, live.c.document_digest == own.c.document_digest),
            and_(live.c.issuer_id == issuer_id, live.c.number == own.c.number, live.c.form_of.is_(None)),
            and_(live.c.code == own.c.code, live.c.form_of.is_(None)),
        ),
    )
    issued = (own.c.batch_id.in_(batches), own.c.leaf_hash == leaf_hash)
    query = update(own).where(*issued, ~exists(taken.correlate(own)))
    if connection.execute(query.values(live=True)).rowcount:
        same_file = select(live.c.id).where(
            live.c.live, live.c.issuer_id == issuer_id, live.c.document_digest == own.c.document_digest
        )
        later = (own.c.issuer_id == issuer_id, own.c.form_of == leaf_hash, own.c.batch_id.is_not(None))
        connection.execute(update(own).where(*later, ~exists(same_file.correlate(own))).values(live=True))
