"""A whole service moves from one database to the other kind: what waits, keys, codes and numbers too."""

import uuid

import psycopg
import pytest
from sqlalchemy import text
from world import TESTER, digest, set_status

from anchor_service.core.errors import BackupRejected
from anchor_service.core.states import Status
from anchor_service.pipeline import access, fsck, statuses
from anchor_service.pipeline.receipts import Receipts
from anchor_service.store import moving
from anchor_service.store.engine import Store


@pytest.fixture
def target(store, tmp_path, request):
    if store.engine.dialect.name == "postgresql":
        made = Store(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    else:
        server, name = request.getfixturevalue("postgres_server"), f"t{uuid.uuid4().hex}"
        with psycopg.connect(server, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        made = Store(f"postgresql://postgres@/{name}?host={server.split()[0].removeprefix('host=')}")
    yield made
    made.engine.dispose()


@pytest.fixture
def full(world):
    """A world with everything in it."""
    world.codes = access.new_codes(world.store, world.issuer, 3, actor=TESTER, now=world.now)
    world.token = access.new_api_key(
        world.store, world.issuer, ["certificates:write"], actor=TESTER, expires_at=None, now=world.now
    )
    world.submit("a", code=world.codes[0])
    world.submit(*(f"c{number}" for number in range(300)))
    world.night()
    set_status(world, "a", Status.SUSPENDED)
    world.night()
    world.submit("waits")
    return world


def test_everything_moves_and_goes_on(full, target):
    act = set_status(full, "c1", Status.REVOKED)
    statuses.drop(full.store, act, actor=TESTER, now=full.now)
    told = []
    copied = {one.table: one for one in moving.copy(full.store, target, told.append)}
    assert (copied["certificates"].rows, copied["codes"].rows, copied["home"].rows) == (302, 3, 1)
    assert len(told) == len(copied)
    receipts = [full.receipts.by_digest(digest(name)) for name in ("a", "c7", "waits")]
    full.store = target
    full.receipts = Receipts(target, full.chain.chain_id, full.chain.address)
    assert [full.receipts.by_digest(digest(name)) for name in ("a", "c7", "waits")] == receipts
    assert list(fsck.check(target, full.filing, full.registry)) == []
    assert access.authorise(target, full.token, "certificates:write", now=full.now).issuer == full.issuer
    # Every number is a new one.
    assert set_status(full, "c2", Status.REVOKED).id >= act.id
    assert full.submit("more", code=full.codes[1])[0].is_new
    report = full.night()
    assert ([one.tree_size for one in report.anchored], len(report.written)) == ([2], 1)
    assert full.audit() == 303


def test_only_an_empty_database_is_copied_to(full, target):
    moving.copy(full.store, target)
    with pytest.raises(BackupRejected, match="holds rows already"):
        moving.copy(full.store, target)


def test_an_older_database_is_not_copied(full, target):
    full.store.downgrade("0005")
    with pytest.raises(BackupRejected, match="are not the newest"):
        moving.copy(full.store, target)
    assert not target.is_current()


def test_what_arrives_otherwise_is_not_kept(full, target):
    """A database that changes what it is given, as by a trigger of somebody's."""
    target.upgrade()
    with target.writing() as connection:
        if target.engine.dialect.name == "sqlite":
            change = "BEGIN UPDATE codes SET created_at = 1 WHERE code = new.code; END"
            connection.execute(text(f"CREATE TRIGGER odd AFTER INSERT ON codes {change}"))
        else:
            body = "BEGIN NEW.created_at := 1; RETURN NEW; END"
            connection.execute(text(f"CREATE FUNCTION odd() RETURNS trigger AS $$ {body} $$ LANGUAGE plpgsql"))
            connection.execute(text("CREATE TRIGGER odd BEFORE INSERT ON codes FOR EACH ROW EXECUTE FUNCTION odd()"))
    with pytest.raises(BackupRejected, match="what arrived in codes is not what was read"):
        moving.copy(full.store, target)
    with target.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM issuers")).scalar_one() == 0
