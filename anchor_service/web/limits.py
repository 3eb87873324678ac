"""How much one caller may ask, and how large a request may be."""

import contextlib
import math
import re
import time
from http import HTTPStatus

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anchor_service.web import problems

MAX_BODY = 2 << 20
MAX_NESTING = 64

_BRACKET = re.compile(rb"[\[\]{}]")


class RateLimit:
    """A sliding window for each address; of one process, which is what an institute runs.

    Two counters an address, however much it may ask.
    """

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def refuse(self, connection: HTTPConnection) -> Response | None:
        """The answer for a caller who has asked too often, or nothing."""
        caller = connection.client.host if connection.client else "unknown"
        if self._limiter.hit(self._item, caller):
            return None
        reset = self._limiter.get_window_stats(self._item, caller).reset_time
        return problems.answer(
            HTTPStatus.TOO_MANY_REQUESTS,
            "rate-limited",
            "too many look-ups from this address; try again in a moment",
            retry_after=max(1, math.ceil(reset - time.time())),
        )


class BodyRefused(Exception):
    """A body has more bytes or deeper brackets than a request may have."""

    def __init__(self, status: HTTPStatus, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


class BodyLimit:
    """ASGI middleware that measures the body itself and stops reading at the limits.

    Depth is measured before any parser sees the body: where a library has raised Python's recursion
    limit, brackets alone would overflow the C stack.
    """

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._detail = f"the request has more than {max_bytes} bytes; send fewer certificates at once"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Source: ASGI 3.0."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Said before a byte of it is kept; a length that is not true is found out below.
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length) > self._max_bytes:
            refusal = problems.answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request-too-large", self._detail)
            await refusal(scope, receive, send)
            return
        size = depth = 0
        refused: BodyRefused | None = None

        async def measured() -> Message:
            nonlocal size, depth, refused
            message = await receive()
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._max_bytes:
                refused = BodyRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request-too-large", self._detail)
                raise refused
            for match in _BRACKET.finditer(chunk):
                depth += 1 if match[0] in (b"[", b"{") else -1
                if depth > MAX_NESTING:
                    detail = f"the request is nested more than {MAX_NESTING} deep"
                    refused = BodyRefused(HTTPStatus.BAD_REQUEST, "request-too-deep", detail)
                    raise refused
            return message

        async def unless_refused(message: Message) -> None:
            # FastAPI takes an error while it reads for a bad body, and answers before this can.
            if refused is None:
                await send(message)

        with contextlib.suppress(BodyRefused):
            await self._app(scope, measured, unless_refused)
        if refused is not None:
            await problems.answer(refused.status, refused.code, str(refused))(scope, receive, send)
