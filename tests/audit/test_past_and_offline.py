"""Questions about the past, answers without a network, and the registry's own check, by the commands."""

import hashlib
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nation import DAY, A, Nation, with_policy
from rpc_proxy import Proxy

from verifier.errors import BundleNotPinned, MalformedBundle
from verifier.formats.policy import load
from verifier.history.bundle import parse

WEEK = 7 * DAY


def bundled(nation: Nation, verify) -> tuple[Path, str]:
    path = nation.folder / "history.bundle"
    said = verify("bundle", path, "--json")
    assert said.code == 0
    return path, said.digest


def anchored(nation: Nation) -> int:
    return nation.contract.functions.anchorOf(A, 1).call()[2]


def day(seconds: int) -> str:
    """A date in Western Indonesia Time."""
    return datetime.fromtimestamp(seconds + 7 * 3600, UTC).date().isoformat()


def test_without_a_network_the_verdicts_are_the_same(nation, verify, papers):
    path, digest = bundled(nation, verify)
    online = {name: verify("check", paper, "--issuer", A.hex(), "--json").verdict for name, paper in papers.items()}
    assert online == {name: name for name in papers}
    # Nobody is there any more.
    with_policy(nation, nodes=["http://127.0.0.1:1"], bundles=[digest], max_bundle_age=2 * WEEK)
    given = ("--issuer", A.hex(), "--offline", "--bundle", path)
    for name, paper in papers.items():
        said = verify("check", paper, *given, "--json")
        assert (said.verdict, said.stands_on) == (name, "pinned-bundle")
    text = verify("check", papers["valid"], *given)
    assert text.code == 0
    assert f"Read from the bundle of digest {digest}, without a network." in text.out
    assert "The age of what it knows: " in text.out
    assert verify("check", papers["valid"], "--issuer", A.hex()).code == 4


def test_a_stale_bundle_knows_no_status(nation, verify, papers):
    """What does not heal is still said; what may have changed since is unknown, and never a green tick."""
    path, digest = bundled(nation, verify)
    with_policy(nation, bundles=[digest], max_bundle_age=1)
    given = ("--issuer", A.hex(), "--offline", "--bundle", path, "--json")
    found = {name: verify("check", paper, *given) for name, paper in papers.items()}
    assert {name: said.verdict for name, said in found.items()} == {
        "suspended": "undetermined", "revoked": "revoked", "superseded": "superseded", "valid": "undetermined",
    }  # fmt: skip
    assert found["valid"].claims[0]["checks"][4]["reason"] == "stale-head"


def test_a_bundle_that_nobody_pinned_is_not_read(nation, verify, papers):
    path, digest = bundled(nation, verify)
    given = ("--issuer", A.hex(), "--offline", "--bundle", path)
    said = verify("check", papers["revoked"], *given)
    assert (said.code, digest in said.out) == (4, True)
    assert verify("check", papers["revoked"], *given, "--digest", digest).code == 1
    assert verify("check", papers["revoked"], *given, "--digest", "00" * 32).code == 4


def test_the_same_history_gives_the_same_bundle(nation, verify):
    path, _ = bundled(nation, verify)
    again = nation.folder / "again.bundle"
    assert verify("bundle", again).code == 0
    assert again.read_bytes() == path.read_bytes()
    assert verify("bundle", again).code == 2, "nothing is overwritten"


def test_a_bundle_ends_with_a_block_that_does_not_go_back(nation, verify):
    """Whoever reads it cannot ask how many blocks lay on top: it holds what was final for its writer, and no more."""
    with_policy(nation, finality={"depth": 3})
    nation.batch(A, 6)
    newest = int(nation.anvil.call("eth_blockNumber"), 16)
    paper = nation.paper(A, 6, 0)
    path, digest = bundled(nation, verify)
    assert json.loads(path.read_text().splitlines()[0])["block"]["number"] == newest - 3
    given = ("--issuer", A.hex(), "--offline", "--bundle")
    assert verify("check", paper, *given, path, "--digest", digest, "--json").verdict == "undetermined"
    nation.anvil.call("anvil_mine", "0x3")
    path.unlink()
    path, digest = bundled(nation, verify)
    assert verify("check", paper, *given, path, "--digest", digest, "--json").verdict == "valid"
    # A block that is pinned by hand is one that somebody else stands behind.
    nation.batch(A, 7)
    block = nation.anvil.call("eth_getBlockByNumber", "latest", False)["hash"]
    pinned = nation.folder / "pinned.bundle"
    assert verify("bundle", pinned, "--block", block).code == 0
    assert json.loads(pinned.read_text().splitlines()[0])["block"]["hash"] == block


def test_what_was_known_then_is_of_final_blocks_too(nation, verify):
    with_policy(nation, finality={"depth": 3})
    nation.batch(A, 6)
    paper, anchored_at = nation.paper(A, 6, 0), nation.now()
    nation.anvil.call("anvil_mine", "0x2", hex(DAY))
    given = ("--issuer", A.hex(), "--json", "--at", day(anchored_at))
    said = verify("check", paper, *given)
    assert (said.verdict, said.past["verdict_known_then"]) == ("undetermined", "undetermined")
    nation.anvil.call("evm_mine")
    said = verify("check", paper, *given)
    assert (said.verdict, said.past["verdict_known_then"]) == ("valid", "valid")


