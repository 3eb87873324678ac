"""What identifies a file: its SHA-256, and that of each earlier form of it that may have been the issued file.

A PDF is altered after issue mostly by appending a revision: the issued file is then still there, as the beginning of
the altered one. Others lose their last line feed, or get something in front. Source: ISO 32000-1 7.5.2 and 7.5.6;
docs/spec/verification.md 7.
"""

import hashlib
import re
from typing import BinaryIO, NamedTuple

READ_SIZE = 1 << 20
# More than 80 revisions; a file with more markers hides nothing by them, for the first ones are the oldest.
MAX_REVISIONS = 256
# What a writer ends a line with, and a program may have cut off at the end of a file.
LINE_ENDS = (b"\n", b"\r\n", b"\r")
# Every form of a file: its revisions, it with each line end, and it from where its header begins.
MAX_FORMS = MAX_REVISIONS + len(LINE_ENDS) + 1

# A revision ends with this marker and white space; how much is the writer's habit, so each length is tried.
_END = re.compile(rb"%%EOF[\0\t\n\f\r ]{0,8}")
_WHITE_SPACE = b"\0\t\n\f\r "
_MARKER_BYTES = 5
_LONGEST_END = 13
_HEADER = b"%PDF-"
# Readers look for the header in so many bytes.
_HEADER_WINDOW = 1024


class Place(NamedTuple):
    """Where the bytes of an earlier form lie in the file, from `start` to `end`; and what it had behind them."""

    start: int
    end: int
    behind: bytes = b""


class Fingerprint(NamedTuple):
    """SHA-256 and length of a file, and the SHA-256 of its earlier forms: revisions first, the oldest one first.

    `places` are those of the revisions, where the file itself was read, and `ink_end` is where its last byte that is no
    white space ends.
    """

    digest: bytes
    length: int = 0
    revisions: tuple[bytes, ...] = ()
    places: tuple[Place, ...] = ()
    ink_end: int = 0


class FingerprintBuilder:
    """Takes a file's bytes as they come and keeps none of them."""

    def __init__(self) -> None:
        self.length = 0
        self._state = hashlib.sha256()
        self._last = b""
        self._revisions: list[tuple[Place, bytes]] = []
        self._ink_end = 0
        self._front = b""
        # Where the header begins, once it is known; and the hash from there, where that is not the file's beginning.
        self._start: int | None = None
        self._from_header = hashlib.sha256()

    def update(self, chunk: bytes) -> None:
        """Take the next bytes, of any number."""
        self._find_header(chunk)
        # An end that began in the chunk before is seen whole once more.
        seen = self._last + chunk
        offset = self.length - len(self._last)
        taken = 0
        for match in _END.finditer(seen):
            for end in range(match.start() + _MARKER_BYTES, match.end() + 1):
                cut = offset + end - self.length
                if cut > taken and len(self._revisions) <= MAX_REVISIONS:
                    self._state.update(chunk[taken:cut])
                    taken = cut
                    self._revisions.append((Place(0, offset + end), self._state.digest()))
        self._state.update(chunk[taken:])
        self.length += len(chunk)
        self._last = seen[-_LONGEST_END + 1 :]
        if ink := chunk.rstrip(_WHITE_SPACE):
            self._ink_end = self.length - len(chunk) + len(ink)

    def _find_header(self, chunk: bytes) -> None:
        if self._start is None:
            # Until the window is full, all that came stands in it.
            came = self._front + chunk
            at = came.find(_HEADER, 0, _HEADER_WINDOW)
            self._front = came[:_HEADER_WINDOW]
            if at >= 0:
                self._start, chunk = at, came[at:]
            elif len(came) >= _HEADER_WINDOW:
                self._start = 0
        if self._start:
            self._from_header.update(chunk)

    def finish(self) -> Fingerprint:
        """The fingerprint of everything that was taken."""
        forms = [form for form in self._revisions if form[0].end < self.length][:MAX_REVISIONS]
        for line_end in LINE_ENDS if self._last[-1:] != b"\n" else ():
            state = self._state.copy()
            state.update(line_end)
            forms.append((Place(0, self.length, line_end), state.digest()))
        if self._start:
            forms.append((Place(self._start, self.length), self._from_header.digest()))
        places, digests = (place for place, _ in forms), (digest for _, digest in forms)
        return Fingerprint(self._state.digest(), self.length, tuple(digests), tuple(places), self._ink_end)


def of_stream(stream: BinaryIO) -> Fingerprint:
    """The fingerprint of everything that a binary stream yields, in constant memory."""
    taking = FingerprintBuilder()
    while chunk := stream.read(READ_SIZE):
        taking.update(chunk)
    return taking.finish()
