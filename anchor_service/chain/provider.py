"""How nodes and remote signers are asked: by HTTP, and no answer is parsed before its size and depth are known."""

from urllib.parse import urlsplit

from eth_typing import URI
from web3 import HTTPProvider
from web3.types import RPCEndpoint

from anchor_service.core.canonical import is_deeper
from anchor_service.core.errors import RegistryUnavailable

TIMEOUT_SECONDS = 10
# A question about the log is for so many blocks that its answer has less.
MAX_ANSWER_BYTES = 64 << 20
# A block of transactions with access lists has seven.
MAX_NESTING = 32
PIECE_BYTES = 64 * 1024


class BoundedProvider(HTTPProvider):
    """web3's provider, which retries nothing and reads an answer itself, up to bounds.

    web3 would parse whatever comes; what it imports has raised Python's recursion limit so far that brackets alone
    end the process with a segmentation fault.
    """

    def __init__(self, url: str) -> None:
        """Asks nothing yet. The timeout is of each reading from the connection."""
        self._url = url
        super().__init__(url, request_kwargs={"timeout": TIMEOUT_SECONDS}, exception_retry_configuration=None)

    def _make_request(self, method: RPCEndpoint, request_data: bytes) -> bytes:
        answer, address = bytearray(), address_of(self._url)
        # web3 reads a stream by single bytes, each time copying all that came before.
        with self._request_session_manager.get_response_from_post_request(
            URI(self._url), data=request_data, stream=True, **self.get_request_kwargs()
        ) as response:
            if not response.ok:
                raise RegistryUnavailable(f"{address} answered {method} with HTTP status {response.status_code}")
            for piece in response.iter_content(PIECE_BYTES):
                answer += piece
                if len(answer) > MAX_ANSWER_BYTES:
                    raise RegistryUnavailable(f"{address} answered {method} with more than {MAX_ANSWER_BYTES} bytes")
        if is_deeper(answer.decode(errors="replace"), MAX_NESTING):
            raise RegistryUnavailable(f"{address} answered {method} nested more than {MAX_NESTING} deep")
        return bytes(answer)


def address_of(url: str) -> str:
    """A node as it may be named: its path and its user may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}" + (f":{parts.port}" if parts.port else "")
