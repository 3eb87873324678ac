"""Approval: the institute rebuilds every leaf from its own files before its key signs the root.

This runs on the institute's own machine. What came from the host (manifest and entries) is believed in
nothing that the institute's own PDFs and its own list do not say.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from anchor_service.core import metadata
from anchor_service.core.actor import Actor
from anchor_service.core.approval import BatchApproval
from anchor_service.core.errors import ApprovalRejected, FieldRejected, Rejected, TextRejected
from anchor_service.core.hashing import LeafHash, certificate_leaf
from anchor_service.core.manifest import BatchEntry, BatchHeader
from anchor_service.core.merkle import size_and_root, tree_with_root
from anchor_service.core.states import OnChainState
from anchor_service.pipeline.folder import Item
from anchor_service.pipeline.intake import Submission
from anchor_service.store import actors as actor_queries
from anchor_service.store import anchoring as queries
from anchor_service.store.engine import Store
from anchor_service.store.tables import Batch, StoredApproval


@dataclass(frozen=True, slots=True)
class Differences:
    """How a batch differs from the institute's own files, each with its certificate's number or file."""

    missing: tuple[str, ...]
    extra: tuple[str, ...]
    altered: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.altered)


def compare(
    header: BatchHeader,
    leaves: Sequence[LeafHash],
    entries_header: BatchHeader,
    entries: Sequence[BatchEntry],
    own: Iterable[Item],
) -> Differences:
    """Rebuild every leaf of a batch from the institute's own files, and name what differs.

    Nothing differs exactly when each leaf is that of one own file with its own facts, each own file
    has exactly one, and the leaves give the header's root. A second leaf of the same file is extra:
    it would outlive a revocation of the first.
    Raises: ApprovalRejected when the manifest contradicts itself or its entries: no file can mend that.
    """
    _require_whole(header, leaves, entries_header, entries)
    items = list(own)
    readable = [(item.file, item.submission) for item in items if isinstance(item.submission, Submission)]
    by_digest = {given.document_digest: (file, given) for file, given in readable}
    by_number = {given.fields.get("number"): (file, given) for file, given in readable}
    seen: set[str] = set()
    extra, altered = [], []
    for entry in entries:
        facts = metadata.facts(entry.metadata)
        number = str(facts["number"])
        found = by_digest.get(entry.document_digest) or by_number.get(number)
        if found is None:
            extra.append(number)
            continue
        file, given = found
        if file in seen:
            extra.append(f"{number}: a second leaf of {file}")
            continue
        seen.add(file)
        if given.document_digest != entry.document_digest:
            altered.append(f"{number}: the batch holds another file than {file}")
        elif facts != dict(given.fields):
            names = sorted(name for name in facts | dict(given.fields) if facts.get(name) != given.fields.get(name))
            altered.append(f"{file}: the batch says otherwise in {', '.join(names)}")
    missing = [
        f"{item.file}: {item.submission}" if isinstance(item.submission, Rejected) else item.file
        for item in items
        if item.file not in seen
    ]
    return Differences(tuple(missing), tuple(extra), tuple(altered))


def accept(store: Store, given: BatchApproval, *, chain_id: int, registry: str, actor: Actor, now: int) -> Batch:
    """Take an approval in for the batch that it names; the next run relays it.

    Raises: ApprovalRejected unless it is for this registry and for exactly the batch that waits.
    """
    if (given.chain_id, given.registry) != (chain_id, registry):
        raise ApprovalRejected(f"it is for registry {given.registry} on chain {given.chain_id}")
    if given.deadline <= now:
        raise ApprovalRejected("its deadline has passed; ask the institute for a new one")
    with store.writing() as connection:
        batch = queries.batch_of(connection, given.issuer_id, given.sequence)
        if batch is None or (batch.root_hash, batch.tree_size) != (given.root_hash, given.tree_size):
            raise ApprovalRejected(f"no batch here has this issuer, sequence {given.sequence}, root and size")
        if batch.state != OnChainState.SEALED:
            raise ApprovalRejected(f"batch {batch.id} is {batch.state} and waits for none")
        queries.put_approval(
            connection,
            StoredApproval(
                batch_id=batch.id,
                approver=given.approver,
                deadline=given.deadline,
                signature=given.signature,
                received_at=now,
                actor_id=actor_queries.id_of(connection, actor),
            ),
        )
    return batch


def _require_whole(
    header: BatchHeader, leaves: Sequence[LeafHash], entries_header: BatchHeader, entries: Sequence[BatchEntry]
) -> None:
    if entries_header != header:
        raise ApprovalRejected("manifest and entries are not of the same batch")
    if any(earlier >= later for earlier, later in pairwise(leaves)):
        raise ApprovalRejected("the manifest's leaves are not in strictly ascending order")
    is_root = tree_with_root(leaves, header.tree_size, header.root_hash) is not None
    if not is_root or size_and_root(leaves) != (header.tree_size, header.root_hash):
        raise ApprovalRejected("the manifest's leaves do not give its root")
    if len(entries) != header.tree_size:
        raise ApprovalRejected(f"the entries hold {len(entries)} of {header.tree_size} leaves")
    for leaf, entry in zip(leaves, entries, strict=True):
        try:
            metadata.from_text(entry.metadata)
        except (FieldRejected, TextRejected) as error:
            raise ApprovalRejected(f"the metadata of leaf {entry.leaf_index}: {error}") from None
        if certificate_leaf(header.issuer_id, entry.document_digest, entry.metadata) != leaf:
            raise ApprovalRejected(f"leaf {entry.leaf_index} is not that of its entry")
