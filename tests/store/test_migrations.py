"""The migrations make what the row classes describe, forwards and back, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from anchor_service.store import tables


def test_an_empty_database_is_not_current(store):
    assert not store.is_current()


def test_up_gives_the_row_classes_and_down_gives_nothing(store):
    store.upgrade()
    assert store.is_current()
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.SQLModel.metadata) == []
    store.downgrade("base")
    with store.reading() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}


def test_upgrading_twice_changes_nothing(store):
    store.upgrade()
    store.upgrade()
    assert store.is_current()
