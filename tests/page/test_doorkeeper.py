"""Who may stay connected: every held connection ends, and whoever asks at once is served beside them all."""

import asyncio
import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from verifier.web import doorkeeper
from verifier.web.doorkeeper import HEALTH, SERVED_AT_MOST, SHARES, Deadlines, Doorkeeper, counted_as

PLACES = 32
LONG = bytes(16 << 20)
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
SHORT = Deadlines(0.5, 1, 1)
YEARS = Deadlines(1e7, 1e8, 1e8)
# Far beyond every deadline of these tests: whoever still waits then was forgotten.
FOREVER = 20


class Site:
    """An application that answers at once, reads bodies, sends much, or waits until it is told to go on."""

    def __init__(self, places: int, deadlines: Deadlines) -> None:
        self.go_on = asyncio.Event()
        self.waiting = 0
        kind = type("Quick", (Doorkeeper,), {"deadlines": deadlines})
        config = doorkeeper.configuration(self.app, places)
        config.http = kind
        self.server = uvicorn.Server(config)
        self.listener = doorkeeper.listen("127.0.0.1", 0)
        self.port = self.listener.getsockname()[1]

    async def app(self, scope, receive, send):
        if scope["type"] != "http":
            return
        body = b"ok"
        if scope["method"] == "POST":
            while (await receive()).get("more_body"):
                pass
        elif scope["path"] == "/wait":
            self.loop = asyncio.get_running_loop()
            self.waiting += 1
            await self.go_on.wait()
        elif scope["path"] == "/long":
            body = LONG
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def end_waiting(self) -> None:
        self.loop.call_soon_threadsafe(self.go_on.set)

    def connect(self, said: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=FOREVER, source_address=(source, 0))
        made.sendall(said)
        return made

    def status(self, path: str = "/") -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=FOREVER)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().status


@contextlib.contextmanager
def standing(places: int = PLACES, deadlines: Deadlines = SHORT) -> Iterator[Site]:
    site = Site(places, deadlines)
    thread = threading.Thread(target=site.server.run, args=([site.listener],))
    thread.start()
    try:
        until(lambda: site.server.started)
        yield site
    finally:
        if site.waiting:
            site.end_waiting()
        site.server.should_exit = site.server.force_exit = True
        thread.join()


def until(is_so) -> None:
    end = time.monotonic() + FOREVER
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def is_cut(connection: socket.socket, drip: bytes = b"") -> bool:
    """Whether the server ends it, though a byte is sent now and then."""
    connection.settimeout(0.05)
    end = time.monotonic() + FOREVER
    while time.monotonic() < end:
        try:
            connection.sendall(drip)
            if connection.recv(1 << 16) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


