"""A read-only JSON-RPC client: bounded, patient for a fixed time, and believing little."""

import json
import re
from typing import Any

from verifier.errors import MalformedText, NodeRefused, NodeUnavailable, SourceUnavailable, Unfinished
from verifier.formats.strictjson import read

TIMEOUT_SECONDS = 10
MAX_ANSWER_BYTES = 16 << 20

_QUANTITY = re.compile("0x(0|[1-9a-f][0-9a-f]{0,63})")
_DATA = re.compile("0x(?:[0-9a-f]{2})*+")


class Node:
    """One node, by its address."""

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS) -> None:
        self.url = url
        self._timeout = timeout

    def call(self, method: str, *params: Any) -> Any:
        """The result of one request. Raises: NodeUnavailable for anything but a result."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        try:
            answer = fetch(self.url, body, self._timeout, MAX_ANSWER_BYTES)
        except Unfinished as error:
            raise NodeRefused(str(error)) from None
        except SourceUnavailable as error:
            raise NodeUnavailable(str(error)) from None
        return result_of(answer, self.url, method)


def result_of(answer: bytes, url: str, method: str) -> Any:
    """The result in a node's answer. Raises: NodeUnavailable for anything else."""
    try:
        message = read(answer, what=f"answer of {url}", max_bytes=MAX_ANSWER_BYTES)
    except MalformedText as error:
        raise NodeUnavailable(str(error)) from None
    if not isinstance(message, dict) or message.get("id") != 1:
        raise NodeUnavailable(f"{url} did not answer the question that was asked")
    if "error" in message:
        refusal = message["error"]
        detail = refusal.get("message") if isinstance(refusal, dict) else refusal
        raise NodeRefused(f"{url} refused {method}: {str(detail)[:200]}")
    if message.get("result") is None:
        raise NodeUnavailable(f"{url} has nothing for {method}")
    return message["result"]


def fetch(url: str, body: bytes | None, timeout: float, max_bytes: int) -> bytes:
    """As `verifier.fetching.fetch`."""
    # HTTP and TLS take a fifth of the start-up time, and what was written down is judged without them.
    from verifier import fetching  # noqa: PLC0415

    return fetching.fetch(url, body, timeout, max_bytes)


def quantity(value: Any) -> int:
    """An integer of an answer. Raises: NodeUnavailable."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value.lower()):
        raise NodeUnavailable(f"the node sent {str(value)[:80]!r} where a quantity belongs")
    return int(value, 16)


def data(value: Any, length: int | None = None) -> bytes:
    """The bytes of an answer. Raises: NodeUnavailable."""
    if not isinstance(value, str) or not _DATA.fullmatch(value.lower()):
        raise NodeUnavailable(f"the node sent {str(value)[:80]!r} where bytes belong")
    decoded = bytes.fromhex(value[2:])
    if length is not None and len(decoded) != length:
        raise NodeUnavailable(f"the node sent {len(decoded)} bytes where {length} belong")
    return decoded
