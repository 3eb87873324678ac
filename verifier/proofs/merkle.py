"""Roots, paths and frontiers of RFC 9162 trees: whether a leaf stands in one, and whether it only grew."""

from collections.abc import Callable, Sequence
from functools import partial

from verifier.errors import MalformedProof
from verifier.proofs.hashing import DIGEST_BYTES, node_hash

MAX_TREE_SIZE = 2**64 - 1
# SHA-256 of nothing. Source: RFC 9162 2.1.1.
EMPTY_ROOT = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")


def root_from_path(leaf_hash: bytes, leaf_index: int, tree_size: int, path: Sequence[bytes]) -> bytes:
    """The root that this path leads to, under a tree size taken from the chain.

    Raises: MalformedProof when index, size and path do not fit together, named by the defect.
    Source: RFC 9162 2.1.3.2.
    """
    if not 1 <= tree_size <= MAX_TREE_SIZE:
        raise MalformedProof(f"tree size {tree_size} is out of range")
    if not 0 <= leaf_index < tree_size:
        raise MalformedProof(f"leaf index {leaf_index} lies outside a tree of {tree_size}")
    if any(len(node) != DIGEST_BYTES for node in (leaf_hash, *path)):
        raise MalformedProof("a hash does not have 32 bytes")
    sides = siblings_on_the_left(leaf_index, tree_size)
    if len(path) > len(sides):
        raise MalformedProof("the path is too long for this tree")
    if len(path) < len(sides):
        raise MalformedProof("the path is too short for this tree")
    root = leaf_hash
    for node, is_left in zip(path, sides, strict=True):
        root = node_hash(node, root) if is_left else node_hash(root, node)
    return root


def siblings_on_the_left(leaf_index: int, tree_size: int) -> list[bool]:
    """Whether each sibling of a leaf's path stands on the left, lowest first. Source: RFC 9162 2.1.3.2."""
    fn, sn = leaf_index, tree_size - 1
    sides = []
    while sn:
        is_left = bool(fn & 1) or fn == sn
        sides.append(is_left)
        while is_left and fn and not fn & 1:
            fn >>= 1
            sn >>= 1
        fn >>= 1
        sn >>= 1
    return sides