HELD = [
    # name, what is said at once, what drips
    ("silence", b"", b""),
    ("half a head", GET[:20], b""),
    ("a head that drips", GET[:-2] + b"X: ", b"x"),
    ("silence after an answer", GET, b""),
    ("a head that drips after an answer", GET, b"G"),
    ("half a body", POST + b"x", b""),
    ("a body that drips", POST, b"x"),
    ("half a chunk", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nx", b""),
    ("a body that nobody reads", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", b"x"),
]


@pytest.mark.parametrize(("said", "drip"), [row[1:] for row in HELD], ids=[row[0] for row in HELD])
def test_a_held_connection_is_ended(said, drip):
    with standing() as site, site.connect(said) as connection:
        assert is_cut(connection, drip)


def test_an_answer_that_nobody_takes_is_given_up():
    with standing() as site, site.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(GET.replace(b" / ", b" /long "))
        until(lambda: site.server.server_state.connections)
        until(lambda: not site.server.server_state.connections)


def test_a_body_that_comes_fast_enough_has_the_time_that_it_takes():
    """Four times as long as a body may take to begin with, at ten times the least pace."""
    deadlines = Deadlines(0.5, 0.5, 0.5)
    with standing(deadlines=deadlines) as site, site.connect(POST.replace(b"100000", b"20000")) as connection:
        for _ in range(20):
            time.sleep(deadlines.body / 5)
            connection.sendall(bytes(1000))
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_what_takes_the_server_long_is_waited_for():
    with (
        standing(deadlines=Deadlines(0.2, 0.2, 0.2)) as site,
        site.connect(GET.replace(b" / ", b" /wait ")) as connection,
    ):
        until(lambda: site.waiting)
        time.sleep(1)
        site.end_waiting()
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_whoever_asks_at_once_is_served_beside_any_number_that_hold_on():
    """All others have years."""
    with standing(deadlines=YEARS) as site, contextlib.ExitStack() as held:
        for said in (b"", GET[:20], POST + b"x") * PLACES:
            held.enter_context(site.connect(said))
        assert [site.status() for _ in range(50)] == [200] * 50
        assert site.status(HEALTH) == 200
        until(lambda: len(site.server.server_state.connections) <= PLACES)


def test_bodies_that_hold_on_do_not_keep_others_out():
    with standing(deadlines=YEARS) as site, contextlib.ExitStack() as held:
        for _ in range(2 * PLACES):
            held.enter_context(site.connect(POST))
        assert [site.status() for _ in range(50)] == [200] * 50


def test_the_longest_idle_makes_room_and_a_body_that_moves_does_not():
    with standing(deadlines=YEARS) as site, contextlib.ExitStack() as held:
        moving = held.enter_context(site.connect(POST + bytes(50_000)))
        idle = [held.enter_context(site.connect()) for _ in range(PLACES + 2)]
        assert [is_cut(one) for one in idle[:3]] == [True] * 3
        for one in (moving, *idle[3:]):
            one.settimeout(0.01)
            with pytest.raises(TimeoutError):
                one.recv(1)
        moving.settimeout(FOREVER)
        moving.sendall(bytes(50_000))
        assert moving.recv(100).startswith(b"HTTP/1.1 200")


def test_an_address_with_more_than_its_share_makes_room_first():
    with standing(deadlines=YEARS) as site, contextlib.ExitStack() as held:
        others = [held.enter_context(site.connect(source=f"127.0.1.{place}")) for place in range(1, 9)]
        crowd = [held.enter_context(site.connect(source="127.0.2.1")) for _ in range(PLACES)]
        assert len(crowd) > PLACES // SHARES
        assert [is_cut(one) for one in crowd[: len(others)]] == [True] * len(others)
        for one in others:
            one.sendall(GET)
            assert one.recv(100).startswith(b"HTTP/1.1 200")


def test_where_all_are_being_served_others_are_told_so_and_health_is_answered():
    with standing(deadlines=YEARS) as site, contextlib.ExitStack() as held:
        for _ in range(SERVED_AT_MOST * PLACES):
            held.enter_context(site.connect(GET.replace(b" / ", b" /wait ")))
        until(lambda: site.waiting == SERVED_AT_MOST * PLACES)
        assert site.status() == 503
        assert site.status(HEALTH) == 200
        more = [held.enter_context(site.connect(GET.replace(b" / ", b" /wait "))) for _ in range(PLACES)]
        assert all(one.recv(100).startswith(b"HTTP/1.1 503") for one in more)
        site.end_waiting()
        until(lambda: site.status() == 200)


ADDRESSES = [
    ("192.0.2.7", "192.0.2.7"),
    ("2001:db8::1", "2001:db8::/64"),
    ("2001:db8::ffff:1", "2001:db8::/64"),
    ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
    ("fe80::1%eth0", "fe80::/64"),
    ("::ffff:192.0.2.7", "192.0.2.7"),
    ("a socket", "a socket"),
]


@pytest.mark.parametrize(("host", "counted"), ADDRESSES)
def test_who_is_counted_as_one(host, counted):
    assert counted_as(host) == counted
