"""A JSON-RPC proxy between the service and a real node, that kills the caller at a chosen moment."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen


class Proxy:
    """Forwards everything; `before` and `after` see each request and may act, or change the answer.

    One that remembers asks each question once: for a chain that stands still.
    """

    def __init__(self, target: str, *, remembers: bool = False) -> None:
        self.target = target
        self._memory: dict[bytes, bytes] | None = {} if remembers else None
        self.before: Callable[[dict[str, Any]], bool] = lambda _: True
        self.after: Callable[[dict[str, Any], bytes], bytes] = lambda _, answer: answer

    def __enter__(self) -> Self:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked = json.loads(body)
                if not proxy.before(asked):
                    self.connection.close()
                    return
                answer = proxy.after(asked, proxy.forward(body))
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:
                    pass  # the caller was killed: that is what this is for

            def do_OPTIONS(self) -> None:
                self.send_response(204)
                self.end_headers()

            def end_headers(self) -> None:
                # Pages ask it too.
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Access-Control-Allow-Headers", "*")
                super().end_headers()

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def forward(self, body: bytes) -> bytes:
        """What the node answers."""
        if self._memory is not None and body in self._memory:
            return self._memory[body]
        with urlopen(Request(self.target, body, {"Content-Type": "application/json"}), timeout=30) as response:
            answer: bytes = response.read()
        if self._memory is not None:
            self._memory[body] = answer
        return answer

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
