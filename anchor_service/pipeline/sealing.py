"""What goes in: an issuer's rows that wait. What comes out: one batch, its leaves in order of hash, its root and tiles.

One transaction freezes, orders and stores them, and computes the root from the stored rows.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from anchor_service.core import metadata, tiles
from anchor_service.core.errors import ChainAhead, Damaged, NotYetFinal, StoreBusy
from anchor_service.core.hashing import LeafHash, certificate_leaf
from anchor_service.core.merkle import MerkleTree, size_and_root
from anchor_service.core.states import OnChainState
from anchor_service.pipeline import statuses
from anchor_service.pipeline.statuses import Successor
from anchor_service.store import issuers as issuer_queries
from anchor_service.store import receipts as receipt_queries
from anchor_service.store import sealing as queries
from anchor_service.store.engine import Store
from anchor_service.store.tables import Batch, Issuer, NewBatch

MAX_LEAVES = 1_000_000
ROWS_BETWEEN_CALLS = 10_000
# What is being done, how much of it is done, and how much there is.
OnProgress = Callable[[str, int, int], None]
_UNKNOWN_ROOT = bytes(32)
T = TypeVar("T")


def seal(
    store: Store,
    issuer: Issuer,
    *,
    last_on_chain: int,
    received_before: int,
    now: int,
    max_leaves: int = MAX_LEAVES,
    on_progress: OnProgress = lambda *_: None,
) -> Batch | None:
    """Seal what the issuer has waiting, in the sequence number after its last one. `on_progress` hears how far it is.

    `last_on_chain` is the issuer's last anchored sequence number, 0 before the first; what came in at or after
    `received_before`, in seconds since 1970, waits for the next batch.
    Returns nothing when nothing waits, or while an earlier batch is not anchored yet.
    Raises: ChainAhead; Damaged when a row's leaf hash is not that of its own digest and metadata, or
    when the two computed roots differ; NotYetFinal when the node lags.
    """
    with store.writing() as connection:
        issuer_queries.lock_issuer(connection, issuer.id)
        if queries.unfinished(connection, issuer.id):
            return None
        last = queries.last_sequence(connection, issuer.id)
        if last_on_chain > last:
            raise ChainAhead(issuer.id, f"the chain holds {last_on_chain} batches of it and the database {last}")
        if last_on_chain < last:
            raise NotYetFinal(f"the chain shows {last_on_chain} batches of {issuer.id.hex()} where {last} are anchored")
        if not receipt_queries.count_waiting(connection, issuer.id, received_before):
            return None
        new = NewBatch(
            issuer_id=issuer.id,
            sequence=last + 1,
            tree_size=0,
            root_hash=_UNKNOWN_ROOT,
            profile=issuer.profile,
            state=OnChainState.SEALED,
            sealed_at=now,
        )
        batch = queries.insert_batch(connection, new)
        size = queries.take_waiting(connection, batch, received_before, max_leaves)
        rows = with_progress(queries.taken(connection, batch.id), "Sealing", size, on_progress)
        leaves, successors = _leaves(issuer.id, size, rows)
        tree = MerkleTree(leaves)
        queries.insert_tiles(connection, batch.id, tiles.cut(tree))
        stored = queries.leaf_hashes(connection, batch.id)
        root_hash = checked_tree(f"batch {batch.id}", stored, size).root_hash
        statuses.supersede(connection, issuer.id, successors, now=now)
        return queries.finish_batch(connection, batch, size, root_hash)


def with_progress(rows: Iterable[T], doing: str, size: int, on_progress: OnProgress) -> Iterator[T]:
    """The same rows, while `on_progress` hears of every ten thousandth and of the last."""
    for number, row in enumerate(rows, start=1):
        if number % ROWS_BETWEEN_CALLS == 0 or number == size:
            on_progress(doing, number, size)
        yield row


def checked_tree(where: str, leaves: list[LeafHash], tree_size: int, root_hash: bytes | None = None) -> MerkleTree:
    """The tree of a batch's leaves as they were read back from somewhere, its root computed in two ways.

    Raises: Damaged when the leaves are not the batch's: another number, out of order, two roots, or not the
    `root_hash` that is given.
    """
    if len(leaves) != tree_size or leaves != sorted(set(leaves)):
        raise Damaged(where, "its stored leaves are not the ordered set that was sealed")
    tree = MerkleTree(leaves)
    if size_and_root(leaves) != (tree_size, tree.root_hash):
        raise Damaged(where, "two computations of its root differ")
    if root_hash is not None and root_hash != tree.root_hash:
        raise Damaged(where, "its leaves do not give its root")
    return tree


def _leaves(
    issuer_id: bytes, size: int, rows: Iterable[tuple[int, int, bytes, bytes, str, int | None]]
) -> tuple[list[LeafHash], list[Successor]]:
    """The leaves of a batch in tree order, each from its certificate's own data; and those that supersede others.

    Raises: Damaged when a row's leaf is another; StoreBusy when a certificate of the batch was withdrawn meanwhile.
    """
    leaves = [LeafHash(b"")] * size
    successors = []
    for certificate, index, stored, digest, text, actor_id in rows:
        rebuilt = certificate_leaf(issuer_id, digest, text)
        if rebuilt != stored:
            raise Damaged(f"certificate {certificate}", f"its leaf {stored.hex()} is not that of its data")
        if index >= size:
            raise StoreBusy("a certificate was withdrawn while its batch was sealed; try again")
        leaves[index] = rebuilt
        # Few do, and reading a text costs as much as a leaf.
        if '"supersedes"' in text and (earlier := metadata.facts(text).get("supersedes")):
            successors.append(Successor(rebuilt, bytes.fromhex(earlier), actor_id))
    return leaves, successors
