"""All inclusion paths of a tree at once, as other libraries' trees are asked for them.

The service never wants them all: it reads each path from a few tiles, when somebody asks for that receipt.
"""

from collections.abc import Iterator

from anchor_service.core.hashing import HASH_SIZE, NodeHash
from anchor_service.core.merkle import MerkleTree

_PAIR = 2 * HASH_SIZE


def inclusion_paths(tree: MerkleTree) -> Iterator[tuple[NodeHash, ...]]:
    """Every leaf's inclusion path, in tree order, as `MerkleTree.inclusion_path` gives it.

    A path is its sibling and its parent's path, so that all of them cost little more than the nodes.
    """
    return _paths(tree, 0)


def _paths(tree: MerkleTree, height: int) -> Iterator[tuple[NodeHash, ...]]:
    level = tree.nodes(height, 0, tree.tree_size)
    if len(level) == HASH_SIZE:
        yield ()
        return
    above = _paths(tree, height + 1)
    for left in range(0, len(level) - HASH_SIZE, _PAIR):
        right, path = left + HASH_SIZE, next(above)
        yield (NodeHash(level[right : left + _PAIR]), *path)
        yield (NodeHash(level[left:right]), *path)
    # The odd last node, where there is one, was carried up: its path is that of its place above.
    yield from above
