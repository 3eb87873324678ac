"""Intake's hands: a folder of PDFs and its CSV manifest become submissions."""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from anchor_service.core.errors import DocumentRejected, FieldRejected, ManifestRejected, Rejected
from anchor_service.pipeline.intake import Submission

# Hashing releases the interpreter lock: a second thread reads while the first one hashes.
HASHING_THREADS = 2
HEADER_WINDOW = 1024
TRAILER_WINDOW = 4096

# Canonical field -> the headers that institutes use for it.
HEADERS: dict[str, tuple[str, ...]] = {
    "file": ("file", "berkas", "nama_berkas"),
    "number": ("number", "nomor_sertifikat", "no_sertifikat", "no_sttp", "nosttpp", "nomor"),
    "kind": ("kind", "jenis_diklat", "jenis_pelatihan", "jenis"),
    "issued_on": ("issued_on", "tanggal_terbit"),
    "code": ("code", "kode"),
    "title": ("title", "nama_pelatihan", "nm_diklat"),
    "jp": ("jp", "jumlah_jam"),
    "grade": ("grade", "kualifikasi", "predikat"),
    "starts_on": ("starts_on", "tanggal_mulai"),
    "ends_on": ("ends_on", "tanggal_selesai"),
    "valid_until": ("valid_until", "berlaku_sampai"),
    "supersedes": ("supersedes", "menggantikan"),
}
REQUIRED_COLUMNS = ("file", "number", "kind", "issued_on")

