"""Anchoring: sign, store, send, and decide only by reading the chain.

Batches, status acts and closed nights go the same way. Each step is durable before the next one begins, so that a
process may die anywhere: the next run reads the chain first, then sends the same bytes again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Unpack

from anchor_service.core import profile
from anchor_service.core.errors import (
    Damaged,
    NightMissed,
    NotAccredited,
    NotApproved,
    NotYetFinal,
    RegistryRefused,
    RegistryUnavailable,
    StoreBusy,
)
from anchor_service.core.hashing import IssuerId, LeafHash, RootHash
from anchor_service.core.states import OnChainState, Status
from anchor_service.pipeline import receipts, statuses
from anchor_service.pipeline.filing import Filing
from anchor_service.pipeline.outbox import Outbox
from anchor_service.ports import Approval, LeafReference, RegistryReader, RegistryWriter, Signed, StatusChange
from anchor_service.store import anchoring as queries
from anchor_service.store import receipts as receipt_queries
from anchor_service.store.anchoring import Changes, Subject, SubjectT
from anchor_service.store.engine import AlreadyThere, Store
from anchor_service.store.tables import Attempt, Batch, NightClosing, StatusAct

# The contract's word for a sequence number that is not the next one.
BAD_SEQUENCE = "RegistryBadSequence"
# And for anchors that no key of the institute stands behind: not this signer's, nor an approval's.
UNAPPROVED = ("RegistryKeyNotActive", "RegistryApprovalExpired", "RegistryBadApproval")
# The contract's word for an issuer without an open window, by its own clock.
NOT_ACCREDITED = "RegistryNotAccredited"
# A pause ends by itself.
PAUSED = "RegistryPaused"
MAX_NONCE_TRIES = 10


class SigningRequest(Protocol):
    """What a subject's transaction says, for a nonce that is not known yet."""

    def sign(self, nonce: int) -> Signed:
        """The signed transaction. Raises: RegistryRefused, NotApproved, RegistryUnavailable; Damaged."""

    def is_done(self) -> bool:
        """Whether the chain holds already what it would write, by another's hand. Raises: RegistryUnavailable."""


@dataclass(frozen=True, slots=True)
class AnchorToSign:
    """A batch's anchor, with the institute's approval where it has given one."""

    registry: RegistryWriter
    batch: Batch
    approval: Approval | None

    def sign(self, nonce: int) -> Signed:
        """Signed only while the issuer's window holds the profile that the batch was sealed with.

        A node's clock and the contract's, which an estimate runs by, may both be wrong once: without a window it waits.
        """
        issuer_id, batch = IssuerId(self.batch.issuer_id), self.batch
        window = self.registry.open_window(issuer_id)
        if window is None:
            raise NotAccredited("it waits for the accreditor: by this node's clock no window of its issuer is open")
        if window.profile_digest != profile.digest(batch.profile):
            raise RegistryRefused("OtherProfile", "the issuer's window holds another profile than this batch")
        root_hash = RootHash(batch.root_hash)
        try:
            return self.registry.sign_anchor(
                issuer_id, batch.sequence, root_hash, batch.tree_size, nonce, self.approval
            )
        except RegistryRefused as refused:
            if refused.error in UNAPPROVED:
                raise NotApproved(f"it waits for the institute's approval: {refused}") from refused
            if refused.error == NOT_ACCREDITED:
                raise NotAccredited(
                    f"it waits for the accreditor: no window of its issuer is open: {refused}"
                ) from refused
            raise

    def is_done(self) -> bool:
        """Never: whether it is anchored was read before."""
        return False


@dataclass(frozen=True, slots=True)
class StatusToSign:
    """Status acts of one issuer that ask for the same; with the proof of the successor where one alone names it."""

    store: Store
    registry: RegistryWriter
    acts: Sequence[StatusAct]

    def sign(self, nonce: int) -> Signed:
        """Signed with the successor's path as it is stored now."""
        act, issuer_id = self.acts[0], IssuerId(self.acts[0].issuer_id)
        leaves = tuple(LeafHash(one.leaf_hash) for one in self.acts)
        successor = _reference(self.store, issuer_id, LeafHash(act.successor)) if act.successor else None
        change = StatusChange(issuer_id, leaves, Status(act.status), act.reason, act.from_beginning, successor)
        try:
            return self.registry.sign_status(change, nonce)
        except RegistryRefused as refused:
            if refused.error in UNAPPROVED:
                raise NotApproved(
                    f"it waits for the institute to write it with its own key, `jangkar registry status`: {refused}"
                ) from refused
            raise

    def is_done(self) -> bool:
        """Whether this stands for each leaf, or what ends it as well: another key of the institute, or a regulator."""
        return all(map(self._is_done, self.acts))

    def _is_done(self, act: StatusAct) -> bool:
        wanted = statuses.as_requested(act)
        found = self.registry.status_of(IssuerId(act.issuer_id), LeafHash(act.leaf_hash))
        if found is None or (wanted.from_beginning and not found.from_beginning):
            return False
        if wanted.successor is not None and found.successor not in (None, wanted.successor):
            return False
        return found.status is wanted.status or (wanted.status, found.status) == (Status.SUPERSEDED, Status.REVOKED)


