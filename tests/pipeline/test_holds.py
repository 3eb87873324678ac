"""Holds: chain and database disagree about an issuer, and what a person does about it."""

import pytest
from sqlalchemy import delete
from sqlmodel import col
from world import TESTER, digest, requeue, set_status

from anchor_service.core.errors import (
    ChainAhead,
    IllegalTransition,
    RegistryUnavailable,
)
from anchor_service.core.hashing import IssuerId
from anchor_service.core.states import OnChainState, Status
from anchor_service.pipeline import deciding, holds, intake, rebuild, reconcile
from anchor_service.store import anchoring as queries
from anchor_service.store import issuers as issuer_queries
from anchor_service.store.tables import Certificate


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
        intake.withdraw(world.store, world.issuer, digest("a"), actor=TESTER, now=world.now)
    issuer_id = IssuerId(world.issuer.id)
    deciding.disown(world.store, world.registry, world.filing, issuer_id, 2, actor=TESTER, now=world.now)
    with pytest.raises(IllegalTransition):
        deciding.disown(world.store, world.registry, world.filing, issuer_id, 2, actor=TESTER, now=world.now)
    with pytest.raises(RegistryUnavailable):
        deciding.disown(world.store, world.registry, world.filing, issuer_id, 3, actor=TESTER, now=world.now)
    assert holds.update_holds(world.store, world.registry, now=world.now) == []
    world.submit("c")
    world.night()
    assert world.audit() == 3


def test_a_batch_is_requeued_behind_an_anchor_that_was_disowned(world):
    """A thief takes the number of our batch and the next one, while ours is on its way."""
    world.submit("a")
    world.chain.holds = True
    world.night()
    world.chain.pool.clear()
    world.chain.anchor_as_stranger(world.issuer.id, 1)
    world.chain.anchor_as_stranger(world.issuer.id, 2)
    world.chain.holds = False
    batch = world.night().quarantined[0]
    issuer_id = IssuerId(world.issuer.id)
    deciding.disown(world.store, world.registry, world.filing, issuer_id, 2, actor=TESTER, now=world.now)
    assert requeue(world, batch).sequence == 3
    world.night()
    world.night()
    assert world.audit() == 1


def test_a_rebuilt_batch_that_the_chain_lost_is_signed_again(world):
    """Its bytes went with the old database, and nobody else's work stops for it."""
    other = world.add_issuer("BPSDM-B")
    world.submit("a")
    world.night()
    world.store.downgrade("base")
    world.store.upgrade()
    rebuild.rebuild(world.store, world.registry, world.filing, now=world.now)
    world.chain.roll_back()
    with world.store.reading() as connection:
        batch = queries.batch_of(connection, world.issuer.id, 1)
    requeue(world, batch)
    with world.store.writing() as connection:
        issuer_queries.add_issuer(connection, other)
    world.submit("b", issuer=other)
    assert len(world.night().anchored) == 2
    assert world.audit() == 2


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
