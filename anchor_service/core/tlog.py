"""A tree, and what stands in it, as static files. Source: docs/spec/mirror.md; C2SP tlog-tiles and tlog-checkpoint.

Unlike the tiles that the service keeps (`tiles.py`), these hold whole subtrees only: a last node that was carried up
stands in none of them.
"""

import base64
from collections.abc import Iterator, Sequence

from anchor_service.core.merkle import MerkleTree
from anchor_service.core.tiles import HEIGHT, WIDTH


def hash_tiles(tree: MerkleTree) -> Iterator[tuple[str, bytes]]:
    """Name and content of each tile: up to 256 nodes of every eighth level, 32 bytes each, lowest level first."""
    level = 0
    while count := tree.tree_size >> HEIGHT * level:
        for number, first in enumerate(range(0, count, WIDTH)):
            width = min(WIDTH, count - first)
            yield tile_path(f"tile/{level}", number, width), tree.nodes(level * HEIGHT, first, width)
        level += 1


def runs(kind: str, items: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each run of up to 256 things that stand beside the leaves, one after the other."""
    for number, first in enumerate(range(0, len(items), WIDTH)):
        run = items[first : first + WIDTH]
        yield tile_path(kind, number, len(run)), b"".join(run)


def checkpoint(origin: str, tree_size: int, root_hash: bytes, *more: str) -> str:
    """Origin, size, root and further lines, each with its line feed. Nobody signs it: the registry holds the same."""
    return "".join(f"{line}\n" for line in (origin, tree_size, base64.b64encode(root_hash).decode(), *more))


def size_of(text: str) -> int:
    """The size that a checkpoint says; -1 of a text that is none."""
    lines = text.split("\n")
    return int(lines[1]) if len(lines) > 1 and lines[1].isdecimal() else -1


def tile_path(kind: str, number: int, width: int) -> str:
    """Where a tile stands: its number in groups of three digits, and its width while it is not full."""
    groups = [f"{number % 1_000:03}"]
    while number := number // 1_000:
        groups.append(f"x{number % 1_000:03}")
    return "/".join([kind, *reversed(groups)]) + ("" if width == WIDTH else f".p/{width}")
