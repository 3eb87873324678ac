"""A batch whose issuer keeps its own key: it waits for an approval, takes no other, and is relayed."""

from dataclasses import replace

import pytest
from simulator import simulated_signature
from world import TESTER

from anchor_service.core.approval import BatchApproval
from anchor_service.core.errors import (
    ApprovalRejected,
)
from anchor_service.pipeline import approval

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
    return approval.accept(world.store, given, actor=TESTER, now=world.now, **pins)


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


OTHER_BATCH = "no batch here has this issuer, sequence {}, root and size"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"chain_id": 1}, f"it is for registry 0x{'ab' * 20} on chain 1", id="other chain"),
        pytest.param(
            {"registry": "0x" + "12" * 20}, f"it is for registry 0x{'12' * 20} on chain 200826", id="other registry"
        ),
        pytest.param({"issuer_id": bytes(32)}, OTHER_BATCH.format(1), id="other issuer"),
        pytest.param({"sequence": 2}, OTHER_BATCH.format(2), id="other sequence"),
        pytest.param({"root_hash": bytes(32)}, OTHER_BATCH.format(1), id="other root"),
        pytest.param({"tree_size": 3}, OTHER_BATCH.format(1), id="other size"),
        pytest.param({"deadline": 1_900_000_000}, "its deadline has passed", id="ends now"),
    ],
)
def test_an_approval_of_anything_else_is_not_taken_in(world, unapproved, changes, said):
    world.now = 1_900_000_000
    with pytest.raises(ApprovalRejected, match=said):
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
