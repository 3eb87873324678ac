"""Reconciling: what was accepted, what stands in leaves, and what the chain holds have to be the same."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from anchor_service.core.hashing import IssuerId, LeafHash
from anchor_service.core.states import OnChainState, Status
from anchor_service.ports import RegistryReader
from anchor_service.store import anchoring as anchoring_queries
from anchor_service.store import forms as form_queries
from anchor_service.store import operations as queries
from anchor_service.store import receipts as receipt_queries
from anchor_service.store import sealing as sealing_queries
from anchor_service.store.engine import Store
from anchor_service.store.tables import Batch, Issuer


def follow_moved_anchors(store: Store, registry: RegistryReader, *, since: int = 0) -> list[str]:
    """Write down in which block the anchors of batches that were sealed since an instant stand now.

    A chain may drop a block that counted as final and hold the same anchor in a later one: receipts name that one from
    then on. What the chain does not hold, or holds otherwise, is left as it is, for `balance` to tell.
    Returns a line for each that moved. Raises: RegistryUnavailable.
    """
    with store.reading() as connection:
        batches = [
            batch
            for batch in anchoring_queries.batches(connection)
            if batch.state == OnChainState.ANCHORED and batch.sealed_at >= since
        ]
    told = []
    for batch in batches:
        issuer_id = IssuerId(batch.issuer_id)
        anchor = registry.anchor_of(issuer_id, batch.sequence)
        if anchor is None or anchor.block_number == batch.block_number:
            continue
        if not anchor.is_of(batch.root_hash, batch.tree_size):
            continue
        transaction = registry.anchor_transaction(issuer_id, batch.sequence, anchor.block_number)
        with store.writing() as connection:
            anchoring_queries.move_anchor(connection, batch, anchor.block_number, transaction)
        told.append(f"batch {batch.id}: anchored in block {anchor.block_number}, no longer in {batch.block_number}")
    return told


@dataclass(slots=True)
class Balance:
    """An issuer's certificates: accepted = waiting + on the way + anchored, and anchored = the sizes on chain."""

    issuer_id: bytes
    waiting: int = 0
    on_the_way: int = 0
    anchored: int = 0
    erased: int = 0
    on_chain: int = 0
    exceptions: list[str] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """All certificates that were taken in and not withdrawn, erased ones among them."""
        return self.waiting + self.on_the_way + self.anchored


def balance(store: Store, registry: RegistryReader, issuer: Issuer, *, overdue_before: int) -> Balance:
    """Compare an issuer's rows with the chain, batch by batch, and name everything that does not agree.

    `overdue_before` is the instant before which every certificate that was received has to be anchored.
    Raises: RegistryUnavailable.
    """
    found = Balance(issuer.id)
    issuer_id = IssuerId(issuer.id)
    on_chain = registry.last_sequence(issuer_id)
    with store.reading() as connection:
        batches = [batch for batch in anchoring_queries.batches(connection) if batch.issuer_id == issuer.id]
        counts = sealing_queries.counts_by_batch(connection, issuer.id)
        found.waiting = receipt_queries.count_waiting(connection, issuer.id)
        overdue = receipt_queries.overdue(connection, overdue_before, issuer.id)
        hold = queries.hold_of(connection, issuer.id)
    known = {batch.sequence for batch in batches}
    found.exceptions += [
        f"sequence {sequence}: on chain and not in the database: `jangkar rebuild`"
        for sequence in range(1, on_chain + 1)
        if sequence not in known
    ]
    if hold is not None:
        found.exceptions.append(f"read-only: {hold.detail}")
    for batch in sorted(batches, key=lambda batch: batch.sequence):
        leaves, certificates, erased = counts.get(batch.id, (0, 0, 0))
        found.erased += erased
        _add_batch(found, registry, batch, leaves)
        if batch.state != OnChainState.FOREIGN and (leaves, certificates + erased) != (batch.tree_size,) * 2:
            found.exceptions.append(
                f"batch {batch.id}, sequence {batch.sequence}: size {batch.tree_size}, {leaves} leaves, "
                f"{certificates} certificates, {erased} erased: `jangkar fsck`"
            )
    found.exceptions += [f"overdue: certificate {number!r}, received {received}" for number, received in overdue]
    found.exceptions += _forms_that_differ(store, registry, issuer_id)
    return found


def _forms_that_differ(store: Store, registry: RegistryReader, issuer_id: IssuerId) -> Iterator[str]:
    """Later forms whose status on chain is not that of the issued file, where nothing is on its way to mend that.

    This service writes a status for all forms; another key may have written it for one.
    """
    with store.reading() as connection:
        forms = form_queries.later_forms(connection, issuer_id)
    changed = {one.leaf_hash for one in registry.statuses_of(issuer_id)} if forms else set()
    for form in forms:
        both = (LeafHash(form.form_of or b""), LeafHash(form.leaf_hash))
        if changed.isdisjoint(both):
            continue
        issued, later = (registry.status_of(issuer_id, leaf) for leaf in both)
        standing = [one.status if one else Status.ACTIVE for one in (issued, later)]
        with store.reading() as connection:
            on_the_way = [anchoring_queries.pending_status_acts(connection, issuer_id, leaf) for leaf in both]
        if standing[0] != standing[1] and not any(on_the_way):
            yield (
                f"certificate {form.number!r}: {standing[0]} on chain, and its later form {form.document_digest.hex()} "
                f"{standing[1]}: `jangkar status set` writes one for both"
            )


def _add_batch(found: Balance, registry: RegistryReader, batch: Batch, leaves: int) -> None:
    name = f"batch {batch.id}, sequence {batch.sequence}"
    anchor = registry.anchor_of(IssuerId(found.issuer_id), batch.sequence)
    if batch.state == OnChainState.FOREIGN:
        found.exceptions.append(f"{name}: foreign, {batch.tree_size} leaves that this service never sealed")
        return
    if batch.state != OnChainState.ANCHORED:
        found.on_the_way += leaves
        if batch.state == OnChainState.QUARANTINED:
            found.exceptions.append(f"{name}: quarantined, {batch.problem}")
        return
    found.anchored += leaves
    if anchor is None:
        newest = registry.head().number
        if batch.block_number is not None and newest < batch.block_number:
            found.exceptions.append(
                f"{name}: anchored in block {batch.block_number}, and the node's last final block is {newest}: it is "
                "behind. Wait for it, or ask another"
            )
            return
        found.exceptions.append(f"{name}: the chain does not hold it any more: `jangkar batch requeue {batch.id}`")
        return
    found.on_chain += anchor.tree_size
    if not anchor.is_of(batch.root_hash, batch.tree_size):
        found.exceptions.append(f"{name}: the chain holds another root or size: `jangkar fsck`")
