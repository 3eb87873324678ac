"""Deciding: what only a person can say about a batch, a status act or an anchor that stands still."""

from typing import Unpack

from anchor_service.core.actor import Actor
from anchor_service.core.errors import IllegalTransition, RegistryUnavailable
from anchor_service.core.hashing import IssuerId
from anchor_service.core.states import OnChainState
from anchor_service.pipeline.filing import Filing
from anchor_service.ports import RegistryReader
from anchor_service.store import actors as actor_queries
from anchor_service.store import anchoring as queries
from anchor_service.store import issuers as issuer_queries
from anchor_service.store import sealing as sealing_queries
from anchor_service.store.anchoring import Changes, Subject, SubjectT, subject_type
from anchor_service.store.engine import Store
from anchor_service.store.tables import NewBatch, NightClosing, StatusAct


def requeue(
    store: Store, registry: RegistryReader, filing: Filing, subject: Subject, *, actor: Actor, now: int
) -> Subject:
    """A person's decision: let what is quarantined try again, or a batch that the chain lost be sent again.

    Where other roots took a batch's sequence number and those after it, it gets the next one, and they are
    recorded as foreign: its old bytes can only revert.
    Raises: IllegalTransition when there is nothing to decide; RegistryUnavailable.
    """
    if isinstance(subject, StatusAct | NightClosing):
        return _try_again(store, subject, OnChainState.SEALED, actor, now, problem=None)
    issuer_id = IssuerId(subject.issuer_id)
    anchor = registry.anchor_of(issuer_id, subject.sequence)
    if subject.state == OnChainState.ANCHORED and anchor is None:
        return _try_again(store, subject, OnChainState.SENT, actor, now, block_number=None, transaction_hash=None)
    if anchor is None or anchor.is_of(subject.root_hash, subject.tree_size):
        return _try_again(store, subject, OnChainState.SEALED, actor, now, problem=None)
    earlier, last = subject.sequence, registry.last_sequence(issuer_id)
    foreign = [_foreign_batch(registry, issuer_id, sequence) for sequence in range(earlier, last + 1)]
    with store.writing() as connection:
        issuer_queries.lock_issuer(connection, issuer_id)
        requeued = queries.move(connection, subject, OnChainState.SEALED, problem=None, sequence=last + 1)
        queries.forget_approval(connection, subject.id)
        for batch in foreign:
            # One that was disowned before is known.
            if queries.batch_of(connection, issuer_id, batch.sequence) is None:
                sealing_queries.insert_batch(connection, batch)
        actor_queries.record_intervention(connection, actor, "requeue", subject_type(subject), str(subject.id), now)
    # What was filed under the old number is not what the chain holds there; it is filed again under the new one.
    filing.remove(issuer_id, earlier)
    return requeued


def disown(
    store: Store,
    registry: RegistryReader,
    filing: Filing,
    issuer_id: IssuerId,
    sequence: int,
    *,
    actor: Actor,
    now: int,
) -> None:
    """A person's decision: an anchor of this issuer is not this service's.

    Raises: IllegalTransition when the database knows it, or has a manifest of it, which `jangkar rebuild`
    brings back; RegistryUnavailable when no final block holds it.
    """
    foreign = _foreign_batch(registry, issuer_id, sequence)
    with store.writing() as connection:
        issuer_queries.lock_issuer(connection, issuer_id)
        known = queries.batch_of(connection, issuer_id, sequence)
        if known is not None or filing.manifest_path(issuer_id, sequence).exists():
            raise IllegalTransition(f"sequence {sequence}", known.state if known else "filed here", "foreign")
        batch = sealing_queries.insert_batch(connection, foreign)
        actor_queries.record_intervention(connection, actor, "disown", subject_type(batch), str(batch.id), now)


def _try_again(
    store: Store, subject: SubjectT, wanted: OnChainState, actor: Actor, now: int, **changes: Unpack[Changes]
) -> SubjectT:
    with store.writing() as connection:
        moved = queries.move(connection, subject, wanted, **changes)
        actor_queries.record_intervention(connection, actor, "requeue", subject_type(subject), str(subject.id), now)
    return moved


def _foreign_batch(registry: RegistryReader, issuer_id: IssuerId, sequence: int) -> NewBatch:
    """An anchor of this issuer that this service never sealed, as a row. Raises: RegistryUnavailable."""
    anchor = registry.anchor_of(issuer_id, sequence)
    if anchor is None:
        raise RegistryUnavailable(f"no final block holds sequence {sequence} of {issuer_id.hex()}")
    return NewBatch(
        issuer_id=issuer_id,
        sequence=sequence,
        tree_size=anchor.tree_size,
        root_hash=anchor.root_hash,
        profile="",
        state=OnChainState.FOREIGN,
        sealed_at=anchor.block_time,
        block_number=anchor.block_number,
        transaction_hash=registry.anchor_transaction(issuer_id, sequence, anchor.block_number),
    )
