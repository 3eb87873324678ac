"""Nights: every step fails in two ways, processes die anywhere, and nothing is lost or anchored twice."""

import contextlib
import threading
from dataclasses import replace
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from simulator import SimulatedRegistry, simulated_signature
from sqlalchemy import delete, update
from sqlmodel import col
from world import digest

from anchor_service.core.approval import BatchApproval
from anchor_service.core.errors import (
    ApprovalRejected,
    CertificateSealed,
    ChainAhead,
    Damaged,
    FieldRejected,
    IllegalTransition,
    RegistryUnavailable,
    SignerRejected,
    StoreBusy,
    UnknownCertificate,
)
from anchor_service.core.hashing import IssuerId
from anchor_service.core.states import OnChainState, RequestedStatus, Status
from anchor_service.pipeline import anchoring, approval, deciding, intake, nightly, nights, reconcile, statuses
from anchor_service.store import anchoring as queries
from anchor_service.store import operations
from anchor_service.store.tables import Certificate, NewNightClosing, TreeTile


def set_status(world, name, status, **more):
    return statuses.request(
        world.store,
        world.issuer,
        digest(name),
        RequestedStatus(status, more.pop("reason", 0), **more),
        now=world.now,
    )


def requeue(world, subject):
    return deciding.requeue(world.store, world.registry, world.filing, subject)


@pytest.mark.parametrize("count", [1, 2, 3, 100])
def test_one_night(world, count):
    world.submit(*(f"c{number}" for number in range(count)))
    report = world.night()
    assert [batch.tree_size for batch in report.anchored] == [count]
    assert (report.on_the_way, report.quarantined, report.waiting) == ([], [], 0)
    assert world.audit() == count


def test_a_second_run_changes_nothing(world):
    world.submit("a", "b")
    world.night()
    before = world.receipts.by_digest(digest("a"))
    report = world.night()
    assert (report.anchored, report.written) == ([], [])
    assert world.receipts.by_digest(digest("a")) == before
    assert len(world.chain.anchors) == 1
    assert world.audit() == 2


def test_an_empty_night_anchors_nothing(world):
    assert world.night().anchored == []
    assert world.chain.anchors == {}


def test_each_issuer_has_its_own_tree_and_sequence(world):
    other = world.add_issuer("BPSDM-B")
    world.submit("a", "b")
    world.submit("a", issuer=other)
    assert sorted(batch.tree_size for batch in world.night().anchored) == [1, 2]
    assert {sequence for _, sequence in world.chain.anchors} == {1}
    assert world.audit() == 3


STEPS = [
    (method, moment)
    for method in ("last_sequence", "open_window", "anchor_of", "anchor_transaction", "mined", "next_nonce")
    for moment in ("before",)
] + [(method, moment) for method in ("sign", "send") for moment in ("before", "after")]


@pytest.mark.parametrize(("method", "moment"), STEPS)
def test_each_step_fails_once(world, method, moment):
    """Without effect, or with its effect and the answer lost: the next run ends with one anchor."""
    world.submit("a", "b", "c")
    world.registry.fail(method, moment)
    with contextlib.suppress(RegistryUnavailable):
        world.night()
    assert not world.registry.faults, "it was never asked"
    world.submit("late")
    for _ in range(3):
        world.night()
    assert sum(anchor.tree_size for anchor, _ in world.chain.anchors.values()) == 4
    assert world.audit() == 4


def test_nothing_is_sent_twice_while_the_chain_is_slow(world):
    world.chain.holds = True
    world.submit("a")
    for _ in range(5):
        assert world.night().on_the_way
    assert len(world.chain.pool) == 1
    world.chain.mine()
    assert len(world.night().anchored) == 1
    assert world.audit() == 1


def test_lost_from_the_pool_the_same_bytes_go_out_again(world):
    world.chain.holds = True
    world.submit("a")
    world.night()
    lost = world.chain.pool.pop()
    world.night()
    assert world.chain.pool == [lost]
    world.chain.mine()
    world.night()
    assert world.audit() == 1


def test_a_foreign_transaction_takes_the_nonce(world):
    world.chain.holds = True
    world.submit("a")
    world.night()
    world.chain.pool.clear()
    world.chain.nonces[world.registry.signer] += 1
    world.chain.holds = False
    world.night()
    world.night()
    assert len(world.chain.anchors) == 1
    assert world.audit() == 1


