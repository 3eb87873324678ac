"""What is signed goes out once in a while, statuses go together, and no issuer's many acts hold up another's night."""

from datetime import UTC

import pytest
from simulator import SimulatedRegistry
from world import TESTER, digest, night_killed_at_each_commit, set_status

from anchor_service.core.states import OnChainState, RequestedStatus, Status
from anchor_service.pipeline import nightly, nights, outbox, statuses
from anchor_service.store import anchoring as queries


class CountingRegistry(SimulatedRegistry):
    """One that counts what it is handed to send."""

    sent = 0

    def send(self, raw):
        self.sent += 1
        super().send(raw)


def names(count):
    return [f"c{number}" for number in range(count)]


def ask(world, chosen, status, *, reason=lambda _: 4):
    for number, name in enumerate(chosen):
        leaf = world.accepted[world.issuer.id, digest(name)]
        asked = RequestedStatus(status, reason(number))
        statuses.request(world.store, world.issuer, leaf, asked, actor=TESTER, now=world.now)


def standings(world, chosen):
    leaves = [world.accepted[world.issuer.id, digest(name)] for name in chosen]
    return [world.chain.standing(world.issuer.id, leaf).status for leaf in leaves]


def acts(world):
    with world.store.reading() as connection:
        return [one for one in queries.on_the_way(connection) if not hasattr(one, "sequence")]


@pytest.fixture
def anchored(world):
    """31 anchored certificates."""
    world.submit(*names(31))
    world.night()
    return names(31)


def test_many_leaves_of_one_status_go_in_one_transaction(world):
    some = names(250)
    world.submit(*some)
    world.night()
    ask(world, some, Status.REVOKED)
    before = len(world.chain.mined)
    report = world.night()
    assert (len(report.written), report.on_the_way) == (250, [])
    assert len(world.chain.mined) - before == 3
    assert standings(world, some) == [Status.REVOKED] * 250


def test_what_waits_is_sent_once_in_a_while(world, anchored):
    """31 acts on their way, which no transaction can write together, on a chain that stands still."""
    registry = CountingRegistry(world.chain)
    ask(world, anchored, Status.REVOKED, reason=lambda number: number)
    world.chain.holds = True
    run = nightly.NightlyRun(world.store, registry, world.filing, lambda: world.now)
    night = nights.today(world.now, UTC)
    for _ in range(5):
        run.run(night, close=False)
    assert registry.sent == 31
    world.now += outbox.SEND_AGAIN_AFTER_SECONDS
    run.run(night, close=False)
    assert registry.sent == 62
    world.chain.holds = False
    world.chain.mine()
    assert len(run.run(night, close=False).written) == 31


def test_one_that_the_registry_refuses_stops_no_other(world, anchored):
    some = anchored[:20]
    leaf = world.accepted[world.issuer.id, digest(some[7])]
    world.chain.write_status(world.issuer.id, leaf, RequestedStatus(Status.REVOKED, 4), b"\x01" * 32)
    ask(world, some, Status.SUSPENDED)
    report = world.night()
    assert [act.leaf_hash for act in report.quarantined] == [leaf]
    assert (len(report.written), report.on_the_way) == (19, [])
    assert standings(world, some).count(Status.SUSPENDED) == 19


def test_one_that_reverts_in_the_block_stops_no_other(world, anchored):
    some = anchored[:20]
    ask(world, some, Status.SUSPENDED)
    world.chain.holds = True
    world.night()
    assert len(world.chain.pool) == 1
    leaf = world.accepted[world.issuer.id, digest(some[7])]
    world.chain.write_status(world.issuer.id, leaf, RequestedStatus(Status.REVOKED, 4), b"\x01" * 32)
    world.chain.holds = False
    world.chain.mine()
    world.night()
    report = world.night()
    assert [act.leaf_hash for act in report.quarantined] == [leaf]
    assert report.on_the_way == []
    assert standings(world, some).count(Status.SUSPENDED) == 19


def test_the_nonce_of_a_carrier_may_be_anybodys(world, anchored):
    """One act of those that it carried is signed anew first; the others are not taken for written by that."""
    some = anchored[:3]
    ask(world, some, Status.SUSPENDED)
    world.chain.holds = True
    world.night()
    world.chain.pool.clear()
    # A foreign transaction of this signer uses the nonce.
    world.chain.nonces[world.registry.signer] += 1
    world.chain.holds = False
    for _ in range(3):
        world.night()
    assert standings(world, some) == [Status.SUSPENDED] * 3
    assert acts(world) == []


def test_killed_at_any_moment_each_is_written(world, anchored):
    some = anchored[:5]
    ask(world, some, Status.REVOKED)
    killed, _ = night_killed_at_each_commit(world)
    world.night()
    assert killed > 5
    assert acts(world) == []
    written = [one.leaf_hash for _, one in world.chain.written]
    assert sorted(written) == sorted({world.accepted[world.issuer.id, digest(name)] for name in some})


def test_many_revocations_do_not_hold_up_anothers_night(world, anchored):
    """On a chain that stands still, another's batch is signed behind so many of them at most as are sent at once."""
    other = world.add_issuer("BPSDM-B")
    ask(world, anchored, Status.REVOKED, reason=lambda number: number)
    world.submit("b", issuer=other)
    world.chain.holds = True
    world.now += 1
    run = nightly.NightlyRun(world.store, world.registry, world.filing, lambda: world.now, statuses_at_once=10)
    report = run.run(nights.today(world.now, UTC), close=False)
    (batch,) = (one for one in report.on_the_way if hasattr(one, "sequence"))
    sent = [act for act in acts(world) if act.state == OnChainState.SENT]
    assert len(sent) == 10
    with world.store.reading() as connection:
        (attempt,) = queries.last_attempts(connection, batch)
        first = min(queries.last_attempts(connection, act)[0].nonce for act in sent)
    assert attempt.nonce - first == 10
    world.chain.holds = False
    report = world.night()
    assert [one.issuer_id for one in report.anchored] == [other.id]
    assert len(report.written) == len(anchored)


def test_what_comes_behind_another_act_of_its_leaf_goes_alone(world, anchored):
    set_status(world, anchored[0], Status.SUSPENDED, reason=4)
    ask(world, anchored[:2], Status.REVOKED)
    world.night()
    world.night()
    assert standings(world, anchored[:2]) == [Status.REVOKED] * 2


def test_a_revocation_does_not_wait_behind_what_waits_for_its_batch(world, anchored):
    """Corrections whose batch has no open window hold up no revocation."""
    for name in anchored[:12]:
        world.submit(f"new {name}", number=f"new {name}", supersedes=digest(name).hex())
    window = world.chain.windows.pop(world.issuer.id)
    world.night()
    set_status(world, anchored[-1], Status.REVOKED)
    run = nightly.NightlyRun(world.store, world.registry, world.filing, lambda: world.now, statuses_at_once=10)
    run.run(nights.today(world.now, UTC), close=False)
    assert standings(world, anchored[-1:]) == [Status.REVOKED]
    world.chain.windows[world.issuer.id] = window
    for _ in range(4):
        world.night()
    assert standings(world, anchored[:12]) == [Status.SUPERSEDED] * 12
