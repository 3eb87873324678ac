"""What identifies a file: its SHA-256, and that of each beginning of it that may have been a whole PDF.

A PDF is altered after issue mostly by appending a revision: the issued file is then still there, as
the beginning of the altered one. Source: ISO 32000-1 7.5.6; docs/spec/verification.md 7.
"""

import hashlib
import re
from typing import BinaryIO, NamedTuple

READ_SIZE = 1 << 20
# More than 20 revisions; a file with more markers hides nothing by them, for the first ones are the oldest.
MAX_REVISIONS = 64

# A revision ends with this marker and white space; how much is the writer's habit, so each length is tried.
_END = re.compile(rb"%%EOF[\0\t\n\f\r ]{0,8}")
_MARKER_BYTES = 5
_LONGEST_END = 13


class Fingerprint(NamedTuple):
    """SHA-256 and length of a file, and the SHA-256 of its earlier revisions, oldest first, at most 64."""

    digest: bytes
    length: int = 0
    revisions: tuple[bytes, ...] = ()


class Fingerprinting:
    """Takes a file's bytes as they come and keeps none of them."""

    def __init__(self) -> None:
        self.length = 0
        self._state = hashlib.sha256()
        self._last = b""
        self._revisions: list[tuple[int, bytes]] = []

    def update(self, chunk: bytes) -> None:
        """Take the next bytes, of any number."""
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
                    self._revisions.append((offset + end, self._state.digest()))
        self._state.update(chunk[taken:])
        self.length += len(chunk)
        self._last = seen[-_LONGEST_END + 1 :]

    def finish(self) -> Fingerprint:
        """The fingerprint of everything that was taken."""
        digest = self._state.digest()
        earlier = [revision for end, revision in self._revisions if end < self.length]
        return Fingerprint(digest, self.length, tuple(earlier[:MAX_REVISIONS]))


def of_stream(stream: BinaryIO) -> Fingerprint:
    """The fingerprint of everything that a binary stream yields, in constant memory."""
    taking = Fingerprinting()
    while chunk := stream.read(READ_SIZE):
        taking.update(chunk)
    return taking.finish()
