"""A tree cut into tiles of eight levels, so that any path is read from a few of them. Source: docs/spec/tiles.md.

A tile stands over 256 neighbours of one level: its `hashes` are those nodes, and its `inner` are the nodes above
them, level by level, up to the two that join in the tile above. Hashes alone are a tile of C2SP
tlog-tiles, but for a last node that was carried up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from anchor_service.core.errors import TreeRejected
from anchor_service.core.hashing import HASH_SIZE, NodeHash
from anchor_service.core.merkle import MerkleTree

HEIGHT = 8
WIDTH = 1 << HEIGHT

# Which tile of a tree: its level, counted in tiles, and its number in that level, from 0.
TileId = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tile:
    """Up to 256 nodes of one level of a tree, and what stands above them. 32 bytes a node, in order."""

    level: int
    number: int
    hashes: bytes
    inner: bytes

    @property
    def id(self) -> TileId:
        """Which tile of its tree this is."""
        return (self.level, self.number)


def cut(tree: MerkleTree) -> Iterator[Tile]:
    """All tiles of a tree, lowest level first. The root itself stands in none, but for a tree of one leaf."""
    top = _top(tree.tree_size)
    for level in range(top // HEIGHT + 1):
        first = level * HEIGHT
        for number in range(_width(tree.tree_size, first + HEIGHT)):
            rows = [
                tree.nodes(height, number << (first + HEIGHT - height), 1 << (first + HEIGHT - height))
                for height in range(first, min(first + HEIGHT - 1, top) + 1)
            ]
            yield Tile(level, number, rows[0], b"".join(rows[1:]))


def tile_ids(tree_size: int, leaf_index: int) -> list[TileId]:
    """The tiles that a leaf's inclusion path stands in: one for each eight levels.

    Raises: TreeRejected unless 0 <= leaf_index < tree_size.
    """
    if not 0 <= leaf_index < tree_size:
        raise TreeRejected(f"leaf index {leaf_index} lies outside a tree of {tree_size}")
    levels = range(_top(tree_size) // HEIGHT + 1)
    return [(level, leaf_index >> HEIGHT * (level + 1)) for level in levels]


def inclusion_path(tree_size: int, leaf_index: int, tiles: Mapping[TileId, Tile]) -> tuple[NodeHash, ...]:
    """Sibling hashes from the leaf up to the root's child, as `MerkleTree.inclusion_path` gives them.

    `tiles` holds at least those of `tile_ids`. Raises: TreeRejected as `tile_ids`, and where a tile is too short.
    """
    path = []
    for level, number in tile_ids(tree_size, leaf_index):
        tile, base = tiles[level, number], 0
        nodes = tile.hashes + tile.inner
        for height in range(level * HEIGHT, min((level + 1) * HEIGHT - 1, _top(tree_size)) + 1):
            begin = number << (level + 1) * HEIGHT - height
            width = min(_width(tree_size, height) - begin, 1 << (level + 1) * HEIGHT - height)
            sibling = (leaf_index >> height ^ 1) - begin
            # A node that is carried up has none.
            if sibling < width:
                at = (base + sibling) * HASH_SIZE
                path.append(NodeHash(nodes[at : at + HASH_SIZE]))
            base += width
        if base * HASH_SIZE != len(nodes):
            raise TreeRejected(f"tile {number} of level {level} has {len(nodes)} bytes")
    return tuple(path)


def _width(tree_size: int, height: int) -> int:
    """How many nodes there are at a height: an odd last one is carried up."""
    return -(-tree_size >> height)


def _top(tree_size: int) -> int:
    """The highest level whose nodes are ever siblings: the one below the root."""
    return max(0, (tree_size - 1).bit_length() - 1)
