"""Queries of look-ups and receipts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, or_, select, union_all
from sqlmodel import col

from anchor_service.core.batch import ON_THE_WAY, OnChainState
from anchor_service.store import rows
from anchor_service.store.sealing import AT_ONCE
from anchor_service.store.tables import Batch, Certificate


@dataclass(frozen=True, slots=True)
class Placed:
    """A certificate and the batch that it stands in, if it does."""

    certificate: Certificate
    batch: Batch | None

    @property
    def is_anchored(self) -> bool:
        """Whether its batch stands on chain."""
        return self.batch is not None and self.batch.state == OnChainState.ANCHORED


def by_digest(connection: Connection, document_digest: bytes) -> list[Placed]:
    """Every certificate of a file by any issuer that is live or was anchored, oldest first."""
    return _placed(connection, col(Certificate.document_digest) == document_digest)


def by_digests(connection: Connection, digests: Sequence[bytes]) -> list[Placed]:
    """Every certificate of any of these files by any issuer that is live or was anchored, oldest first."""
    return _placed(connection, col(Certificate.document_digest).in_(digests))


def by_code(connection: Connection, code: str) -> list[Placed]:
    """The certificates that carry a code and are live or were anchored, oldest first."""
    return _placed(connection, col(Certificate.code) == code)


def of_issuer(connection: Connection, issuer_id: bytes, document_digest: bytes) -> Placed | None:
    """An issuer's live certificate of a file."""
    found = _placed(
        connection,
        col(Certificate.document_digest) == document_digest,
        col(Certificate.issuer_id) == issuer_id,
        col(Certificate.live).is_(True),
    )
    return found[0] if found else None


def of_batch(connection: Connection, batch_id: int) -> Iterator[Certificate]:
    """The certificates of a batch, in tree order."""
    query = (
        select(rows.table(Certificate))
        .where(col(Certificate.batch_id) == batch_id)
        .order_by(col(Certificate.leaf_hash))
    )
    with connection.execute(query, execution_options={"yield_per": AT_ONCE}) as found:
        for row in found.mappings():
            yield Certificate(**row)


def count_waiting(connection: Connection, issuer_id: bytes | None = None, received_before: int | None = None) -> int:
    """How many live certificates no batch holds yet, of one issuer or of all, received before an instant or ever."""
    query = select(func.count()).where(col(Certificate.live), col(Certificate.batch_id).is_(None))
    if issuer_id is not None:
        query = query.where(col(Certificate.issuer_id) == issuer_id)
    if received_before is not None:
        query = query.where(col(Certificate.received_at) < received_before)
    return int(connection.execute(query).scalar_one())


def oldest_waiting(connection: Connection) -> int | None:
    """When the oldest live certificate that no batch holds was received."""
    query = select(func.min(col(Certificate.received_at))).where(
        col(Certificate.live), col(Certificate.batch_id).is_(None)
    )
    return connection.execute(query).scalar_one()


def overdue(connection: Connection, received_before: int, issuer_id: bytes | None = None) -> list[tuple[str, int]]:
    """Live certificates that were received before an instant and are not anchored: number and when, oldest first."""
    unfinished = select(col(Batch.id)).where(col(Batch.state).in_((*ON_THE_WAY, OnChainState.QUARANTINED)))
    query = select(col(Certificate.number), col(Certificate.received_at)).where(
        col(Certificate.live),
        col(Certificate.received_at) < received_before,
        or_(col(Certificate.batch_id).is_(None), col(Certificate.batch_id).in_(unfinished)),
    )
    if issuer_id is not None:
        query = query.where(col(Certificate.issuer_id) == issuer_id)
    oldest_first = (col(Certificate.received_at), col(Certificate.id))
    return [(number, when) for number, when in connection.execute(query.order_by(*oldest_first))]


def by_leaf(connection: Connection, issuer_id: bytes, leaf_hash: bytes) -> Placed | None:
    """An issuer's certificate by its leaf, live or anchored."""
    # Leaves are found by their batch.
    own = select(col(Batch.id)).where(col(Batch.issuer_id) == issuer_id)
    for place in (col(Certificate.batch_id).in_(own), col(Certificate.batch_id).is_(None)):
        found = _placed(
            connection, place, col(Certificate.issuer_id) == issuer_id, col(Certificate.leaf_hash) == leaf_hash
        )
        if found:
            return found[0]
    return None


def _placed(connection: Connection, *conditions: ColumnElement[bool]) -> list[Placed]:
    # What is live and what is not have indexes of their own.
    live = col(Certificate.live)
    both = union_all(*(select(rows.table(Certificate)).where(*conditions, one) for one in (live, ~live)))
    found = sorted(rows.many(connection, Certificate, both), key=lambda one: one.id or 0)
    ids = {one.batch_id for one in found if one.batch_id is not None}
    query = select(rows.table(Batch)).where(col(Batch.id).in_(ids))
    batches = {batch.id: batch for batch in rows.many(connection, Batch, query)} if ids else {}
    placed = [Placed(one, batches.get(one.batch_id)) for one in found]
    return [one for one in placed if one.certificate.live or one.is_anchored]
