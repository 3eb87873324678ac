"""Flipping one bit of what is stored, and flipping it back."""

import random
from collections.abc import Callable

from sqlalchemy import update
from sqlmodel import col
from world import World

from anchor_service.core.tiles import WIDTH
from anchor_service.store import sealing
from anchor_service.store.tables import Batch, TreeTile


def flip(world: World, batch: Batch, draw: random.Random, *, in_row: bool) -> tuple[Callable[[], object], str]:
    """Flip one bit of a stored leaf, or else of the manifest. Returns how to mend it, and the name of the place."""
    bit = 1 << draw.randrange(8)
    if in_row:
        index, place = draw.randrange(batch.tree_size), draw.randrange(32)
        number, place = index // WIDTH, index % WIDTH * 32 + place
        with world.store.reading() as connection:
            hashes = sealing.tiles(connection, batch.id)[0, number].hashes
        _put(world, batch, number, hashes[:place] + bytes([hashes[place] ^ bit]) + hashes[place + 1 :])
        where = f"tile row (batch {batch.id}, level 0, number {number}), hash {index % WIDTH}"
        return lambda: _put(world, batch, number, hashes), where
    path = world.filing.manifest_path(batch.issuer_id, batch.sequence)
    data = path.read_bytes()
    place = draw.randrange(len(data))
    path.write_bytes(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])
    line = data[:place].count(b"\n") + 1
    return lambda: path.write_bytes(data), f"{path}, line {line}"


def _put(world: World, batch: Batch, number: int, hashes: bytes) -> None:
    with world.store.writing() as connection:
        where = (col(TreeTile.batch_id) == batch.id, col(TreeTile.level) == 0, col(TreeTile.number) == number)
        connection.execute(update(TreeTile).where(*where).values(hashes=hashes))
