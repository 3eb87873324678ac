"""Queries of look-ups and receipts."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, literal_column, or_, select, union_all
from sqlmodel import col

from anchor_service.core import tiles
from anchor_service.core.states import ON_THE_WAY, OnChainState
from anchor_service.core.tiles import Tile, TileId
from anchor_service.store import rows
from anchor_service.store.tables import Batch, Certificate, TreeTile

# A batch has at most a million leaves: three levels of tiles reach to its root.
_TILE_LEVELS = range(3)


class CertificateRow(NamedTuple):
    """A certificate as a receipt needs it."""

    id: int
    issuer_id: bytes
    document_digest: bytes
    metadata_text: str
    leaf_hash: bytes
    live: bool
    received_at: int
    leaf_index: int | None


class BatchRow(NamedTuple):
    """A batch as a receipt needs it."""

    id: int
    issuer_id: bytes
    sequence: int
    tree_size: int
    root_hash: bytes
    profile: str
    state: str
    block_number: int | None
    transaction_hash: bytes | None


class CertificateInBatch(NamedTuple):
    """A certificate, the batch that it stands in, if it does, and the tiles of its path there."""

    certificate: CertificateRow
    batch: BatchRow | None
    tiles: dict[TileId, Tile]

    @property
    def is_anchored(self) -> bool:
        """Whether its batch stands on chain."""
        return self.batch is not None and self.batch.state == OnChainState.ANCHORED


def by_digest(connection: Connection, document_digest: bytes) -> list[CertificateInBatch]:
    """Every certificate of a file by any issuer that is live or was anchored, oldest first."""
    return by_digests(connection, [document_digest])


def by_digests(connection: Connection, digests: Sequence[bytes]) -> list[CertificateInBatch]:
    """Every certificate of any of these files by any issuer that is live or was anchored, oldest first."""
    return _live_or_anchored(connection, _BY_DIGESTS, digests=list(digests))


def by_code(connection: Connection, code: str) -> list[CertificateInBatch]:
    """The certificates that carry a code and are live or were anchored, oldest first, without later forms."""
    return _live_or_anchored(connection, _BY_CODE, code=code)


def of_issuer(connection: Connection, issuer_id: bytes, document_digest: bytes) -> CertificateInBatch | None:
    """An issuer's live certificate of a file."""
    found = _read(connection, _OF_ISSUER, issuer_id=issuer_id, document_digest=document_digest)
    return found[0] if found else None


def by_leaf(connection: Connection, issuer_id: bytes, leaf_hash: bytes) -> CertificateInBatch | None:
    """An issuer's certificate by its leaf, live or anchored."""
    for query in (_BY_LEAF_OF_A_BATCH, _BY_LEAF_THAT_WAITS):
        found = _live_or_anchored(connection, query, issuer_id=issuer_id, leaf_hash=leaf_hash)
        if found:
            return found[0]
    return None


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


def _read(connection: Connection, query: Any, **values: Any) -> list[CertificateInBatch]:
    found = []
    for row in connection.execute(query, values):
        cells = iter(row)
        certificate = CertificateRow(*(next(cells) for _ in CertificateRow._fields))
        batch = BatchRow(*(next(cells) for _ in BatchRow._fields))
        stored = {
            (level, number): Tile(level, number, hashes, inner)
            for level, number, hashes, inner in zip(cells, cells, cells, cells, strict=True)
        }
        found.append(CertificateInBatch(certificate, batch if batch.id is not None else None, stored))
    return found


def _live_or_anchored(connection: Connection, query: Any, **values: Any) -> list[CertificateInBatch]:
    """What is live or was anchored, oldest first."""
    found = sorted(_read(connection, query, **values), key=lambda known: known.certificate.id)
    return [known for known in found if known.certificate.live or known.is_anchored]


def _whole() -> Select[Any]:
    """Everything that a receipt is written from, in one row."""
    certificates, batches = rows.table(Certificate), rows.table(Batch)
    columns = [certificates.c[name] for name in CertificateRow._fields] + [batches.c[name] for name in BatchRow._fields]
    joined: Any = certificates.outerjoin(batches, batches.c.id == certificates.c.batch_id)
    for level in _TILE_LEVELS:
        stored = rows.table(TreeTile).alias(f"level_{level}")
        # As core/tiles.py finds the tile of a leaf. PostgreSQL shifts by nothing but a number that is written out.
        number: Any = literal_column(f"(certificates.leaf_index >> {tiles.HEIGHT * (level + 1)})")
        own = and_(stored.c.batch_id == batches.c.id, stored.c.level == level, stored.c.number == number)
        joined = joined.outerjoin(stored, own)
        columns += [stored.c.level, stored.c.number, stored.c.hashes, stored.c.inner]
    return select(*columns).select_from(joined)


def _of_either(condition: ColumnElement[bool]) -> Any:
    # What is live and what is not have indexes of their own.
    live = col(Certificate.live)
    return union_all(*(_whole().where(condition, either) for either in (live, ~live)))


def _leaf(condition: ColumnElement[bool]) -> Select[Any]:
    # Leaves are found by their batch.
    issuer, leaf = col(Certificate.issuer_id), col(Certificate.leaf_hash)
    return _whole().where(condition, issuer == bindparam("issuer_id"), leaf == bindparam("leaf_hash"))


# Written once: what a query says costs more than what it reads.
_BY_DIGESTS = _of_either(col(Certificate.document_digest).in_(bindparam("digests", expanding=True)))
_BY_CODE = _of_either(and_(col(Certificate.code) == bindparam("code"), col(Certificate.form_of).is_(None)))
_OF_ISSUER = _whole().where(
    col(Certificate.document_digest) == bindparam("document_digest"),
    col(Certificate.issuer_id) == bindparam("issuer_id"),
    col(Certificate.live),
)
_BY_LEAF_OF_A_BATCH = _leaf(
    col(Certificate.batch_id).in_(select(col(Batch.id)).where(col(Batch.issuer_id) == bindparam("issuer_id")))
)
_BY_LEAF_THAT_WAITS = _leaf(and_(col(Certificate.live), col(Certificate.batch_id).is_(None)))
