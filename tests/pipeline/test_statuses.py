"""Statuses: they go the way that batches go, survive the same faults, and are written once."""

import pytest
from simulator import SimulatedRegistry
from world import TESTER, digest, night_killed_at_each_commit, requeue, set_status

from anchor_service.core.errors import (
    FieldRejected,
    IllegalTransition,
    UnknownCertificate,
)
from anchor_service.core.states import OnChainState, RequestedStatus, Status
from anchor_service.pipeline import statuses
from anchor_service.store import anchoring
from anchor_service.store.tables import StatusAct


def test_statuses_go_the_same_way(world):
    world.submit("a", "b")
    with pytest.raises(UnknownCertificate):
        set_status(world, "a", Status.REVOKED)
    world.night()
    act = set_status(world, "a", Status.SUSPENDED, reason=3)
    assert set_status(world, "a", Status.SUSPENDED, reason=3).id == act.id
    with pytest.raises(IllegalTransition, match="still being written"):
        set_status(world, "a", Status.ACTIVE)
    assert len(world.night().written) == 1
    leaf = world.accepted[world.issuer.id, digest("a")]
    fact = world.chain.standing(world.issuer.id, leaf)
    assert (fact.status, fact.reason) == (Status.SUSPENDED, 3)


def test_what_the_registry_refuses_is_quarantined(world):
    world.submit("a")
    world.night()
    assert "RegistryBadTransition" in refused(world).problem


def test_a_status_from_the_beginning_is_not_the_one_that_is_pending(world):
    world.submit("a")
    world.night()
    set_status(world, "a", Status.REVOKED)
    with pytest.raises(IllegalTransition, match="still being written"):
        set_status(world, "a", Status.REVOKED, from_beginning=True)
    world.submit("b")
    world.night()
    act = set_status(world, "b", Status.REVOKED, from_beginning=True)
    assert act.from_beginning
    assert set_status(world, "b", Status.REVOKED, from_beginning=True).id == act.id


@pytest.mark.parametrize(
    ("method", "moment"), [("send", "before"), ("send", "after"), ("sign", "after"), ("mined", "before")]
)
def test_a_status_survives_each_fault(world, method, moment):
    world.submit("a")
    world.night()
    set_status(world, "a", Status.REVOKED)
    world.registry.fail(method, moment)
    world.night()
    world.night()
    world.night()
    assert not world.registry.faults, "it was never asked"
    leaf = world.accepted[world.issuer.id, digest("a")]
    assert world.chain.standing(world.issuer.id, leaf).status is Status.REVOKED
    # The first transaction was the only one that was mined.
    assert world.chain.nonces[world.registry.signer] == 2


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("method", ["mined", "next_nonce"])
def test_a_block_between_two_readings_is_no_foreign_transaction(world, method, moment):
    """Our own transaction is mined while we look for it: that is no reason to sign another."""
    world.submit("a")
    world.night()
    set_status(world, "a", Status.REVOKED)
    world.chain.holds = True
    world.night()
    look = getattr(world.registry, method)

    def look_and_mine(*arguments):
        if moment == "before":
            world.chain.mine()
        found = look(*arguments)
        world.chain.mine()
        return found

    setattr(world.registry, method, look_and_mine)
    report = world.night()
    assert report.quarantined == []
    assert len(report.written) == 1
    assert world.chain.nonces[world.registry.signer] == 2


def test_nobody_sets_a_status_for_another(world):
    world.submit("a")
    world.night()
    world.issuer = world.add_issuer("BPSDM-B")
    with pytest.raises(UnknownCertificate):
        set_status(world, "a", Status.REVOKED)


def test_a_certificate_is_superseded_by_an_anchored_one_of_the_same_issuer(world):
    world.submit("old", "other")
    world.night()
    with pytest.raises(UnknownCertificate):
        set_status(world, "old", Status.SUPERSEDED, successor=b"\x44" * 32)
    own = world.accepted[world.issuer.id, digest("old")]
    with pytest.raises(FieldRejected):
        set_status(world, "old", Status.SUPERSEDED, successor=own)
    new = world.accepted[world.issuer.id, digest("other")]
    set_status(world, "old", Status.SUPERSEDED, successor=new)
    assert len(world.night().written) == 1
    assert world.chain.statuses[world.issuer.id, own].successor == new


def test_a_status_that_was_refused_is_requeued(world):
    world.submit("a")
    world.night()
    act = refused(world)
    world.chain.statuses.clear()
    requeue(world, act)
    assert len(world.night().written) == 1


def refused(world):
    """A change that the registry refuses: a regulator's revocation came before it."""
    set_status(world, "a", Status.SUSPENDED)
    leaf = world.accepted[world.issuer.id, digest("a")]
    world.chain.write_status(world.issuer.id, leaf, RequestedStatus(Status.REVOKED, 4), b"\x01" * 32)
    return world.night().quarantined[0]


def test_a_status_that_the_chain_has_overtaken_is_dropped(world):
    world.submit("a")
    world.night()
    act = refused(world)
    statuses.drop(world.store, act, actor=TESTER, now=world.now)
    assert world.night().quarantined == []
    world.chain.written.clear()
    world.chain.statuses.clear()
    set_status(world, "a", Status.REVOKED)
    world.chain.holds = True
    (signed,) = world.night().on_the_way
    with pytest.raises(IllegalTransition):
        statuses.drop(world.store, signed, actor=TESTER, now=world.now)


def test_a_revoked_certificate_is_not_set_active_again(world):
    world.submit("a")
    world.night()
    set_status(world, "a", Status.REVOKED)
    world.night()
    with pytest.raises(IllegalTransition):
        set_status(world, "a", Status.ACTIVE)


