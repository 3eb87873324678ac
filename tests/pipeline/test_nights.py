"""Nights: every step fails in two ways, processes die anywhere, and nothing is lost or anchored twice."""

import contextlib
import threading
from dataclasses import replace
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from simulator import SimulatedRegistry
from sqlalchemy import update
from sqlmodel import col
from world import TESTER, digest, requeue

from anchor_service.core.errors import (
    CertificateSealed,
    Damaged,
    IllegalTransition,
    RegistryUnavailable,
    SignerRejected,
    StoreBusy,
)
from anchor_service.core.states import OnChainState
from anchor_service.pipeline import anchoring, intake, nightly, nights, reconcile
from anchor_service.pipeline.outbox import Outbox
from anchor_service.store import anchoring as queries
from anchor_service.store import operations
from anchor_service.store.tables import Certificate, NewNightClosing, TreeTile
from verifier.formats.receipt import parse


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


def test_a_batch_whose_issuer_has_no_window_waits_and_is_tried_again(world):
    """One node's wrong clock says so, as an accreditation's end does: nothing is decided by it."""
    world.submit("a")
    window = world.chain.windows.pop(world.issuer.id)
    report = world.night()
    assert (len(report.unapproved), report.quarantined, report.on_the_way) == (1, [], [])
    assert "it waits for the accreditor" in report.problems[0]
    world.chain.windows[world.issuer.id] = window
    assert len(world.night().anchored) == 1
    assert world.audit() == 1


def test_the_contracts_own_clock_decides_nothing_at_once_either(world):
    world.submit("a")
    window = world.chain.windows.pop(world.issuer.id)
    world.registry.window_shown = window
    report = world.night()
    assert (len(report.unapproved), report.quarantined) == (1, [])
    assert "RegistryNotAccredited" in report.problems[0]


def test_a_batch_is_requeued_once(world):
    world.submit("a")
    window = world.renamed_on_chain()
    report = world.night()
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
    window = world.renamed_on_chain()
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
    window = world.renamed_on_chain()
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
        anchoring.advance_batch(world.store, other, world.filing, stale, Outbox(), now=world.now)
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
                intake.withdraw(world.store, world.issuer, digest(name), actor=TESTER, now=world.now)
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
    run = nightly.NightlyRun(world.store, world.registry, world.filing, lambda: world.now)
    report = run.run(night, pause=world._tick, wait_seconds=2, close=True)
    assert [one.night for one in report.closed] == [night.day]
    assert (report.anchored, report.waiting) == ([], 1)


def test_a_pause_delays_and_quarantines_nothing(world):
    world.submit("a")
    world.chain.paused = True
    report = world.night()
    assert (len(report.on_the_way), report.quarantined) == (1, [])
    assert "RegistryPaused" in report.problems[0]
    world.chain.paused = False
    assert len(world.night().anchored) == 1
    assert world.audit() == 1


def test_a_night_on_a_node_that_is_behind_is_told_and_is_not_done(world):
    """What waits was not sealed: the night goes on as soon as the node shows what it showed before."""
    world.submit("a")
    world.night(close_in=UTC)
    world.submit("b")
    world.now += 86_400
    shown = world.chain.last.copy()
    world.chain.last.clear()
    report = world.night(close_in=UTC)
    assert (report.anchored, report.waiting) == ([], 1)
    assert list(report.unsealed) == [world.issuer.id]
    assert "0 batches" in report.unsealed[world.issuer.id]
    assert not nights.is_done(world.store, nights.today(world.now, UTC))
    world.chain.last.update(shown)
    report = world.night(close_in=UTC)
    assert (len(report.anchored), report.unsealed) == (1, {})
    assert nights.is_done(world.store, nights.today(world.now, UTC))
    assert world.audit() == 2


def test_an_anchor_that_stands_in_a_later_block_is_followed(world):
    """The block that held it was dropped: the receipt names the new one from the next night on."""
    world.submit("a")
    world.night(close_in=UTC)
    before = parse(world.receipts.by_digest(digest("a")).receipts[0])
    (key, (anchor, _)), moved = next(iter(world.chain.anchors.items())), bytes([9]) * 32
    world.chain.anchors[key] = (replace(anchor, block_number=anchor.block_number + 9), moved)
    world.now += 86_400
    world.night(close_in=UTC)
    after = parse(world.receipts.by_digest(digest("a")).receipts[0])
    assert (after.block, after.transaction) == (before.block + 9, "0x" + moved.hex())
    assert after._replace(block=before.block, transaction=before.transaction) == before
    assert reconcile.follow_moved_anchors(world.store, world.registry) == []


@pytest.mark.parametrize("change", [None, {"tree_size": 7}, {"root_hash": bytes(32)}])
def test_an_anchor_that_is_gone_or_another_is_not_followed(world, change):
    world.submit("a")
    world.night()
    (key, (anchor, transaction)) = next(iter(world.chain.anchors.items()))
    if change is None:
        del world.chain.anchors[key]
    else:
        world.chain.anchors[key] = (replace(anchor, block_number=99, **change), transaction)
    before = world.receipts.by_digest(digest("a"))
    assert reconcile.follow_moved_anchors(world.store, world.registry) == []
    assert world.receipts.by_digest(digest("a")) == before


def test_nothing_is_advised_on_the_word_of_a_node_that_is_behind(world):
    world.submit("a")
    world.night()
    anchors, newest = dict(world.chain.anchors), world.chain.block
    world.chain.anchors.clear()
    for block, advice in ((newest - 1, "it is behind"), (newest, "jangkar batch requeue")):
        world.chain.block = block
        found = reconcile.balance(world.store, world.registry, world.issuer, overdue_before=0)
        assert [advice in line for line in found.exceptions] == [True]
    world.chain.anchors.update(anchors)
    assert reconcile.balance(world.store, world.registry, world.issuer, overdue_before=0).exceptions == []


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


def test_an_issuer_whose_files_cannot_be_written_stops_no_other(world):
    other = world.add_issuer("BPSDM-B")
    world.submit("a")
    world.submit("b", issuer=other)
    in_the_way = world.filing.manifest_path(world.issuer.id, 1).parent
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("")
    report = world.night()
    assert [batch.issuer_id for batch in report.anchored] == [other.id]
    assert str(in_the_way) in report.unfiled[world.issuer.id]
    assert [(batch.state, batch.issuer_id) for batch in report.on_the_way] == [(OnChainState.SEALED, world.issuer.id)]
    in_the_way.unlink()
    report = world.night()
    assert (len(report.anchored), report.unfiled) == (1, {})
    assert world.audit() == 2
