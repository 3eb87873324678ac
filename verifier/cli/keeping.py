"""A file that a command keeps from one run to the next: held by one process at a time, replaced whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from verifier.cli.answers import UsageError


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a file from reading it to replacing it: what waits here reads what was written in the meantime.

    The lock is another file beside it, FILE.lock, which stays: this one is replaced. Raises: UsageError; OSError.
    """
    try:
        # Only who keeps a file needs it, and not every system has it.
        import fcntl  # noqa: PLC0415
    except ImportError:
        raise UsageError(f"{path} cannot be kept: this system has no flock") from None
    with path.with_name(path.name + ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file whole and for good, or leave it as it was. Raises: OSError."""
    new = path.with_name(f"{path.name}.{os.urandom(8).hex()}.new")
    try:
        with new.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
