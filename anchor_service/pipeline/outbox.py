"""What goes in: bytes that are signed and stored. What comes out: the same, sent, and again where that did not help."""

from anchor_service.core.errors import FeeTooLow, StoreBusy
from anchor_service.ports import RegistryWriter
from anchor_service.store import anchoring as queries
from anchor_service.store.engine import AlreadyThere, Store
from anchor_service.store.tables import Attempt

# Bytes that lead their signer's queue for so long are taken to be too cheap.
REPLACE_AFTER_SECONDS = 300
MAX_REPLACEMENTS = 10
# Bytes that a node took are sent again after so long: it may have lost them.
SEND_AGAIN_AFTER_SECONDS = 30


class Outbox:
    """What was signed and no final block has used goes out from here, in order of nonce, and once in a while.

    A nonce only counts once all before it were used: bytes that were lost on the way, even those of
    a batch that was requeued since, hold up everything behind them. Old bytes do no harm: their
    sequence number or status is taken, so that they revert. Bytes that the chain finds too cheap, or that
    lead the queue for too long, are signed again at a higher fee, under the same nonce.
    """

    def __init__(self) -> None:
        # By nonce: which bytes were sent last, and when.
        self._sent: dict[int, tuple[bytes, int]] = {}

    def send_up_to(self, store: Store, registry: RegistryWriter, nonce: int, *, now: int) -> None:
        """Send what this signer has signed and no final block has used, up to a nonce, but for what just was sent.

        Raises: FeeTooLow when even MAX_REPLACEMENTS of them did not help; RegistryUnavailable, StoreBusy.
        """
        chain_nonce = registry.next_nonce()
        with store.reading() as connection:
            unused = queries.unused_attempts(connection, registry.signer, chain_nonce, nonce)
        while self._sent and (lowest := next(iter(self._sent))) < chain_nonce:
            del self._sent[lowest]
        for attempt in unused:
            if attempt.nonce == chain_nonce and now - attempt.signed_at >= REPLACE_AFTER_SECONDS:
                _send_replacement(store, registry, attempt, now=now)
                continue
            last, when = self._sent.get(attempt.nonce, (b"", 0))
            if last == attempt.transaction_hash and now - when < SEND_AGAIN_AFTER_SECONDS:
                continue
            try:
                registry.send(attempt.raw)
            except FeeTooLow:
                if not _send_replacement(store, registry, attempt, now=now):
                    raise
            self._sent[attempt.nonce] = attempt.transaction_hash, now


def _send_replacement(store: Store, registry: RegistryWriter, attempt: Attempt, *, now: int) -> bool:
    """Sign an attempt again at a higher fee, store it, send it. Returns whether fees, and their cap, allow that."""
    is_last = attempt.ordinal > MAX_REPLACEMENTS
    signed = None if is_last else registry.sign_replacement(attempt.raw)
    if signed is None:
        registry.send(attempt.raw)
        return False
    again = Attempt(
        **attempt.model_dump(exclude={"transaction_hash", "raw", "ordinal", "signed_at"}),
        transaction_hash=signed.transaction_hash,
        raw=signed.raw,
        ordinal=attempt.ordinal + 1,
        signed_at=now,
    )
    try:
        with store.writing() as connection:
            queries.insert_attempt(connection, again)
    except AlreadyThere as error:
        raise StoreBusy(f"another process replaces nonce {attempt.nonce} of {attempt.signer}") from error
    registry.send(again.raw)
    return True
