"""The RFC 9162 tree of one batch, as arrays of levels.

Pairing level by level and carrying an odd last node up unchanged gives the same tree as
splitting at the largest power of two below n (RFC 9162 2.1.1); tests/core/test_merkle.py
compares the two for every size up to 130.
"""

from collections.abc import Iterable, Sequence

from anchor_service.core.errors import TreeRejected
from anchor_service.core.hashing import LeafHash, NodeHash, RootHash, node_hash


class MerkleTree:
    """The levels of one tree, from the leaves up to the root."""

    def __init__(self, leaf_hashes: Sequence[LeafHash]) -> None:
        """Build all levels.

        Shape: at least one leaf hash of 32 bytes, in tree order. Memory: about 2n hashes.
        Raises: TreeRejected for no leaves.
        """
        if not leaf_hashes:
            raise TreeRejected("a tree needs at least one leaf")
        level: list[bytes] = list(leaf_hashes)
        self._levels = [level]
        while len(level) > 1:
            above: list[bytes] = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
            if len(level) % 2:
                above.append(level[-1])
            self._levels.append(above)
            level = above

    @property
    def tree_size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0])

    @property
    def root_hash(self) -> RootHash:
        """Hash of the whole tree; of a single leaf, that leaf's hash."""
        return RootHash(self._levels[-1][0])

    def inclusion_path(self, leaf_index: int) -> tuple[NodeHash, ...]:
        """Sibling hashes from the leaf up to the root's child.

        Shape: at most ceil(log2(tree_size)) hashes of 32 bytes, lowest first; empty for one leaf.
        Raises: TreeRejected unless 0 <= leaf_index < tree_size.
        Source: RFC 9162 2.1.3.1; tests/vectors/inclusion/.
        """
        if not 0 <= leaf_index < self.tree_size:
            raise TreeRejected(f"leaf index {leaf_index} lies outside a tree of {self.tree_size}")
        path: list[NodeHash] = []
        index = leaf_index
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                path.append(NodeHash(level[sibling]))
            index >>= 1
        return tuple(path)

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
        path = [NodeHash(self._levels[height][index])] if index else []
        for level in self._levels[height:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                path.append(NodeHash(level[sibling]))
            index >>= 1
        return tuple(path)


def root_by_frontier(leaf_hashes: Iterable[bytes]) -> tuple[int, RootHash]:
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
