"""The RFC 9162 tree of one batch, as flat arrays of levels.

Pairing level by level and carrying an odd last node up unchanged gives the same tree as
splitting at the largest power of two below n (RFC 9162 2.1.1); tests/conformance/ compares the two
for every size up to 130. A level is one run of bytes, 32 a node: 64 bytes a leaf for the whole tree.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from anchor_service.core.errors import TreeRejected
from anchor_service.core.hashing import HASH_SIZE, NODE_PREFIX, LeafHash, NodeHash, RootHash, node_hash

_PAIR = 2 * HASH_SIZE
# Digests of so many bytes of a level are objects at once; more would cost what the flat arrays save.
_CHUNK_BYTES = 1024 * _PAIR


class MerkleTree:
    """The levels of one tree, from the leaves up to the root."""

    def __init__(self, leaf_hashes: Iterable[LeafHash]) -> None:
        """Build all levels.

        Shape: at least one leaf hash of 32 bytes, in tree order. Memory: 64 bytes a leaf.
        Raises: TreeRejected for no leaves.
        """
        level = b"".join(leaf_hashes)
        if not level or len(level) % HASH_SIZE:
            raise TreeRejected(f"a tree needs at least one leaf, and each has {HASH_SIZE} bytes")
        self._levels = [level]
        while len(level) > HASH_SIZE:
            level = _level_above(level)
            self._levels.append(level)

    @property
    def tree_size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0]) // HASH_SIZE

    @property
    def root_hash(self) -> RootHash:
        """Hash of the whole tree; of a single leaf, that leaf's hash."""
        return RootHash(self._levels[-1])

    def inclusion_path(self, leaf_index: int) -> tuple[NodeHash, ...]:
        """Sibling hashes from the leaf up to the root's child.

        Shape: at most ceil(log2(tree_size)) hashes of 32 bytes, lowest first; empty for one leaf.
        Raises: TreeRejected unless 0 <= leaf_index < tree_size.
        Source: RFC 9162 2.1.3.1; tests/vectors/inclusion.json.
        """
        if not 0 <= leaf_index < self.tree_size:
            raise TreeRejected(f"leaf index {leaf_index} lies outside a tree of {self.tree_size}")
        return tuple(self._siblings(0, leaf_index))

    def consistency_path(self, old_size: int) -> tuple[NodeHash, ...]:
        """Hashes that prove that the first `old_size` leaves make a tree that this one begins with.

        Shape: at most ceil(log2(tree_size)) + 1 hashes of 32 bytes; empty when the sizes are equal.
        Raises: TreeRejected unless 1 <= old_size <= tree_size.
        Source: RFC 9162 2.1.4.1; tests/vectors/consistency.json.
        """
        if not 1 <= old_size <= self.tree_size:
            raise TreeRejected(f"a tree of {self.tree_size} has no beginning of {old_size}")
        if old_size == self.tree_size:
            return ()
        # Up from the last old leaf: while it is a right child, its subtree lies whole in both trees.
        height, index = 0, old_size - 1
        while index & 1:
            height, index = height + 1, index >> 1
        own = [self._node(height, index)] if index else []
        return (*own, *self._siblings(height, index))

    def nodes(self, height: int, first: int, count: int) -> bytes:
        """Up to `count` nodes of a level from `first` on: as many as there are, 32 bytes each."""
        return self._levels[height][first * HASH_SIZE : (first + count) * HASH_SIZE]

    def _node(self, height: int, index: int) -> NodeHash:
        return NodeHash(self.nodes(height, index, 1))

    def _siblings(self, height: int, index: int) -> Iterator[NodeHash]:
        """The siblings of a node and of what stands above it; a node that is carried up has none."""
        for level in range(height, len(self._levels) - 1):
            if sibling := self._node(level, index ^ 1):
                yield sibling
            index >>= 1


def tree_with_root(leaf_hashes: Sequence[LeafHash], tree_size: int, root_hash: bytes) -> MerkleTree | None:
    """The tree of these leaves where it has this size and this root; nothing where it has not."""
    if not leaf_hashes or len(leaf_hashes) != tree_size:
        return None
    tree = MerkleTree(leaf_hashes)
    return tree if tree.root_hash == root_hash else None


def _level_above(level: bytes) -> bytes:
    """The nodes over the pairs of a level, and its odd last node."""
    paired = len(level) // _PAIR * _PAIR
    parts = []
    for start in range(0, paired, _CHUNK_BYTES):
        chunk = level[start : min(start + _CHUNK_BYTES, paired)]
        # node_hash, written out: a call for each node would take as long as its hash.
        parts.append(
            b"".join([sha256(NODE_PREFIX + chunk[at : at + _PAIR]).digest() for at in range(0, len(chunk), _PAIR)])
        )
    return b"".join([*parts, level[paired:]])


def root_of_path(leaf_hash: LeafHash, leaf_index: int, tree_size: int, path: Iterable[NodeHash]) -> RootHash:
    """The root that a leaf and its inclusion path give, for an index inside the tree.

    Raises: TreeRejected when the path has not the length that index and size ask for.
    Source: RFC 9162 2.1.3.2.
    """
    node: bytes = leaf_hash
    index, last, siblings = leaf_index, tree_size - 1, iter(path)
    while last:
        # A last node without a sibling is carried up.
        if index & 1 or index < last:
            sibling = next(siblings, None)
            if sibling is None:
                raise TreeRejected("the path is too short")
            node = node_hash(sibling, node) if index & 1 else node_hash(node, sibling)
        index, last = index >> 1, last >> 1
    if next(siblings, None) is not None:
        raise TreeRejected("the path is too long")
    return RootHash(node)


def size_and_root(leaf_hashes: Iterable[bytes]) -> tuple[int, RootHash]:
    """Size and root of a stream of leaf hashes, holding only its frontier.

    A second way to the root, so that sealing compares two computations that share no array.
    Raises: TreeRejected for no leaves.
    Source: RFC 9162 2.1.2 (verifying a tree head given entries).
    """
    stack: list[bytes] = []
    size = 0
    for hash_ in leaf_hashes:
        node: bytes = hash_
        for _ in range((~size & (size + 1)).bit_length() - 1):
            node = node_hash(stack.pop(), node)
        stack.append(node)
        size += 1
    if not stack:
        raise TreeRejected("a tree needs at least one leaf")
    root = stack.pop()
    while stack:
        root = node_hash(stack.pop(), root)
    return size, RootHash(root)
