"""Python's collector of cycles, while a million certificates pass.

It looks through all that is alive again and again, which took an eighth of a night; what passes here has no cycles.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resting() -> Iterator[None]:
    """Let it rest for a while, where it is at work."""
    works = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if works:
            gc.enable()
