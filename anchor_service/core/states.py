"""The states of what goes on chain, and the statuses of what stands there."""

from dataclasses import dataclass
from enum import StrEnum

from anchor_service.core.errors import IllegalTransition


class OnChainState(StrEnum):
    """Where a batch, a status act or the closing of a night stands on its way to the chain.

    SEALED -> SIGNED -> SENT -> ANCHORED; QUARANTINED from any but the last, until a person decides.
    Back to SEALED when a foreign transaction took the nonce; back to SENT, by a person, when the chain lost an
    anchor that was called final. FOREIGN is what this service never sealed and a person disowned. What is still
    open has no row of its own: it is the certificates without a batch.
    """

    SEALED = "sealed"
    SIGNED = "signed"
    SENT = "sent"
    ANCHORED = "anchored"
    QUARANTINED = "quarantined"
    FOREIGN = "foreign"


# What still has a way to go, without a person.
ON_THE_WAY = (OnChainState.SEALED, OnChainState.SIGNED, OnChainState.SENT)

_LEGAL = {
    OnChainState.SEALED: {OnChainState.SIGNED, OnChainState.QUARANTINED},
    OnChainState.SIGNED: {OnChainState.SENT, OnChainState.ANCHORED, OnChainState.QUARANTINED, OnChainState.SEALED},
    OnChainState.SENT: {OnChainState.ANCHORED, OnChainState.QUARANTINED, OnChainState.SEALED},
    OnChainState.ANCHORED: {OnChainState.SENT},
    OnChainState.QUARANTINED: {OnChainState.SEALED},
    OnChainState.FOREIGN: set[OnChainState](),
}


def check_transition(what: str, current: OnChainState, wanted: OnChainState) -> None:
    """Raises: IllegalTransition unless `wanted` may follow `current`."""
    if wanted not in _LEGAL[current]:
        raise IllegalTransition(what, current, wanted)


# Reason codes are one byte: docs/spec/registry.md.
MAX_REASON = 255


class Status(StrEnum):
    """Status of an anchored certificate, as the registry keeps it."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


@dataclass(frozen=True)
class RequestedStatus:
    """What is asked for a certificate. Two that are equal are the same request.

    `reason` is one byte, `successor` the newer certificate's leaf hash, exactly when superseded. `from_beginning` says
    that it was never right, not only from now on: docs/spec/registry.md.
    """

    status: Status
    reason: int
    from_beginning: bool = False
    successor: bytes | None = None
