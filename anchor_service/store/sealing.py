"""Queries of sealing."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlmodel import col

from anchor_service.core.batch import ON_THE_WAY, OnChainState
from anchor_service.core.hashing import LeafHash
from anchor_service.store import rows
from anchor_service.store.tables import Batch, Certificate, Erasure, Issuer, Leaf


def lock_issuer(connection: Connection, issuer_id: bytes) -> None:
    """Keep other sealers of this issuer waiting until this transaction ends; SQLite's writers wait anyway."""
    connection.execute(select(col(Issuer.id)).where(col(Issuer.id) == issuer_id).with_for_update())


def unfinished(connection: Connection, issuer_id: bytes) -> Batch | None:
    """The issuer's batch that is sealed and not anchored yet."""
    query = select(rows.table(Batch)).where(
        col(Batch.issuer_id) == issuer_id, col(Batch.state).in_((*ON_THE_WAY, OnChainState.QUARANTINED))
    )
    return rows.one(connection, Batch, query.order_by(col(Batch.sequence)).limit(1))


def last_sequence(connection: Connection, issuer_id: bytes) -> int:
    """The issuer's last sealed sequence number; zero before the first."""
    query = select(func.coalesce(func.max(col(Batch.sequence)), 0)).where(col(Batch.issuer_id) == issuer_id)
    return int(connection.execute(query).scalar_one())


def waiting(
    connection: Connection, issuer_id: bytes, received_before: int, limit: int
) -> list[tuple[int, bytes, bytes, str]]:
    """Live certificates without a batch, oldest first: id, leaf hash, document digest, metadata."""
    query = (
        select(
            col(Certificate.id),
            col(Certificate.leaf_hash),
            col(Certificate.document_digest),
            col(Certificate.metadata_text),
        )
        .where(
            col(Certificate.issuer_id) == issuer_id,
            col(Certificate.live),
            col(Certificate.batch_id).is_(None),
            col(Certificate.received_at) < received_before,
        )
        .order_by(col(Certificate.id))
        .limit(limit)
        # A withdrawal that is under way is waited for, and one that comes later finds the row sealed.
        .with_for_update()
    )
    return [(row[0] or 0, row[1], row[2], row[3]) for row in connection.execute(query)]


def insert_batch(connection: Connection, batch: Batch) -> int:
    """Insert a batch. Returns its id."""
    query = insert(Batch).values(**batch.model_dump(exclude={"id"})).returning(rows.table(Batch).c.id)
    return int(connection.execute(query).scalar_one())


def insert_leaves(connection: Connection, batch_id: int, leaf_hashes: Iterable[bytes]) -> None:
    """Write the leaves of a batch, in tree order."""
    connection.execute(
        insert(Leaf),
        [{"batch_id": batch_id, "leaf_index": index, "leaf_hash": leaf} for index, leaf in enumerate(leaf_hashes)],
    )


def place(connection: Connection, batch_id: int, certificates: Iterable[int]) -> None:
    """Give each certificate its place, in tree order."""
    table = rows.table(Certificate)
    connection.execute(
        update(table)
        .where(table.c.id == bindparam("certificate"))
        .values(batch_id=batch_id, leaf_index=bindparam("place")),
        [{"certificate": certificate, "place": index} for index, certificate in enumerate(certificates)],
    )


def set_root(connection: Connection, batch_id: int, root_hash: bytes) -> None:
    """Write the root that was computed from the stored leaves."""
    connection.execute(update(Batch).where(col(Batch.id) == batch_id).values(root_hash=root_hash))


def leaf_hashes(connection: Connection, batch_id: int) -> list[LeafHash]:
    """The leaf hashes of a batch, in order."""
    query = select(col(Leaf.leaf_hash)).where(col(Leaf.batch_id) == batch_id).order_by(col(Leaf.leaf_index))
    return [LeafHash(leaf) for leaf in connection.execute(query).scalars()]


def entries(connection: Connection, batch_id: int) -> Iterator[tuple[int, bytes, str]]:
    """The entries of a batch in order: leaf index, document digest, metadata."""
    query = (
        select(col(Certificate.leaf_index), col(Certificate.document_digest), col(Certificate.metadata_text))
        .where(col(Certificate.batch_id) == batch_id)
        .order_by(col(Certificate.leaf_index))
    )
    for index, digest, metadata in connection.execute(query):
        yield index or 0, digest, metadata


def counts_by_batch(connection: Connection, issuer_id: bytes) -> dict[int, tuple[int, int, int]]:
    """For each batch of an issuer: its leaves, its certificates, its erased certificates."""
    found: dict[int, list[int]] = {}
    batches = rows.table(Batch)
    for place, table in enumerate((rows.table(Leaf), rows.table(Certificate), rows.table(Erasure))):
        query = (
            select(table.c.batch_id, func.count())
            .join(batches, batches.c.id == table.c.batch_id)
            .where(batches.c.issuer_id == issuer_id)
            .group_by(table.c.batch_id)
        )
        for batch_id, count in connection.execute(query):
            found.setdefault(batch_id, [0, 0, 0])[place] = count
    return {batch_id: (leaves, held, erased) for batch_id, (leaves, held, erased) in found.items()}
