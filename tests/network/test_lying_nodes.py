"""A node that lies in every field of every answer, one that serves a whole forked chain, and who is believed.

Never a wrong "valid": not with two nodes of which one is honest, and not with one liar under a pinned block.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from devnet import Devnet
from moments import ISSUER, PROFILE, REVOKED, Certificate, Timeline
from rpc_proxy import Proxy

from anchor_service.core import profile
from anchor_service.core.kinds import scope_of
from anchor_service.ports import FOREVER
from verifier.formats.fingerprint import Fingerprint
from verifier.formats.policy import Policy
from verifier.verdict.ask import Question, ask

# What each certificate is; whatever is said of it, it never is valid when it is not.
TRUTH = {"good": "valid", "revoked": "revoked", "forged": "invalid"}
Steps = tuple[Any, ...]


class Scene:
    """Three certificates on a real chain, and a second node: the same chain copied before the revocation."""

    def __init__(self, honest: Timeline, forked: Devnet) -> None:
        self.honest = honest
        self.forked = forked
        self.head = honest.moments["revoked"]

    def ask(self, name: str, *nodes: str, **changes: Any) -> str:
        trusted = self.honest.policy._replace(nodes=nodes, quorum=len(nodes), **changes)
        return self.verdict(name, trusted)

    def verdict(self, name: str, trusted: Policy) -> str:
        certificate = self.honest.certificates[name]
        question = Question(Fingerprint(certificate.digest), [certificate.receipt], [ISSUER])
        return ask(question, trusted, clock=lambda: self.head.time + 1).answer.verdict


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("chains")
    with Devnet(folder / "honest") as devnet:
        made = Timeline(devnet)
        key, accreditor = devnet.account("institute"), devnet.account("accreditor")
        made.certificates = {name: Certificate(number) for number, name in enumerate(TRUTH, start=1)}
        made.block(
            "accredited",
            (accreditor, "openWindow", (ISSUER, 0, FOREVER, scope_of(["latsar"]), profile.digest(PROFILE))),
            (accreditor, "addKey", (ISSUER, key.address, 3, 1)),
        )
        anchored = [made.certificates[name] for name in ("good", "revoked")]
        head = made.block("anchored", *((key, *one.anchor()) for one in anchored))
        for certificate in made.certificates.values():
            certificate.anchored(made.registry, head)
        # Two histories from here on: the honest one, and one whose holder never saw the revocation.
        devnet.kill()
        shutil.copytree(folder / "honest", folder / "forked")
        devnet.start()
        devnet.call("evm_setAutomine", False)
        made.reconnect()
        devnet.call("evm_increaseTime", 1_000)
        revocation = (ISSUER, [made.certificates["revoked"].leaf], REVOKED, 4, False)
        made.block("revoked", (devnet.account("regulator"), "setStatus", revocation))
        with Devnet(folder / "forked") as forked:
            forked.call("evm_setAutomine", False)
            forked.call("evm_increaseTime", 1_000)
            while int(forked.call("eth_blockNumber"), 16) < made.moments["revoked"].number:
                forked.call("evm_mine")
            yield Scene(made, forked)


def test_what_is_true(scene):
    for name, verdict in TRUTH.items():
        assert scene.ask(name, scene.honest.network.url) == verdict


def test_a_whole_forked_chain_is_believed_by_nobody_who_asks_two_or_pins_a_block(scene):
    honest, forked = scene.honest.network.url, scene.forked.url
    assert scene.ask("revoked", forked) == "valid", "one node can lie: that is why its answer says so"
    for nodes in ((honest, forked), (forked, honest)):
        assert scene.ask("revoked", *nodes) == "undetermined"
    assert scene.ask("revoked", forked, pinned_block=scene.head.hash) == "undetermined"
    assert scene.ask("revoked", forked, honest, pinned_block=scene.head.hash) == "revoked"


def test_too_few_nodes_are_no_answer(scene):
    honest, dead = scene.honest.network.url, "http://127.0.0.1:1"
    assert scene.ask("good", honest, dead) == "undetermined"
    trusted = scene.honest.policy._replace(nodes=(honest, dead), quorum=1)
    assert scene.verdict("good", trusted) == "valid"


def test_a_node_that_lags_is_read_where_it_is(scene):
    """Two nodes agree on the lower one's block; what happened after it is not known, and its age decides."""
    with Proxy(scene.honest.network.url) as late:
        late.after = at_block(scene.honest.network, scene.honest.moments["anchored"].number)
        nodes = (late.url, scene.honest.network.url)
        assert scene.ask("revoked", *nodes, max_head_age=3600) == "valid", "younger than the policy asks for"
        assert scene.ask("revoked", *nodes, max_head_age=60) == "undetermined"


