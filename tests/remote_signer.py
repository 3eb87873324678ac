"""A remote signer as a process of its own would be: web3signer's JSON-RPC over HTTP, with a key that it keeps.

`lie` may change a transaction before it is signed, or the answer's bytes after it.
"""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from eth_account.signers.local import LocalAccount


class RemoteSignerServer:
    """Answers `eth_signTransaction` for one account."""

    def __init__(self, account: LocalAccount) -> None:
        self.account = account
        self.asked: list[dict[str, Any]] = []
        self.lie: Callable[[dict[str, Any]], dict[str, Any]] = lambda transaction: transaction
        self.answer: Callable[[str], Any] = lambda raw: raw
        self.refusal: str | None = None

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = {"jsonrpc": "2.0", "id": asked["id"], **outer.serve(asked["method"], asked["params"])}
                body = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve(self, method: str, params: list[Any]) -> dict[str, Any]:
        if self.refusal is not None:
            return {"error": {"code": -32_000, "message": self.refusal}}
        if method != "eth_signTransaction":
            return {"error": {"code": -32_601, "message": "Method not found"}}
        transaction = params[0]
        self.asked.append(transaction)
        if transaction["from"] != self.account.address:
            return {"error": {"code": -32_000, "message": "Unable to find signer"}}
        fields = {name: value for name, value in self.lie(dict(transaction)).items() if name != "from"}
        signed = self.account.sign_transaction(fields)
        return {"result": self.answer(signed.raw_transaction.to_0x_hex())}
