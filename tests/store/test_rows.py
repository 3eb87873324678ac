"""Rows: read and not written to, sure of their id, and there once only where the tables say so."""

import pytest
from sqlalchemy.exc import IntegrityError

from anchor_service.core.states import OnChainState
from anchor_service.store import anchoring, bulk, issuers, rows, sealing
from anchor_service.store.engine import AlreadyThere, Store
from anchor_service.store.tables import Batch, Certificate, Issuer, NewBatch

ISSUER = Issuer(id=bytes(32), profile="{}", scope="latsar", created_at=1)
NEW = NewBatch(
    issuer_id=ISSUER.id, sequence=1, tree_size=1, root_hash=bytes(32), profile="{}", state="sealed", sealed_at=2
)


@pytest.fixture
def stored(store):
    store.upgrade()
    with store.writing() as connection:
        issuers.add_issuer(connection, ISSUER)
        return sealing.insert_batch(connection, NEW)


def test_a_stored_row_is_the_one_that_is_read_again(store, stored):
    with store.reading() as connection:
        assert anchoring.find(connection, Batch, stored.id) == stored
    assert stored.model_dump(exclude={"id"}) == NEW.model_dump()


def test_nobody_writes_to_a_row(stored):
    for row in (stored, NEW, ISSUER):
        with pytest.raises(AttributeError, match="a row that was read"):
            setattr(row, next(iter(row.model_dump())), "another")
    assert (rows.with_changes(stored, sequence=7).sequence, stored.sequence) == (7, 1)


def test_moving_a_subject_gives_the_one_that_is_stored_now(store, stored):
    with store.writing() as connection:
        moved = anchoring.move(connection, stored, OnChainState.QUARANTINED, problem="none", sequence=3)
    assert (moved.id, moved.state, moved.problem, moved.sequence) == (stored.id, "quarantined", "none", 3)
    assert (stored.state, stored.problem, stored.sequence) == ("sealed", None, 1)
    with store.reading() as connection:
        assert anchoring.find(connection, Batch, stored.id) == moved


def test_what_is_there_once_only_is_there_already(store, stored):
    def batch(connection):
        sealing.insert_batch(connection, NEW)

    def issuer(connection):
        issuers.add_issuer(connection, ISSUER)

    def many(connection):
        bulk.insert_rows(
            connection, Batch.__tablename__, list(stored.model_dump()), [list(stored.model_dump().values())]
        )

    for write in (batch, issuer, many):
        with pytest.raises(AlreadyThere), store.writing() as connection:
            write(connection)


@pytest.mark.usefixtures("stored")
def test_a_row_that_breaks_another_rule_is_not_there_already(store):
    columns = ("issuer_id", "document_digest", "metadata_text", "number", "leaf_hash", "live", "received_at")
    with pytest.raises(IntegrityError), store.writing() as connection:
        bulk.insert_rows(
            connection, Certificate.__tablename__, columns, [(b"nobody" * 5, bytes(32), "{}", "1", bytes(32), True, 1)]
        )


def test_an_empty_file_is_no_database(tmp_path):
    path = tmp_path / "store.sqlite3"
    store = Store(f"sqlite:///{path}")
    assert not store.is_there()
    path.touch()
    assert not store.is_there()
    store.upgrade()
    assert store.is_there()