@dataclass(frozen=True, slots=True)
class NightToSign:
    """The closing of a night."""

    registry: RegistryWriter
    closing: NightClosing

    def sign(self, nonce: int) -> Signed:
        """Signed by this service's own key, which may close nights or may not."""
        closing = self.closing
        try:
            return self.registry.sign_night(IssuerId(closing.issuer_id), closing.night, closing.sequence, nonce)
        except RegistryRefused as refused:
            if refused.error in UNAPPROVED:
                raise NotApproved(f"no key of this service may close nights: {refused}") from refused
            raise

    def is_done(self) -> bool:
        """Never: a night that is closed already needs nothing more."""
        return False


def advance(
    store: Store, registry: RegistryWriter, filing: Filing, subject: Subject, outbox: Outbox, *, now: int
) -> Subject:
    """Take whatever is on its way as far as it goes now. Returns it as it is then. Raises: as `advance_batch`."""
    match subject:
        case Batch():
            return advance_batch(store, registry, filing, subject, outbox, now=now)
        case StatusAct():
            return advance_status(store, registry, subject, outbox, now=now)
        case NightClosing():
            return advance_night(store, registry, subject, outbox, now=now)


def sign_together(
    store: Store, registry: RegistryWriter, acts: Sequence[StatusAct], *, now: int
) -> Sequence[StatusAct]:
    """Sign one transaction for status acts that wait, of one issuer, which ask for the same. Returns them as they are.

    Nothing is sent. Where the registry would not write it for all of them, nothing is signed.
    Raises: RegistryUnavailable, StoreBusy, SignerRejected.
    """
    try:
        return _sign(store, registry, acts, StatusToSign(store, registry, acts), now=now)[0]
    except (RegistryRefused, NotApproved):
        return acts


def advance_batch(
    store: Store, registry: RegistryWriter, filing: Filing, batch: Batch, outbox: Outbox, *, now: int
) -> Batch:
    """Take a batch as far as it goes now: filed, signed, sent, and anchored once a final block says so.

    Running it again at any time changes nothing that is done. What stops it may come after a step: the database
    knows how far it came.
    Raises: RegistryUnavailable, StoreBusy or NotYetFinal when it should be run again; NotApproved while
    it waits for the institute; Damaged when what is stored contradicts itself.
    """
    decided = _finish_if_anchored(store, registry, filing, batch)
    if decided is not None:
        return decided
    if batch.state == OnChainState.SEALED:
        # What is signed was filed before.
        filing.file(store, batch)
    with store.reading() as connection:
        stored = queries.approval_of(connection, batch.id)
    approval = Approval(stored.approver, stored.deadline, stored.signature) if stored else None
    return _push(store, registry, batch, AnchorToSign(registry, batch, approval), outbox, now=now)


def advance_status(store: Store, registry: RegistryWriter, act: StatusAct, outbox: Outbox, *, now: int) -> StatusAct:
    """Take a change of status as far as it goes now, in the same way.

    It waits for its leaf, which is anchored but for a later form, and for its successor. Raises: as `advance_batch`.
    """
    with store.reading() as connection:
        named = [leaf for leaf in (act.leaf_hash, act.successor) if leaf is not None]
        known = [receipt_queries.by_leaf(connection, act.issuer_id, leaf) for leaf in named]
    if any(one is not None and not one.is_anchored for one in known):
        return act
    return _push(store, registry, act, StatusToSign(store, registry, [act]), outbox, now=now)


def advance_night(
    store: Store, registry: RegistryWriter, closing: NightClosing, outbox: Outbox, *, now: int
) -> NightClosing:
    """Take the closing of a night as far as it goes now, in the same way.

    Raises: as `advance_batch`; NightMissed, after forgetting it, when it cannot be closed any more:
    nothing is lost with it, since an anchor that went past it shows as much.
    """
    issuer_id = IssuerId(closing.issuer_id)
    if registry.last_night(issuer_id) < closing.night and registry.last_sequence(issuer_id) != closing.sequence:
        problem: str | None = "a batch was anchored meanwhile"
    else:
        closing = _push(store, registry, closing, NightToSign(registry, closing), outbox, now=now)
        if closing.state != OnChainState.QUARANTINED:
            return closing
        problem = closing.problem
    with store.writing() as connection:
        queries.forget_night(connection, closing)
    raise NightMissed(f"it is not closed: {problem}")


