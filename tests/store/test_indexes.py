"""What an institute and the public ask by day never reads the whole table of certificates."""

import pytest
from sqlalchemy import event
from world import TESTER, World, digest, set_status

from anchor_service.core.states import Status
from anchor_service.pipeline import intake
from anchor_service.store.engine import Store


@pytest.fixture
def asked(tmp_path):
    """A world on SQLite, and every statement that its database is asked from now on."""
    world = World(Store(f"sqlite:///{tmp_path / 'store.sqlite3'}"), tmp_path)
    found: list[tuple[str, object]] = []
    event.listen(
        world.store.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, values, *_: found.append((statement, values)),
    )
    yield world, found
    world.store.engine.dispose()


def test_no_question_by_day_reads_every_certificate(asked):
    world, statements = asked
    leaf = world.submit("a") and world.accepted[world.issuer.id, digest("a")]
    world.night()
    statements.clear()
    world.submit("a")
    world.submit("b", "c", supersedes=leaf.hex())
    intake.withdraw(world.store, world.issuer, digest("b"), actor=TESTER, now=world.now)
    world.receipts.by_digest(digest("a"))
    world.receipts.by_file([digest("a"), digest("x")])
    world.receipts.by_code("0123456789AB")
    world.receipts.of_issuer(world.issuer.id, digest("a"))
    set_status(world, "a", Status.REVOKED, reason=1)
    world.night()
    with world.store.reading() as connection:
        plans = {
            statement: [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            for statement, values in list(statements)
            if statement.startswith(("SELECT", "UPDATE", "DELETE"))
        }
    assert len(plans) > 20
    whole = {statement: plan for statement, plan in plans.items() if "SCAN certificates" in plan}
    assert whole == {}
