"""What goes in: a folder of PDFs, or a table of digests of PDFs that stay elsewhere. What comes out: a stream of items.

An item is a submission for intake, or why there is none; they come in the table's order, or in that of the names.
"""
# A Path for each of a million files costs as much as their rows: names are strings here.
# ruff: noqa: PTH118, PTH119

import gc
import hashlib
import os
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import tzinfo
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from anchor_service.core.errors import DocumentRejected, FieldRejected, Rejected, TableRejected
from anchor_service.pipeline.intake import Submission
from anchor_service.pipeline.table import AS_NAMED, Columns, Table, open_table

# Hashing releases the interpreter lock: a second thread reads while the first one hashes.
HASHING_THREADS = 2
# Files of one task of a thread, and tasks that wait: the threads go on while what they hashed is taken in.
FILES_A_TASK = 64
TASKS_AHEAD = 128
# How long a thread waits while another keeps the interpreter's lock: Python's own 5 ms are many files.
LOCK_SECONDS = 0.001
# How many files are best taken in at once, so that this never waits for long.
FILES_AT_ONCE = 5_000
READ_BYTES = 1 << 18
HEADER_WINDOW = 1024
TRAILER_WINDOW = 4096

_HEX = re.compile("[0-9a-fA-F]{64}", re.ASCII)

# A file's name, the CSV row that names it, and its fields or why it is refused.
ListedFile = tuple[str, int | None, Mapping[str, Any] | Rejected]
T = TypeVar("T")


class Item(NamedTuple):
    """One file of the folder or row of the table: ready to submit, or why it is refused. `row` is the CSV's, from 1."""

    file: str
    row: int | None
    submission: Submission | Rejected


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder holds, by its own names or by its table, before a file is read. Names are below the folder."""

    folder: Path
    names: tuple[str, ...]
    table: Table | None
    defaults: Mapping[str, Any]

    @property
    def count(self) -> int:
        """How many entries there are, but for files that no row names."""
        return self.table.count if self.table else len(self.names)

    @property
    def ignored(self) -> tuple[str, ...]:
        """The table's columns that are not taken in."""
        return self.table.ignored if self.table else ()

    def entries(self) -> Iterator[ListedFile]:
        """Every row and every file; a file that no row names is refused. Raises: TableRejected."""
        if self.table is None:
            yield from (
                (name, None, {**self.defaults, "number": os.path.basename(name)[: -len(".pdf")]}) for name in self.names
            )
            return
        unlisted = dict.fromkeys(self.names, True)
        for row in self.table.rows():
            fields = row.fields
            if row.key and not isinstance(fields, Rejected):
                if row.key not in unlisted:
                    fields = TableRejected(f"row {row.number} names {row.key}, which is not in the folder")
                elif not unlisted[row.key]:
                    fields = TableRejected(f"row {row.number} names {row.key} a second time")
            if row.key in unlisted:
                unlisted[row.key] = False
            yield row.key, row.number, fields
        for name, is_unlisted in unlisted.items():
            if is_unlisted:
                problem = f"{name} stands in the folder and in no row of {self.table.sheet.path.name}"
                yield name, None, TableRejected(problem)


def list_folder(folder: Path, defaults: Mapping[str, Any]) -> Listing:
    """A folder without a table: the certificate number is the file's name without its suffix.

    Raises: DocumentRejected when the folder cannot be read or holds no PDF.
    """
    return Listing(folder, tuple(pdf_names(folder)), None, defaults)


def list_table(
    folder: Path, table: Path, zone: tzinfo, defaults: Mapping[str, Any], columns: Columns = AS_NAMED
) -> Listing:
    """A folder with its table, whose column `file` names the PDFs. `defaults` fill what has no column.

    Raises: TableRejected as `open_table`; DocumentRejected as above.
    """
    return Listing(folder, tuple(pdf_names(folder)), open_table(table, "file", zone, defaults, columns), defaults)


