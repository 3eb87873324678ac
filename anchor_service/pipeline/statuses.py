"""What goes in: a change of status that an issuer asks for. What comes out: a status act that waits for the next run.

It is recorded first and written on chain afterwards, like a batch.
"""

from collections.abc import Sequence
from typing import NamedTuple

from anchor_service.core.actor import Actor
from anchor_service.core.errors import FieldRejected, IllegalTransition, UnknownCertificate
from anchor_service.core.hashing import HASH_SIZE
from anchor_service.core.states import MAX_REASON, ON_THE_WAY, OnChainState, RequestedStatus, Status
from anchor_service.pipeline.holds import require_no_hold
from anchor_service.store import actors as actor_queries
from anchor_service.store import anchoring as queries
from anchor_service.store import forms as form_queries
from anchor_service.store import issuers as issuer_queries
from anchor_service.store import receipts as receipt_queries
from anchor_service.store import rows
from anchor_service.store.engine import Connection, Store
from anchor_service.store.tables import Issuer, NewStatusAct, StatusAct

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
) -> list[StatusAct]:
    """Record a change of status of an issuer's certificate, for each of its forms, the one that is named first.

    Asking twice for the same is asking once, whoever asks.
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
        # Two requests for the same leaf are taken one after the other; no later form comes in between.
        issuer_queries.lock_issuer(connection, issuer.id)
        require_no_hold(connection, issuer.id)
        for leaf in (leaf_hash, successor):
            placed = receipt_queries.by_leaf(connection, issuer.id, leaf) if leaf else None
            if leaf and (placed is None or not placed.is_anchored):
                raise UnknownCertificate(f"with leaf {leaf.hex()} of this issuer that is anchored")
        forms = form_queries.forms_of(connection, issuer.id, leaf_hash)
        if successor in [form.leaf_hash for form in forms]:
            raise FieldRejected("successor", "is the certificate itself, or another form of it")
        forms.sort(key=lambda form: form.leaf_hash != leaf_hash)
        actor_id = actor_queries.id_of(connection, actor)
        acts = []
        for form in forms:
            act = new_act(issuer.id, form.leaf_hash, asked, now, actor_id)
            # A later form may wait for its night; its status waits with it, and goes alone then.
            waits = "its file waits for the night" if form.batch_id is None else None
            acts.append(_of_form(connection, rows.with_changes(act, problem=waits), asked))
        return acts


def _of_form(connection: Connection, act: NewStatusAct, asked: RequestedStatus) -> StatusAct:
    """The act of one form as it is stored, now or before. Raises: IllegalTransition."""
    same = _make_way(connection, act, asked)
    if same is not None:
        return same
    _require_open(connection, act.issuer_id, act.leaf_hash, asked.status)
    return queries.insert_status_act(connection, act)


def _make_way(connection: Connection, act: NewStatusAct, asked: RequestedStatus) -> StatusAct | None:
    """The act on its way that asks for the same, where there is one; else what waits makes way for a revocation.

    What was signed goes before it, what was not is not wanted any more. Raises: IllegalTransition for anything else
    that is asked for while something waits.
    """
    for pending in queries.pending_status_acts(connection, act.issuer_id, act.leaf_hash):
        if as_requested(pending) == asked:
            return pending
        if asked.status is not Status.REVOKED or pending.status == Status.REVOKED:
            raise IllegalTransition("a status that is still being written", pending.status, asked.status)
        if not queries.last_attempts(connection, pending):
            queries.forget_status_act(connection, pending)
    return None


def supersede(connection: Connection, issuer_id: bytes, successors: Sequence[Successor], *, now: int) -> int:
    """Record that certificates of a batch supersede others, all forms of them, in the transaction that seals it.

    One whose revocation is on its way needs none; where the chain ended it already, that is seen when the act is to be
    signed. Returns how many are recorded that were not.
    """
    recorded = 0
    for new in successors:
        for leaf in form_queries.leaves_of(connection, issuer_id, new.supersedes):
            acts = queries.status_acts_of(connection, issuer_id, leaf)
            is_known = any(act.successor == new.leaf_hash for act in acts)
            is_ending = any(act.state in ON_THE_WAY and act.status == Status.REVOKED for act in acts)
            if not (is_known or is_ending):
                asked = RequestedStatus(Status.SUPERSEDED, REASON_REPLACED, successor=new.leaf_hash)
                queries.insert_status_act(connection, new_act(issuer_id, leaf, asked, now, new.actor_id))
                recorded += 1
    return recorded


def new_act(
    issuer_id: bytes, leaf_hash: bytes, asked: RequestedStatus, created_at: int, actor_id: int | None
) -> NewStatusAct:
    """A change of status as a row that waits to be signed."""
    return NewStatusAct(
        issuer_id=issuer_id,
        leaf_hash=leaf_hash,
        status=asked.status,
        reason=asked.reason,
        from_beginning=asked.from_beginning,
        successor=asked.successor,
        state=OnChainState.SEALED,
        created_at=created_at,
        actor_id=actor_id,
    )


def as_requested(act: StatusAct) -> RequestedStatus:
    """What an act asks for."""
    return RequestedStatus(Status(act.status), act.reason, act.from_beginning, act.successor)


def _require_open(connection: Connection, issuer_id: bytes, leaf_hash: bytes, wanted: Status) -> None:
    """Refuse to open what is ended, as far as it is known here. It may be ended again: by a key that is sound.

    Raises: IllegalTransition.
    """
    standing = standing_of(connection, issuer_id, leaf_hash)
    may_follow = {Status.REVOKED: (Status.REVOKED,), Status.SUPERSEDED: (Status.SUPERSEDED, Status.REVOKED)}
    if wanted not in may_follow.get(standing, (wanted,)):
        raise IllegalTransition(f"certificate with leaf {leaf_hash.hex()}", standing, wanted)


def standing_of(connection: Connection, issuer_id: bytes, leaf_hash: bytes) -> Status:
    """What stands of a leaf or is on its way, as far as it is known here."""
    acts = queries.status_acts_of(connection, issuer_id, leaf_hash)
    known = [Status(act.status) for act in acts if act.state != OnChainState.QUARANTINED]
    return known[-1] if known else Status.ACTIVE


def drop(store: Store, act: StatusAct, *, actor: Actor, now: int) -> None:
    """A person's decision: a change that was quarantined, or that nothing was ever signed of, is not wanted any more.

    The same change of the certificate's other forms goes with it, as far as that may be dropped too.
    Raises: IllegalTransition for any other: it may be written at any moment.
    """
    with store.writing() as connection:
        if not _may_be_dropped(connection, act):
            raise IllegalTransition(f"status {act.id}", act.state, "dropped")
        for leaf in form_queries.leaves_of(connection, act.issuer_id, act.leaf_hash):
            for other in queries.status_acts_of(connection, act.issuer_id, leaf):
                is_same = as_requested(other) == as_requested(act) and other.created_at == act.created_at
                if other.id == act.id or (is_same and _may_be_dropped(connection, other)):
                    queries.forget_status_act(connection, other)
        placed = receipt_queries.by_leaf(connection, act.issuer_id, act.leaf_hash)
        # The act's own row is gone; what was done to it is told of its certificate.
        if placed is not None:
            subject_id = str(placed.certificate.id)
            actor_queries.record_intervention(connection, actor, "drop a status", "certificate", subject_id, now)


def _may_be_dropped(connection: Connection, act: StatusAct) -> bool:
    is_unsigned = act.state == OnChainState.SEALED and not queries.last_attempts(connection, act)
    return act.state == OnChainState.QUARANTINED or is_unsigned
