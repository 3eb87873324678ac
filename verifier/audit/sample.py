"""A random sample that neither side chooses: drawn from the auditor's seed and the log's checkpoint.

Source: docs/spec/audit.md 4.
"""

import hashlib
from collections.abc import Iterator, Sequence

from verifier.chain.facts import Checkpoint

_DOMAIN = b"jangkar-audit-v1"


def draw(seed: str, checkpoint: Checkpoint, sizes: Sequence[int], count: int) -> dict[int, list[int]]:
    """Which leaves of which batches are drawn: indexes by the batch's index in `sizes`, each leaf at most once."""
    total = sum(sizes)
    drawn: set[int] = set()
    numbers = _numbers(seed, checkpoint)
    while len(drawn) < min(count, total):
        drawn.add(next(numbers) % total)
    found: dict[int, list[int]] = {}
    first, batch_index = 0, 0
    for number in sorted(drawn):
        while number >= first + sizes[batch_index]:
            first, batch_index = first + sizes[batch_index], batch_index + 1
        found.setdefault(batch_index, []).append(number - first)
    return found


def _numbers(seed: str, checkpoint: Checkpoint) -> Iterator[int]:
    """Integers of 256 bits: SHA-256 of domain, seed, checkpoint and a counter. The remainder's bias is below 2^-190."""
    begin = _DOMAIN + hashlib.sha256(seed.encode()).digest() + checkpoint.size.to_bytes(8, "big") + checkpoint.root
    counter = 0
    while True:
        yield int.from_bytes(hashlib.sha256(begin + counter.to_bytes(8, "big")).digest(), "big")
        counter += 1