def root_from_leaves(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over all leaf hashes, by the recursion of RFC 9162 2.1.1.

    Raises: MalformedProof for no leaves.
    """
    if not leaf_hashes:
        raise MalformedProof("a tree has at least one leaf")
    return _subtree(leaf_hashes, 0, len(leaf_hashes))


def split_of(start: int, end: int) -> int:
    """Where the leaves [start, end), two or more, part: before the largest power of two that is less than their number.

    Source: RFC 9162 2.1.1.
    """
    return start + (1 << (end - start - 1).bit_length() - 1)


def _subtree(leaf_hashes: Sequence[bytes], start: int, end: int) -> bytes:
    if end - start == 1:
        return leaf_hashes[start]
    split = split_of(start, end)
    return node_hash(_subtree(leaf_hashes, start, split), _subtree(leaf_hashes, split, end))


class Frontier:
    """A tree that only grows, kept by the roots of its perfect subtrees, smallest first: one for each bit of its size.

    Source: docs/spec/log.md; RFC 9162 2.1.1 gives the shape.
    """

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        """Raises: MalformedProof when the nodes are not as many as the bits of the size."""
        if len(nodes) != size.bit_count():
            raise MalformedProof(f"a tree of {size} has {size.bit_count()} perfect subtrees, not {len(nodes)}")
        self.size = size
        self.nodes = tuple(nodes)

    def append(self, leaf_hash: bytes) -> None:
        """Add one leaf."""
        hash_, joined = leaf_hash, (~self.size & self.size + 1).bit_length() - 1
        for node in self.nodes[:joined]:
            hash_ = node_hash(node, hash_)
        self.nodes = (hash_, *self.nodes[joined:])
        self.size += 1

    @property
    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self.nodes:
            return EMPTY_ROOT
        root, *larger = self.nodes
        for node in larger:
            root = node_hash(node, root)
        return root


def inclusion_path(leaf_hashes: Sequence[bytes], leaf_index: int) -> list[bytes]:
    """The path of one leaf in the tree over all leaf hashes, lowest first.

    Raises: MalformedProof when the index lies outside. Source: RFC 9162 2.1.3.1.
    """
    if not 0 <= leaf_index < len(leaf_hashes):
        raise MalformedProof(f"leaf index {leaf_index} lies outside a tree of {len(leaf_hashes)}")
    return siblings(len(leaf_hashes), leaf_index, partial(_subtree, leaf_hashes))


def siblings(tree_size: int, leaf_index: int, root_of: Callable[[int, int], bytes]) -> list[bytes]:
    """The path of a leaf that the tree holds, lowest first; `root_of` gives the root over the leaves [start, end)."""
    path: list[bytes] = []
    start, end = 0, tree_size
    while end - start > 1:
        split = split_of(start, end)
        if leaf_index < split:
            path.append(root_of(split, end))
            end = split
        else:
            path.append(root_of(start, split))
            start = split
    return path[::-1]


def consistency_path(leaf_hashes: Sequence[bytes], old_size: int) -> list[bytes]:
    """The path that proves that the tree over the first `old_size` leaf hashes is a beginning of this one.

    Empty when the sizes are equal. Raises: MalformedProof unless 1 <= old_size <= size.
    Source: RFC 9162 2.1.4.1, PROOF and SUBPROOF.
    """
    if not 1 <= old_size <= len(leaf_hashes):
        raise MalformedProof(f"a tree of {len(leaf_hashes)} has no beginning of {old_size}")
    path: list[bytes] = []
    start, end = 0, len(leaf_hashes)
    while old_size != end:
        split = split_of(start, end)
        if old_size <= split:
            path.append(_subtree(leaf_hashes, split, end))
            end = split
        else:
            path.append(_subtree(leaf_hashes, start, split))
            start = split
    # SUBPROOF leaves out the subtree that the old root itself is.
    return path[::-1] if start == 0 else [_subtree(leaf_hashes, start, end), *path[::-1]]


def is_consistent(old_size: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path proves that a tree of `old_root` is a beginning of the tree of `root`.

    Raises: MalformedProof when sizes and path do not fit together. Source: RFC 9162 2.1.4.2.
    """
    if not 1 <= old_size <= size <= MAX_TREE_SIZE:
        raise MalformedProof(f"a tree of {size} has no beginning of {old_size}")
    if any(len(node) != DIGEST_BYTES for node in (old_root, root, *path)):
        raise MalformedProof("a hash does not have 32 bytes")
    if old_size == size:
        if path:
            raise MalformedProof("equal sizes need no path")
        return old_root == root
    # The old root itself begins the path when it is a subtree of the new tree.
    nodes = [old_root, *path] if old_size & (old_size - 1) == 0 else list(path)
    if not nodes:
        raise MalformedProof("the path is too short for these sizes")
    return _both_roots(old_size, size, nodes) == (old_root, root)


def _both_roots(old_size: int, size: int, nodes: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Where the nodes lead under each of the two sizes: steps 3 to 7 of RFC 9162 2.1.4.2."""
    fn, sn = old_size - 1, size - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    old = new = nodes[0]
    for node in nodes[1:]:
        if sn == 0:
            raise MalformedProof("the path is too long for these sizes")
        if fn & 1 or fn == sn:
            old, new = node_hash(node, old), node_hash(node, new)
            while fn and not fn & 1:
                fn >>= 1
                sn >>= 1
        else:
            new = node_hash(new, node)
        fn >>= 1
        sn >>= 1
    if sn != 0:
        raise MalformedProof("the path is too short for these sizes")
    return old, new