def test_a_log_is_written_down_up_to_what_is_final(nation, verify):
    """Its checkpoint is published and its proofs are kept: neither may be of a block that is dropped afterwards."""
    nation.anvil.call("anvil_mine", "0x3")
    with_policy(nation, finality={"depth": 3})
    before = verify("log", "--json")
    nation.batch(A, 6)
    said = verify("log", "--json")
    assert (said.size, said.root, said.block) == (before.size, before.root, before.block + 1)
    proof = nation.folder / "proof.json"
    proof.write_text(verify("log", "--entry", "3").out)
    assert verify("log", "--proof", proof).code == 0


DAMAGES = {
    "an entry left out": lambda lines: [*lines[:5], *lines[6:]],
    "an entry changed": lambda lines: [*lines[:5], lines[5].translate(str.maketrans("12", "21")), *lines[6:]],
    "two entries swapped": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "cut off": lambda lines: lines[:-1],
    "something behind": lambda lines: [*lines, lines[-1]],
    "no header": lambda lines: lines[1:],
    "another registry": lambda lines: [lines[0].replace('"registry":"0x', '"registry":"0x00'), *lines[1:]],
    "another chain": lambda lines: [lines[0].replace('"chain_id":200826', '"chain_id":1'), *lines[1:]],
    "nothing": lambda _lines: [],
    "no line feed": lambda lines: [*lines[:-1], lines[-1][:-1]],
}  # fmt: skip


@pytest.mark.parametrize("name", list(DAMAGES))
def test_a_damaged_bundle_is_none_even_where_it_is_pinned(nation, verify, name):
    path, _ = bundled(nation, verify)
    data = "".join(DAMAGES[name](path.read_text().splitlines(keepends=True))).encode()
    with pytest.raises(BundleNotPinned):
        parse(data, load(nation.policy))
    with pytest.raises(MalformedBundle):
        parse(data, with_policy(nation, bundles=[hashlib.sha256(data).hexdigest()]))


def test_the_past(nation, verify, papers):
    """Anchored on the first day, suspended, revoked and superseded on the sixth."""
    began = anchored(nation)
    nation.sleep(2 * DAY)
    issuer = ("--issuer", A.hex(), "--json")
    for name, paper in papers.items():
        before = verify("check", paper, *issuer, "--at", day(began - DAY))
        assert (before.verdict, before.reason, before.code) == ("not_found", "anchored-later", 1)
        on_that_day = verify("check", paper, *issuer, "--at", day(began + DAY))
        assert (on_that_day.verdict, on_that_day.past["issuer_accredited"]) == ("valid", True)
        assert on_that_day.past["verdict_known_then"] == "valid"
        assert verify("check", paper, *issuer, "--at", day(began + 6 * DAY)).verdict == name
    text = verify("check", papers["revoked"], "--issuer", A.hex(), "--at", day(began + DAY), "--lang", "id")
    assert "Penerbitnya terakreditasi pada waktu itu." in text.out


def test_what_holds_from_the_beginning_held_on_that_day(nation, verify, papers):
    nation.act("regulator", "setStatus", A, [nation.leaves[A, 1][3]], 3, 4, True)
    nation.sleep(2 * DAY)
    given = ("--issuer", A.hex(), "--at", day(anchored(nation) + DAY))
    said = verify("check", papers["valid"], *given, "--json")
    assert (said.verdict, said.past["verdict_known_then"]) == ("revoked", "valid")
    text = verify("check", papers["valid"], *given)
    assert "By what the registry had recorded at that time: GENUINE and in force." in text.out


def test_a_key_declared_stolen_later_was_stolen_on_that_day(nation, verify, papers):
    nation.act("accreditor", "declareCompromise", A, nation.key(A), anchored(nation) - 1)
    nation.sleep(2 * DAY)
    given = ("--issuer", A.hex(), "--at", day(anchored(nation) + DAY), "--json")
    said = verify("check", papers["valid"], *given)
    assert (said.verdict, said.past["verdict_known_then"]) == ("untrusted", "valid")


def test_an_issuer_that_was_accredited_no_more(nation, verify, papers):
    nation.act("accreditor", "closeWindow", A, 0, 0)
    closed = nation.now()
    nation.sleep(4 * DAY)
    issuer = ("--issuer", A.hex(), "--json")
    before = verify("check", papers["valid"], *issuer, "--at", day(anchored(nation) + DAY))
    after = verify("check", papers["valid"], *issuer, "--at", day(closed + DAY))
    assert (before.verdict, before.past["issuer_accredited"]) == ("valid", True)
    assert (after.verdict, after.past["issuer_accredited"]) == ("valid", False), "issued while it was accredited"


def test_a_day_that_is_not_over_is_not_known(nation, verify, papers):
    said = verify("check", papers["valid"], "--issuer", A.hex(), "--at", day(nation.now()))
    assert (said.code, "what is known ends at" in said.out) == (4, True)


