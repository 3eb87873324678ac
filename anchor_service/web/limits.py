"""How much one caller may ask, how large a request may be, and how slowly it may come."""

import asyncio
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
from verifier.web.doorkeeper import BODY_SECONDS, LEAST_BYTES_A_SECOND, counted_as

MAX_BODY = 2 << 20
# Nobody knows who sends these: a file's digests, and white space.
MAX_ANONYMOUS_BODIES = {"/v1/documents": 16 << 10}
MAX_NESTING = 64

_MARK = re.compile(rb'\\.?|["\[\]{}]', re.DOTALL)


class RateLimit:
    """A sliding window for each who asks; of one process, which is what an institute runs.

    Two counters for each, however much it may ask.
    """

    def __init__(self, per_minute: int, detail: str) -> None:
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._detail = f"{detail}; try again in a moment"

    def refuse(self, who: str) -> Response | None:
        """The answer for who has asked too often, or nothing."""
        if self._limiter.hit(self._item, who):
            return None
        reset = self._limiter.get_window_stats(self._item, who).reset_time
        return problems.answer(
            HTTPStatus.TOO_MANY_REQUESTS,
            "rate-limited",
            self._detail,
            retry_after=max(1, math.ceil(reset - time.time())),
        )


def address_of(connection: HTTPConnection) -> str:
    """Who is counted as one where no key tells."""
    return counted_as(connection.client.host) if connection.client else "unknown"


class BodyRefused(Exception):
    """A body has more bytes or deeper brackets than a request may have, or comes too slowly."""

    def __init__(self, status: HTTPStatus, code: str, detail: str) -> None:
        super().__init__(detail)
        self._status = status
        self._code = code

    def answer(self) -> Response:
        """What is said of it."""
        return problems.answer(self._status, self._code, str(self))


class BodyLimit:
    """ASGI middleware that measures the body itself and stops reading at the limits, of time too.

    Depth is measured before any parser sees the body: where a library has raised Python's recursion
    limit, brackets alone would overflow the C stack.
    """

    def __init__(self, app: ASGIApp, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Source: ASGI 3.0."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = MAX_ANONYMOUS_BODIES.get(scope["path"], MAX_BODY)
        # Said before a byte of it is kept; a length that is not true is found out below.
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length) > most:
            await _too_large(most).answer()(scope, receive, send)
            return
        body = _Body(receive, most, self._seconds)

        async def unless_refused(message: Message) -> None:
            # FastAPI takes an error while it reads for a bad body, and answers before this can.
            if body.refused is None:
                await send(message)

        with contextlib.suppress(BodyRefused):
            await self._app(scope, body.receive, unless_refused)
        if body.refused is not None:
            await body.refused.answer()(scope, receive, send)


class _Body:
    """A request's body, measured as it is read."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self.refused: BodyRefused | None = None
        self._receive = receive
        self._most = most
        self._seconds = seconds
        self._until = asyncio.get_running_loop().time() + seconds
        self._size = self._depth = 0
        self._is_in_text = self._is_escaped = False
        self._is_whole = False

    async def receive(self) -> Message:
        """As ASGI's. Raises: BodyRefused."""
        try:
            # Once the body is there, what may still come is that the client has gone.
            async with asyncio.timeout_at(None if self._is_whole else self._until):
                message = await self._receive()
            self._measure(message)
        except TimeoutError:
            self.refused = BodyRefused(HTTPStatus.REQUEST_TIMEOUT, "request-too-slow", "the request came too slowly")
            raise self.refused from None
        except BodyRefused as refused:
            self.refused = refused
            raise
        return message

    def _measure(self, message: Message) -> None:
        chunk = message.get("body", b"")
        self._is_whole = not message.get("more_body", False)
        # No more than at the beginning, however much came fast.
        longest = asyncio.get_running_loop().time() + self._seconds
        self._until = min(self._until + len(chunk) / LEAST_BYTES_A_SECOND, longest)
        self._size += len(chunk)
        if self._size > self._most:
            raise _too_large(self._most)
        self._look_at_brackets(chunk)

    def _look_at_brackets(self, chunk: bytes) -> None:
        """Those in texts open and close nothing."""
        begin, self._is_escaped = int(self._is_escaped and bool(chunk)), self._is_escaped and not chunk
        for match in _MARK.finditer(chunk, begin):
            mark = match[0]
            if mark.startswith(b"\\"):
                # What it escapes may come with the next chunk.
                self._is_escaped = len(mark) == 1
            elif mark == b'"':
                self._is_in_text = not self._is_in_text
            elif not self._is_in_text:
                self._depth += 1 if mark in b"[{" else -1
            if self._depth > MAX_NESTING:
                detail = f"the request is nested more than {MAX_NESTING} deep"
                raise BodyRefused(HTTPStatus.BAD_REQUEST, "request-too-deep", detail)


def _too_large(most: int) -> BodyRefused:
    detail = f"the request has more than {most} bytes; send less at once"
    return BodyRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request-too-large", detail)