def test_a_foreign_root_under_our_sequence_is_quarantined_and_requeued(world):
    world.submit("a", "b")
    world.chain.anchor_as_stranger(world.issuer.id, 1)
    # The database knows of no batch: the chain is ahead, and a person has to look.
    assert "read-only" in world.night().stopped[world.issuer.id]
    world.chain.roll_back()
    world.chain.holds = True
    world.night()
    world.chain.pool.clear()
    world.chain.anchor_as_stranger(world.issuer.id, 1)
    world.chain.holds = False
    report = world.night()
    assert [batch.state for batch in report.quarantined] == [OnChainState.QUARANTINED]
    requeue(world, report.quarantined[0])
    assert not world.filing.manifest_path(world.issuer.id, 1).exists(), "it is not what the chain holds there"
    world.night()
    world.night()
    assert world.chain.last[world.issuer.id] == 2
    with world.store.reading() as connection:
        assert queries.batch_of(connection, world.issuer.id, 1).state == OnChainState.FOREIGN
    assert world.audit() == 2


def test_an_issuer_whose_window_closed_is_quarantined(world):
    world.submit("a")
    window = world.chain.windows.pop(world.issuer.id)
    report = world.night()
    assert "RegistryNotAccredited" in report.quarantined[0].problem
    world.chain.windows[world.issuer.id] = window
    batch = requeue(world, report.quarantined[0])
    with pytest.raises(IllegalTransition):
        requeue(world, batch)
    world.night()
    assert world.audit() == 1


def test_another_profile_on_chain_is_quarantined(world):
    world.submit("a")
    window = world.chain.windows[world.issuer.id]
    world.chain.windows[world.issuer.id] = type(window)(window.index, window.scope, bytes(32))
    assert "another profile" in world.night().quarantined[0].problem
    assert world.chain.anchors == {}


def test_a_flipped_bit_in_a_waiting_row_is_never_sealed(world):
    world.submit("a", "b")
    with world.store.writing() as connection:
        flip = update(Certificate).where(col(Certificate.document_digest) == digest("a")).values(leaf_hash=bytes(32))
        connection.execute(flip)
    assert "is not that of its data" in world.night().stopped[world.issuer.id]
    assert world.chain.anchors == {}


def test_a_flipped_bit_in_a_sealed_leaf_is_never_signed(world):
    world.submit("a", "b")
    window = world.chain.windows.pop(world.issuer.id)
    batch = world.night().quarantined[0]
    world.chain.windows[world.issuer.id] = window
    with world.store.writing() as connection:
        connection.execute(update(TreeTile).values(hashes=bytes(64)))
    requeue(world, batch)
    assert "leaves" in world.night().stopped[world.issuer.id]
    assert world.chain.anchors == {}


def test_damaged_leaves_give_no_receipt(world):
    world.submit("a", "b")
    world.night()
    with world.store.writing() as connection:
        connection.execute(update(TreeTile).values(hashes=bytes(64)))
    with pytest.raises(Damaged, match="anchored root"):
        world.receipts.by_digest(digest("a"))


def test_a_changed_manifest_stops_the_night(world):
    world.submit("a")
    window = world.chain.windows.pop(world.issuer.id)
    batch = world.night().quarantined[0]
    world.chain.windows[world.issuer.id] = window
    path = world.filing.manifest_path(world.issuer.id, 1)
    right = path.read_text()
    requeue(world, batch)
    for wrong in (right.replace("0", "1", 1), right[:-1], right + "\n"):
        path.write_text(wrong)
        assert "differs" in world.night().stopped[world.issuer.id]
        assert world.chain.anchors == {}


def test_two_workers_at_once_do_each_step_once(world):
    """The database's compare-and-swap saves work; the chain's sequence number is the fence."""
    world.submit("a")
    world.chain.holds = True
    world.night()
    with world.store.reading() as connection:
        stale = queries.on_the_way(connection)[0]
    world.chain.mine()
    world.night()
    other = SimulatedRegistry(world.chain)
    with pytest.raises(StoreBusy, match="another process"):
        anchoring.advance_batch(world.store, other, world.filing, stale, now=world.now)
    assert len(world.chain.anchors) == 1
    assert world.audit() == 1


def test_two_workers_take_two_nonces(world):
    """The other worker stores its bytes between our look at the nonces and our own insert."""
    other = world.add_issuer("BPSDM-B")
    world.submit("a")
    world.submit("a", issuer=other)
    world.chain.holds = True
    outer, sign = world.registry, world.registry.sign_anchor

    def sign_while_another_does(*arguments):
        outer.sign_anchor = sign
        world.night(SimulatedRegistry(world.chain))
        return sign(*arguments)

    outer.sign_anchor = sign_while_another_does
    world.night(outer)
    world.chain.mine()
    world.night()
    with world.store.reading() as connection:
        attempts = queries.unused_attempts(connection, outer.signer, 0, 99)
    assert [attempt.nonce for attempt in attempts] == [0, 1]
    assert len(world.chain.anchors) == 2
    assert world.audit() == 2


