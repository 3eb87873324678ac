"""Which block several nodes agree on, who is left out, and what a verifier remembers of it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from devnet import Anvil
from nation import A, Nation, with_policy
from rpc_proxy import Proxy


@contextmanager
def behind(nation: Nation, blocks: int) -> Iterator[str]:
    """A node of the same chain that has not seen the newest blocks."""
    with Proxy(nation.anvil.url) as node:
        newest = int(nation.anvil.call("eth_blockNumber"), 16) - blocks

        def older(asked: dict[str, Any], said: bytes) -> bytes:
            if asked["method"] == "eth_getBlockByNumber" and asked["params"][0] == "latest":
                return node.forward(json.dumps(asked | {"params": [hex(newest), False]}).encode())
            return said

        node.after = older
        yield node.url


@contextmanager
def elsewhere(nation: Nation) -> Iterator[str]:
    """A node of a chain with the same first block, and as many others as the nation's has, and more."""
    first = nation.anvil.call("eth_getBlockByNumber", "0x0", False)
    with Anvil("--timestamp", str(int(first["timestamp"], 16))) as other, Proxy(other.url) as node:
        other.call("anvil_mine", "0x400", "0x1")
        answer = json.dumps({"jsonrpc": "2.0", "id": 1, "result": first}).encode()
        node.after = lambda asked, said: answer if "0x0" in asked["params"] else said
        yield node.url


def one(nation: Nation) -> Any:
    return Proxy(nation.anvil.url)


def named(name: str) -> Callable[[dict[str, Any], bytes], bytes]:
    answer = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"id": name}}).encode()
    return lambda asked, said: answer if asked["method"] == "admin_nodeInfo" else said


def test_one_node_and_several(nation, verify, papers):
    text = verify("check", papers["revoked"], "--issuer", A.hex())
    assert "Read from one node: this answer is as honest as that node." in text.out
    with Proxy(nation.anvil.url) as other:
        with_policy(nation, nodes=[nation.anvil.url, other.url])
        said = verify("check", papers["revoked"], "--issuer", A.hex(), "--json")
        assert (said.verdict, said.stands_on, said.nodes) == ("revoked", "several-nodes", 2)


def left_out(said: Any) -> list[str]:
    return [one["why"] for one in said.left_out]


def test_a_node_that_lags_hides_no_revocation(nation, verify, papers):
    """With the lowest height of all, three nodes would have said `valid` of what two know to be revoked."""
    nation.status("regulator", A, nation.leaves[A, 1][3], 3)
    with one(nation) as other, behind(nation, 1) as slow:
        with_policy(nation, nodes=[slow, other.url, nation.anvil.url], quorum=2)
        said = verify("check", papers["valid"], "--issuer", A.hex(), "--json")
        assert (said.verdict, said.nodes, left_out(said)) == ("revoked", 2, ["behind"])
        text = verify("check", papers["valid"], "--issuer", A.hex()).out
        assert f"Left out: {slow} is behind, at block" in text


def test_a_node_at_its_first_block_makes_nothing_undetermined(nation, verify, papers):
    height = int(nation.anvil.call("eth_blockNumber"), 16)
    with one(nation) as other, behind(nation, height) as empty:
        with_policy(nation, nodes=[empty, other.url, nation.anvil.url], quorum=2)
        said = verify("check", papers["valid"], "--issuer", A.hex(), "--json")
        assert (said.verdict, left_out(said)) == ("valid", ["behind"])


def test_a_node_on_a_fork_vetoes_no_quorum(nation, verify, papers):
    with one(nation) as other, elsewhere(nation) as forked:
        with_policy(nation, nodes=[forked, other.url, nation.anvil.url], quorum=2)
        said = verify("check", papers["valid"], "--issuer", A.hex(), "--json")
        assert (said.verdict, left_out(said)) == ("valid", ["elsewhere"])
        # Both could be right: a quorum of half is met twice.
        with_policy(nation, nodes=[forked, nation.anvil.url], quorum=1)
        assert verify("check", papers["valid"], "--issuer", A.hex()).code == 4
        with_policy(nation, nodes=[forked, nation.anvil.url], quorum=2)
        assert verify("check", papers["valid"], "--issuer", A.hex()).code == 4


def test_silence_is_said(nation, verify, papers):
    with one(nation) as other:
        with_policy(nation, nodes=["http://127.0.0.1:1", other.url, nation.anvil.url], quorum=2)
        said = verify("check", papers["valid"], "--issuer", A.hex(), "--json")
        assert (said.verdict, left_out(said)) == ("valid", ["silent"])
        with_policy(nation, quorum=3)
        assert verify("check", papers["valid"], "--issuer", A.hex()).code == 4


