"""Sealing: one transaction freezes a set of certificates, orders it, and computes its root from the stored rows."""

from anchor_service.core.batch import OnChainState, ordered
from anchor_service.core.errors import ChainAhead, Damaged, NotYetFinal
from anchor_service.core.hashing import (
    DocumentDigest,
    IssuerId,
    LeafHash,
    MetadataDigest,
    leaf_hash,
    leaf_input,
    text_digest,
)
from anchor_service.core.merkle import MerkleTree, root_by_frontier
from anchor_service.store import sealing as queries
from anchor_service.store.engine import Store
from anchor_service.store.tables import Batch, Issuer

MAX_LEAVES = 1_000_000
_UNKNOWN_ROOT = bytes(32)


def seal(
    store: Store, issuer: Issuer, *, last_on_chain: int, received_before: int, now: int, max_leaves: int = MAX_LEAVES
) -> Batch | None:
    """Seal what the issuer has waiting, in the sequence number after its last one.

    Returns nothing when nothing waits, or while an earlier batch is not anchored yet.
    Raises: ChainAhead; Damaged when a row's leaf hash is not that of its own digest and metadata, or
    when the two computed roots differ; NotYetFinal when the node lags.
    """
    with store.writing() as connection:
        queries.lock_issuer(connection, issuer.id)
        if queries.unfinished(connection, issuer.id):
            return None
        last = queries.last_sequence(connection, issuer.id)
        if last_on_chain > last:
            raise ChainAhead(issuer.id, f"the chain holds {last_on_chain} batches of it and the database {last}")
        if last_on_chain < last:
            raise NotYetFinal(f"the chain shows {last_on_chain} batches of {issuer.id.hex()} where {last} are anchored")
        rows = queries.waiting(connection, issuer.id, received_before, max_leaves)
        if not rows:
            return None
        certificates: dict[LeafHash, int] = {}
        for certificate, stored, digest, metadata in rows:
            rebuilt = _leaf(issuer.id, digest, metadata)
            if rebuilt != stored:
                raise Damaged(f"certificate {certificate}", f"its leaf {stored.hex()} is not that of its data")
            certificates[rebuilt] = certificate
        leaves = ordered(certificates)
        batch = Batch(
            issuer_id=issuer.id,
            sequence=last + 1,
            tree_size=len(leaves),
            root_hash=_UNKNOWN_ROOT,
            profile=issuer.profile,
            state=OnChainState.SEALED,
            sealed_at=now,
        )
        batch.id = queries.insert_batch(connection, batch)
        queries.insert_leaves(connection, batch.id, leaves)
        queries.place(connection, batch.id, (certificates[leaf] for leaf in leaves))
        batch.root_hash = checked_root(batch, queries.leaf_hashes(connection, batch.id))
        queries.set_root(connection, batch.id, batch.root_hash)
        return batch


def checked_root(batch: Batch, leaves: list[LeafHash]) -> bytes:
    """The root of leaves as they were read back, computed in two ways.

    Raises: Damaged when the leaves are not the batch's: another number, out of order, or two roots.
    """
    if len(leaves) != batch.tree_size or leaves != sorted(set(leaves)):
        raise Damaged(f"batch {batch.id}", "its stored leaves are not the ordered set that was sealed")
    root = MerkleTree(leaves).root_hash
    if root_by_frontier(leaves) != (batch.tree_size, root):
        raise Damaged(f"batch {batch.id}", "two computations of its root differ")
    return root


def _leaf(issuer_id: bytes, digest: bytes, metadata: str) -> LeafHash:
    return leaf_hash(leaf_input(IssuerId(issuer_id), DocumentDigest(digest), MetadataDigest(text_digest(metadata))))