def test_a_withdrawal_and_a_sealing_at_once_agree(world):
    """Either the certificate is withdrawn and in no batch, or sealed and not withdrawn."""
    for number in range(8):
        name = f"c{number}"
        world.submit(name, f"other {number}")
        withdrawn = []

        def take_back(name=name, withdrawn=withdrawn):
            with contextlib.suppress(CertificateSealed):
                intake.withdraw(world.store, world.issuer, digest(name))
                withdrawn.append(name)

        thread = threading.Thread(target=take_back)
        thread.start()
        world.night()
        thread.join()
        world.night()
        if withdrawn:
            assert world.receipts.by_digest(digest(name)).receipts == ()
            del world.accepted[world.issuer.id, digest(name)]
        else:
            assert len(world.receipts.by_digest(digest(name)).receipts) == 1
    world.audit()


def test_statuses_go_the_same_way(world):
    world.submit("a", "b")
    with pytest.raises(UnknownCertificate):
        set_status(world, "a", Status.REVOKED)
    world.night()
    act = set_status(world, "a", Status.SUSPENDED, reason=3)
    assert set_status(world, "a", Status.SUSPENDED, reason=3).id == act.id
    with pytest.raises(IllegalTransition, match="still being written"):
        set_status(world, "a", Status.REVOKED)
    assert len(world.night().written) == 1
    leaf = world.accepted[world.issuer.id, digest("a")]
    fact = world.chain.standing(world.issuer.id, leaf)
    assert (fact.status, fact.reason) == (Status.SUSPENDED, 3)
    set_status(world, "a", Status.REVOKED)
    world.night()
    set_status(world, "a", Status.ACTIVE)
    report = world.night()
    assert "RegistryBadTransition" in report.quarantined[0].problem


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


def test_a_night_without_certificates_is_closed_once(world):
    night = world.now // 86_400
    report = world.night(close_in=UTC)
    assert [(one.night, one.sequence) for one in report.closed] == [(night, 0)]
    assert world.chain.nights[world.issuer.id] == night
    assert world.night(close_in=UTC).closed == []
    world.now += 86_400
    assert [one.night for one in world.night(close_in=UTC).closed] == [night + 1]
    # Nobody asked for it: no closing.
    world.now += 86_400
    assert world.night().closed == []


def test_a_night_with_certificates_is_not_closed(world):
    world.submit("a")
    assert world.night(close_in=UTC).closed == []
    assert world.night(close_in=UTC).closed == [], "a batch was sealed on this date"
    world.now += 86_400
    world.submit("b")
    world.chain.holds = True
    assert world.night(close_in=UTC).closed == [], "a batch is on its way"
    world.chain.holds = False
    world.night()
    world.now += 86_400
    report = world.night(close_in=UTC)
    assert [one.sequence for one in report.closed] == [2]
    assert world.audit() == 2


@pytest.mark.parametrize(
    ("method", "moment"),
    [(method, "before") for method in ("last_night", "sign", "send", "mined", "next_nonce")]
    + [("sign", "after"), ("send", "after")],
)
def test_a_closing_survives_faults_and_is_written_once(world, method, moment):
    world.registry.fail(method, moment)
    with contextlib.suppress(RegistryUnavailable):
        world.night(close_in=UTC)
    assert not world.registry.faults, "it was never asked"
    world.night(close_in=UTC)
    assert world.chain.nights[world.issuer.id] == world.now // 86_400
    assert sum(one.succeeded for one in world.chain.mined.values()) == 1


def closing_of(world, sequence):
    """A closing that an earlier run recorded and could not write."""
    closing = NewNightClosing(
        issuer_id=world.issuer.id,
        night=world.now // 86_400,
        sequence=sequence,
        state=OnChainState.SEALED,
        created_at=world.now,
    )
    with world.store.writing() as connection:
        queries.insert_night(connection, closing)
        queries.insert_night(connection, closing)


def test_a_closing_that_an_anchor_went_past_is_forgotten(world):
    world.submit("a")
    world.night()
    closing_of(world, 0)
    report = world.night()
    assert (report.on_the_way, report.quarantined, report.closed) == ([], [], [])
    assert "a batch was anchored meanwhile" in report.missed[0]
    assert world.night().missed == []