def _move(store: Store, subject: SubjectT, wanted: OnChainState, **changes: Unpack[Changes]) -> SubjectT:
    """Move a subject on, in a transaction of its own. Returns it as it is now. Raises: IllegalTransition, StoreBusy."""
    with store.writing() as connection:
        return queries.move(connection, subject, wanted, **changes)


def _finish_if_anchored(store: Store, registry: RegistryReader, filing: Filing, batch: Batch) -> Batch | None:
    """The batch, anchored or quarantined, where a final block holds its sequence number; nothing while none does."""
    issuer_id = IssuerId(batch.issuer_id)
    anchor = registry.anchor_of(issuer_id, batch.sequence)
    if anchor is None:
        return None
    if not anchor.is_of(batch.root_hash, batch.tree_size):
        detail = f"sequence {batch.sequence} holds root {anchor.root_hash.hex()}, which is not this batch's"
        return _quarantine(store, batch, detail)
    transaction = registry.anchor_transaction(issuer_id, batch.sequence, anchor.block_number)
    mined = registry.mined(transaction)
    if mined is None or not mined.succeeded or mined.block_number != anchor.block_number:
        raise RegistryUnavailable(f"the node contradicts itself about transaction 0x{transaction.hex()}")
    filing.sweep(issuer_id, batch.sequence)
    return _finish(store, batch, anchor.block_number, transaction)


def _reference(store: Store, issuer_id: IssuerId, leaf_hash: LeafHash) -> LeafReference:
    """An anchored leaf with its proof. Raises: Damaged when it is not there any more."""
    with store.reading() as connection:
        known = receipt_queries.by_leaf(connection, issuer_id, leaf_hash)
        if known is None or known.batch is None or known.certificate.leaf_index is None:
            raise Damaged(f"leaf {leaf_hash.hex()}", "it succeeds another and is not stored as anchored")
    path = receipts.stored_path(known, known.batch)
    return LeafReference(leaf_hash, known.batch.sequence, known.certificate.leaf_index, path)


def _push(
    store: Store, registry: RegistryWriter, subject: SubjectT, request: SigningRequest, outbox: Outbox, *, now: int
) -> SubjectT:
    """Read whether a final block has decided a subject; sign it where that is not done yet; send what is signed."""
    # What is sealed and has bytes all the same was requeued: those bytes had their chance.
    attempts = [] if subject.state == OnChainState.SEALED else _attempts(store, subject)
    if subject.state != OnChainState.SEALED:
        subject = _settle(store, registry, subject, attempts)
        if not attempts or subject.state in (OnChainState.ANCHORED, OnChainState.QUARANTINED):
            return subject
    if subject.state != OnChainState.SEALED and attempts[-1].signer != registry.signer:
        subject = _leave_signer(store, registry, subject, attempts[-1])
    if subject.state == OnChainState.SEALED:
        try:
            (subject,), attempt = _sign(store, registry, [subject], request, now=now)
        except (RegistryRefused, NotApproved) as refused:
            if request.is_done():
                return _finish(store, subject, None, None)
            if isinstance(refused, NotApproved):
                raise
            if refused.error == BAD_SEQUENCE:
                # Somebody's anchor of this sequence is in a block that is not final yet: read again later.
                raise NotYetFinal(f"{queries.subject_type(subject)} {subject.id}: {refused}") from refused
            if refused.error == PAUSED:
                raise RegistryUnavailable(str(refused)) from refused
            return _quarantine(store, subject, str(refused))
        attempts = [attempt]
    outbox.send_up_to(store, registry, attempts[-1].nonce, now=now)
    return _move(store, subject, OnChainState.SENT) if subject.state == OnChainState.SIGNED else subject


