"""The migrations make what the row classes describe, forwards and back, on both databases."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from anchor_service.core.hashing import LeafHash
from anchor_service.core.merkle import MerkleTree
from anchor_service.core.tiles import cut
from anchor_service.store import sealing, tables


def test_an_empty_database_is_not_current(store):
    assert not store.is_current()


def test_up_gives_the_row_classes_and_down_gives_nothing(store):
    store.upgrade()
    assert store.is_current()
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata()) == []
        assert context.get_current_revision() == tables.REVISION
    store.downgrade("base")
    assert not store.is_current()
    with store.reading() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}


def test_upgrading_twice_changes_nothing(store):
    store.upgrade()
    store.upgrade()
    assert store.is_current()


@pytest.mark.parametrize("size", [1, 5, 700])
def test_leaves_become_tiles_and_tiles_leaves(store, size):
    leaves = [bytes([index // 256, index % 256]) + bytes(30) for index in range(size)]
    store.upgrade("0003")
    with store.writing() as connection:
        for index, leaf in enumerate(leaves):
            row = {"batch": 4, "place": index, "leaf": leaf}
            connection.execute(text("INSERT INTO leaves VALUES (:batch, :place, :leaf)"), row)
    store.upgrade()
    with store.reading() as connection:
        assert sealing.leaf_hashes(connection, 4) == leaves
        stored = sealing.tiles(connection, 4)
    assert stored == {(one.level, one.number): one for one in cut(MerkleTree(LeafHash(leaf) for leaf in leaves))}
    store.downgrade("0003")
    with store.reading() as connection:
        found = connection.execute(text("SELECT leaf_hash FROM leaves ORDER BY leaf_index")).scalars()
        assert list(found) == leaves