def test_a_closing_that_somebody_else_wrote_is_forgotten(world):
    closing_of(world, 0)
    world.chain.nights[world.issuer.id] = world.now // 86_400
    report = world.night()
    assert "RegistryBadNight" in report.missed[0]
    assert (report.on_the_way, report.quarantined) == ([], [])


def test_a_closing_without_a_key_for_it_waits_for_one(world):
    world.chain.keys = set()
    report = world.night(close_in=UTC)
    assert len(report.unapproved) == 1
    assert "may close nights" in report.problems[0]
    world.chain.keys = {(world.issuer.id, world.registry.signer)}
    assert len(world.night().closed) == 1


def test_the_date_of_a_night_is_the_institutes():
    before_midnight_utc = 20_000 * 86_400 - 3_600
    assert nights.today(before_midnight_utc, UTC).day == 19_999
    assert nights.today(before_midnight_utc, ZoneInfo("Asia/Jakarta")).day == 20_000


def test_a_night_is_due_from_its_cutoff_to_the_next():
    jakarta = ZoneInfo("Asia/Jakarta")
    cutoff = 20_000 * 86_400 + 15 * 3_600  # 22:00 in Jakarta
    for instant, day in ((cutoff - 1, 19_999), (cutoff, 20_000), (cutoff + 86_399, 20_000), (cutoff + 86_400, 20_001)):
        night = nights.due(instant, jakarta, "22:00")
        assert (night.day, night.cutoff) == (day, cutoff + (day - 20_000) * 86_400)
    assert str(nights.due(cutoff, jakarta, "22:00")) == "2024-10-04"


def test_nights_that_were_not_done_are_named(world):
    night = nights.today(world.now, UTC)
    assert nights.missed(world.store, night) == [], "nothing was done before the first"
    assert not nights.is_done(world.store, night)
    world.night(close_in=UTC)
    assert nights.is_done(world.store, night)
    later = replace(night, day=night.day + 3, began_at=night.began_at + 3 * 86_400)
    assert nights.missed(world.store, later) == ["2027-01-16", "2027-01-17"]
    assert not nights.is_done(world.store, later)


def test_what_comes_in_after_the_cutoff_does_not_keep_the_night_open(world):
    night = replace(nights.today(world.now, UTC), cutoff=world.now)
    world.submit("late")
    run = nightly.Run(world.store, world.registry, world.filing, lambda: world.now)
    report = run.night(night, pause=world._tick, wait_seconds=2, close=True)
    assert [one.night for one in report.closed] == [night.day]
    assert (report.anchored, report.waiting) == ([], 1)


WALLET = "0x" + "ee" * 20


def approval_of(world, batch, deadline=2**40, **changes):
    """What an institute's wallet would send back for a batch."""
    approved = (batch.issuer_id, batch.sequence, batch.root_hash, batch.tree_size, deadline)
    made = BatchApproval(
        world.chain.chain_id, world.chain.address, *approved, WALLET, simulated_signature(WALLET, *approved)
    )
    return replace(made, **changes)


def accept(world, given):
    pins = {"chain_id": world.chain.chain_id, "registry": world.chain.address}
    return approval.accept(world.store, given, now=world.now, **pins)


@pytest.fixture
def unapproved(world):
    """A batch of an issuer whose only key is a wallet that this service does not have."""
    world.chain.keys = {(world.issuer.id, WALLET)}
    world.submit("a", "b")
    report = world.night()
    assert (report.on_the_way, report.quarantined) == ([], [])
    assert "waits for the institute's approval" in report.problems[0]
    return report.unapproved[0]


def test_a_batch_waits_for_its_approval_and_is_relayed(world, unapproved):
    assert world.filing.manifest_path(unapproved.issuer_id, 1).exists(), "there is something to approve"
    assert len(world.night().unapproved) == 1
    accept(world, approval_of(world, unapproved))
    assert len(world.night().anchored) == 1
    assert world.audit() == 2
    with pytest.raises(ApprovalRejected, match="waits for none"):
        accept(world, approval_of(world, unapproved))


def test_an_approval_of_anything_else_is_not_taken_in(world, unapproved):
    for changes in (
        {"chain_id": 1},
        {"registry": "0x" + "12" * 20},
        {"issuer_id": bytes(32)},
        {"sequence": 2},
        {"root_hash": bytes(32)},
        {"tree_size": 3},
        {"deadline": world.now},
    ):
        with pytest.raises(ApprovalRejected):
            accept(world, approval_of(world, unapproved, **changes))
    assert len(world.night().unapproved) == 1


