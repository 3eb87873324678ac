"""A server on a socket that sends one byte at a time, or nothing, and counts what it has sent."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence


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
