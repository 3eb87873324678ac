"""What goes in: the file that an institute keeps its list in. What comes out: its lines, as cells of text.

What the cells mean is the table's to say. A new format is one more class here, beside its suffix.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from anchor_service.core.errors import TableRejected


class Sheet(Protocol):
    """A file of rows of cells, read from its beginning each time that it is asked."""

    @property
    def path(self) -> Path:
        """Where it is."""

    def lines(self) -> Iterator[tuple[int, Sequence[str]]]:
        """The header and every row, also empty ones, numbered from 1 as a spreadsheet does. Raises: TableRejected."""


@dataclass(frozen=True, slots=True)
class CsvSheet:
    """A CSV in UTF-8: comma, semicolon or tab, with or without a byte order mark."""

    path: Path

    def lines(self) -> Iterator[tuple[int, Sequence[str]]]:
        """As `Sheet` has it. The delimiter is the one that the first line has most of."""
        path = self.path
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                first_line = file.readline()
                if not first_line.strip():
                    raise TableRejected(f"{path} is empty; its first line names the columns")
                file.seek(0)
                reader = csv.reader(file, delimiter=max(",;\t", key=first_line.count), strict=True)
                try:
                    yield from enumerate(reader, start=1)
                except csv.Error as error:
                    raise TableRejected(f"{path}, line {reader.line_num}: {error}") from None
        except OSError as error:
            raise TableRejected(f"{path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise TableRejected(f"{path} is not UTF-8; save it again as CSV UTF-8") from None


_BY_SUFFIX: dict[str, Callable[[Path], Sheet]] = {".csv": CsvSheet}


def sheet_of(path: Path) -> Sheet:
    """The sheet that a file's suffix names; any other suffix is read as a CSV. Nothing is read yet."""
    return _BY_SUFFIX.get(path.suffix.lower(), CsvSheet)(path)
