"""How web3 reaches a node or a remote signer: each exchange is over by one deadline, whatever the other side does."""

import asyncio
from typing import Any

import aiohttp
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse


class PunctualProvider(JSONBaseProvider):
    """Speaks JSON-RPC over HTTP, without redirects, and never asks twice by itself.

    web3's own waits so long for each piece of an answer, and so for ever for one that drips. Source: requests,
    "Timeouts"; aiohttp, "ClientTimeout.total".
    """

    def __init__(self, url: str, seconds: float) -> None:
        super().__init__()
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=seconds)

    def __str__(self) -> str:
        return f"RPC connection {self._url}"

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """The answer to one request. Raises: OSError where there is none in time; ValueError where it is no JSON."""
        question = self.encode_rpc_request(method, params)
        try:
            answer = asyncio.run(self._post(question))
        except TimeoutError:
            raise TimeoutError(f"{self._url} did not answer in {self._timeout.total:g} seconds") from None
        except aiohttp.ClientError as error:
            raise ConnectionError(f"{self._url} did not answer: {error}") from None
        return self.decode_rpc_response(answer)

    async def _post(self, question: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        # As requests did: a proxy that the environment names is used.
        async with (
            aiohttp.ClientSession(timeout=self._timeout, headers=headers, trust_env=True) as session,
            session.post(self._url, data=question, allow_redirects=False) as response,
        ):
            if not 200 <= response.status < 300:
                raise ConnectionError(f"{self._url} answered with HTTP status {response.status}")
            return await response.read()
