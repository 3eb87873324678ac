"""The page beside services and nodes that drip: nobody else waits for them, and they are left alone for a while."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from begun import Begun
from dripping import Dripping, dripping
from installation import Installation

from verifier.errors import NodeResting, NodeUnavailable
from verifier.web.asking import REST_SECONDS, SHORT_SECONDS, THREADS_A_SERVICE, RestedNode, Resting

PDF = b"%%PDF-1.7\n%s\n%%%%EOF\n"
VISITORS = 60
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


@contextmanager
def slow() -> Iterator[Dripping]:
    with dripping(OK, [b" "] * 10_000, 1) as server:
        yield server


@pytest.fixture(scope="module")
def site(begun: Begun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("slow"), begun) as installation:
        folder = installation.certificates("good")
        installation.jangkar("ingest", str(folder), "--csv", str(installation.table))
        installation.jangkar("anchor", "run")
        installation.jangkar("receipt", "write", str(folder))
        yield installation


def check(page: str, document: bytes, receipt: bytes | None = None, issuer: str = "") -> httpx.Response:
    files = {"file": ("x.pdf", document)} | ({"receipt": ("r", receipt)} if receipt else {})
    return httpx.post(f"{page}/check", files=files, data={"issuer": issuer}, params={"lang": "en"}, timeout=120)


def test_a_service_that_drips_is_waited_for_once(site):
    """All visitors of the first moment wait as long as for one; whoever comes later does not wait, nor ask it."""
    honest = site.start("jangkar", "serve", "--port", "0")
    document = (site.folder / "certificates" / "good.pdf").read_bytes()
    with slow() as service:
        page = site.start_page("--service", service.url, "--service", honest, "--requests-per-minute", "1000000")
        with ThreadPoolExecutor(VISITORS) as pool:
            waiting = [pool.submit(check, page, document) for _ in range(VISITORS)]
            health = 0
            while not all(one.done() for one in waiting):
                assert httpx.get(f"{page}/healthz", timeout=30).status_code == 200
                health += 1
        answers = [one.result() for one in waiting]
        assert health >= 10, "the page's health was asked for while all waited, and answered"
        assert {answer.status_code for answer in answers} == {200}
        # Not all services have answered, and so nothing is called genuine, nor absent.
        assert all('data-verdict="undetermined"' in answer.text for answer in answers)
        asked = service.asked
        assert asked <= THREADS_A_SERVICE
        later = check(page, document)
        assert "was not asked: it failed a moment ago" in later.text
        assert 'data-verdict="undetermined"' in later.text
        unknown = check(page, PDF % b"never seen")
        assert 'data-verdict="undetermined"' in unknown.text, "a service that was not asked has not said no"
        assert service.asked == asked


def test_a_node_that_drips_is_waited_for_once(site):
    honest = site.start("jangkar", "serve", "--port", "0")
    document = (site.folder / "certificates" / "good.pdf").read_bytes()
    policy = json.loads(site.policy.read_text())
    with slow() as node:
        both = policy | {"nodes": [node.url, *policy["nodes"]], "quorum": 1}
        path = site.folder / "two-nodes.json"
        path.write_text(json.dumps(both))
        page = site.start("jangkar-verify-web", "--policy", str(path), "--port", "0", "--service", honest)
        first = check(page, document)
        assert 'data-verdict="valid"' in first.text
        assert node.asked == 1
        later = check(page, document)
        assert 'data-verdict="valid"' in later.text
        assert f"{node.url} was not asked: it failed a moment ago" in later.text
        assert node.asked == 1


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_who_rests_is_tried_again_by_one_visitor_a_minute():
    clock = Clock()
    resting = Resting(clock)
    assert [resting.may_ask("a"), resting.may_ask("a")] == [True, True]
    resting.failed("a")
    assert [resting.may_ask("a"), resting.may_ask("b")] == [False, True]
    clock.now += REST_SECONDS
    assert [resting.may_ask("a") for _ in range(3)] == [True, False, False]
    resting.answered("a")
    assert [resting.may_ask("a") for _ in range(3)] == [True, True, True]


def test_a_node_has_so_long_for_all_that_one_visitor_asks():
    """Each of its answers comes in time, and all together do not: the next visitor asks it all the same."""
    resting = Resting()
    pieces = [b"HTTP/1.1 200 OK\r\nContent-Length: 35\r\n\r\n", b'{"jsonrpc":"2.0","id":1,"result":1}']
    with dripping(b"", pieces, 0.1) as server:
        node = RestedNode(server.url, resting, seconds=1)
        assert node.call("eth_chainId") == 1
        with pytest.raises(NodeUnavailable):
            any(node.call("eth_chainId") != 1 for _ in range(10))
        with pytest.raises(NodeResting):
            node.call("eth_chainId")
        assert RestedNode(server.url, resting).call("eth_chainId") == 1


def test_a_node_that_refuses_at_once_is_asked_again():
    resting = Resting()
    for _ in range(3):
        node = RestedNode("http://127.0.0.1:1", resting, seconds=10 * SHORT_SECONDS)
        with pytest.raises(NodeUnavailable, match="refused"):
            node.call("eth_chainId")
        node.end()
