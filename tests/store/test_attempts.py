"""Which signed bytes of a subject are those that it was signed with last."""

import pytest
from world import World

from anchor_service.store import anchoring
from anchor_service.store.tables import Attempt


def signed(nonce, ordinal, signed_at, signer="0xaa"):
    """One attempt of batch 1."""
    return Attempt(
        transaction_hash=f"{signer}-{nonce}-{ordinal}".encode().ljust(32, b"."), subject="batch", subject_id=1,
        signer=signer, nonce=nonce, ordinal=ordinal, raw=b"", signed_at=signed_at,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("attempts", "last"),
    [
        ([], []),
        ([signed(0, 1, 10), signed(0, 2, 400)], [(0, 1), (0, 2)]),
        # Old bytes that were replaced at a higher fee, long after the batch was signed under the next nonce.
        ([signed(0, 1, 10), signed(1, 1, 20), signed(0, 2, 400)], [(1, 1)]),
        ([signed(7, 1, 10), signed(0, 1, 20, "0xbb")], [(0, 1)]),
        ([signed(0, 1, 10), signed(1, 1, 10)], [(1, 1)]),
    ],
)
def test_the_last_signing_is_the_nonce_that_was_begun_last(world: World, attempts, last):
    world.submit("a")
    world.chain.holds = True
    (batch,) = world.night().on_the_way
    with world.store.writing() as connection:
        connection.execute(Attempt.__table__.delete())
        for attempt in attempts:
            anchoring.insert_attempt(connection, attempt)
        found = anchoring.last_attempts(connection, batch)
    assert [(attempt.nonce, attempt.ordinal) for attempt in found] == last
