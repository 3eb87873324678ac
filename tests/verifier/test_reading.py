"""Policies and nodes: what is not exactly right is refused, and a node that lies or dies gives no verdict."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from verifier.chain.rpc import Node
from verifier.errors import MalformedPolicy, MalformedProof, NodeUnavailable, ServiceUnavailable
from verifier.formats.fingerprint import Fingerprint
from verifier.formats.policy import parse
from verifier.history.log import Entry, checkpoint_of, proved, read_entries
from verifier.places import service
from verifier.proofs.keccak import keccak256

RIGHT = {
    "format": "jangkar-policy-v1",
    "chain_id": 1,
    "genesis": "0x" + "00" * 32,
    "registry": "0x" + "11" * 20,
    "code_hash": "0x" + keccak256(b"\x60").hex(),
    "finality": "instant",
    "operators": 1,
    "nodes": ["http://127.0.0.1:1"],
}
WRONG = {
    "format": "jangkar-policy-v2",
    "chain_id": 0,
    "genesis": "0x00",
    "registry": "0x" + "AA" * 20,
    "code_hash": 5,
    "finality": {"depth": 0},
    "operators": "1",
    "nodes": [],
}


@pytest.mark.parametrize("name", list(WRONG))
def test_each_field_of_a_policy_is_checked(name):
    for changed in (RIGHT | {name: WRONG[name]}, {key: value for key, value in RIGHT.items() if key != name}):
        with pytest.raises(MalformedPolicy):
            parse(json.dumps(changed).encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"trust": "me"},
        {"issuers": ["aa"]},
        {"issuers": "aa"},
        {"max_head_age": 0},
        {"nodes": ["file:///etc/passwd"]},
        {"nodes": ["http://"]},
        {"nodes": ["http://[::1"]},
        {"finality": {"depth": 1, "and": 2}},
        {"successors": "none"},
        {"successors": ["0x" + "77" * 20]},
        {"successors": [{"registry": "0x" + "77" * 20}]},
        {"successors": [{"registry": "0x77", "code_hash": "0x" + "88" * 32}]},
    ],
)
def test_what_a_policy_may_not_hold(changes):
    with pytest.raises(MalformedPolicy):
        parse(json.dumps(RIGHT | changes).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b'{"format":1,"format":2}', b"[" * 60_000])
def test_what_is_no_policy(data):
    with pytest.raises(MalformedPolicy):
        parse(data)


def test_a_policy_may_be_written_as_one_likes():
    policy = parse(json.dumps(RIGHT | {"finality": {"depth": 12}, "issuers": ["ab" * 32]}, indent=4).encode())
    assert (policy.depth, policy.max_head_age, policy.issuers) == (12, 900, {bytes.fromhex("ab" * 32)})
    successor = {"registry": "0x" + "77" * 20, "code_hash": "0x" + "88" * 32}
    pins = parse(json.dumps(RIGHT | {"successors": [successor]}).encode()).registries
    assert [pin.address for pin in pins] == [RIGHT["registry"], "0x" + "77" * 20]
    assert pins[1].code_hash == bytes.fromhex("88" * 32)


@contextmanager
def server(answer: Callable[[dict], object]) -> Iterator[str]:
    """A real HTTP server whose answers a test makes up: bytes go out as they are, else as JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._reply(answer(json.loads(body) | {"path": self.path}))

        def do_GET(self) -> None:
            self._reply(answer({"path": self.path}))

        def _reply(self, said: object) -> None:
            if said is None:
                self.connection.close()
                return
            status, body = said if isinstance(said, tuple) else (200, said)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: object) -> None:
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{made.server_address[1]}"
    finally:
        made.shutdown()
        made.server_close()


BAD_ANSWERS = [
    None,
    (500, b"{}"),
    (404, b"{}"),
    (302, b""),
    b"",
    b"not json",
    b"[]",
    b"[" * 200_000,
    b"\xff\xfe",
    {"jsonrpc": "2.0", "id": 2, "result": "0x1"},
    {"jsonrpc": "2.0", "id": 1, "result": None},
    {"jsonrpc": "2.0", "id": 1},
    {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "header not found"}},
    {"jsonrpc": "2.0", "id": 1, "error": "no"},
    b'{"id":1,"id":1,"result":"0x1"}',
    b'{"id":1,"result":1e400}',
]