def test_what_the_institute_wrote_with_its_own_key_is_done(world):
    """The host's key may not write statuses; once the institute's own did, nothing waits any more."""
    world.submit("a")
    world.night()
    set_status(world, "a", Status.REVOKED, reason=4)
    world.chain.keys.clear()
    report = world.night()
    assert (len(report.unapproved), report.quarantined) == (1, [])
    assert "with its own key" in report.problems[0]
    leaf = world.accepted[world.issuer.id, digest("a")]
    world.chain.write_status(world.issuer.id, leaf, RequestedStatus(Status.REVOKED, 4), b"\x01" * 32)
    assert len(world.night().written) == 1


def test_a_status_whose_signer_was_changed_waits_and_says_so(world):
    """Old bytes may still be mined, and would bring back what was changed since."""
    world.submit("a")
    world.night()
    world.chain.holds = True
    set_status(world, "a", Status.SUSPENDED)
    world.night()
    newer = SimulatedRegistry(world.chain, "0x" + "ef" * 20)
    world.chain.keys.add((world.issuer.id, newer.signer))
    world.chain.pool.clear()
    report = world.night(newer)
    assert "run once with that one's keystore" in report.problems[0]
    assert len(report.on_the_way) == 1
    # Its nonce was used up: the old bytes can never be mined.
    world.chain.nonces[world.registry.signer] += 1
    world.chain.holds = False
    assert len(world.night(newer).written) == 1


def test_a_revocation_goes_before_what_waits_unsigned(world):
    world.submit("a")
    world.night()
    set_status(world, "a", Status.SUSPENDED)
    set_status(world, "a", Status.REVOKED)
    assert [act.status for act in world.night().written] == ["revoked"]


def test_a_revocation_comes_behind_what_is_signed(world):
    world.submit("a")
    world.night()
    world.chain.holds = True
    set_status(world, "a", Status.SUSPENDED)
    world.night()
    set_status(world, "a", Status.REVOKED)
    world.night()
    world.chain.holds = False
    world.chain.mine()
    assert sorted(act.status for act in world.night().written) == ["revoked", "suspended"]
    assert world.chain.standing(world.issuer.id, world.accepted[world.issuer.id, digest("a")]).status == "revoked"


def test_what_is_revoked_may_be_revoked_again(world):
    """The key that wrote it was compromised, and its record weighs nothing any more: docs/runbook.md."""
    world.submit("a")
    world.night()
    set_status(world, "a", Status.REVOKED)
    world.night()
    world.chain.statuses.clear()
    set_status(world, "a", Status.REVOKED)
    assert len(world.night().written) == 1


@pytest.mark.parametrize(
    ("asked", "written", "is_done"),
    [
        (RequestedStatus(Status.REVOKED, 4), RequestedStatus(Status.REVOKED, 2), True),
        (RequestedStatus(Status.REVOKED, 4, from_beginning=True), RequestedStatus(Status.REVOKED, 4), False),
        (RequestedStatus(Status.SUSPENDED, 3), RequestedStatus(Status.REVOKED, 4), False),
    ],
)
def test_what_another_key_wrote_may_be_as_good(world, asked, written, is_done):
    """What it left undone waits, and can be given up."""
    world.submit("a")
    world.night()
    leaf = world.accepted[world.issuer.id, digest("a")]
    act, *_ = statuses.request(world.store, world.issuer, leaf, asked, actor=TESTER, now=world.now)
    world.chain.keys.clear()
    world.chain.write_status(world.issuer.id, leaf, written, b"\x01" * 32)
    report = world.night()
    assert (len(report.written), len(report.unapproved)) == (int(is_done), int(not is_done))
    if not is_done:
        statuses.drop(world.store, act, actor=TESTER, now=world.now)
        assert world.night().on_the_way == []


def test_a_number_of_a_dropped_status_is_not_given_again(world):
    """What was signed for it stays, and is nobody else's."""
    world.submit("a")
    world.night()
    leaf = world.accepted[world.issuer.id, digest("a")]
    act = set_status(world, "a", Status.SUSPENDED)
    world.chain.holds = True
    world.night()
    world.chain.write_status(world.issuer.id, leaf, RequestedStatus(Status.REVOKED, 4), b"\x01" * 32)
    world.chain.holds = False
    world.chain.mine()
    (reverted,) = world.night().quarantined
    statuses.drop(world.store, reverted, actor=TESTER, now=world.now)
    again = set_status(world, "a", Status.REVOKED)
    assert again.id > act.id
    statuses.drop(world.store, again, actor=TESTER, now=world.now)


def test_what_another_key_wrote_is_done_however_often_it_is_killed(world):
    """No moment leaves an act that counts as signed and has no bytes."""
    world.submit("a")
    world.night()
    leaf = world.accepted[world.issuer.id, digest("a")]
    act = set_status(world, "a", Status.REVOKED)
    world.chain.keys.clear()
    world.chain.write_status(world.issuer.id, leaf, RequestedStatus(Status.REVOKED, 0), b"\x01" * 32)
    killed, report = night_killed_at_each_commit(world)
    assert killed > 5
    assert report.on_the_way == []
    with world.store.reading() as connection:
        assert anchoring.find(connection, StatusAct, act.id).state == OnChainState.ANCHORED


def test_a_supersession_by_another_successor_is_not_ours(world):
    world.submit("a", "b", "c")
    world.night()
    a, b, c = (world.accepted[world.issuer.id, digest(name)] for name in "abc")
    set_status(world, "a", Status.SUPERSEDED, successor=b)
    asked = RequestedStatus(Status.SUPERSEDED, 5, successor=c)
    world.chain.write_status(world.issuer.id, a, asked, b"\x01" * 32)
    assert "RegistryBadTransition" in world.night().quarantined[0].problem
