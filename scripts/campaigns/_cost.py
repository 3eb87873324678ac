"""What reading costs as its input grows: processor time of this process, which others on the machine do not add to."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from _readers import Family, Reader

# Below it a clock's steps and a cache's moods are all that is seen; a square would be a thousand times above it.
FLOOR_SECONDS = 0.001
REPETITIONS = 3
DOUBLINGS = 6
# A line doubles with its input, a square quadruples.
MOST_A_DOUBLING = 2.7


class Growth(NamedTuple):
    """Seconds for an input of a quarter, a half and all of a size in bytes.

    The size is the largest that the reader takes, or is timed with, or takes long.
    """

    size: int
    seconds: tuple[float, float, float]

    @property
    def a_doubling(self) -> float:
        """By how much the time grows when the input doubles, over both doublings; 0 where there is no time to see."""
        first, _, last = self.seconds
        return (last / first) ** 0.5 if last > FLOOR_SECONDS else 0.0

    def __str__(self) -> str:
        first, second, third = (1_000 * each for each in self.seconds)
        return f"{first:.1f}, {second:.1f}, {third:.1f} ms up to {self.size} bytes: {self.a_doubling:.2f} a doubling"


@contextmanager
def without_collections() -> Iterator[None]:
    """No garbage is looked for meanwhile: that would cost by what the whole process holds."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def seconds(take: Callable[[bytes], object], data: bytes, repetitions: int = REPETITIONS) -> float:
    """The least that reading it once took: what disturbs only adds."""
    times = []
    for _ in range(repetitions):
        began = time.process_time()
        take(data)
        times.append(time.process_time() - began)
    return min(times)


def growth(reader: Reader, family: Family, repetitions: int = REPETITIONS) -> Growth:
    """How the time grows with a family's input."""
    most, size, times = min(reader.most, reader.timed), 0, [0.0, 0.0]
    with without_collections():
        for smaller in reversed(range(DOUBLINGS + 1)):
            size = most >> smaller
            times.append(seconds(reader.take, family(size), repetitions))
            if len(times) >= 5 and times[-1] > reader.enough:
                break
    first, second, third = times[-3:]
    return Growth(size, (first, second, third))
