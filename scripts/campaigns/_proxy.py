"""A node that cuts, garbles, repeats and lies, in a process of its own in front of a real one."""

import json
import os
import re
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import Request, urlopen


@dataclass(frozen=True)
class Lie:
    """What the proxy does to the answers of a method; to those of every method when that is empty."""

    name: str
    method: str = ""

    @property
    def is_frequent(self) -> bool:
        """Whether one command asks for its method several times."""
        return self.method in ("", _CALL, _COUNT, _BLOCK)


_SEND, _CALL, _LOGS = "eth_sendRawTransaction", "eth_call", "eth_getLogs"
_RECEIPT, _COUNT, _BLOCK = "eth_getTransactionReceipt", "eth_getTransactionCount", "eth_blockNumber"

LIES = (
    Lie("cut before"), Lie("cut before", _SEND), Lie("cut after"), Lie("cut after", _SEND), Lie("cut after", _CALL),
    Lie("half"), Lie("half", _SEND), Lie("rubbish"), Lie("empty"), Lie("status 500"), Lie("status 500 after", _SEND),
    Lie("wrong id"), Lie("twice", _SEND), Lie("older", _CALL), Lie("older", _BLOCK), Lie("older", _COUNT),
    Lie("error", _SEND), Lie("error after", _SEND), Lie("known", _SEND), Lie("nonce too low", _SEND),
    Lie("null", _RECEIPT), Lie("null", _CALL), Lie("null", _LOGS), Lie("null", _BLOCK), Lie("null"),
    Lie("flip", _CALL), Lie("flip", _RECEIPT), Lie("flip", _LOGS), Lie("flip", _COUNT), Lie("flip", _BLOCK),
    Lie("flip", "eth_chainId"), Lie("flip", "eth_estimateGas"), Lie("flip", "eth_getBlockByNumber"),
    Lie("status 0", _RECEIPT), Lie("zeros", _CALL), Lie("low", "eth_estimateGas"), Lie("slow", _SEND),
)  # fmt: skip

_BEFORE = {"cut before", "error", "known", "nonce too low", "status 500"}


class FaultyNode:
    """Forwards everything, and does one lie to some answers while it is armed."""

    def __init__(self, target: str) -> None:
        self._target = target

    def __enter__(self) -> Self:
        self._ours, theirs = Pipe()
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _Server(self._target, listener, theirs).serve()
            finally:
                os._exit(0)
        listener.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def arm(self, lie: Lie, *, skip: int, times: int) -> None:
        """Do a lie to `times` answers, after `skip` honest ones."""
        self._ours.send((lie.name, lie.method, skip, times))
        self._ours.recv()

    def disarm(self) -> bool:
        """Be honest again. Returns whether there was a lie."""
        self._ours.send(None)
        return bool(self._ours.recv())


class _Server:
    def __init__(self, target: str, listener: socket.socket, control: Connection) -> None:
        self._target = target
        self._listener = listener
        self._control = control
        self._lie: tuple[str, str, int, int] | None = None
        self._told = 0
        self._older: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def serve(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = outer.answer(body)
                if answer is None:
                    self.close_connection = True
                    return
                status, data, length = answer
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(data)
                self.close_connection = length != len(data)

            def log_message(self, *_args: object) -> None:
                pass

        server = ThreadingHTTPServer(self._listener.getsockname(), Handler, bind_and_activate=False)
        server.socket.close()
        server.socket = self._listener
        threading.Thread(target=server.serve_forever, daemon=True).start()
        while True:
            given = self._control.recv()
            with self._lock:
                told, self._lie, self._told = self._told, given, 0
            self._control.send(told)

    def answer(self, body: bytes) -> tuple[int, bytes, int] | None:
        """Status, bytes and the length that they are said to have; nothing when the connection is cut."""
        asked = json.loads(body)
        lie = self._next_lie(asked["method"])
        if lie not in _BEFORE:
            data = self._forward(body)
            if lie == "twice":
                self._forward(body)
            older, self._older[asked["method"]] = self._older.get(asked["method"], data), data
        else:
            data, older = b"", b""
        if lie is None:
            return 200, data, len(data)
        if lie in ("cut before", "cut after"):
            return None
        if lie == "half":
            return 200, data[: len(data) // 2], len(data)
        if lie.startswith("status 500"):
            return 500, b"", 0
        data = _LIARS[lie](asked, data, older)
        return 200, data, len(data)

    def _next_lie(self, method: str) -> str | None:
        with self._lock:
            if self._lie is None:
                return None
            name, wanted, skip, times = self._lie
            if wanted not in ("", method):
                return None
            if skip:
                self._lie = (name, wanted, skip - 1, times)
                return None
            self._lie = (name, wanted, 0, times - 1) if times > 1 else None
            self._told += 1
            return name

    def _forward(self, body: bytes) -> bytes:
        request = Request(self._target, body, {"Content-Type": "application/json"})  # noqa: S310  (the node's own)
        try:
            with urlopen(request, timeout=30) as response:  # noqa: S310
                data: bytes = response.read()
        except HTTPError as error:
            data = error.read()
        return data


def _result(asked: dict[str, Any], value: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": value}).encode()


def _error(message: str) -> Callable[[dict[str, Any], bytes, bytes], bytes]:
    def answer(asked: dict[str, Any], _data: bytes, _older: bytes) -> bytes:
        error = {"code": -32_000, "message": message}
        return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}).encode()

    return answer


def _flip(asked: dict[str, Any], data: bytes, _older: bytes) -> bytes:
    """Change one hexadecimal digit in the middle of the answer's result."""
    text = json.dumps(json.loads(data).get("result"))
    places = [match.start() for match in re.finditer('(?<=[0-9a-f])[0-9a-f](?=[0-9a-f"])', text)]
    if not places:
        return data
    place = places[len(data) % len(places)]
    digit = "1" if text[place] != "1" else "2"
    return _result(asked, json.loads(text[:place] + digit + text[place + 1 :]))


def _status_0(asked: dict[str, Any], data: bytes, _older: bytes) -> bytes:
    value = json.loads(data).get("result")
    return _result(asked, value | {"status": "0x0"} if value else value)


def _zeros(asked: dict[str, Any], data: bytes, _older: bytes) -> bytes:
    value = json.loads(data).get("result")
    return _result(asked, "0x" + "00" * ((len(value) - 2) // 2) if isinstance(value, str) else value)


def _older(asked: dict[str, Any], _data: bytes, older: bytes) -> bytes:
    return _result(asked, json.loads(older).get("result"))


_LIARS: dict[str, Callable[[dict[str, Any], bytes, bytes], bytes]] = {
    "rubbish": lambda *_: b"\xff{[",
    "empty": lambda *_: b"",
    "wrong id": lambda asked, data, _: json.dumps(json.loads(data) | {"id": 10**6 + asked["id"]}).encode(),
    "twice": lambda _asked, data, _older: data,
    "older": _older,
    "error": _error("internal error"),
    "error after": _error("internal error"),
    "known": _error("already known"),
    "nonce too low": _error("nonce too low"),
    "null": lambda asked, _data, _older: _result(asked, None),
    "flip": _flip,
    "status 0": _status_0,
    "zeros": _zeros,
    "low": lambda asked, _data, _older: _result(asked, "0x7530"),
    "slow": lambda _asked, data, _older: threading.Event().wait(1) or data,
}
