"""Fees: what is offered too little for is offered more under the same nonce, and one of the two wins."""

import pytest

from anchor_service.pipeline import outbox
from anchor_service.store import anchoring as queries


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
    world.now += outbox.REPLACE_AFTER_SECONDS
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
    world.now += outbox.REPLACE_AFTER_SECONDS
    world.night()
    assert [(one.nonce, one.ordinal) for one in attempts(world)] == [(0, 1)]


def test_replacing_ends(world):
    world.chain.fee = 10
    world.chain.holds = True
    world.submit("a")
    for _ in range(2 * outbox.MAX_REPLACEMENTS):
        world.night()
        world.now += outbox.REPLACE_AFTER_SECONDS
    assert attempts(world)[0].ordinal == outbox.MAX_REPLACEMENTS + 1
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
