"""What goes in: an institute's sheet, with the columns and dates that institutes write. What comes out: rows of fields.

Days come out as YYYY-MM-DD and instants as UTC, in text; `jp` as a whole number of lesson hours.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from anchor_service.core.errors import FieldRejected, Rejected, TableRejected
from anchor_service.pipeline.sheet import Sheet, sheet_of

# Canonical field -> the headers that institutes use for it.
HEADERS: dict[str, tuple[str, ...]] = {
    "file": ("file", "berkas", "nama_berkas"),
    "document_digest": ("document_digest", "sha256", "sidik_jari"),
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
REQUIRED_FIELDS = ("number", "kind", "issued_on")
# Words of a header that tell of a field, the surest first: a column that has one, or is nearly a known header, may be
# meant as that field.
TELLING_WORDS: dict[str, tuple[str, ...]] = {
    "document_digest": ("sha", "sha256", "digest", "hash", "sidik"),
    "file": ("file", "berkas", "pdf"),
    "supersedes": ("menggantikan", "pengganti", "mengganti"),
    "valid_until": ("berlaku", "valid", "kedaluwarsa", "kadaluwarsa", "kadaluarsa", "expired", "expiry", "expires"),
    "starts_on": ("mulai", "dimulai", "awal", "start"),
    "ends_on": ("selesai", "berakhir", "akhir", "end"),
    "issued_on": ("terbit", "diterbitkan", "penerbitan", "issued"),
    "jp": ("jp", "jpl", "jam"),
    "grade": ("kualifikasi", "predikat", "grade"),
    "title": ("diklat", "pelatihan", "judul", "title"),
    "number": ("sertifikat", "sttp", "sttpp"),
}
DATE_WORDS = ("tanggal", "tgl", "date")
# A column about a training that is none of its fields.
OTHER_WORDS = ("tempat", "lokasi", "kota", "penyelenggara", "angkatan", "metode", "pola", "bidang")
# How near a header has to be to a known one, by difflib: a letter or two in ten.
NEAR = 0.85

_FIELD_OF = {header: field for field, headers in HEADERS.items() for header in headers}
_DAY = re.compile(r"(\d{1,2})[-/](\d{1,2})[-/](\d{4})", re.ASCII)
MONTHS, MAX_DAY = 12, 31
# Letters of a cell that a refusal shows; no whole number of ours has more digits.
SHOWN = 40
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Columns(NamedTuple):
    """What a person says of a table's columns: which field a header stands for, and which are not to be taken in.

    Headers are as `Table` writes them.
    """

    named: Mapping[str, str] = MappingProxyType({})
    left_out: frozenset[str] = frozenset()


# Nothing is said: headers stand for what they are.
AS_NAMED = Columns()


class Row(NamedTuple):
    """One filled row by its number in a spreadsheet: what its `key` column holds, its fields or why it is refused."""

    number: int
    key: str
    fields: Mapping[str, Any] | Rejected


@dataclass(frozen=True, slots=True)
class Table:
    """An institute's list: a sheet that was read through once, and what its columns are.

    `key` names what a row is about, `file` or `document_digest`. `defaults` fill what has no column; `count` is of
    its filled rows, `ignored` are columns that are not taken in.
    """

    sheet: Sheet
    key: str
    zone: tzinfo
    defaults: Mapping[str, Any]
    count: int
    fields: tuple[str | None, ...]
    ignored: tuple[str, ...]

    def rows(self) -> Iterator[Row]:
        """The filled rows, as they are read. Raises: TableRejected where the file was changed since."""
        for number, cells in _filled(self.sheet):
            yield self._row(number, cells)

    def _row(self, number: int, cells: Sequence[str]) -> Row:
        if len(cells) != len(self.fields):
            problem = f"row {number} has {len(cells)} cells, the header has {len(self.fields)}"
            return Row(number, "", TableRejected(problem))
        key, fields = cells[self.fields.index(self.key)].strip(), dict(self.defaults)
        try:
            if not key:
                raise FieldRejected(self.key, f"row {number} names no {self.key}")
            for field, cell in zip(self.fields, cells, strict=True):
                text = cell.strip()
                if text and field not in (None, self.key):
                    fields[field] = _value(field, text, self.zone)
        except Rejected as refused:
            return Row(number, key, refused.as_value())
        return Row(number, key, fields)


def open_table(path: Path, key: str, zone: tzinfo, defaults: Mapping[str, Any], columns: Columns = AS_NAMED) -> Table:
    """Read a table through, so that nothing is taken in of one that breaks off.

    Raises: TableRejected when it cannot be read, lacks a column that `defaults` do not give, has one that may be meant
    as a known one and of which `columns` says nothing, or has its dates month first.
    """
    sheet = sheet_of(path)
    _, cells = next(sheet.lines())
    header = [header_of(cell) for cell in cells]
    # Digests stand for files, wherever those are.
    unused = {"file"} - {key}
    fields = tuple(None if (field := _field_of(cell, columns)) in unused else field for cell in header)
    _check_columns(path, key, header, fields, defaults, columns)
    dates = [(place, field) for place, field in enumerate(fields) if field and _VALUES.get(field) in (_day, _end)]
    count = 0
    for number, row in _filled(sheet):
        count += 1
        _require_day_first(number, row, dates)
    ignored = tuple(cell for cell, field in zip(header, fields, strict=True) if field is None)
    return Table(sheet, key, zone, defaults, count, fields, ignored)


def header_of(cell: str) -> str:
    """A header as it is compared: lower case, with _ for spaces."""
    return re.sub(r"\s", "_", cell.strip().lower())


def _field_of(header: str, columns: Columns) -> str | None:
    if header in columns.left_out:
        return None
    return columns.named.get(header) or _FIELD_OF.get(header)


def _meant(header: str) -> str | None:
    """The field that a header may be meant as; nothing where it is like none."""
    words = set(re.findall(r"[a-z0-9]+", header))
    if words & set(OTHER_WORDS):
        return None
    for field, telling in TELLING_WORDS.items():
        if words & set(telling):
            return "issued_on" if field in ("title", "number") and words & set(DATE_WORDS) else field
    near = get_close_matches(header, _FIELD_OF, n=1, cutoff=NEAR)
    return _FIELD_OF[near[0]] if near else None


def _require_day_first(number: int, cells: Sequence[str], dates: Sequence[tuple[int, str]]) -> None:
    """One date that only makes sense month first says that its whole column is, 03/12/2026 too. Raises: TableRejected.

    `dates` are the places of columns of dates, each with its field.
    """
    for place, field in dates:
        cell = cells[place].strip() if place < len(cells) else ""
        match = _DAY.fullmatch(cell)
        if match and int(match[1]) <= MONTHS < int(match[2]) <= MAX_DAY:
            raise TableRejected(
                f"row {number} has {cell} in {field}: the month stands first, and in the whole column perhaps, "
                "where 03/12/2026 is read as 3 December. Format the column as yyyy-mm-dd and save the table again"
            )


def _filled(sheet: Sheet) -> Iterator[tuple[int, Sequence[str]]]:
    lines = sheet.lines()
    next(lines)
    return ((number, cells) for number, cells in lines if any(map(str.strip, cells)))


def _check_columns(
    path: Path,
    key: str,
    header: Sequence[str],
    fields: Sequence[str | None],
    defaults: Mapping[str, Any],
    columns: Columns,
) -> None:
    unknown = (columns.named.keys() | columns.left_out) - set(header)
    if unknown:
        raise TableRejected(f"{path} has no column {min(unknown)}; it has {', '.join(header)}")
    missing = [field for field in (key, *REQUIRED_FIELDS) if field not in fields and field not in defaults]
    if missing:
        named = ", ".join(f"{field} ({'/'.join(HEADERS[field])})" for field in missing)
        raise TableRejected(f"{path} has no column {named}; it has {', '.join(header)}")
    doubled = {field for field, count in Counter(fields).items() if field is not None and count > 1}
    if doubled:
        raise TableRejected(f"{path} has more than one column for {min(doubled)}")
    doubtful = {
        cell: field
        for cell, known in zip(header, fields, strict=True)
        if known is None
        and not (cell in columns.left_out or cell in columns.named or cell in _FIELD_OF)
        and (field := _meant(cell))
    }
    if doubtful:
        raise TableRejected(
            f"{path} has columns that may be meant as known ones: "
            + ", ".join(f"{cell} (as {field}?)" for cell, field in doubtful.items())
            + ". What is not taken in is not on chain: name each with --column HEADER=FIELD, or leave it out with "
            "--leave-out HEADER"
        )


def _value(field: str, text: str, zone: tzinfo) -> str | int:
    convert = _VALUES.get(field)
    return text if convert is None else convert(text, zone)


def _jp(text: str, _zone: tzinfo) -> int:
    if not text.isdecimal() or len(text) > SHOWN:
        raise FieldRejected("jp", f"{text[:SHOWN]!r} is not a whole number of lesson hours")
    return int(text)


def _day(text: str, _zone: tzinfo) -> str:
    """A day as YYYY-MM-DD; 20-11-2026 and 20/11/2026 are day first, as written in Indonesia."""
    if match := _DAY.fullmatch(text):
        day, month, year = match.groups()
        return f"{year}-{int(month):02}-{int(day):02}"
    if not _DATE.fullmatch(text):
        raise FieldRejected("date", f"{text!r} is neither 2026-11-20 nor 20-11-2026")
    return text


def _end(text: str, zone: tzinfo) -> str:
    """An instant as it is; a printed last day counts to its end, in the institute's zone."""
    if "T" in text:
        return text
    try:
        last = datetime.strptime(_day(text, zone), "%Y-%m-%d").replace(tzinfo=zone)
    except ValueError:
        raise FieldRejected("valid_until", f"{text} is not a day of the calendar") from None
    if last.year == MAXYEAR:
        raise FieldRejected("valid_until", f"{text} is no day that comes: leave the cell empty where there is no end")
    return f"{(last + timedelta(days=1)).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


_VALUES: dict[str, Callable[[str, tzinfo], str | int]] = {
    "jp": _jp,
    "issued_on": _day,
    "starts_on": _day,
    "ends_on": _day,
    "valid_until": _end,
}
