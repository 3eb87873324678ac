"""A server on a socket that sends one byte at a time, or nothing, and counts what it has sent."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence

# Those who ask a dripping server have so long, in seconds; and it would take ten times as long, and more.
DEADLINE = 0.5
PAUSE = DEADLINE / 10
OK = b"HTTP/1.1 200 OK\r\n"
MANY = 400
DRIPS = [
    # name, what is said at once, what drips
    ("nothing", b"", []),
    ("a status line", b"", [b"H"] * MANY),
    ("a header", OK + b"X: ", [b"x"] * MANY),
    ("headers", OK, [b"X: x\r\n"] * 90 + [b"x"] * MANY),
    ("a word that it goes on", b"", [b"HTTP/1.1 100 Continue\r\n\r\n"] * MANY),
    ("a body of a length", OK + b"Content-Length: 100000\r\n\r\n", [b"x"] * MANY),
    ("a body without a length", OK + b"\r\n", [b"x"] * MANY),
    ("a body in chunks", OK + b"Transfer-Encoding: chunked\r\n\r\n", [b"1\r\nx\r\n"] * MANY),
    ("a chunk's length", OK + b"Transfer-Encoding: chunked\r\n\r\n", [b"0"] * MANY),
    ("what follows the chunks", OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", [b"X: x\r\n"] * MANY),
    ("an error's body", b"HTTP/1.1 500 No\r\nX: ", [b"x"] * MANY),
]


class Dripping:
    """A server by its address, and how many pieces it sent to whoever asked."""

    def __init__(self, said: bytes, pieces: Sequence[bytes], pause: float) -> None:
        self.asked = 0
        self.sent = 0
        self._said = said
        self._pieces = pieces
        self._pause = pause
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        """Answer until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(1 << 16)
            self.asked += 1
            connection.sendall(self._said)
            for piece in self._pieces:
                if self._over.wait(self._pause):
                    return
                connection.sendall(piece)
                self.sent += 1
            self._over.wait()

    def close(self) -> None:
        """End it, and every answer that it still gives."""
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextlib.contextmanager
def dripping(said: bytes, pieces: Sequence[bytes], pause: float) -> Iterator[Dripping]:
    """A server that says something at once, and then a piece after each pause, in seconds."""
    server = Dripping(said, pieces, pause)
    threading.Thread(target=server.serve, daemon=True).start()
    try:
        yield server
    finally:
        server.close()
