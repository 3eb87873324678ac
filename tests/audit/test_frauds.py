"""Every fraud that an audit has to find, planted one by one in a real chain's state or in a batch's files.

The forged acts stand under the registry's genuine code, in a log and a storage that agree: whoever holds the chain can
do that, and nobody else.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import reference
from nation import DAY, NAMES, ZERO, A, B, Holder, Nation, issuers, names, with_policy
from rpc_proxy import Proxy

from verifier.audit.slots import expected_words
from verifier.chain.nodes import open_chain
from verifier.cli import main
from verifier.history.recorded import record

THIEF = "0x" + "66" * 20


def test_an_honest_history_passes(nation, capsys):
    code, report = nation.audit()
    assert names(report) == set(), report["findings"]
    assert code == 0
    assert report["counts"] == {
        "issuers": 2, "anchors": 9, "certificates": 52, "leaves_recomputed": 52, "entries_opened": 52,
        "entries": 17, "words": report["counts"]["words"], "closed_nights": 1,
    }  # fmt: skip
    assert [one["answer"] for one in report["sample"]["certificates"]] == [True] * 20
    assert report["statuses"][-1] | {"day": ""} == {"day": "", "suspended": 1, "superseded": 1, "revoked": 1}
    assert "sound: NO BREACH FOUND" in capsys.readouterr().out
    assert nation.audit()[1] == report, "the same chain and files give the same report"
    page = (nation.folder / "out" / "report.html").read_text()
    assert "Balai &quot;Lain&quot; &amp; &lt;script&gt;" in page
    assert "<script" not in page


# What the holder of the chain writes, and the rule's name. `key` is institute A's own key.
def _anchor(key: str, sequence: int = 6, window: int = 0, root: bytes = b"\x11" * 32, size: int = 1):
    return "Anchored", (A, sequence, root, size, window, key, key)


def _status(key: str, leaf: bytes, status: int, *, regulator: bool = False):
    return "StatusChanged", (A, leaf, status, 4, 0, ZERO, int(regulator), key)


IN_THE_LOG: dict[str, Callable[[Nation, str], list[tuple]]] = {
    "by-a-closed-window": lambda nation, key: [
        ("WindowClosed", (A, 0, nation.now() + 5, key)), (*_anchor(key), nation.now() + 9),
    ],
    "by-a-key-that-is-not-active": lambda _nation, _key: [_anchor(THIEF)],
    "a-gap-in-the-sequence": lambda _nation, key: [_anchor(key, sequence=8)],
    "an-anchor-written-twice": lambda _nation, key: [_anchor(key, sequence=2)],
    "an-empty-anchor": lambda _nation, key: [_anchor(key, size=0)],
    "a-revocation-reopened": lambda nation, key: [_status(key, nation.leaves[A, 1][1], 0, regulator=True)],
    "a-supersession-reopened": lambda nation, key: [_status(key, nation.leaves[A, 1][2], 0)],
    "over-the-regulator": lambda nation, key: [
        _status(THIEF, nation.leaves[A, 2][3], 1, regulator=True), _status(key, nation.leaves[A, 2][3], 0),
    ],
    "affirmed-without-need": lambda nation, key: [_status(key, nation.leaves[A, 1][0], 1)],
    "superseded-by-nothing": lambda nation, key: [
        ("StatusChanged", (A, nation.leaves[A, 3][0], 2, 5, 0, nation.leaves[A, 1][1], 0, key)),
    ],
    "while-paused": lambda nation, key: [("Paused", (key, nation.now() + 9 * DAY)), _anchor(key)],
    "after-the-successor": lambda _nation, key: [("SuccessorSet", (THIEF, key)), _anchor(key)],
    "a-compromise-moved-later": lambda nation, key: [
        ("CompromiseDeclared", (A, key, nation.now() - 2 * DAY, key)),
        ("CompromiseDeclared", (A, key, nation.now() - DAY, key)),
    ],
    "re-attested-without-need": lambda nation, key: [("Reattested", (A, 1, _root(nation, 1), key))],
    "a-window-that-may-not-be": lambda nation, key: [
        ("WindowOpened", (A, 1, nation.now() - 9 * DAY, 2**63, 1, b"\x01" * 32, key)),
    ],
    "a-window-closed-backwards": lambda nation, key: [("WindowClosed", (A, 0, nation.now() - DAY, key))],
    "a-key-that-may-not-be": lambda _nation, key: [("KeyAdded", (A, key, 7, 2, key))],
    "a-night-that-may-not-be": lambda nation, key: [("NightClosed", (A, nation.now() // DAY + 9, 5, key))],
    "time-goes-back": lambda nation, key: [("Unpaused", (key,), nation.now() - 3 * DAY)],
    "no-issuer": lambda _nation, key: [("KeyAdded", (ZERO, THIEF, 7, 2, key))],
}  # fmt: skip
# What else such a fraud breaks: an anchor without files, or with those of another.
BESIDES = {"manifest-missing", "manifest-of-another-batch", "root-differs", "size-differs"}


def _root(nation: Nation, sequence: int) -> bytes:
    return bytes(nation.contract.functions.anchorOf(A, sequence).call()[0])


@pytest.mark.parametrize("name", list(IN_THE_LOG))
def test_a_forged_act_in_a_coherent_chain(nation, name, capsys):
    holder = Holder(nation)
    for event, words, *time in IN_THE_LOG[name](nation, nation.key(A)):
        holder.write(event, *words, time=time[0] if time else None)
    holder.settle()
    code, report = nation.audit("--sample", "0")
    assert names(report) - BESIDES == {name}, report["findings"]
    assert code == 1
    assert f"breach: {name}" in capsys.readouterr().out


def test_a_root_swapped_in_the_storage(nation):
    """The log says one root and the storage, which verdicts are read from, another."""
    holder = Holder(nation)
    slot = next(slot for what, slot, _ in _slots(holder) if what.endswith("anchor 2"))
    holder.store(slot, 5)
    holder.ask("evm_mine")
    code, report = nation.audit("--sample", "0")
    assert (code, names(report)) == (1, {"storage-differs"})
    assert "anchor 2" in report["findings"][0]["values"]["what"]


def _slots(holder: Holder) -> list[tuple[str, int, int]]:
    return list(expected_words(record(open_chain(holder.trusted)).histories[0]))


def test_a_root_replayed_by_another_issuer(nation):
    nation.act(NAMES[B], "anchor", B, 5, _root(nation, 1), 8)
    text = nation.path(A, 1, "manifest").read_text()
    nation.write(B, 5, "manifest", text.replace(A.hex(), B.hex()).replace('"sequence":1', '"sequence":5'))
    code, report = nation.audit("--sample", "0")
    assert code == 1
    assert "root-of-another-issuer" in names(report)
    assert issuers(report, "root-of-another-issuer") == [B.hex()]


def test_a_certificate_anchored_twice(nation):
    nation.batch(A, 6)
    leaves = sorted([nation.leaves[A, 1][0], b"\x01" * 32])
    nation.act(NAMES[A], "anchor", A, 7, reference.root(leaves), 2)
    head, *_ = nation.path(A, 6, "manifest").read_text().splitlines()
    fields = json.loads(head) | {"sequence": 7, "tree_size": 2, "root_hash": reference.root(leaves).hex()}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    nation.write(A, 7, "manifest", "\n".join([text, *(leaf.hex() for leaf in leaves), ""]))
    code, report = nation.audit("--sample", "0")
    assert (code, names(report)) == (1, {"leaf-anchored-twice"})


def _changed(nation: Nation, suffix: str, change: Callable[[list[str]], list[str]], sequence: int = 2) -> None:
    path = nation.path(A, sequence, suffix)
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


IN_THE_FILES: dict[str, Callable[[Nation], None]] = {
    "entry-differs": lambda nation: _changed(
        nation, "entries", lambda lines: [lines[0], lines[1].replace('number\\":\\"aa', 'number\\":\\"ab'), *lines[2:]]
    ),
    "root-differs": lambda nation: _changed(
        nation, "manifest", lambda lines: [*lines[:-1], "f" * 64 + "\n"]
    ),
    "size-differs": lambda nation: _changed(nation, "manifest", lambda lines: [*lines, "f" * 64 + "\n"]),
    "leaves-out-of-order": lambda nation: _changed(
        nation, "manifest", lambda lines: [lines[0], lines[2], lines[1], *lines[3:]]
    ),
    "manifest-missing": lambda nation: nation.path(A, 2, "manifest").unlink(),
    "manifest-malformed": lambda nation: _changed(nation, "manifest", lambda lines: [*lines, "x\n"]),
    "manifest-of-another-batch": lambda nation: shutil.copy(
        nation.path(A, 1, "manifest"), nation.path(A, 2, "manifest")
    ),
    "profile-differs": lambda nation: [
        _changed(nation, suffix, lambda lines: [lines[0].replace("Provinsi", "Propinsi"), *lines[1:]])
        for suffix in ("manifest", "entries")
    ],
    "entries-malformed": lambda nation: _changed(nation, "entries", lambda lines: [lines[0], lines[2], lines[1]]),
    "metadata-malformed": lambda nation: _changed(
        nation, "entries", lambda lines: [lines[0], lines[1].replace('\\"kind\\"', '\\"kinds\\"'), *lines[2:]]
    ),
}  # fmt: skip
# A leaf that is another than it was leads to another root too, and is no entry's.
FOLLOWS = {"root-differs", "entry-differs", "size-differs", "entries-malformed"}


@pytest.mark.parametrize("name", list(IN_THE_FILES))
def test_a_file_that_was_changed(nation, name, capsys):
    IN_THE_FILES[name](nation)
    code, report = nation.audit("--sample", "0")
    assert name in names(report), report["findings"]
    assert names(report) - FOLLOWS <= {name}
    assert code == 1
    assert f"breach: {name}" in capsys.readouterr().out


CERTIFICATES = {
    "back-dated": {"issued_on": "2020-01-01"},
    "out-of-scope": {"kind": "pkp"},
    "anchored-expired": {"valid_until": "2021-01-01T00:00:00Z"},
}


@pytest.mark.parametrize("name", list(CERTIFICATES))
def test_a_certificate_that_should_not_have_been_anchored(nation, name):
    nation.batch(A, 6, size=1, **CERTIFICATES[name])
    code, report = nation.audit("--sample", "0")
    assert (code, names(report)) == (1, {name})
    if name == "back-dated":
        assert report["issuers"][0]["dates"]["longer"] == 1


def test_a_status_of_a_stranger(nation):
    nation.status(NAMES[A], A, b"\x77" * 32, 3)
    code, report = nation.audit("--sample", "0")
    assert (code, names(report)) == (1, {"status-of-no-leaf"})


def test_missed_nights(nation):
    """B closes its empty nights, so that its silence afterwards is told, night by night; A never closed one."""
    nation.sleep(5 * DAY)
    code, report = nation.audit("--sample", "0")
    assert (code, names(report)) == (1, {"missed-night"})
    assert set(issuers(report, "missed-night")) == {B.hex()}
    assert len(issuers(report, "missed-night")) == 4
    assert issuers(report, "closes-no-nights") == [A.hex()]


def test_a_single_missed_night(nation):
    """One evening without B, between two with it; a run after midnight would still have been in time."""
    nation.batch(B, 5)
    nation.sleep(2 * DAY)
    nation.batch(B, 6)
    nation.sleep(DAY + 4 * 3600)
    nation.batch(B, 7)
    nation.sleep(DAY)
    code, report = nation.audit("--sample", "0")
    assert (code, names(report)) == (1, {"missed-night"})
    assert len(issuers(report, "missed-night")) == 1


def test_a_head_that_is_too_old_leaves_the_audit_open(nation):
    fields = json.loads(nation.policy.read_text()) | {"max_head_age": 1}
    nation.policy.write_text(json.dumps(fields))
    code, report = nation.audit("--sample", "0")
    assert (code, names(report)) == (4, {"head-stale"})


def test_a_node_that_hides_an_event(nation):
    with Proxy(nation.anvil.url) as liar:

        def hide(asked: dict, answer: bytes) -> bytes:
            if asked["method"] != "eth_getLogs":
                return answer
            message = json.loads(answer)
            message["result"].pop()
            return json.dumps(message).encode()

        liar.after = hide
        fields = json.loads(nation.policy.read_text()) | {"nodes": [liar.url]}
        nation.policy.write_text(json.dumps(fields))
        code, report = nation.audit("--sample", "0")
    assert (code, names(report)) == (1, {"log-differs"})


def _denies(asked: dict, answer: bytes) -> bytes:
    """What a node says that answers every call with false."""
    if asked["method"] != "eth_call":
        return answer
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": "0x" + "00" * 32}).encode()


@pytest.mark.parametrize("alone", [True, False])
def test_a_node_that_denies_what_is_proved_accuses_nobody(nation, alone):
    """Leaf, path and root stand proved already; what one node says of them is its word alone."""
    with Proxy(nation.anvil.url) as liar:
        liar.after = _denies
        with_policy(nation, nodes=[liar.url] if alone else [nation.anvil.url, liar.url])
        code, report = nation.audit("--sample", "2")
        assert (code, names(report)) == (4, {"call-refuted"})
        assert {one["values"]["node"] for one in report["findings"] if one["name"] == "call-refuted"} == {liar.url}
        assert [one["answer"] for one in report["sample"]["certificates"]] == [False] * 2
        liar.after = lambda asked, answer: b"{}" if asked["method"] == "eth_call" else answer
        code, report = nation.audit("--sample", "2")
        assert (code, names(report)) == (4, {"call-unanswered"})
        assert [one["answer"] for one in report["sample"]["certificates"]] == [None] * 2


def test_events_that_one_node_hides_while_another_is_silent_are_no_breach(nation):
    """What the storage proves is contradicted by all who were asked, or by nobody whose word is enough."""
    with Proxy(nation.anvil.url) as liar, Proxy(nation.anvil.url) as silent:
        liar.after = lambda asked, said: b'{"id":1,"result":[]}' if asked["method"] == "eth_getLogs" else said
        silent.before = lambda asked: asked["method"] != "eth_getLogs"
        with_policy(nation, nodes=[liar.url, silent.url])
        given = nation.command(nation.folder / "out")
        assert main([*given, "--sample", "0"]) == 4
        silent.before, silent.after = lambda _: True, liar.after
        code, report = nation.audit("--sample", "0")
        assert (code, names(report)) == (1, {"log-differs"})


@pytest.mark.parametrize("size", [2**20 + 1, 2**40, 2**64 - 1])
def test_a_batch_of_more_leaves_than_anybody_recomputes(nation, size):
    """The registry takes any size: it is named, nothing of it is read, and the sample is drawn from the others."""
    nation.act(NAMES[A], "anchor", A, 6, b"\x11" * 32, size)
    nation.path(A, 6, "manifest").write_text("x" * 100)
    code, report = nation.audit("--sample", "20")
    assert (code, names(report)) == (1, {"batch-too-large"})
    (found,) = [one for one in report["findings"] if one["name"] == "batch-too-large"]
    assert (found["sequence"], found["values"]["size"]) == (6, size)
    assert [one["answer"] for one in report["sample"]["certificates"]] == [True] * 20


def test_the_sample_is_drawn_from_what_could_be_recomputed(nation):
    nation.path(A, 2, "manifest").unlink()
    _, report = nation.audit("--sample", str(52 - 8))
    assert len(report["sample"]["certificates"]) == 52 - 8


HISTORIES: dict[str, Callable[[Nation, Holder], None]] = {
    "cut": lambda _nation, _holder: None,
    "on another fork": lambda nation, _holder: [nation.batch(A, 6), nation.batch(A, 7)],
    "reordered": lambda nation, _holder: [nation.batch(B, 5), nation.batch(A, 6)],
}


@pytest.mark.parametrize("name", list(HISTORIES))
def test_a_history_that_does_not_extend_the_last_audit(nation, name):
    fork = nation.anvil.call("evm_snapshot")
    nation.batch(A, 6)
    nation.batch(B, 5)
    assert nation.audit("--sample", "0", out="before")[0] == 0
    previous = nation.folder / "before" / "report.json"
    code, report = nation.audit("--sample", "0", "--previous", str(previous))
    assert (code, names(report)) == (0, set()), "the same history extends itself"
    assert nation.anvil.call("evm_revert", fork)
    HISTORIES[name](nation, Holder(nation))
    code, report = nation.audit("--sample", "0", "--previous", str(previous))
    assert (code, names(report)) == (1, {"history-forked"})


def test_a_block_that_was_dropped_before_it_was_final_is_no_fork(nation):
    with_policy(nation, finality={"depth": 3})
    nation.anvil.call("anvil_mine", "0x3")
    fork = nation.anvil.call("evm_snapshot")
    nation.batch(A, 6)
    newest = int(nation.anvil.call("eth_blockNumber"), 16)
    code, report = nation.audit("--sample", "0", out="before")
    assert (code, report["block"]["number"]) == (0, newest - 3)
    assert nation.anvil.call("evm_revert", fork)
    nation.batch(A, 6, size=7)
    nation.anvil.call("anvil_mine", "0x3")
    code, report = nation.audit("--sample", "0", "--previous", str(nation.folder / "before" / "report.json"))
    assert (code, names(report)) == (0, set())


def test_a_report_of_another_registry_is_no_last_audit(nation):
    nation.audit("--sample", "0", out="before")
    previous = nation.folder / "before" / "report.json"
    previous.write_text(previous.read_text().replace(nation.address, "0x" + "12" * 20))
    assert main([*nation.command(nation.folder / "next"), "--previous", str(previous)]) == 2
    previous.write_text("{}")
    assert main([*nation.command(nation.folder / "next"), "--previous", str(previous)]) == 2


def test_manifests_at_an_address(nation):
    """What an address does not answer is unknown: it may be the network."""
    handler = partial(Silent, directory=str(nation.folder / "manifests"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        place = f"http://127.0.0.1:{server.server_address[1]}/"
        code, report = nation.audit("--sample", "3", manifests=place)
        assert (code, report["counts"]["leaves_recomputed"]) == (0, 52)
        nation.path(A, 2, "manifest").unlink()
        code, report = nation.audit("--sample", "3", manifests=place)
        assert (code, names(report)) == (4, {"manifest-unreadable"})
    finally:
        server.shutdown()
        server.server_close()


class Silent(SimpleHTTPRequestHandler):
    """Serves a folder and logs nothing."""

    def log_message(self, *_args: object) -> None:
        pass


def test_a_folder_that_is_not_there_is_no_fraud(nation, capsys):
    assert main(nation.command(nation.folder / "next", str(nation.folder / "typo"))) == 2
    assert "typo is neither a folder nor an http address" in capsys.readouterr().err


def test_a_report_is_utf_8_whatever_the_locale_is(nation):
    """An institute's name is cut off with a letter that not every encoding has."""
    out = nation.folder / "out"
    plain = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "verifier", *nation.command(out)]
    done = subprocess.run(command, env=os.environ | plain, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "…" in (out / "report.html").read_text(encoding="utf-8")


def test_an_audit_that_was_interrupted_goes_on(nation):
    """What was judged is not judged again; a file that was changed in between is."""
    path = nation.folder / "out" / "progress.jsonl"
    shutil.rmtree(nation.folder / "out", ignore_errors=True)
    given = nation.command(path.parent)
    nation.path(B, 4, "manifest").rename(nation.folder / "aside")
    nation.path(B, 4, "manifest").mkdir()
    assert main(given) == 2, "a folder in a manifest's place stops the audit"
    assert len(path.read_text().splitlines()) == 8
    nation.path(B, 4, "manifest").rmdir()
    (nation.folder / "aside").rename(nation.path(B, 4, "manifest"))
    _changed(nation, "manifest", lambda lines: [*lines, "f" * 64 + "\n"], sequence=1)
    assert main(given) == 1
    report = json.loads((nation.folder / "out" / "report.json").read_text())
    assert {one["sequence"] for one in report["findings"] if one["weight"] == "breach"} == {1}
    assert not path.exists()
