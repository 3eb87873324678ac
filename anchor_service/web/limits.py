"""How much one caller may ask, and how large a request may be."""

import math
import time
from http import HTTPStatus

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anchor_service.web import problems

MAX_BODY = 2 << 20


class RateLimit:
    """A moving window for each address; of one process, which is what an institute runs."""

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

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


class BodyTooLarge(Exception):
    """More bytes came than a request may have."""


class BodyLimit:
    """ASGI middleware that counts the body's bytes itself and stops reading at the limit."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Source: ASGI 3.0."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max_bytes:
                raise BodyTooLarge
            return message

        try:
            await self._app(scope, counted, send)
        except BodyTooLarge:
            detail = f"the request has more than {self._max_bytes} bytes; send fewer certificates at once"
            response = problems.answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request-too-large", detail)
            await response(scope, receive, send)
