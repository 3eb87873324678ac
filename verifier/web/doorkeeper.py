"""Who may stay connected to a server of ours, and for how long. Knows HTTP and nothing of certificates.

The API and the public page are served through it, which share no other code: uvicorn counts connections and never
ends one that asks nothing (docs/adr/0041). Whenever it is a client's turn the connection has a deadline; where the
places are all taken, those that have been waited for longest make room. Whoever asks at once is never one of them.
"""

import asyncio
import contextlib
import math
import resource
import socket
import sys
from collections import Counter
from ipaddress import ip_address, ip_network
from typing import Any, ClassVar, Literal, NamedTuple
from weakref import WeakSet

import uvicorn
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

# A body that has not come after a minute has to come faster than this: a slow line does, a held connection does not.
BODY_SECONDS = 60
LEAST_BYTES_A_SECOND = 1000
# An address, or a /64, that holds more than an eighth of the places makes room first.
SHARES = 8
# Whoever asks at once has been read by then, also where both sides are busy. Beyond so many times the places, half of
# all make room at once.
SOON_SECONDS = 0.5
AT_MOST = 8
# Where so many times the places are requests that are being served, more are told so.
SERVED_AT_MOST = 4
# What is answered where all are being served, and others are told so.
HEALTH = "/healthz"
# What the kernel keeps of one connection's body: several of these are in the process at a time.
RECEIVE_BYTES = 32 * 1024


class Deadlines(NamedTuple):
    """How long it may be a client's turn, in seconds.

    `head`: from being connected, or from the end of an answer, to the last byte of a request's head. `body`: for a
    body, and a second more for each thousand bytes that have come; whoever reads one answers 408 a little before.
    `answer`: until what is written and not taken is little again.
    """

    head: float = 10
    body: float = BODY_SECONDS + 10
    answer: float = 60


def counted_as(host: str) -> str:
    """Who is counted as one: an IPv4 address, or the /64 that an IPv6 line is given; else what is there."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 6 and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address) if address.version == 4 else str(ip_network((address, 64), strict=False))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises: OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, asyncio sends small answers at once; else each waits 40 ms for the other side's acknowledgement.
    listener = socket.socket(family, proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def configuration(app: Any, places: int, proxy: str | None = None) -> uvicorn.Config:
    """How an ASGI application is served, with this many connections at a time.

    `proxy` are the addresses or networks in front, with commas, whose X-Forwarded-For is believed; else nobody's is.
    """
    # uvicorn announces itself; nobody is told what a server is made with.
    return uvicorn.Config(
        app,
        http=Doorkeeper,
        ws="none",
        interface="asgi3",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=places,
        proxy_headers=proxy is not None,
        forwarded_allow_ips=proxy or "",
    )


def serve(config: uvicorn.Config, listener: socket.socket) -> None:
    """Serve until interrupted."""
    # Many connections may come before the first is ended.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvicorn.Server(config).run(sockets=[listener])


class Doorkeeper(H11Protocol):
    """A connection with a deadline wherever it is the client's turn. `limit_concurrency` is how many there may be."""

    deadlines = Deadlines()
    # The servers that are about to make room.
    _full: ClassVar[WeakSet[ServerState]] = WeakSet()

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._places = self.limit_concurrency or sys.maxsize
        # uvicorn would refuse requests for the sake of connections that ask nothing.
        self.limit_concurrency = None
        self._served, self.app = self.app, self._serve_if_there_is_room
        self._address = ""
        self._stage: tuple[RequestResponseCycle | None, Literal["head", "body", "answer"]] = (None, "head")
        # Since when the client is waited for, and for how many seconds; a body that has come counts as time.
        self._since, self._seconds = 0.0, math.inf
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Give it its deadline, and soon room."""
        super().connection_made(transport)
        self._address = counted_as(self.client[0]) if self.client else ""
        self._wait(self.deadlines.head)
        self._see_to_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has no deadline any more."""
        self._wait(math.inf)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A body that grows has so much longer."""
        super().data_received(data)
        self._look(len(data))

    def on_response_complete(self) -> None:
        """It is the client's turn again."""
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """The client does not take the answer as fast as it is written."""
        super().pause_writing()
        self._wait(self.deadlines.answer)

    def resume_writing(self) -> None:
        """The client has taken most of it."""
        super().resume_writing()
        self._wait(math.inf if self._stage[1] == "answer" else self.deadlines.answer)

    def _look(self, received: int = 0) -> None:
        """See whose turn it is."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            turn: Literal["head", "body", "answer"] = "head"
        else:
            turn = "body" if cycle.more_body else "answer"
        if (cycle, turn) == self._stage:
            if turn == "body":
                # No more than has passed: whoever sent much and then rests has no longer than at the beginning.
                self._since = min(self._since + received / LEAST_BYTES_A_SECOND, self.loop.time())
            return
        self._stage = (cycle, turn)
        most = self.deadlines
        if turn == "head":
            self._wait(most.answer if self.transport.get_write_buffer_size() else most.head)
        else:
            self._wait(most.body if turn == "body" else math.inf)

    def _wait(self, seconds: float) -> None:
        """Give the client so long from now; without end where it is not the client's turn."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._since, self._seconds = self.loop.time(), seconds
        if seconds < math.inf:
            self._timer = self.loop.call_at(self._since + seconds, self._end_if_due)

    def _end_if_due(self) -> None:
        until = self._since + self._seconds
        if self.loop.time() < until:
            self._timer = self.loop.call_at(until, self._end_if_due)
        else:
            self._cut()

    def _cut(self) -> None:
        # Closed, it would wait until the client has taken what is still to be sent.
        self.connections.discard(self)
        self.transport.abort()

    def _see_to_room(self) -> None:
        """Let room be made where there are too many: once for all who come in the meantime."""
        count = len(self.connections)
        if count > AT_MOST * self._places:
            self._make_room(AT_MOST // 2 * self._places, self.loop.time())
        elif count > self._places and self.server_state not in self._full:
            self._full.add(self.server_state)
            self.loop.call_later(SOON_SECONDS, self._make_room_soon)

    def _make_room_soon(self) -> None:
        self._full.discard(self.server_state)
        self._make_room(self._places, self.loop.time() - SOON_SECONDS)
        self._see_to_room()

    def _make_room(self, places: int, before: float) -> None:
        """End those that have been waited for longest, since before an instant; first what is beyond a share."""
        there = [one for one in self.connections if isinstance(one, Doorkeeper)]
        there.sort(key=lambda one: one._since, reverse=True)  # noqa: SLF001
        crowd: Counter[str] = Counter()
        beyond: list[Doorkeeper] = []
        within: list[Doorkeeper] = []
        for one in there:
            crowd[one._address] += 1  # noqa: SLF001
            if one._seconds < math.inf and one._since <= before:  # noqa: SLF001
                (beyond if crowd[one._address] > self._places // SHARES else within).append(one)  # noqa: SLF001
        for one in (beyond[::-1] + within[::-1])[: max(0, len(there) - places)]:
            one._cut()  # noqa: SLF001

    async def _serve_if_there_is_room(self, scope: Any, receive: Any, send: Any) -> None:
        is_crowded = len(self.tasks) > SERVED_AT_MOST * self._places
        app: Any = service_unavailable if is_crowded and scope["path"] != HEALTH else self._served
        await app(scope, receive, send)
