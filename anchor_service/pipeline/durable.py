"""Files that are whole or not there, also after a power cut."""

import hashlib
import os
import socket
from collections.abc import Iterable
from pathlib import Path

from anchor_service.core.errors import Damaged

# What a file's name ends in until it is whole.
UNFINISHED = ".new"


def write_once(path: Path, pieces: Iterable[bytes], mode: int) -> bool:
    """Write a file and read it back; an existing one must be the same. Returns whether it was written.

    Raises: Damaged when there is another file, or it does not read back; OSError when a disk fails.
    """
    make_folder(path.parent)
    if not path.exists():
        replace(path, pieces, mode)
        return True
    with path.open("rb") as file:
        is_same = all(file.read(len(piece)) == piece for piece in pieces) and not file.read(1)
    if not is_same:
        raise Damaged(str(path), "it differs from what has to stand there")
    return False


def replace(path: Path, pieces: Iterable[bytes], mode: int) -> None:
    """Write a file in an existing folder, in the place of what may be there. Raises: as `write_once`."""
    replace_unsynced(path, pieces, mode)
    sync_folder(path.parent)


def replace_unsynced(path: Path, pieces: Iterable[bytes], mode: int) -> None:
    """As `replace`, but for the folder: who writes many files in one syncs it once. Raises: as `write_once`."""
    # A name of this process's own: others may write the same file at this moment.
    temporary = path.with_name(f"{path.name}.{socket.gethostname()}-{os.getpid()}{UNFINISHED}")
    written = hashlib.sha256()
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            for piece in pieces:
                written.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").digest() != written.digest():
            raise Damaged(str(path), "it does not read back as it was written")


def make_folder(folder: Path) -> None:
    """Make a folder that is still there after a power cut: a new name is only safe in a synced parent."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