def test_silence_is_said_of_a_pinned_block_too(nation, verify, papers):
    with_policy(nation, nodes=["http://127.0.0.1:1", nation.anvil.url])
    block = nation.anvil.call("eth_getBlockByNumber", "latest", False)["hash"]
    said = verify("check", papers["valid"], "--issuer", A.hex(), "--block", block, "--json")
    assert (said.verdict, left_out(said)) == ("valid", ["silent"])


def test_one_node_under_two_addresses_is_one(nation, verify, papers):
    with ExitStack() as stack:
        nodes = [stack.enter_context(one(nation)) for _ in range(3)]
        for node, name in zip(nodes, ("a", "a", "b"), strict=True):
            node.after = named(name)
        with_policy(nation, nodes=[node.url for node in nodes], quorum=2)
        said = verify("check", papers["valid"], "--issuer", A.hex(), "--json")
        assert (said.verdict, said.nodes, left_out(said)) == ("valid", 2, ["same"])
        with_policy(nation, quorum=3)
        said = verify("log", "--json")
        assert said.code == 4
        assert said.detail.endswith(f"{nodes[1].url} calls itself as {nodes[0].url} does: the two count as one")


def test_a_node_that_takes_anothers_name_takes_nothing_from_it(nation, verify, papers):
    with ExitStack() as stack:
        honest = [stack.enter_context(one(nation)) for _ in range(2)]
        for node in honest:
            node.after = named("h" + node.url)
        forked = stack.enter_context(elsewhere(nation))
        liar = stack.enter_context(Proxy(forked))
        liar.after = named("h" + honest[0].url)
        with_policy(nation, nodes=[liar.url, *(node.url for node in honest)], quorum=2)
        said = verify("check", papers["valid"], "--issuer", A.hex(), "--json")
        assert (said.verdict, said.nodes, left_out(said)) == ("valid", 2, ["elsewhere"])


def test_one_that_lies_about_an_older_block_accuses_nobody(nation, verify, papers):
    """It agrees on the newest block; what it says of the one that two others have come to counts for one voice."""
    below = int(nation.anvil.call("eth_blockNumber"), 16) - 1
    with ExitStack() as stack:
        liar, honest = (stack.enter_context(one(nation)) for _ in range(2))
        slow = [stack.enter_context(behind(nation, 1)) for _ in range(2)]
        older = nation.anvil.call("eth_getBlockByNumber", hex(below - 1), False)
        answer = json.dumps({"jsonrpc": "2.0", "id": 1, "result": older}).encode()
        liar.after = lambda asked, said: answer if asked["params"][:1] == [hex(below)] else said
        with_policy(nation, nodes=[liar.url, honest.url, nation.anvil.url, *slow], quorum=2)
        said = verify("check", papers["valid"], "--issuer", A.hex(), "--json")
        assert (said.verdict, left_out(said)) == ("valid", ["behind", "behind"])


@pytest.mark.parametrize("age", [60, -3600])
def test_a_head_that_no_check_would_use_is_not_remembered(nation, verify, papers, age):
    """Stale, or ahead of the clock: the honest chain would be refused for good afterwards."""
    memory = nation.folder / "memory.json"
    with_policy(nation, max_head_age=30)
    if age < 0:
        nation.anvil.call("evm_mine", hex(int(time.time()) - age))
    verify("check", papers["valid"], "--issuer", A.hex(), "--memory", memory)
    assert json.loads(memory.read_text())["logs"] == {}


def test_a_memory_of_the_first_format_is_carried_on(nation, verify, papers):
    memory = nation.folder / "memory.json"
    given = ("check", papers["valid"], "--issuer", A.hex(), "--memory", memory, "--json")
    assert verify(*given).verdict == "valid"
    fields = json.loads(memory.read_text())
    logs = {
        registry: {name: log[name] for name in ("block", "size", "nodes")} for registry, log in fields["logs"].items()
    }
    memory.write_text(json.dumps({"format": "jangkar-memory-v1", "logs": logs}))
    assert verify(*given).verdict == "valid"
    assert json.loads(memory.read_text()) == fields


def test_who_showed_which_block_is_said(nation, verify, papers):
    """A node that invented a head and the honest one: a person has to decide, and is told what to look at."""
    memory = nation.folder / "memory.json"
    given = ("check", papers["valid"], "--issuer", A.hex(), "--memory", memory, "--json")
    assert verify(*given).verdict == "valid"
    fields = json.loads(memory.read_text())
    (log,) = fields["logs"].values()
    assert log["shown_by"] == [nation.anvil.url]
    log["hash"] = "ab" * 32
    memory.write_text(json.dumps(fields))
    nation.batch(A, 6)
    said = verify(*given)
    assert said.code == 4
    assert f"0x{'ab' * 32}" in said.detail
    assert f"shown by {nation.anvil.url}" in said.detail
    assert f"{nation.anvil.url} shows 0x" in said.detail