def test_a_wrong_or_late_approval_leaves_the_batch_waiting_for_a_right_one(world, unapproved):
    accept(world, approval_of(world, unapproved, signature=bytes(65)))
    assert "RegistryBadApproval" in world.night().problems[0]
    deadline = world.chain.time + 5
    world.now = deadline - 1
    accept(world, approval_of(world, unapproved, deadline))
    world.chain.time = deadline + 1
    assert "RegistryApprovalExpired" in world.night().problems[0]
    accept(world, approval_of(world, unapproved))
    assert len(world.night().anchored) == 1
    assert world.audit() == 2


def test_a_pause_delays_and_quarantines_nothing(world):
    world.submit("a")
    world.chain.paused = True
    report = world.night()
    assert (len(report.on_the_way), report.quarantined) == (1, [])
    assert "RegistryPaused" in report.problems[0]
    world.chain.paused = False
    assert len(world.night().anchored) == 1
    assert world.audit() == 1


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


def attempts(world):
    with world.store.reading() as connection:
        return queries.unused_attempts(connection, world.registry.signer, 0, 99)


def test_a_fee_floor_that_rose_is_met_under_the_same_nonce(world):
    world.chain.fee = 10
    world.chain.holds = True
    world.submit("a")
    world.night()
    world.chain.pool.clear()
    world.chain.fee = 1_000
    world.night()
    assert [(one.nonce, one.ordinal) for one in attempts(world)] == [(0, 2)]
    assert [(one.nonce, one.fee) for one in world.chain.pool] == [(0, 2_000)]
    world.chain.mine()
    assert len(world.night().anchored) == 1
    assert world.audit() == 1


def test_bytes_that_lead_the_queue_too_long_are_replaced_and_either_may_win(world):
    world.chain.fee = 10
    world.chain.holds = True
    world.submit("a")
    world.night()
    first = world.chain.pool[0]
    world.now += anchoring.REPLACE_AFTER_SECONDS
    world.night()
    assert [one.fee for one in world.chain.pool] == [25]
    assert len(world.chain.pool) == 1, "the dearer bytes took the place of the first"
    # A miner that knew the first bytes only.
    world.chain.pool = [first]
    world.chain.mine()
    assert len(world.night().anchored) == 1
    assert world.audit() == 1


def test_a_chain_without_fees_gets_the_same_bytes_again(world):
    world.chain.holds = True
    world.submit("a")
    world.night()
    world.now += anchoring.REPLACE_AFTER_SECONDS
    world.night()
    assert [(one.nonce, one.ordinal) for one in attempts(world)] == [(0, 1)]


def test_replacing_ends(world):
    world.chain.fee = 10
    world.chain.holds = True
    world.submit("a")
    for _ in range(2 * anchoring.MAX_REPLACEMENTS):
        world.night()
        world.now += anchoring.REPLACE_AFTER_SECONDS
    assert attempts(world)[0].ordinal == anchoring.MAX_REPLACEMENTS + 1
    world.chain.fee = 10**9
    world.chain.pool.clear()
    assert "underpriced" in world.night().problems[0]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("method", ["sign", "send"])
def test_a_replacement_survives_each_fault(world, method, moment):
    world.chain.fee = 10
    world.chain.holds = True
    world.submit("a")
    world.night()
    world.chain.pool.clear()
    world.chain.fee = 100
    world.registry.fail(method, moment)
    world.night()
    assert not world.registry.faults, "it was never asked"
    world.night()
    world.chain.mine()
    world.night()
    assert world.chain.nonces[world.registry.signer] == 1
    assert world.audit() == 1


def test_a_chain_that_is_ahead_makes_its_issuer_read_only_and_no_other(world):
    other = world.add_issuer("BPSDM-B")
    world.submit("a")
    world.night()
    world.chain.anchor_as_stranger(world.issuer.id, 2)
    world.submit("b", issuer=other)
    report = world.night()
    assert "the chain holds 2 batches" in report.stopped[world.issuer.id]
    assert len(report.anchored) == 1
    with pytest.raises(ChainAhead, match="read-only"):
        world.submit("c")
    with pytest.raises(ChainAhead):
        set_status(world, "a", Status.REVOKED)
    with pytest.raises(ChainAhead):
        intake.withdraw(world.store, world.issuer, digest("a"))
    issuer_id = IssuerId(world.issuer.id)
    deciding.disown(world.store, world.registry, world.filing, issuer_id, 2)
    with pytest.raises(IllegalTransition):
        deciding.disown(world.store, world.registry, world.filing, issuer_id, 2)
    with pytest.raises(RegistryUnavailable):
        deciding.disown(world.store, world.registry, world.filing, issuer_id, 3)
    assert reconcile.update_holds(world.store, world.registry, now=world.now) == []
    world.submit("c")
    world.night()
    assert world.audit() == 3


