"""What goes in: a change of status that an issuer asks for. What comes out: a status act that waits for the next run.

It is recorded first and written on chain afterwards, like a batch.
"""

from anchor_service.core.actor import Actor
from anchor_service.core.errors import FieldRejected, IllegalTransition, UnknownCertificate
from anchor_service.core.hashing import HASH_SIZE
from anchor_service.core.states import MAX_REASON, OnChainState, RequestedStatus, Status
from anchor_service.pipeline.reconcile import require_no_hold
from anchor_service.store import actors as actor_queries
from anchor_service.store import anchoring as queries
from anchor_service.store import issuers as issuer_queries
from anchor_service.store import receipts as receipt_queries
from anchor_service.store.engine import Store
from anchor_service.store.tables import Issuer, NewStatusAct, StatusAct


def request(
    store: Store,
    issuer: Issuer,
    document_digest: bytes,
    asked: RequestedStatus,
    *,
    actor: Actor,
    now: int,
) -> StatusAct:
    """Record a change of status of an issuer's certificate. Asking twice for the same is asking once, whoever asks.

    Raises: UnknownCertificate when the issuer has no anchored certificate of this file, or none that is
    the successor; FieldRejected; IllegalTransition while another change of the same certificate is on
    its way; ChainAhead.
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
        found = [
            one
            for one in receipt_queries.by_digest(connection, document_digest)
            if one.certificate.issuer_id == issuer.id and one.is_anchored
        ]
        if not found:
            raise UnknownCertificate(f"{document_digest.hex()} of this issuer that is anchored")
        leaf_hash = found[-1].certificate.leaf_hash
        if successor is not None:
            placed = receipt_queries.by_leaf(connection, issuer.id, successor)
            if placed is None or not placed.is_anchored:
                raise UnknownCertificate(f"with leaf {successor.hex()} of this issuer that is anchored")
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
        return queries.insert_status_act(connection, act)
