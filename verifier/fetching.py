"""One HTTP request: bounded, without redirects, and over by a fixed time whatever the other side does."""

import http.client
import io
import socket
import time
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from verifier.errors import SourceUnavailable, Unfinished

if TYPE_CHECKING:
    import ssl


def fetch(url: str, body: bytes | None, timeout: float, max_bytes: int) -> bytes:
    """The whole body of the answer to a GET, or to a POST of JSON.

    `timeout` is in seconds, from beginning to end: connecting, TLS, asking, and every byte of the answer. Only what
    the system takes to find a host's addresses cannot be cut short. Where an address points is not followed: it comes
    from the policy or the command line, and is not the other side's to change.

    Raises: SourceUnavailable for every way in which HTTP fails; of it Unfinished where an answer had begun.
    """
    until = time.monotonic() + timeout
    headers = {"Accept": "application/json"} | ({} if body is None else {"Content-Type": "application/json"})
    status = 0
    try:
        parts = urlsplit(url)
        connection = _Connection(parts.hostname or "", parts.port, until, is_tls=parts.scheme == "https")
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET" if body is None else "POST", path, body, headers | {"Connection": "close"})
            with connection.getresponse() as response:
                status = response.status
                answer = response.read(max_bytes + 1) if _is_good(status) else b""
                left = response.length if _is_good(status) and len(answer) <= max_bytes else 0
        finally:
            connection.close()
    except TimeoutError as error:
        if status:
            raise Unfinished(f"{url} did not end its answer: {error}") from None
        raise SourceUnavailable(f"{url} did not answer: {error}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SourceUnavailable(f"{url} did not answer: {error}") from None
    if not _is_good(status):
        raise SourceUnavailable(f"{url} answered with HTTP status {status}")
    if len(answer) > max_bytes:
        raise Unfinished(f"{url} answered with more than {max_bytes} bytes")
    if left:
        # http.client says nothing of it where it is asked for so many bytes.
        raise Unfinished(f"{url} broke off {left} bytes before the end of its answer")
    return answer


class _Connection(http.client.HTTPConnection):
    """A connection, TLS or not, of which every wait ends at one instant of the monotonic clock."""

    def __init__(self, host: str, port: int | None, until: float, *, is_tls: bool) -> None:
        # What HTTP leaves out of the header Host.
        self.default_port = http.client.HTTPS_PORT if is_tls else http.client.HTTP_PORT
        # Named always: http.client takes what stands behind the last colon of an IPv6 address for a port.
        super().__init__(host, port or self.default_port)
        self._until = until
        self._is_tls = is_tls

    def connect(self) -> None:
        """Connect to the first address that answers. Each has its share of the time. Source: http.client."""
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        problem = OSError("the host has no address")
        for place, (family, kind, protocol, _, address) in enumerate(found):
            plain = socket.socket(family, kind, protocol)
            try:
                plain.settimeout(_left(self._until) / (len(found) - place))
                plain.connect(address)
                plain.settimeout(_left(self._until))
                # A handshake's timeout is for the whole of it.
                made = _context().wrap_socket(plain, server_hostname=self.host) if self._is_tls else plain
            except OSError as error:
                plain.close()
                problem = error
            else:
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.sock: Any = _Timed(made, self._until)
                return
        raise problem


class _Timed:
    """A socket as http.client uses it, of which every wait ends at one instant."""

    def __init__(self, plain: socket.socket, until: float) -> None:
        self._plain = plain
        self._until = until

    def sendall(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            self._plain.settimeout(_left(self._until))
            left = left[self._plain.send(left) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._plain, self._until))

    def close(self) -> None:
        self._plain.close()


class _Reader(io.RawIOBase):
    """What comes from a socket; it stays open as long as this is."""

    def __init__(self, plain: socket.socket, until: float) -> None:
        self._plain = plain
        self._file = plain.makefile("rb", buffering=0)
        self._until = until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._plain.settimeout(_left(self._until))
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


def _is_good(status: int) -> bool:
    return 200 <= status < 300


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


@cache
def _context() -> "ssl.SSLContext":
    import ssl  # noqa: PLC0415  (it takes a while to import, and many addresses need none)

    return ssl.create_default_context()