NO_DAYS = ["yesterday", "2026-13-01", "2026-02-30", "2026-03-01T12:00:00", "0001-01-01T00:00:00+14:00"]


@pytest.mark.parametrize("when", NO_DAYS)
def test_a_day_that_is_none(verify, papers, when):
    said = verify("check", papers["valid"], "--issuer", A.hex(), "--at", when)
    assert said.code == 2
    assert "--at" in said.err


def test_the_past_from_a_bundle(nation, verify, papers):
    path, digest = bundled(nation, verify)
    with_policy(nation, nodes=["http://127.0.0.1:1"], bundles=[digest])
    given = ("--issuer", A.hex(), "--offline", "--bundle", path, "--json", "--at")
    began = int(json.loads(path.read_text().splitlines()[0])["block"]["time"]) - 5 * DAY
    assert verify("check", papers["revoked"], *given, day(began + DAY)).verdict == "valid"


OPTIONS = [
    ("--offline",), ("--digest", "00" * 32), ("--block", "0x12"), ("--offline", "--bundle", "x", "--service", "http://x"),
    ("--offline", "--bundle", "not-there"), ("--bundle", "x", "--memory", "y"),
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS)
def test_options_that_do_not_go_together(verify, papers, options):
    said = verify("check", papers["valid"], *options)
    assert said.code == 2
    assert said.err.startswith("jangkar-verify: ")


def test_a_block_that_was_pinned_by_hand(nation, verify, papers):
    block = nation.anvil.call("eth_getBlockByNumber", "latest", False)["hash"]
    said = verify("check", papers["revoked"], "--issuer", A.hex(), "--block", block, "--json")
    assert (said.verdict, said.stands_on) == ("revoked", "pinned-block")
    assert verify("check", papers["revoked"], "--issuer", A.hex(), "--block", "0x" + "00" * 32).code == 4


def test_the_registrys_own_check(nation, verify, papers):
    receipt = papers["valid"].with_name(papers["valid"].name + ".jangkar.json")
    said = verify("call", receipt, "--json")
    assert (said.code, said.answers) == (0, {nation.anvil.url: True})
    # Repeated as it was printed, by a library of another make and by curl.
    assert int.from_bytes(nation.client.eth.call({"to": nation.contract.address, "data": said.call["data"]})) == 1
    curl = next(line for line in verify("call", receipt).out.splitlines() if line.startswith("curl "))
    answered = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, check=True)
    assert int(json.loads(answered.stdout)["result"], 16) == 1
    assert "proof    pass. The certificate is one of the 8 of its batch." in verify("call", receipt).out
    forged = receipt.with_name("forged.json")
    forged.write_text(receipt.read_text().replace('"leaf_index":3', '"leaf_index":4'))
    assert verify("call", forged).code == 1
    forged.write_text("{}")
    assert verify("call", forged).code == 4, "it is no receipt"
    with_policy(nation, nodes=["http://127.0.0.1:1"])
    assert verify("call", receipt).code == 4


def test_a_node_whose_answer_is_not_what_is_proved(nation, verify, papers):
    """The registry's storage decides: a node's word for or against it is a node's word, and the node is named."""
    receipt = papers["valid"].with_name(papers["valid"].name + ".jangkar.json")
    forged = receipt.with_name("forged.json")
    forged.write_text(receipt.read_text().replace('"leaf_index":3', '"leaf_index":4'))
    with Proxy(nation.anvil.url) as liar:
        with_policy(nation, nodes=[nation.anvil.url, liar.url])
        for answer, given, code in ((0, receipt, 4), (1, forged, 1)):
            word = f"0x{answer:064x}"
            liar.after = lambda asked, said, word=word: (
                json.dumps({"id": 1, "result": word}).encode() if asked["method"] == "eth_call" else said
            )
            said = verify("call", given, "--json")
            assert (said.code, said.contradicted_by) == (code, [liar.url])
            assert said.answers == {nation.anvil.url: not answer, liar.url: bool(answer)}
        assert verify("call", receipt, "--json").contradicted_by == []
        liar.after = lambda asked, said: b'{"id":1,"result":"0x"}' if asked["method"] == "eth_call" else said
        assert verify("call", receipt).code == 4, "the wrong length is no answer"


def test_a_receipt_that_is_younger_than_the_node_is_not_refuted(nation, verify):
    """The anchor's absence at an old block says nothing, as in check 3."""
    before = int(nation.anvil.call("eth_blockNumber"), 16)
    nation.batch(A, 6)
    receipt = nation.paper(A, 6, 0)
    receipt = receipt.with_name(receipt.name + ".jangkar.json")
    with Proxy(nation.anvil.url) as late:
        older = json.dumps({"id": 1, "result": nation.anvil.call("eth_getBlockByNumber", hex(before), False)}).encode()
        late.after = lambda asked, said: older if asked["params"][:1] == ["latest"] else said
        with_policy(nation, nodes=[late.url])
        said = verify("call", receipt, "--json")
        assert (said.code, said.verdict) == (4, "undetermined")
        assert verify("check", nation.paper(A, 6, 0), "--issuer", A.hex()).code == 4
