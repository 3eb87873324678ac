"""One HTTP request: bounded, without redirects, and patient for a fixed time."""

import http.client
import urllib.error
import urllib.request
from typing import Any

from verifier.errors import SourceUnavailable


def fetch(url: str, body: bytes | None, timeout: float, max_bytes: int) -> bytes:
    """The whole body of the answer to a GET, or to a POST of JSON.

    Raises: SourceUnavailable for every way in which HTTP fails.
    """
    headers = {"Accept": "application/json"} | ({} if body is None else {"Content-Type": "application/json"})
    try:
        # The address comes from the policy or the command line, and the opener below knows http and https only.
        request = urllib.request.Request(url, body, headers)  # noqa: S310
        with _OPENER.open(request, timeout=timeout) as response:
            answer: bytes = response.read(max_bytes + 1)
    except urllib.error.HTTPError as error:
        raise SourceUnavailable(f"{url} answered with HTTP status {error.code}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SourceUnavailable(f"{url} did not answer: {error}") from None
    if len(answer) > max_bytes:
        raise SourceUnavailable(f"{url} answered with more than {max_bytes} bytes")
    return answer


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The addresses come from the policy; where they point is not theirs to change."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


_OPENER = urllib.request.OpenerDirector()
for _handler in (
    urllib.request.HTTPHandler,
    urllib.request.HTTPSHandler,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPErrorProcessor,
    _NoRedirect,
):
    _OPENER.add_handler(_handler())