def test_damage_stops_its_issuer_and_no_other(world):
    other = world.add_issuer("BPSDM-B")
    world.submit("a", "b")
    world.submit("a", issuer=other)
    with world.store.writing() as connection:
        flip = update(Certificate).where(col(Certificate.issuer_id) == world.issuer.id).values(leaf_hash=bytes(32))
        connection.execute(flip.where(col(Certificate.number) == "a"))
    report = world.night()
    assert list(report.stopped) == [world.issuer.id]
    assert [one.issuer_id for one in report.anchored] == [other.id]


def test_a_status_that_was_refused_is_requeued(world):
    world.submit("a")
    world.night()
    set_status(world, "a", Status.REVOKED)
    world.chain.keys.clear()
    act = world.night().quarantined[0]
    world.chain.keys.add((world.issuer.id, world.registry.signer))
    requeue(world, act)
    assert len(world.night().written) == 1


def test_a_final_anchor_that_the_chain_lost_is_sent_again(world):
    """A network that was rolled back by its operators: the same bytes still fit."""
    world.submit("a")
    batch = world.night().anchored[0]
    with pytest.raises(IllegalTransition):
        requeue(world, replace_state(batch, OnChainState.ANCHORED))
    world.chain.roll_back()
    issuer = reconcile.balance(world.store, world.registry, world.issuer, overdue_before=0)
    assert "does not hold it any more" in issuer.exceptions[0]
    assert requeue(world, batch).state == OnChainState.SENT
    world.night()
    world.night()
    assert sum(one.succeeded for one in world.chain.mined.values()) == 1
    assert world.audit() == 1


def replace_state(batch, state):
    return type(batch)(**(batch.model_dump() | {"state": state}))


def test_a_worker_leaves_alone_what_another_works_on_until_its_lease_ends(world):
    world.submit("a")
    world.chain.holds = True
    world.night(holder="first")
    world.chain.mine()
    now = world.now
    with world.store.writing() as connection:
        name = f"issuer {world.issuer.id.hex()}"
        assert not operations.take_lease(connection, name, "second", now=now + 1, until=now + 99)
        assert operations.take_lease(connection, name, "first", now=now, until=now + nightly.LEASE_SECONDS)
    assert len(world.night(holder="second").on_the_way) == 1
    world.now = now + nightly.LEASE_SECONDS
    assert len(world.night(holder="second").anchored) == 1
    assert world.audit() == 1


def test_a_person_does_not_wait_for_a_lease(world):
    world.submit("a")
    world.chain.holds = True
    world.night(holder="killed")
    world.chain.mine()
    assert len(world.night().anchored) == 1


def test_the_balance_of_an_issuer(world):
    world.submit("a", "b")
    world.night()
    world.submit("c", "d", "e")
    found = reconcile.balance(world.store, world.registry, world.issuer, overdue_before=world.now)
    assert (found.accepted, found.waiting, found.anchored, found.on_chain) == (5, 3, 2, 2)
    assert found.exceptions == []
    late = reconcile.balance(world.store, world.registry, world.issuer, overdue_before=world.now + 1)
    assert [one.split(",")[0] for one in late.exceptions] == [f"overdue: certificate {name!r}" for name in "cde"]
    with world.store.writing() as connection:
        connection.execute(delete(Certificate).where(col(Certificate.number) == "a"))
    found = reconcile.balance(world.store, world.registry, world.issuer, overdue_before=0)
    assert "size 2, 2 leaves, 1 certificates, 0 erased" in found.exceptions[0]


def test_a_signer_that_refuses_is_told_and_loses_nothing(world):
    world.submit("a")

    def refuse(*_):
        raise SignerRejected("the signer refuses: not on the allow list")

    sign, world.registry.sign_anchor = world.registry.sign_anchor, refuse
    report = world.night()
    assert "not on the allow list" in report.problems[0]
    assert len(report.on_the_way) == 1
    world.registry.sign_anchor = sign
    assert len(world.night().anchored) == 1
