"""Queries of sealing."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, update
from sqlmodel import col

from anchor_service.core.hashing import HASH_SIZE, LeafHash
from anchor_service.core.states import ON_THE_WAY, OnChainState
from anchor_service.core.tiles import Tile, TileId
from anchor_service.store import bulk, rows
from anchor_service.store.tables import Batch, Certificate, Erasure, NewBatch, TreeTile

# Rows that are in memory at once while a batch is read.
AT_ONCE = 5_000


def unfinished(connection: Connection, issuer_id: bytes) -> Batch | None:
    """The issuer's batch that is sealed and not anchored yet."""
    query = select(rows.table(Batch)).where(
        col(Batch.issuer_id) == issuer_id, col(Batch.state).in_((*ON_THE_WAY, OnChainState.QUARANTINED))
    )
    return rows.one(connection, Batch, query.order_by(col(Batch.sequence)).limit(1))


def last_sequence(connection: Connection, issuer_id: bytes) -> int:
    """The issuer's last sealed sequence number; zero before the first."""
    return _last_sequence(connection, col(Batch.issuer_id) == issuer_id)


def last_anchored(connection: Connection, issuer_id: bytes) -> int:
    """The issuer's last sequence number that is on chain, as far as is known here; zero before the first."""
    on_chain = col(Batch.state).in_((OnChainState.ANCHORED, OnChainState.FOREIGN))
    return _last_sequence(connection, col(Batch.issuer_id) == issuer_id, on_chain)


def _last_sequence(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    query = select(func.coalesce(func.max(col(Batch.sequence)), 0)).where(*conditions)
    return int(connection.execute(query).scalar_one())


def insert_batch(connection: Connection, batch: NewBatch) -> Batch:
    """Insert a batch. Returns it as it is stored."""
    return rows.insert_new(connection, Batch, batch)


def take_waiting(connection: Connection, batch: Batch, received_before: int, limit: int) -> int:
    """Put what the issuer has waiting, oldest first, into a batch in tree order. Returns how many there are.

    A certificate that is withdrawn at this very moment may leave a gap in the order.
    """
    table = rows.table(Certificate)
    waits = (table.c.live, table.c.batch_id.is_(None))
    oldest = (
        select(table.c.id, table.c.leaf_hash)
        .where(table.c.issuer_id == batch.issuer_id, *waits, table.c.received_at < received_before)
        .order_by(table.c.id)
        .limit(limit)
        .subquery()
    )
    leaf_index = (func.row_number().over(order_by=oldest.c.leaf_hash) - 1).label("leaf_index")
    # In the order of the rows: their table is larger than the index of leaves.
    ordered = select(oldest.c.id, leaf_index).order_by(oldest.c.id).subquery()
    query = update(table).where(table.c.id == ordered.c.id, *waits)
    query = query.values(batch_id=batch.id, leaf_index=ordered.c.leaf_index)
    return connection.execute(query).rowcount


def taken(connection: Connection, batch_id: int) -> Iterator[tuple[int, int, bytes, bytes, str, int | None]]:
    """The certificates of a batch as they came: id, leaf index, leaf hash, document digest, metadata, actor."""
    table = rows.table(Certificate)
    names = ("id", "leaf_index", "leaf_hash", "document_digest", "metadata_text", "actor_id")
    columns = (table.c[name] for name in names)
    yield from _stream(connection, select(*columns).where(table.c.batch_id == batch_id).order_by(table.c.id))


def entries(connection: Connection, batch_id: int) -> Iterator[tuple[int, bytes, str]]:
    """The entries of a batch in tree order: leaf index, document digest, metadata."""
    table = rows.table(Certificate)
    columns = (table.c.leaf_index, table.c.document_digest, table.c.metadata_text)
    yield from _stream(connection, select(*columns).where(table.c.batch_id == batch_id).order_by(table.c.leaf_hash))


def _stream(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    with connection.execute(query, execution_options={"yield_per": AT_ONCE}) as found:
        yield from found


def finish_batch(connection: Connection, batch: Batch, tree_size: int, root_hash: bytes) -> Batch:
    """Write the size and the root, once both are known. Returns the batch as it is then."""
    query = update(Batch).where(col(Batch.id) == batch.id)
    connection.execute(query.values(tree_size=tree_size, root_hash=root_hash))
    return rows.with_changes(batch, tree_size=tree_size, root_hash=root_hash)


def insert_tiles(connection: Connection, batch_id: int, tiles: Iterable[Tile]) -> None:
    """Write a batch's tree."""
    columns = ("batch_id", "level", "number", "hashes", "inner")
    values = ((batch_id, tile.level, tile.number, tile.hashes, tile.inner) for tile in tiles)
    bulk.insert_rows(connection, rows.table(TreeTile).name, columns, values)


def tiles(connection: Connection, batch_id: int) -> dict[TileId, Tile]:
    """All tiles of a batch."""
    table = rows.table(TreeTile)
    query = select(table.c.level, table.c.number, table.c.hashes, table.c.inner).where(table.c.batch_id == batch_id)
    return {(row[0], row[1]): Tile(*row) for row in connection.execute(query)}


def leaf_hashes(connection: Connection, batch_id: int) -> list[LeafHash]:
    """The leaf hashes of a batch, in order."""
    table = rows.table(TreeTile)
    query = select(table.c.hashes).where(table.c.batch_id == batch_id, table.c.level == 0).order_by(table.c.number)
    found: list[LeafHash] = []
    for hashes in connection.execute(query, execution_options={"yield_per": AT_ONCE}).scalars():
        whole = len(hashes) // HASH_SIZE * HASH_SIZE
        found += [LeafHash(hashes[at : at + HASH_SIZE]) for at in range(0, whole, HASH_SIZE)]
    return found


def counts_by_batch(connection: Connection, issuer_id: bytes) -> dict[int, tuple[int, int, int]]:
    """For each batch of an issuer: its leaves, its certificates, its erased certificates."""
    found: dict[int, list[int]] = {}
    batches, stored = rows.table(Batch), rows.table(TreeTile)
    leaves = func.sum(func.length(stored.c.hashes)).filter(stored.c.level == 0)
    counted = ((stored, leaves), (rows.table(Certificate), func.count()), (rows.table(Erasure), func.count()))
    for position, (table, count) in enumerate(counted):
        query = (
            select(table.c.batch_id, count)
            .join(batches, batches.c.id == table.c.batch_id)
            .where(batches.c.issuer_id == issuer_id)
            .group_by(table.c.batch_id)
        )
        for batch_id, number in connection.execute(query):
            found.setdefault(batch_id, [0, 0, 0])[position] = int(number or 0)
    return {batch_id: (size // HASH_SIZE, held, erased) for batch_id, (size, held, erased) in found.items()}