_FIELD_OF = {header: field for field, headers in HEADERS.items() for header in headers}
_DAY = re.compile(r"(\d{1,2})[-/](\d{1,2})[-/](\d{4})", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


# A file's name, the CSV row that names it, and its fields or why it is refused.
Entry = tuple[str, int | None, Mapping[str, Any] | Rejected]


@dataclass(frozen=True, slots=True)
class Item:
    """One file of the folder or row of the manifest: ready to submit, or refused. `row` is the CSV's, from 1."""

    file: str
    row: int | None
    submission: Submission | None
    refused: Rejected | None


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder and its manifest hold, before a file is read. `ignored` are columns that are not taken in."""

    entries: tuple[Entry, ...]
    ignored: tuple[str, ...]


def list_folder(folder: Path, defaults: Mapping[str, Any]) -> Listing:
    """A folder without a manifest: the certificate number is the file's name without its suffix.

    Raises: DocumentRejected when the folder cannot be read or holds no PDF.
    """
    return Listing(tuple((name, None, {**defaults, "number": Path(name).stem}) for name in pdf_names(folder)), ())


def list_manifest(folder: Path, manifest: Path, zone: tzinfo, defaults: Mapping[str, Any]) -> Listing:
    """A folder with its CSV manifest; comma, semicolon or tab, with or without a byte order mark.

    `defaults` fill what the manifest has no column for. A file that no row names is refused.
    Raises: ManifestRejected when the manifest cannot be read; DocumentRejected as above.
    """
    names = set(pdf_names(folder))
    header, rows = _csv(manifest)
    fields = [_FIELD_OF.get(cell) for cell in header]
    _check_columns(manifest, fields, defaults)
    listed: set[str] = set()
    entries = [_row(number, cells, fields, zone, defaults, names, listed) for number, cells in rows]
    entries += [
        (name, None, ManifestRejected(f"{name} stands in the folder and in no row of {manifest.name}"))
        for name in sorted(names - listed)
    ]
    return Listing(tuple(entries), tuple(cell for cell, field in zip(header, fields, strict=True) if field is None))


def read_items(folder: Path, listing: Listing, on_progress: Callable[[int], None] = lambda _: None) -> Iterator[Item]:
    """Hash every listed file, two at a time, in order. `on_progress` hears the bytes of each."""
    with ThreadPoolExecutor(HASHING_THREADS) as pool:
        for entry, (digest, size) in zip(
            listing.entries, pool.map(lambda entry: _digest_unless_refused(folder, entry), listing.entries), strict=True
        ):
            name, row, fields = entry
            on_progress(size)
            if isinstance(fields, Rejected):
                yield Item(name, row, None, fields)
            elif isinstance(digest, Rejected):
                yield Item(name, row, None, digest)
            else:
                yield Item(name, row, Submission(digest, fields), None)


def pdf_names(folder: Path) -> list[str]:
    """The PDFs below a folder, by their paths in it, sorted.

    Raises: DocumentRejected when the folder cannot be read or holds none.
    """
    try:
        names = sorted(str(path.relative_to(folder)) for path in _walk(folder) if path.suffix.lower() == ".pdf")
    except OSError as error:
        raise DocumentRejected(f"folder {error.filename} cannot be read: {error.strerror}") from None
    if not names:
        raise DocumentRejected(f"folder {folder} holds no PDF: nothing was taken in")
    return names


def document_digest(path: Path) -> tuple[bytes, int]:
    """SHA-256 and size of a PDF's exact bytes.

    Raises: DocumentRejected when it cannot be read, is empty, is no PDF, or breaks off before its end.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DocumentRejected(f"{path.name} cannot be read: {error.strerror}") from None
    if not data:
        raise DocumentRejected(f"{path.name} is empty (0 bytes); export it again")
    if b"%PDF-" not in data[:HEADER_WINDOW]:
        raise DocumentRejected(f"{path.name} is not a PDF: it does not begin with %PDF-")
    if b"%%EOF" not in data[-TRAILER_WINDOW:]:
        raise DocumentRejected(f"{path.name} breaks off: its %%EOF is missing; copy it again")
    return hashlib.sha256(data).digest(), len(data)


def _walk(folder: Path) -> Iterator[Path]:
    # Path.rglob passes over folders that it may not read; a certificate must not be lost that way.
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


def _digest_unless_refused(folder: Path, entry: Entry) -> tuple[bytes | Rejected, int]:
    name, _, fields = entry
    if isinstance(fields, Rejected):
        return fields, 0
    try:
        return document_digest(folder / name)
    except Rejected as refused:
        return refused, 0


def _csv(manifest: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header's cells, normalised, and the filled rows with their numbers from 1. Raises: ManifestRejected."""
    try:
        text = manifest.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ManifestRejected(f"{manifest} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ManifestRejected(f"{manifest} is not UTF-8; save it again as CSV UTF-8") from None
    first_line = text.partition("\n")[0]
    if not first_line.strip():
        raise ManifestRejected(f"{manifest} is empty; its first line names the columns")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first_line.count), strict=True)
    try:
        header, *rows = list(reader)
    except csv.Error as error:
        raise ManifestRejected(f"{manifest}, line {reader.line_num}: {error}") from None
    numbered = [(number, cells) for number, cells in enumerate(rows, start=2) if any(cell.strip() for cell in cells)]
    return [cell.strip().lower().replace(" ", "_") for cell in header], numbered


def _check_columns(manifest: Path, fields: Sequence[str | None], defaults: Mapping[str, Any]) -> None:
    missing = [field for field in REQUIRED_COLUMNS if field not in fields and field not in defaults]
    if missing:
        named = ", ".join(f"{field} ({'/'.join(HEADERS[field])})" for field in missing)
        raise ManifestRejected(f"{manifest} has no column {named}")
    doubled = {field for field in fields if field is not None and fields.count(field) > 1}
    if doubled:
        raise ManifestRejected(f"{manifest} has more than one column for {min(doubled)}")


def _row(
    number: int,
    cells: Sequence[str],
    fields: Sequence[str | None],
    zone: tzinfo,
    defaults: Mapping[str, Any],
    names: Collection[str],
    listed: set[str],
) -> Entry:
    if len(cells) != len(fields):
        return "", number, ManifestRejected(f"row {number} has {len(cells)} cells, the header has {len(fields)}")
    given = {
        field: cell.strip() for field, cell in zip(fields, cells, strict=True) if field is not None and cell.strip()
    }
    name = given.pop("file", "")
    try:
        if not name:
            raise FieldRejected("file", f"row {number} names no file")
        if name in listed:
            raise ManifestRejected(f"row {number} names {name} a second time")
        listed.add(name)
        if name not in names:
            raise ManifestRejected(f"row {number} names {name}, which is not in the folder")
        return name, number, {**defaults, **{field: _value(field, text, zone) for field, text in given.items()}}
    except Rejected as refused:
        return name, number, refused


def _value(field: str, text: str, zone: tzinfo) -> str | int:
    if field == "jp":
        if not text.isdecimal():
            raise FieldRejected("jp", f"{text!r} is not a whole number of lesson hours")
        return int(text)
    if field in ("issued_on", "starts_on", "ends_on"):
        return _iso_day(text)
    if field == "valid_until" and "T" not in text:
        # A printed last day counts to its end, in the institute's zone.
        try:
            last = datetime.strptime(_iso_day(text), "%Y-%m-%d").replace(tzinfo=zone)
        except ValueError:
            raise FieldRejected(field, f"{text} is not a day of the calendar") from None
        return f"{(last + timedelta(days=1)).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return text


def _iso_day(text: str) -> str:
    """A day as YYYY-MM-DD; 20-11-2026 and 20/11/2026 are day first, as written in Indonesia."""
    if match := _DAY.fullmatch(text):
        day, month, year = match.groups()
        return f"{year}-{int(month):02}-{int(day):02}"
    if not _DATE.fullmatch(text):
        raise FieldRejected("date", f"{text!r} is neither 2026-11-20 nor 20-11-2026")
    return text
