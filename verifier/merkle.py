"""The two tree questions that a verifier asks, straight from RFC 9162."""

from collections.abc import Sequence

from verifier.errors import MalformedProof
from verifier.hashing import DIGEST_BYTES, interior

MAX_TREE_SIZE = 2**64 - 1


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
    fn, sn = leaf_index, tree_size - 1
    root = leaf_hash
    for node in path:
        if sn == 0:
            raise MalformedProof("the path is too long for this tree")
        if fn & 1 or fn == sn:
            root = interior(node, root)
            while fn and not fn & 1:
                fn >>= 1
                sn >>= 1
        else:
            root = interior(root, node)
        fn >>= 1
        sn >>= 1
    if sn != 0:
        raise MalformedProof("the path is too short for this tree")
    return root


def root_from_leaves(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over all leaf hashes, by the recursion of RFC 9162 2.1.1.

    Raises: MalformedProof for no leaves.
    """
    if not leaf_hashes:
        raise MalformedProof("a tree has at least one leaf")
    return _subtree(leaf_hashes, 0, len(leaf_hashes))


def _subtree(leaf_hashes: Sequence[bytes], start: int, end: int) -> bytes:
    size = end - start
    if size == 1:
        return leaf_hashes[start]
    split = start + (1 << (size - 1).bit_length() - 1)
    return interior(_subtree(leaf_hashes, start, split), _subtree(leaf_hashes, split, end))
