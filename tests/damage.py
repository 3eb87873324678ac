"""Flipping one bit of what is stored, and flipping it back."""

import random
from collections.abc import Callable

from sqlalchemy import update
from sqlmodel import col
from world import World

from anchor_service.store import rebuilding
from anchor_service.store.tables import Batch, Leaf


def flip(world: World, batch: Batch, draw: random.Random, *, in_row: bool) -> tuple[Callable[[], object], str]:
    """Flip one bit of a leaf row, or else of the manifest. Returns how to mend it, and the name of the place."""
    bit = 1 << draw.randrange(8)
    if in_row:
        index, place = draw.randrange(batch.tree_size), draw.randrange(32)
        with world.store.reading() as connection:
            leaf = rebuilding.leaf_rows(connection, batch.id or 0)[index]
        _put(world, batch, index, leaf[:place] + bytes([leaf[place] ^ bit]) + leaf[place + 1 :])
        return lambda: _put(world, batch, index, leaf), f"leaf row (batch {batch.id}, index {index})"
    path = world.filing.manifest_path(batch.issuer_id, batch.sequence)
    data = path.read_bytes()
    place = draw.randrange(len(data))
    path.write_bytes(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])
    line = data[:place].count(b"\n") + 1
    return lambda: path.write_bytes(data), f"{path}, line {line}"


def _put(world: World, batch: Batch, index: int, leaf: bytes) -> None:
    with world.store.writing() as connection:
        where = (col(Leaf.batch_id) == batch.id, col(Leaf.leaf_index) == index)
        connection.execute(update(Leaf).where(*where).values(leaf_hash=leaf))