@pytest.mark.parametrize("said", BAD_ANSWERS, ids=[str(one)[:30] for one in BAD_ANSWERS])
def test_a_bad_answer_is_unavailable(said):
    with server(lambda _: said) as url, pytest.raises(NodeUnavailable):
        Node(url, timeout=5).call("eth_chainId")


def test_a_node_that_is_not_there_or_never_answers_is_unavailable():
    with pytest.raises(NodeUnavailable):
        Node("http://127.0.0.1:1").call("eth_chainId")
    with server(lambda _: time.sleep(3)) as url, pytest.raises(NodeUnavailable):
        Node(url, timeout=0.2).call("eth_chainId")


QUORUMS = [({}, 2), ({"quorum": 1}, 1), ({"quorum": 2}, 2)]


@pytest.mark.parametrize(("changes", "quorum"), QUORUMS)
def test_all_nodes_have_to_agree_unless_the_policy_says_how_many(changes, quorum):
    nodes = ["http://127.0.0.1:1", "http://127.0.0.1:2"]
    assert parse(json.dumps(RIGHT | {"nodes": nodes} | changes).encode()).quorum == quorum


@pytest.mark.parametrize(
    "node", [{"nodes": ["http://127.0.0.1:1"] * 2}, {"quorum": 2}, {"quorum": 0}, {"pinned_block": "0x12"}]
)
def test_a_node_cannot_agree_with_itself(node):
    with pytest.raises(MalformedPolicy):
        parse(json.dumps(RIGHT | node).encode())


def test_a_log_with_a_gap_is_refused():
    entries = [Entry(1, b"\x11" * 32 + index.to_bytes(32, "big")) for index in (0, 2)]
    with pytest.raises(MalformedProof, match="entry 2 in place 1"):
        proved(entries, checkpoint_of(entry.data for entry in entries))


def test_a_log_of_another_root_is_refused():
    entries = [Entry(1, b"\x11" * 32 + index.to_bytes(32, "big")) for index in (0, 1)]
    proved(entries, checkpoint_of(entry.data for entry in entries))
    with pytest.raises(MalformedProof, match="the registry holds 1"):
        proved(entries, checkpoint_of([entries[0].data]))


def test_a_node_that_answers_little_at_once_is_asked_for_less():
    """A span of blocks is halved until the node answers; one that refuses a single block is unavailable."""
    asked = []

    def answer(request: dict) -> object:
        span = request["params"][0]
        first, last = int(span["fromBlock"], 16), int(span["toBlock"], 16)
        asked.append((first, last))
        if last - first >= limit:
            return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": "too many results"}}
        return {"jsonrpc": "2.0", "id": 1, "result": []}

    limit = 300
    with server(answer) as url:
        assert list(read_entries(Node(url), RIGHT["registry"], 0, 999)) == []
        assert [span for span in asked if span[1] - span[0] < limit][-1][1] == 999
        limit = 0
        with pytest.raises(NodeUnavailable, match="too many results"):
            list(read_entries(Node(url), RIGHT["registry"], 0, 999))


BAD_LOOK_UPS = [
    {"format": "other", "receipts": [], "pending": 0},
    {"format": service.FORMAT, "receipts": [1], "pending": 0},
    {"format": service.FORMAT, "receipts": []},
    {"format": service.FORMAT, "receipts": ["\ud800"], "pending": 0},
]


@pytest.mark.parametrize("said", [*BAD_ANSWERS[:9], *BAD_LOOK_UPS])
def test_a_bad_look_up_is_unavailable_and_never_absent(said):
    with server(lambda _: said) as url, pytest.raises(ServiceUnavailable):
        service.look_up_file(url, Fingerprint(bytes(32)))


def test_a_look_up():
    found = {"format": service.FORMAT, "receipts": ["a"], "pending": 2}
    with server(lambda asked: found if asked["path"].startswith("/v1/") else None) as url:
        assert service.look_up_file(url + "/", Fingerprint(bytes(32))).receipts == (b"a",)
        assert service.look_up_code(url, "7K3MQ9X2T4HB").pending == 2
