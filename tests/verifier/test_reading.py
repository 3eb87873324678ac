"""Policies and nodes: what is not exactly right is refused, and a node that lies or dies gives no verdict."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from node_spellings import OTHER_NODES, SAME_NODES

from verifier.chain.nodes import open_chain
from verifier.chain.rpc import Node
from verifier.errors import MalformedPolicy, MalformedProof, NodeUnavailable, ServiceUnavailable
from verifier.formats.fingerprint import Fingerprint
from verifier.formats.policy import parse
from verifier.history.log import LogEntry, checkpoint_of, proved_entries, read_entries
from verifier.places import service
from verifier.proofs import rlp
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
HEX_0X = "is not lowercase 0x hexadecimal of its length"
NO_FORMAT = "policy is not of format jangkar-policy-v1"
NO_NODES = "'nodes' is not a list of at least one http or https address"
NO_PINS = "'successors' is not a list of objects of 'registry' and 'code_hash'"
NO_DIGESTS = "'issuers' is not a list of texts of 64 hexadecimal digits"

WRONG_POLICIES = [
    # name, what is changed, what is said
    ("another format", {"format": "jangkar-policy-v2"}, NO_FORMAT),
    ("a chain of number 0", {"chain_id": 0}, "'chain_id' is not a whole number from 1"),
    ("a short genesis", {"genesis": "0x00"}, f"'genesis' {HEX_0X}"),
    ("an address in capitals", {"registry": "0x" + "AA" * 20}, f"'registry' {HEX_0X}"),
    ("a code hash that is a number", {"code_hash": 5}, f"'code_hash' {HEX_0X}"),
    ("a depth of 0", {"finality": {"depth": 0}}, "'depth' is not a whole number from 1"),
    ("a number in quotes", {"operators": "1"}, "'operators' is not a whole number from 1"),
    ("no nodes at all", {"nodes": []}, NO_NODES),
    ("an unknown field", {"trust": "me"}, "policy has an unknown field 'trust'"),
    ("a short issuer", {"issuers": ["aa"]}, NO_DIGESTS),
    ("issuers in one text", {"issuers": "aa"}, NO_DIGESTS),
    ("an age of 0", {"max_head_age": 0}, "'max_head_age' is not a whole number from 1"),
    ("a node that is a file", {"nodes": ["file:///etc/passwd"]}, NO_NODES),
    ("a node without a host", {"nodes": ["http://"]}, NO_NODES),
    ("a node that is no address", {"nodes": ["http://[::1"]}, NO_NODES),
    ("a depth and more", {"finality": {"depth": 1, "and": 2}}, "'finality' is neither \"instant\" nor"),
    ("successors in one text", {"successors": "none"}, NO_PINS),
    ("a successor that is a text", {"successors": ["0x" + "77" * 20]}, NO_PINS),
    ("a successor without its code", {"successors": [{"registry": "0x" + "77" * 20}]}, NO_PINS),
    ("a successor of a short address", {"successors": [{"registry": "0x77", "code_hash": "0x" + "88" * 32}]},
     f"'registry' {HEX_0X}"),
    *(
        (f"a node twice: {one} and {other}", {"nodes": [one, other]}, "names an address twice, ")
        for one, other in SAME_NODES
    ),
    ("two of one node", {"quorum": 2}, "'quorum' asks for 2 of 1 nodes"),
    ("a quorum of none", {"quorum": 0}, "'quorum' is not a whole number from 1"),
    ("a short pinned block", {"pinned_block": "0x12"}, f"'pinned_block' {HEX_0X}"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"), [row[1:] for row in WRONG_POLICIES], ids=[row[0] for row in WRONG_POLICIES]
)
def test_what_a_policy_may_not_hold(changes, said):
    with pytest.raises(MalformedPolicy, match=re.escape(said)):
        parse(json.dumps(RIGHT | changes).encode())


@pytest.mark.parametrize(("one", "other"), OTHER_NODES)
def test_nodes_that_are_two(one, other):
    assert parse(json.dumps(RIGHT | {"nodes": [one, other]}).encode()).nodes == (one, other)


@pytest.mark.parametrize("name", list(RIGHT))
def test_each_field_of_a_policy_has_to_be_there(name):
    said = NO_FORMAT if name == "format" else f"policy lacks '{name}'"
    with pytest.raises(MalformedPolicy, match=f"^{said}$"):
        parse(json.dumps({key: value for key, value in RIGHT.items() if key != name}).encode())


NO_POLICIES = [
    ("nothing", b"", "policy is not JSON: Expecting value"),
    ("a list", b"[]", NO_FORMAT),
    ("a byte that is no text", b"\xff", "policy is not UTF-8"),
    ("a key twice", b'{"format":1,"format":2}', "policy is not JSON: key 'format' stands twice"),
    ("brackets without end", b"[" * 60_000, "policy is nested more than 8 deep"),
]


@pytest.mark.parametrize(("data", "said"), [row[1:] for row in NO_POLICIES], ids=[row[0] for row in NO_POLICIES])
def test_what_is_no_policy(data, said):
    with pytest.raises(MalformedPolicy, match=said):
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
    # name, what is answered, what is said of it
    ("a closed connection", None, "did not answer: "),
    ("status 500", (500, b"{}"), "answered with HTTP status 500"),
    ("status 404", (404, b"{}"), "answered with HTTP status 404"),
    ("another address", (302, b""), "answered with HTTP status 302"),
    ("nothing", b"", "is not JSON: Expecting value"),
    ("words", b"not json", "is not JSON: Expecting value"),
    ("a list", b"[]", "did not answer "),
    ("brackets without end", b"[" * 200_000, "is nested more than 8 deep"),
    ("bytes that are no text", b"\xff\xfe", "is not UTF-8"),
]
BAD_RPC_ANSWERS = [
    *BAD_ANSWERS,
    ("to another question", {"jsonrpc": "2.0", "id": 2, "result": "0x1"}, "did not answer the question that was asked"),
    ("null", {"jsonrpc": "2.0", "id": 1, "result": None}, "has nothing for eth_chainId"),
    ("no result", {"jsonrpc": "2.0", "id": 1}, "has nothing for eth_chainId"),
    ("an error", {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "header not found"}},
     "refused eth_chainId: header not found"),
    ("an error that is a text", {"jsonrpc": "2.0", "id": 1, "error": "no"}, "refused eth_chainId: no"),
    ("a key twice", b'{"id":1,"id":1,"result":"0x1"}', "is not JSON: key 'id' stands twice"),
    ("a number without end", b'{"id":1,"result":1e400}', "is not JSON: 1e400 is not an integer"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "said"), [row[1:] for row in BAD_RPC_ANSWERS], ids=[row[0] for row in BAD_RPC_ANSWERS]
)
def test_a_bad_answer_is_unavailable(answer, said):
    with server(lambda _: answer) as url, pytest.raises(NodeUnavailable, match=f"{url} {said}"):
        Node(url, timeout=5).call("eth_chainId")


def test_a_node_that_is_not_there_or_never_answers_is_unavailable():
    with pytest.raises(NodeUnavailable, match=r"did not answer: .*refused"):
        Node("http://127.0.0.1:1").call("eth_chainId")
    with server(lambda _: time.sleep(3)) as url, pytest.raises(NodeUnavailable, match=r"did not answer: .*timed out"):
        Node(url, timeout=0.2).call("eth_chainId")


def test_the_nodes_are_asked_at_the_same_time():
    """Each waits until all have been asked: one after the other, none would ever answer."""
    all_asked = threading.Barrier(3, timeout=20)

    def answer(_: dict) -> object:
        all_asked.wait()
        return 503, b""

    with server(answer) as first, server(answer) as second, server(answer) as third:
        policy = parse(json.dumps(RIGHT | {"nodes": [first, second, third]}).encode())
        with pytest.raises(NodeUnavailable, match=r"(HTTP status 503.*){3}"):
            open_chain(policy)


QUORUMS = [({}, 2), ({"quorum": 1}, 1), ({"quorum": 2}, 2)]


@pytest.mark.parametrize(("changes", "quorum"), QUORUMS)
def test_all_nodes_have_to_agree_unless_the_policy_says_how_many(changes, quorum):
    nodes = ["http://127.0.0.1:1", "http://127.0.0.1:2"]
    assert parse(json.dumps(RIGHT | {"nodes": nodes} | changes).encode()).quorum == quorum


def test_a_log_with_a_gap_is_refused():
    entries = [LogEntry(1, b"\x11" * 32 + index.to_bytes(32, "big")) for index in (0, 2)]
    with pytest.raises(MalformedProof, match="entry 2 in place 1"):
        proved_entries(entries, checkpoint_of(entry.data for entry in entries))


def test_a_log_of_another_root_is_refused():
    entries = [LogEntry(1, b"\x11" * 32 + index.to_bytes(32, "big")) for index in (0, 1)]
    proved_entries(entries, checkpoint_of(entry.data for entry in entries))
    with pytest.raises(MalformedProof, match="the registry holds 1"):
        proved_entries(entries, checkpoint_of([entries[0].data]))


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
        assert list(read_entries(Node(url), RIGHT["registry"], 0, 999, 1)) == []
        assert [span for span in asked if span[1] - span[0] < limit][-1][1] == 999
        limit = 0
        with pytest.raises(NodeUnavailable, match="too many results"):
            list(read_entries(Node(url), RIGHT["registry"], 0, 999, 1))


INVENTED = 10**12


@pytest.mark.parametrize("shown", [3, 0], ids=["a node that shows what is missing", "a node that shows nothing"])
def test_an_invented_height_costs_few_questions(shown):
    """Nothing is looked for behind the last entry that is proved to be there; in empty blocks, questions grow."""
    event = {"topics": ["0x" + "11" * 32], "data": "0x", "blockNumber": "0x5"}
    asked = []

    def answer(request: dict) -> object:
        asked.append(request["params"][0]["fromBlock"])
        return {"jsonrpc": "2.0", "id": 1, "result": [event] * shown if asked[-1] == "0x0" else []}

    with server(answer) as url:
        found = list(read_entries(Node(url), RIGHT["registry"], 0, INVENTED, 3))
        assert (len(found), len(asked)) == ((3, 1) if shown else (0, 29))
        assert list(read_entries(Node(url), RIGHT["registry"], 0, INVENTED, 0)) == []


def test_a_long_question_that_is_too_much_is_asked_in_pieces():
    event = {"topics": ["0x" + "11" * 32], "data": "0x", "blockNumber": "0x5"}

    def answer(request: dict) -> object:
        first, last = (int(request["params"][0][name], 16) for name in ("fromBlock", "toBlock"))
        if last - first >= 5_000:
            return None
        return {"jsonrpc": "2.0", "id": 1, "result": [event] if first <= 90_000 <= last else []}

    with server(answer) as url:
        assert len(list(read_entries(Node(url), RIGHT["registry"], 0, 100_000, 1))) == 1


def test_a_height_that_no_clock_allows_is_refused():
    block = {"logsBloom": "0x" + "00" * 256, "extraData": "0x", "miner": "0x" + "00" * 20, "nonce": "0x" + "00" * 8}
    block |= dict.fromkeys(
        ("parentHash", "sha3Uncles", "stateRoot", "transactionsRoot", "receiptsRoot"), "0x" + "00" * 32
    )
    block |= dict.fromkeys(("difficulty", "gasLimit", "gasUsed", "timestamp"), "0x1") | {"mixHash": "0x" + "00" * 32}
    block["number"] = hex(INVENTED)
    names = ("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom",
             "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce")  # fmt: skip
    quantities = ("difficulty", "number", "gasLimit", "gasUsed", "timestamp")
    parts = [
        rlp.encode_integer(int(block[name], 16)) if name in quantities else bytes.fromhex(block[name][2:])
        for name in names
    ]
    block["hash"] = "0x" + keccak256(rlp.encode(parts)).hex()
    answers = {"eth_chainId": "0x1", "eth_getBlockByNumber": {"hash": RIGHT["genesis"]} | block}

    def answer(request: dict) -> object:
        said = answers[request["method"]]
        return {
            "jsonrpc": "2.0",
            "id": 1,
            "result": {"hash": RIGHT["genesis"]} if request["params"][:1] == ["0x0"] else said,
        }

    with server(answer) as url, pytest.raises(NodeUnavailable, match=f"shows block {INVENTED}, for which there was no"):
        open_chain(parse(json.dumps(RIGHT | {"nodes": [url]}).encode()))


BAD_LOOK_UPS = [
    *BAD_ANSWERS,
    ("another format", {"format": "other", "receipts": [], "pending": 0}, f"did not answer with {service.FORMAT}"),
    ("a receipt that is a number", {"format": service.FORMAT, "receipts": [1], "pending": 0},
     "answered with something else than receipts"),
    ("no word of what waits", {"format": service.FORMAT, "receipts": []}, "answered with something else than receipts"),
    ("half a character", {"format": service.FORMAT, "receipts": ["\ud800"], "pending": 0},
     "answered with a lone surrogate"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "said"), [row[1:] for row in BAD_LOOK_UPS], ids=[row[0] for row in BAD_LOOK_UPS])
def test_a_bad_look_up_is_unavailable_and_never_absent(answer, said):
    with server(lambda _: answer) as url, pytest.raises(ServiceUnavailable, match=f"{url}/v1/documents {said}"):
        service.look_up_file(url, Fingerprint(bytes(32)))


def test_a_look_up():
    found = {"format": service.FORMAT, "receipts": ["a"], "pending": 2}
    with server(lambda asked: found if asked["path"].startswith("/v1/") else None) as url:
        assert service.look_up_file(url + "/", Fingerprint(bytes(32))).receipts == (b"a",)
        assert service.look_up_code(url, "7K3MQ9X2T4HB").pending == 2
