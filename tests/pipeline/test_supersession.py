"""What says that it supersedes another does so on chain in the same night, and old certificates have names."""

import pytest
from world import TESTER, TODAY, digest, facts, set_status

from anchor_service.core.errors import IllegalTransition, UnknownCertificate
from anchor_service.core.states import OnChainState, Status
from anchor_service.pipeline import access, intake, naming, rebuild
from anchor_service.pipeline.intake import Submission
from anchor_service.store import anchoring


def correct(world, name, **more):
    """Hand a corrected file in under the number `a`."""
    check = intake.checker(world.store, world.issuer, intake.nonces(), TODAY)
    checked = [check(Submission(digest(name), facts("a", **more)))]
    outcome = intake.submit(world.store, world.issuer, checked, actor=TESTER, now=world.now)[0]
    if outcome.leaf_hash:
        world.accepted[world.issuer.id, digest(name)] = outcome.leaf_hash
    return outcome


def acts(world):
    with world.store.reading() as connection:
        leaf = world.accepted[world.issuer.id, digest("a")]
        return anchoring.status_acts_of(connection, world.issuer.id, leaf)


@pytest.fixture
def old(world):
    code = access.new_codes(world.store, world.issuer, 1, actor=TESTER, now=world.now)[0]
    leaf = world.submit("a", code=code)[0].leaf_hash
    world.night()
    return {"number": "a", "digest": digest("a").hex(), "leaf": leaf.hex(), "code": code}


@pytest.mark.parametrize("name", ["number", "digest", "leaf", "code"])
def test_the_old_certificate_is_superseded_in_the_same_night(world, old, name):
    new = correct(world, "corrected", supersedes=old[name])
    assert new.is_new
    report = world.night()
    assert [(act.status, act.state) for act in report.written] == [("superseded", OnChainState.ANCHORED)]
    standing = world.chain.standing(world.issuer.id, bytes.fromhex(old["leaf"]))
    assert (standing.status, standing.successor) == (Status.SUPERSEDED, new.leaf_hash)
    # Handing the same in again is safe, whatever the name stands for by now.
    again = correct(world, "corrected", supersedes=old[name])
    assert (again.refused, again.is_new) == (None, False)


@pytest.mark.usefixtures("old")
def test_the_night_is_not_done_before_it_is_superseded(world):
    correct(world, "corrected", supersedes="a")
    world.chain.holds = True
    report = world.night()
    assert [anchoring.subject_type(subject) for subject in report.on_the_way] == ["batch", "status"]
    world.chain.holds = False
    world.chain.mine()
    report = world.night()
    assert (report.on_the_way, len(report.written)) == ([], 1)


def test_names_of_nothing_are_refused_at_intake(world, old):
    assert "name it by number" in str(correct(world, "other", supersedes="nobody's").refused)
    assert "itself" in str(correct(world, "a", supersedes=old["digest"]).refused)


@pytest.mark.usefixtures("old")
def test_the_number_of_a_revoked_certificate_is_taken_over(world):
    set_status(world, "a", Status.REVOKED)
    world.night()
    assert correct(world, "corrected", supersedes="a").is_new
    report = world.night()
    assert (len(report.anchored), report.quarantined, report.on_the_way) == (1, [], [])
    assert world.chain.standing(world.issuer.id, world.accepted[world.issuer.id, digest("a")]).status == "revoked"


@pytest.mark.usefixtures("old")
def test_a_revocation_does_not_wait_for_a_correction(world):
    correct(world, "corrected", supersedes="a")
    world.chain.keys.clear()
    world.night()
    set_status(world, "a", Status.REVOKED)
    world.chain.keys.add((world.issuer.id, world.registry.signer))
    assert [act.status for act in world.night().written] == ["revoked"]


@pytest.mark.usefixtures("old")
def test_a_correction_may_come_while_a_suspension_waits(world):
    set_status(world, "a", Status.SUSPENDED)
    correct(world, "corrected", supersedes="a")
    assert [act.status for act in world.night().written] == ["suspended", "superseded"]
    with pytest.raises(IllegalTransition):
        set_status(world, "a", Status.ACTIVE)


@pytest.mark.usefixtures("old")
def test_a_correction_that_is_withdrawn_leaves_the_old_one_as_it_was(world):
    correct(world, "corrected", supersedes="a")
    intake.withdraw(world.store, world.issuer, digest("corrected"), actor=TESTER, now=world.now)
    del world.accepted[world.issuer.id, digest("corrected")]
    assert "recorded already" in str(correct(world, "second").refused)
    assert correct(world, "third", supersedes="a").is_new
    assert [act.status for act in world.night().written] == ["superseded"]


def test_what_took_a_retired_ones_place_keeps_it(world, old):
    correct(world, "corrected", supersedes="a")
    world.submit("a", number="b")
    intake.withdraw(world.store, world.issuer, digest("corrected"), actor=TESTER, now=world.now)
    del world.accepted[world.issuer.id, digest("corrected")]
    with world.store.reading() as connection:
        assert naming.find(connection, world.issuer.id, "b").certificate.live
        assert not naming.find(connection, world.issuer.id, old["leaf"]).certificate.live


@pytest.mark.usefixtures("old")
def test_what_is_revoked_before_the_night_needs_no_supersession(world):
    correct(world, "corrected", supersedes="a")
    set_status(world, "a", Status.REVOKED)
    report = world.night()
    assert [act.status for act in report.written] == ["revoked"]
    assert len(acts(world)) == 1


def rebuilt(world):
    """The database is lost, and comes back from chain and files."""
    world.store.downgrade("base")
    world.store.upgrade()
    return rebuild.rebuild(world.store, world.registry, world.filing, now=world.now)


@pytest.mark.usefixtures("old")
def test_rebuild_knows_the_statuses(world):
    correct(world, "corrected", supersedes="a")
    world.night()
    set_status(world, "corrected", Status.REVOKED, reason=4)
    world.night()
    found = rebuilt(world)
    assert (found.batches, found.statuses, found.exceptions) == (2, 2, [])
    assert [(act.status, act.state) for act in acts(world)] == [("superseded", OnChainState.ANCHORED)]
    assert rebuild.rebuild(world.store, world.registry, world.filing, now=world.now).statuses == 0
    with pytest.raises(IllegalTransition):
        set_status(world, "corrected", Status.ACTIVE)


@pytest.mark.usefixtures("old")
def test_rebuild_writes_what_was_still_to_be_superseded(world):
    correct(world, "corrected", supersedes="a")
    world.night()
    world.chain.written.clear()
    world.chain.statuses.clear()
    assert rebuilt(world).statuses == 1
    assert [act.status for act in world.night().written] == ["superseded"]


def test_a_name_of_nothing(world):
    with pytest.raises(UnknownCertificate):
        naming.leaf_named(world.store, world.issuer, "nothing")


@pytest.mark.usefixtures("old")
def test_one_certificate_is_superseded_once_in_a_hand_in(world):
    check = intake.checker(world.store, world.issuer, intake.nonces(), TODAY)
    given = [Submission(digest(name), facts(name, supersedes="a")) for name in ("first", "second")]
    first, second = intake.submit(world.store, world.issuer, [check(one) for one in given], actor=TESTER, now=world.now)
    assert first.is_new
    assert "is no live certificate" in str(second.refused)