def _settle(store: Store, registry: RegistryWriter, subject: SubjectT, attempts: list[Attempt]) -> SubjectT:
    """The subject, moved on where a final block holds one of its attempts, which all have one nonce.

    Where another transaction used that nonce, the subject is sealed again: its bytes can never be mined. So it is where
    its bytes are not known, as of a rebuilt batch that the chain has lost since; the next pass files and signs it.
    """
    if not attempts:
        return _move(store, subject, OnChainState.SEALED)
    # Read in this order: a nonce that was used by these very bytes is followed by their receipt. The other way
    # round, a block between the two readings would make our own transaction look like a foreign one.
    is_used = registry.next_nonce(attempts[-1].signer) > attempts[-1].nonce
    for attempt in attempts:
        mined = registry.mined(attempt.transaction_hash)
        if mined is None:
            continue
        if mined.succeeded and isinstance(subject, Batch):
            # The anchor itself decides, and it was not there a moment ago: read it again.
            raise NotYetFinal(f"batch {subject.id}: its transaction is in block {mined.block_number}")
        if mined.succeeded:
            return _finish(store, subject, mined.block_number, attempt.transaction_hash)
        reverted = f"the registry reverted transaction 0x{attempt.transaction_hash.hex()}"
        if isinstance(subject, StatusAct) and subject.carried_by is not None:
            # For one of those that it carried: each is signed alone, since it has a problem now.
            return _move(store, subject, OnChainState.SEALED, problem=reverted, carried_by=None)
        return _quarantine(store, subject, reverted)
    return _move(store, subject, OnChainState.SEALED) if is_used else subject


def _leave_signer(store: Store, registry: RegistryWriter, subject: SubjectT, attempt: Attempt) -> SubjectT:
    """A subject whose bytes another signer of this service signed and no block holds: sealed again where that is safe.

    A sequence number and a night are taken once, by whichever bytes come first. A status may be written again, and old
    bytes that come later would bring back what was changed since.
    Raises: NotYetFinal for a status.
    """
    if isinstance(subject, StatusAct):
        raise NotYetFinal(
            f"its bytes were signed by {attempt.signer}, whose nonce {attempt.nonce} is not used, and this service now "
            f"signs with {registry.signer}: run once with that one's keystore, or use that nonce up"
        )
    return _move(store, subject, OnChainState.SEALED)


def _sign(
    store: Store, registry: RegistryWriter, subjects: Sequence[SubjectT], request: SigningRequest, *, now: int
) -> tuple[list[SubjectT], Attempt]:
    """Take the next free nonce and sign for one subject, or for several status acts that go together.

    The bytes are durable when this returns, and nothing has been sent.
    Raises: StoreBusy when other processes keep taking the nonces, or have signed a subject meanwhile.
    """
    for _ in range(MAX_NONCE_TRIES):
        chain_nonce = registry.next_nonce()
        with store.reading() as connection:
            nonce = queries.next_free_nonce(connection, registry.signer, chain_nonce)
        if nonce == chain_nonce and registry.next_nonce() != chain_nonce:
            # Bytes beyond a gap would wait for ever: one wrong answer must not make it.
            raise RegistryUnavailable("the node gives two answers about the signer's nonce")
        # Signing asks the node, so no transaction is held open around it.
        signed = request.sign(nonce)
        attempt = Attempt(
            transaction_hash=signed.transaction_hash,
            subject=queries.subject_type(subjects[0]),
            subject_id=subjects[0].id,
            signer=registry.signer,
            nonce=nonce,
            ordinal=1,
            raw=signed.raw,
            signed_at=now,
        )
        try:
            with store.writing() as connection:
                queries.insert_attempt(connection, attempt)
                changes: Changes = {}
                if isinstance(subjects[0], StatusAct):
                    changes["carried_by"] = signed.transaction_hash if len(subjects) > 1 else None
                moved = [queries.move(connection, one, OnChainState.SIGNED, **changes) for one in subjects]
        except AlreadyThere:
            # Another worker stored this nonce meanwhile; nothing was sent, so take the next one.
            continue
        return moved, attempt
    raise StoreBusy(f"other processes keep signing with {registry.signer}; try again")


def _attempts(store: Store, subject: Subject) -> list[Attempt]:
    with store.reading() as connection:
        return queries.last_attempts(connection, subject)


def _finish(store: Store, subject: SubjectT, block_number: int | None, transaction_hash: bytes | None) -> SubjectT:
    mined_at: Changes = {"block_number": block_number, "transaction_hash": transaction_hash, "problem": None}
    with store.writing() as connection:
        if subject.state == OnChainState.SEALED:
            # Anchored by bytes that this database does not know: the chain decides, in two legal steps.
            subject = queries.move(connection, subject, OnChainState.SIGNED)
        return queries.move(connection, subject, OnChainState.ANCHORED, **mined_at)


def _quarantine(store: Store, subject: SubjectT, problem: str) -> SubjectT:
    return _move(store, subject, OnChainState.QUARANTINED, problem=problem)