def test_a_verifier_that_remembers(nation, verify, papers):
    """Made at the first look, carried on with each; a fork, or a chain that was cut, gives no verdict."""
    memory = nation.folder / "memory.json"
    given = ("--issuer", A.hex(), "--memory", memory, "--json")
    fork = nation.anvil.call("evm_snapshot")
    assert verify("check", papers["valid"], *given).verdict == "valid"
    first = memory.read_bytes()
    nation.batch(A, 6)
    assert verify("check", papers["valid"], *given).verdict == "valid"
    assert memory.read_bytes() != first
    seen = memory.read_bytes()
    assert nation.anvil.call("evm_revert", fork)
    cut = verify("check", papers["valid"], *given)
    assert (cut.code, "lies below what was seen before" in cut.detail) == (4, True)
    nation.batch(A, 6, size=7)
    nation.sleep(1)
    forked = verify("check", papers["valid"], *given)
    assert (forked.code, "does not extend what was seen before" in forked.detail) == (4, True)
    assert memory.read_bytes() == seen, "what was seen stays what it was"
    # A node that hides what was written since leads elsewhere than the storage.
    memory.write_bytes(first)
    with Proxy(nation.anvil.url) as liar:
        liar.after = lambda asked, said: b'{"id":1,"result":[]}' if asked["method"] == "eth_getLogs" else said
        with_policy(nation, nodes=[liar.url])
        assert verify("check", papers["valid"], *given).code == 4
        with_policy(nation, nodes=[liar.url, nation.anvil.url])
        assert verify("check", papers["valid"], *given).verdict == "valid"


def test_several_verifiers_that_keep_one_memory(nation, papers):
    """At once: each waits for the other, none is refused by what another saw meanwhile, and the newest head stays."""
    memory = nation.folder / "memory.json"
    command = [
        sys.executable, "-m", "verifier", "check", str(papers["valid"]), "--issuer", A.hex(), "--memory", str(memory),
        "--policy", str(nation.policy),
    ]  # fmt: skip
    running = []
    for _ in range(6):
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        nation.anvil.call("evm_mine")
    ended = [one.communicate(timeout=120) for one in running]
    assert [one.returncode for one in running] == [0] * 6, ended
    (log,) = json.loads(memory.read_text())["logs"].values()
    assert log["block"] == int(nation.anvil.call("eth_blockNumber"), 16)


LOG = {"block": 1, "hash": "00" * 32, "time": 1, "shown_by": [], "size": 0, "nodes": []}
NO_MEMORIES = [
    "", "[]", "{}", '{"format":"jangkar-memory-v1","logs":{"0x":{"block":1,"size":2,"nodes":[]}}}',
    *(
        json.dumps({"format": "jangkar-memory-v2", "logs": logs})
        for logs in (
            [], {"0x": 1}, {"0x": LOG | {"size": 2}}, {"0x": LOG | {"time": 10**12}}, {"0x": LOG | {"shown_by": [1]}},
            {"0x": LOG | {"block": "1"}}, {"0x": {"hash": "00" * 32, "size": 0, "nodes": [], "block": 1}},
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("text", NO_MEMORIES)
def test_a_memory_that_is_none(nation, verify, papers, text):
    memory = nation.folder / "memory.json"
    memory.write_text(text)
    assert verify("check", papers["valid"], "--issuer", A.hex(), "--memory", memory).code == 2
    assert memory.read_text() == text


def test_a_block_that_may_go_back_is_not_what_is_remembered(nation, verify, papers):
    """Its place is taken by another, as on every chain that a policy gives a depth: no history was changed."""
    memory = nation.folder / "memory.json"
    with_policy(nation, finality={"depth": 3})
    given = ("check", papers["valid"], "--issuer", A.hex(), "--memory", memory, "--json")
    nation.anvil.call("anvil_mine", "0x3")
    fork = nation.anvil.call("evm_snapshot")
    nation.anvil.call("evm_mine")
    assert verify(*given).verdict == "valid"
    assert nation.anvil.call("evm_revert", fork)
    nation.anvil.call("anvil_mine", "0x2", "0x7")
    assert verify(*given).verdict == "valid"


def test_a_node_that_does_not_answer_is_no_other_history(nation, verify, papers):
    memory = nation.folder / "memory.json"
    with one(nation) as node:
        with_policy(nation, nodes=[node.url])
        given = ("check", papers["valid"], "--issuer", A.hex(), "--memory", memory, "--json")
        assert verify(*given).verdict == "valid"
        nation.batch(A, 6)
        node.before = lambda asked: asked["method"] != "eth_getLogs"
        said = verify(*given)
        assert (said.code, "delete the memory" in said.detail) == (4, False)
