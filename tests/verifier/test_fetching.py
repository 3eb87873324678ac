"""One request over HTTP: whatever the other side does, it is over by its deadline."""

import socket
import threading

import pytest
from dripping import DEADLINE, DRIPS, MANY, OK, PAUSE, dripping

from verifier.chain.rpc import Node
from verifier.errors import NodeRefused, NodeUnavailable, SourceUnavailable, Unfinished
from verifier.fetching import _Connection, fetch


@pytest.mark.parametrize(("said", "pieces"), [row[1:] for row in DRIPS], ids=[row[0] for row in DRIPS])
@pytest.mark.parametrize("body", [None, b"{}"], ids=["get", "post"])
def test_an_answer_that_drips_is_given_up(said, pieces, body):
    with (
        dripping(said, pieces, PAUSE) as server,
        pytest.raises(SourceUnavailable, match=f"{server.url}/x .*timed out"),
    ):
        fetch(f"{server.url}/x", body, DEADLINE, 1 << 20)
    assert server.sent <= MANY // 4


def test_a_handshake_that_nobody_answers_is_given_up():
    with dripping(b"", [], PAUSE) as server, pytest.raises(SourceUnavailable, match="timed out"):
        fetch(server.url.replace("http:", "https:"), None, DEADLINE, 100)


def test_whatever_was_done_is_well_where_nothing_is_said_of_it():
    with dripping(b"HTTP/1.1 204 No Content\r\n\r\n", [], PAUSE) as server:
        assert fetch(server.url, b"{}", DEADLINE, 0) == b""


def test_an_answer_in_pieces_is_read_to_its_end():
    pieces = [b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 4\r\n", b"\r\nab", b"cd"]
    with dripping(b"", pieces, PAUSE) as server:
        assert fetch(server.url, None, 100 * PAUSE, 4) == b"abcd"


def test_a_length_that_is_not_kept_is_no_answer():
    with dripping(OK + b"Content-Length: 9\r\n\r\nabc", [], PAUSE) as server, pytest.raises(SourceUnavailable):
        fetch(server.url, None, DEADLINE, 100)


def test_an_answer_that_breaks_off_is_none():
    """http.client gives what came, where it is asked for so many bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(OK + b"Content-Length: 9\r\n\r\nabc")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(Unfinished, match="broke off 6 bytes before the end"):
            fetch(f"http://127.0.0.1:{listener.getsockname()[1]}/", None, 100 * DEADLINE, 100)


@pytest.mark.parametrize(("is_tls", "port"), [(False, 80), (True, 443)])
def test_an_address_of_ipv6_has_its_own_port(is_tls, port):
    found = _Connection("2001:db8::5", None, 0, is_tls=is_tls)
    assert (found.host, found.port) == ("2001:db8::5", port)


@pytest.mark.parametrize("address", ["http://[::1", "http://127.0.0.1:1/\x00", "http://127.0.0.1:1/ä", "http://a..b/"])
def test_an_address_that_is_none_does_not_answer(address):
    with pytest.raises(SourceUnavailable, match="did not answer"):
        fetch(address, None, DEADLINE, 100)


def test_a_node_that_is_too_slow_for_so_much_may_be_asked_for_less():
    """One that says nothing at all is not there; one that begins and does not end, or says too much, could do less."""
    with dripping(OK + b"\r\n", [b" "] * MANY, PAUSE) as server, pytest.raises(NodeRefused):
        Node(server.url, DEADLINE).call("eth_getLogs")
    with dripping(b"", [], PAUSE) as server, pytest.raises(NodeUnavailable) as silent:
        Node(server.url, DEADLINE).call("eth_getLogs")
    assert not isinstance(silent.value, NodeRefused)
