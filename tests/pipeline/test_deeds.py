"""Every row that a person causes, and every act upon a row that was there, says who."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from world import TESTER, TODAY, digest, facts, requeue, set_status

from anchor_service.core import actor
from anchor_service.core.errors import UnknownCertificate
from anchor_service.core.scopes import SCOPES
from anchor_service.core.states import Status
from anchor_service.pipeline import access, deeds, erasing, intake
from anchor_service.pipeline.intake import Submission
from anchor_service.store import actors, rows
from anchor_service.store.tables import ApiKey, Certificate, Code, Erasure, Intervention

ANI = actor.of_user("ani")
BUDI = actor.of_key("0123456789abcdef")


def hand_in(world, name, by, now, **more):
    check = intake.checker(world.store, world.issuer, intake.nonces(), TODAY)
    submission = Submission(digest(name), facts(name, **more))
    return intake.submit(world.store, world.issuer, [check(submission)], actor=by, now=now)


def causes(world, table):
    """Who caused each row of a table."""
    with world.store.reading() as connection:
        names = actors.names(connection)
        column = rows.table(table).c.actor_id
        return [names.get(number) for number in connection.execute(select(column)).scalars()]


def test_what_was_done_to_a_file_is_told_in_order(world):
    hand_in(world, "a", ANI, 10)
    intake.withdraw(world.store, world.issuer, digest("a"), actor=BUDI, now=20)
    hand_in(world, "a", BUDI, 30)
    assert not hand_in(world, "a", ANI, 31)[0].is_new
    closed = world.renamed_on_chain()
    batch = world.night().quarantined[0]
    world.chain.windows[world.issuer.id] = closed
    requeue(world, batch)
    world.night()
    act = set_status(world, "a", Status.REVOKED)
    assert [tuple(deed) for deed in deeds.of_file(world.store, world.issuer, digest("a"))] == [
        (10, ANI, "hand in number a"),
        (20, BUDI, "withdraw"),
        (30, BUDI, "hand in number a"),
        (world.now - 1, TESTER, f"requeue batch {batch.id}"),
        (world.now, TESTER, f"ask for status revoked, now {act.state}"),
    ]


def test_an_issuer_sees_what_was_done_to_its_own_files_only(world):
    hand_in(world, "a", ANI, 10)
    with pytest.raises(UnknownCertificate):
        deeds.of_file(world.store, world.add_issuer("BPSDM-B"), digest("a"))


def test_a_row_from_before_names_nobody(world):
    world.submit("a")
    with world.store.writing() as connection:
        connection.execute(rows.table(Certificate).update().values(actor_id=None))
    assert deeds.of_file(world.store, world.issuer, digest("a"))[0].actor is None


def test_keys_codes_and_erasures_say_who(world):
    access.new_api_key(world.store, world.issuer, SCOPES, actor=ANI, expires_at=None, now=1)
    (code,) = access.new_codes(world.store, world.issuer, 1, actor=BUDI, now=1)
    hand_in(world, "a", BUDI, 10, code=code)
    world.night()
    erasing.erase(world.store, world.filing, world.issuer, digest("a"), actor=ANI, now=2)
    assert (causes(world, ApiKey), causes(world, Code), causes(world, Erasure)) == ([ANI], [BUDI], [ANI])


def test_acts_on_an_erased_row_go_with_it(world):
    """SQLite gives the number of its last row once more: another certificate must not inherit what was done."""
    hand_in(world, "a", ANI, 10)
    intake.withdraw(world.store, world.issuer, digest("a"), actor=BUDI, now=20)
    erasing.erase(world.store, world.filing, world.issuer, digest("a"), actor=ANI, now=30)
    hand_in(world, "b", ANI, 40)
    assert [deed.when for deed in deeds.of_file(world.store, world.issuer, digest("b"))] == [40]
    assert causes(world, Intervention) == []


def test_many_may_bring_the_same_new_actor(world):
    def bring(number):
        with world.store.writing() as connection:
            return actors.id_of(connection, actor.of_key(f"{number % 3:016x}"))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(bring, range(40)))
    assert len(set(found)) == 3
    assert all(found[number] == found[number % 3] for number in range(40))
