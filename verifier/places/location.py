"""A folder or an http address under which files lie that anybody may serve."""

from pathlib import Path

from verifier.chain.rpc import fetch
from verifier.errors import SourceUnavailable
from verifier.formats.policy import is_http

# A file has a minute, and as long as a slow line takes for the longest that it may be.
TIMEOUT_SECONDS = 60
LEAST_BYTES_A_SECOND = 64 * 1024


class Location:
    """Where files are read from by their names; nothing that lies there is believed."""

    def __init__(self, location: str) -> None:
        self._location = location.rstrip("/")
        self._is_remote = is_http(location)

    def find(self, name: str, max_bytes: int) -> bytes | None:
        """A file, or nothing where a folder holds none; one byte more than the bound of one that is too long.

        Raises: SourceUnavailable where an address does not answer, or with too much; OSError.
        """
        if self._is_remote:
            seconds = TIMEOUT_SECONDS + max_bytes / LEAST_BYTES_A_SECOND
            return fetch(f"{self._location}/{name}", None, seconds, max_bytes)
        path = Path(self._location) / name
        if not path.exists():
            return None
        with path.open("rb") as file:
            return file.read(max_bytes + 1)

    def read(self, name: str, max_bytes: int) -> bytes:
        """A file that has to be there. Raises: SourceUnavailable where it is not, or is too long; OSError."""
        found = self.find(name, max_bytes)
        if found is None:
            raise SourceUnavailable(f"{self._location} holds no {name}")
        if len(found) > max_bytes:
            raise SourceUnavailable(f"{self._location}/{name} has more than {max_bytes} bytes")
        return found