def read_items(listing: Listing) -> Iterator[Item]:
    """Hash every listed file, in order, some thousand ahead of the caller. Raises: TableRejected."""
    with _threads_first(), ThreadPoolExecutor(HASHING_THREADS) as pool:
        ahead: deque[Future[list[Item]]] = deque()
        try:
            for entries in in_pieces(listing.entries(), FILES_A_TASK):
                ahead.append(pool.submit(_hash_all, listing.folder, entries))
                if len(ahead) == TASKS_AHEAD:
                    yield from ahead.popleft().result()
            while ahead:
                yield from ahead.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _threads_first() -> Iterator[None]:
    """The interpreter's lock goes to the threads soon. Nobody looks for cycles, which would hold it: there are none."""
    works, seconds = gc.isenabled(), sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(LOCK_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(seconds)
        if works:
            gc.enable()


def read_digests(table: Table) -> Iterator[Item]:
    """Every row of a table whose column `document_digest` stands for the files. Raises: TableRejected."""
    for row in table.rows():
        if isinstance(row.fields, Rejected):
            yield Item(row.key, row.number, row.fields)
            continue
        try:
            fields = _with_digest_superseded(str(table.sheet.path.parent), row.fields)
            yield Item(row.key, row.number, Submission(_digest(row.key), fields))
        except Rejected as refused:
            yield Item(row.key, row.number, refused.as_value())


def in_pieces(whole: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of up to `size`, as many as there are."""
    following = iter(whole)
    while piece := list(islice(following, size)):
        yield piece


def pdf_names(folder: Path) -> list[str]:
    """The PDFs below a folder, by their paths in it, sorted.

    Raises: DocumentRejected when the folder cannot be read or holds none.
    """
    try:
        names = sorted(name for name in _walk(str(folder), "") if name.lower().endswith(".pdf"))
    except OSError as error:
        raise DocumentRejected(f"folder {error.filename} cannot be read: {error.strerror}") from None
    if not names:
        raise DocumentRejected(f"folder {folder} holds no PDF: nothing was taken in")
    return names


def document_digest(path: Path | str, buffer: bytearray | None = None) -> bytes:
    """SHA-256 of a PDF's exact bytes. A buffer that is given is used again and again.

    Raises: DocumentRejected when it cannot be read, is empty, is no PDF, or breaks off before its end.
    """
    view = memoryview(buffer or bytearray(READ_BYTES))
    found, head, tail = hashlib.sha256(), b"", b""
    try:
        # The bare calls: each one more would be one more wait for the interpreter's lock.
        file = os.open(path, os.O_RDONLY)
        try:
            while count := os.readv(file, [view]):
                piece = view[:count]
                found.update(piece)
                head += piece[: HEADER_WINDOW - len(head)]
                tail = (tail + piece[-TRAILER_WINDOW:])[-TRAILER_WINDOW:]
        finally:
            os.close(file)
    except OSError as error:
        raise DocumentRejected(f"{os.path.basename(path)} cannot be read: {error.strerror}") from None
    require_pdf(os.path.basename(path), head, tail)
    return found.digest()


def require_pdf(name: str, head: bytes, tail: bytes) -> None:
    """Refuse a file by its first HEADER_WINDOW and its last TRAILER_WINDOW bytes. Raises: DocumentRejected."""
    if not head:
        raise DocumentRejected(f"{name} is empty (0 bytes); export it again")
    if b"%PDF-" not in head:
        raise DocumentRejected(f"{name} is not a PDF: it does not begin with %PDF-")
    if b"%%EOF" not in tail:
        raise DocumentRejected(f"{name} breaks off: its %%EOF is missing; copy it again")


def _walk(folder: str, below: str) -> Iterator[str]:
    # Path.rglob passes over folders that it may not read; a certificate must not be lost that way.
    with os.scandir(os.path.join(folder, below)) as entries:
        for entry in entries:
            name = below + entry.name
            if entry.is_dir():
                yield from _walk(folder, name + os.sep)
            else:
                yield name


def _hash_all(folder: Path, entries: Iterable[ListedFile]) -> list[Item]:
    # One for all of them: a new one would have to be cleared first, for each file.
    buffer = bytearray(READ_BYTES)
    return [_item(str(folder), buffer, *entry) for entry in entries]


def _item(folder: str, buffer: bytearray, name: str, row: int | None, fields: Mapping[str, Any] | Rejected) -> Item:
    if isinstance(fields, Rejected):
        return Item(name, row, fields)
    try:
        digest = document_digest(f"{folder}{os.sep}{name}", buffer)
        fields = _with_digest_superseded(folder, fields)
        listed = fields.get("document_digest")
        if listed is not None and _digest(listed) != digest:
            raise DocumentRejected(f"{name} is another file than the table says: its SHA-256 is {digest.hex()}")
    except Rejected as refused:
        return Item(name, row, refused.as_value())
    if listed is not None:
        fields = {field: value for field, value in fields.items() if field != "document_digest"}
    return Item(name, row, Submission(digest, fields))


def _with_digest_superseded(folder: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same fields, where an earlier certificate is named by its PDF with that one's SHA-256.

    Raises: DocumentRejected.
    """
    name = fields.get("supersedes")
    if not isinstance(name, str) or not name.lower().endswith(".pdf"):
        return fields
    return {**fields, "supersedes": document_digest(os.path.join(folder, name)).hex()}


def _digest(text: str) -> bytes:
    if not _HEX.fullmatch(text):
        raise FieldRejected("document_digest", f"{text!r} is not 64 hexadecimal digits")
    return bytes.fromhex(text)
