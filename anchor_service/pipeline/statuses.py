"""What goes in: a change of status that an issuer asks for. What comes out: a status act that waits for the next run.

It is recorded first and written on chain afterwards, like a batch.
"""

from collections.abc import Sequence
from typing import NamedTuple

from anchor_service.core.actor import Actor
from anchor_service.core.errors import FieldRejected, IllegalTransition, UnknownCertificate
from anchor_service.core.hashing import HASH_SIZE
from anchor_service.core.states import MAX_REASON, OnChainState, RequestedStatus, Status
from anchor_service.pipeline.holds import require_no_hold
from anchor_service.store import actors as actor_queries
from anchor_service.store import anchoring as queries
from anchor_service.store import issuers as issuer_queries
from anchor_service.store import receipts as receipt_queries
from anchor_service.store.engine import Connection, Store
from anchor_service.store.tables import Issuer, NewStatusAct, StatusAct

# What ends a certificate for good: docs/spec/registry.md 2.
FINAL = (Status.SUPERSEDED, Status.REVOKED)
REASON_REPLACED = 5


class Successor(NamedTuple):
    """A certificate of a batch that supersedes another, and who handed it in."""

    leaf_hash: bytes
    supersedes: bytes
    actor_id: int | None


def request(
    store: Store,
    issuer: Issuer,
    leaf_hash: bytes,
    asked: RequestedStatus,
    *,
    actor: Actor,
    now: int,
) -> StatusAct:
    """Record a change of status of an issuer's certificate. Asking twice for the same is asking once, whoever asks.

    Raises: UnknownCertificate when the issuer has no anchored certificate of this leaf, or none that is
    the successor; FieldRejected; IllegalTransition while another change of the same certificate is on
    its way, or where what stands is final; ChainAhead.
    """
    successor = asked.successor
    if not 0 <= asked.reason <= MAX_REASON:
        raise FieldRejected("reason", f"must be a code from 0 to {MAX_REASON}")
    if (asked.status is Status.SUPERSEDED) != (successor is not None):
        raise FieldRejected("successor", "is the newer certificate's leaf hash, exactly when the status is superseded")
    if successor is not None and len(successor) != HASH_SIZE:
        raise FieldRejected("successor", "must be a leaf hash of 32 bytes")
    with store.writing() as connection:
        # Two requests for the same leaf are taken one after the other.
        issuer_queries.lock_issuer(connection, issuer.id)
        require_no_hold(connection, issuer.id)
        for leaf in (leaf_hash, successor):
            placed = receipt_queries.by_leaf(connection, issuer.id, leaf) if leaf else None
            if leaf and (placed is None or not placed.is_anchored):
                raise UnknownCertificate(f"with leaf {leaf.hex()} of this issuer that is anchored")
        if successor == leaf_hash:
            raise FieldRejected("successor", "is the certificate itself")
        act = NewStatusAct(
            issuer_id=issuer.id,
            leaf_hash=leaf_hash,
            status=asked.status,
            reason=asked.reason,
            from_beginning=asked.from_beginning,
            successor=successor,
            state=OnChainState.SEALED,
            created_at=now,
            actor_id=actor_queries.id_of(connection, actor),
        )
        pending = queries.pending_status_act(connection, act.issuer_id, act.leaf_hash)
        if pending is not None:
            written = RequestedStatus(Status(pending.status), pending.reason, pending.from_beginning, pending.successor)
            if written == asked:
                return pending
            raise IllegalTransition("a status that is still being written", pending.status, asked.status)
        _require_open(connection, issuer.id, leaf_hash, asked.status)
        return queries.insert_status_act(connection, act)


def supersede(connection: Connection, issuer_id: bytes, successors: Sequence[Successor], *, now: int) -> int:
    """Record that certificates of a batch supersede others, in the transaction that seals it.

    What is revoked, superseded or about to be so by now is not in force without that. Returns how many are.
    """
    recorded = 0
    for new in successors:
        standing = last_status(connection, issuer_id, new.supersedes)
        if standing not in FINAL:
            act = NewStatusAct(
                issuer_id=issuer_id,
                leaf_hash=new.supersedes,
                status=Status.SUPERSEDED,
                reason=REASON_REPLACED,
                from_beginning=False,
                successor=new.leaf_hash,
                state=OnChainState.SEALED,
                created_at=now,
                actor_id=new.actor_id,
            )
            queries.insert_status_act(connection, act)
            recorded += 1
    return recorded


def _require_open(connection: Connection, issuer_id: bytes, leaf_hash: bytes, wanted: Status) -> None:
    """Raises: IllegalTransition where what was written last for a leaf, as it is known here, is final."""
    standing = last_status(connection, issuer_id, leaf_hash)
    if standing is Status.REVOKED or (standing is Status.SUPERSEDED and wanted is not Status.REVOKED):
        raise IllegalTransition(f"certificate with leaf {leaf_hash.hex()}", standing, wanted)


def last_status(connection: Connection, issuer_id: bytes, leaf_hash: bytes) -> Status:
    """The status of a leaf that was written last, or is on its way, as it is known here."""
    acts = queries.status_acts_of(connection, issuer_id, leaf_hash)
    known = [act for act in acts if act.state != OnChainState.QUARANTINED]
    return Status(known[-1].status) if known else Status.ACTIVE


def drop(store: Store, act: StatusAct, *, actor: Actor, now: int) -> None:
    """A person's decision: a change that was quarantined is not wanted any more.

    Raises: IllegalTransition for one that is not quarantined: it may be written at any moment.
    """
    if act.state != OnChainState.QUARANTINED:
        raise IllegalTransition(f"status {act.id}", act.state, "dropped")
    with store.writing() as connection:
        queries.forget_status_act(connection, act)
        placed = receipt_queries.by_leaf(connection, act.issuer_id, act.leaf_hash)
        # The act's own row is gone; what was done to it is told of its certificate.
        if placed is not None:
            subject_id = str(placed.certificate.id)
            actor_queries.record_intervention(connection, actor, "drop a status", "certificate", subject_id, now)
