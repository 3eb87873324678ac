"""How nodes and signers are asked: each exchange has one deadline, and an answer is bounded before it is parsed."""

import asyncio
import os
import threading
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from anchor_service.core.canonical import is_deeper
from anchor_service.core.errors import AskedTooMuch, RegistryUnavailable

TIMEOUT_SECONDS = 10
# A question about the log is for so many blocks that its answer has less.
MAX_ANSWER_BYTES = 64 << 20
# A block of transactions with access lists has seven.
MAX_NESTING = 32
PIECE_BYTES = 64 * 1024


class BoundedProvider(JSONBaseProvider):
    """Speaks JSON-RPC over HTTP, without redirects, and never asks twice by itself.

    web3's own waits so long for each piece of an answer, and so for ever for one that drips. Source: requests,
    "Timeouts"; aiohttp, "ClientTimeout.total". And it parses whatever comes.
    """

    def __init__(self, url: str, seconds: float = TIMEOUT_SECONDS) -> None:
        """`seconds` are from the first byte asked to the last one answered. Asks nothing yet."""
        super().__init__()
        self.endpoint_uri = url
        self._timeout = aiohttp.ClientTimeout(total=seconds)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """The answer to one request.

        Raises: RegistryUnavailable where there is none in time, or one that is too large or nested too deep; ValueError
        where it is no JSON.
        """
        question, address = self.encode_rpc_request(method, params), address_of(self.endpoint_uri)
        try:
            answer = asyncio.run_coroutine_threadsafe(self._post(method, question), _loop(os.getpid())).result()
        except TimeoutError:
            seconds = f"{self._timeout.total:g}"
            raise AskedTooMuch(f"{address} did not answer {method} in {seconds} seconds") from None
        except aiohttp.ClientError as error:
            # Its text may hold the whole address.
            raise RegistryUnavailable(f"{address} did not answer {method}: {type(error).__name__}") from None
        if is_deeper(answer.decode(errors="replace"), MAX_NESTING):
            raise RegistryUnavailable(f"{address} answered {method} nested more than {MAX_NESTING} deep")
        return self.decode_rpc_response(answer)

    async def _post(self, method: RPCEndpoint, question: bytes) -> bytes:
        headers, address = {"Content-Type": "application/json"}, address_of(self.endpoint_uri)
        answer = bytearray()
        # As requests did: a proxy that the environment names is used.
        async with (
            aiohttp.ClientSession(timeout=self._timeout, headers=headers, trust_env=True) as session,
            session.post(self.endpoint_uri, data=question, allow_redirects=False) as response,
        ):
            if not 200 <= response.status < 300:
                raise AskedTooMuch(f"{address} answered {method} with HTTP status {response.status}")
            async for piece in response.content.iter_chunked(PIECE_BYTES):
                answer += piece
                if len(answer) > MAX_ANSWER_BYTES:
                    raise AskedTooMuch(f"{address} answered {method} with more than {MAX_ANSWER_BYTES} bytes")
        return bytes(answer)


@cache
def _loop(_process: int) -> asyncio.AbstractEventLoop:
    """An event loop in a thread of its own: who asks may be in one already. One a process: a fork has no threads."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="nodes", daemon=True).start()
    return loop


def address_of(url: str) -> str:
    """A node as it may be named: its path and its user may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}" + (f":{parts.port}" if parts.port else "")