@pytest.mark.parametrize("name", ["revoked", "forged"])
def test_a_lie_in_every_field(scene, name):
    """Each field that a verdict was read from, by one of two nodes or under a pinned block; kinds of lie take turns."""
    url = scene.honest.network.url
    with Proxy(url, remembers=True) as liar, Proxy(url, remembers=True) as honest:
        told = listen(liar)
        asking: dict[str, Callable[[], str]] = {
            "two nodes": lambda: scene.ask(name, liar.url, honest.url),
            "a pinned block": lambda: scene.ask(name, liar.url, pinned_block=scene.head.hash),
        }
        lies = 0
        for ask_once in asking.values():
            told.begin(None)
            assert ask_once() == TRUTH[name]
            answers = list(told.heard)
            for place, answer in enumerate(answers):
                # It refuses to say its own name, and nothing is read from that.
                for steps in fields(answer["result"]) if "result" in answer else ():
                    # Each kind in its turn: all three on all fields took minutes where others work beside it.
                    lie = lies % 3
                    told.begin((place, steps, lie))
                    said = ask_once()
                    lies += 1
                    assert said in (TRUTH[name], "undetermined"), (place, steps, lie)
    assert lies > 200


class Told:
    """What a proxy heard a node say, and the one lie that it puts in."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.lie: tuple[int, Steps, int] | None = None

    def begin(self, lie: tuple[int, Steps, int] | None) -> None:
        self.heard, self.lie = [], lie

    def after(self, _asked: dict[str, Any], answer: bytes) -> bytes:
        message = json.loads(answer)
        self.heard.append(message)
        if self.lie is None or self.lie[0] != len(self.heard) - 1:
            return answer
        _, steps, number = self.lie
        changed = json.loads(answer)
        place, last = changed, ("result", *steps)[-1]
        for step in ("result", *steps)[:-1]:
            place = place[step]
        place[last] = lied(place[last], number)
        return json.dumps(changed).encode()


def listen(proxy: Proxy) -> Told:
    told = Told()
    proxy.after = told.after
    return told


def fields(value: Any) -> Iterator[Steps]:
    """The way to every value that is no container, and to every list."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from ((name, *steps) for steps in fields(inner))
    elif isinstance(value, list):
        yield ()
        for place, inner in enumerate(value):
            yield from ((place, *steps) for steps in fields(inner))
    else:
        yield ()


def lied(value: Any, number: int) -> Any:
    """Three lies about a value: another one of its kind, none of its kind, and nothing."""
    if number == 2:
        return None
    if isinstance(value, list):
        return value[:-1] if number == 0 and value else [*value, *value, "0x00"]
    if isinstance(value, str) and value.startswith("0x") and len(value) > 2:
        digits = value[2:]
        if number == 0:
            return "0x" + digits[:-1] + format(int(digits[-1], 16) ^ 1, "x")
        return "0x" + "0" * len(digits)
    return "0x1" if number == 0 else {}


def at_block(network: Devnet, number: int) -> Callable[[dict[str, Any], bytes], bytes]:
    """A node that still has this block as its newest."""

    def answer(asked: dict[str, Any], said: bytes) -> bytes:
        if asked["method"] == "eth_getBlockByNumber" and asked["params"][0] == "latest":
            said = json.dumps(network.ask("eth_getBlockByNumber", hex(number), False)).encode()
        return said

    return answer
