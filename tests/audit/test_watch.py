"""The watch: what is new, what is an alarm, and that none is lost or told twice."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from nation import DAY, ZERO, A, B, Holder, Nation, with_policy

from verifier.cli import main

NEW_KEY = "0x" + "77" * 20


@pytest.fixture
def watch(nation: Nation, capsys: pytest.CaptureFixture[str]):
    def look(*options: str) -> tuple[int, list[dict]]:
        given = [
            "watch",
            "--policy",
            str(nation.policy),
            "--state",
            str(nation.folder / "state.json"),
            "--once",
            "--json",
        ]
        code = main([*given, *options])
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return look


def alarms(said: list[dict]) -> list[str]:
    return [one["name"] for one in said if one["kind"] == "alarm"]


def test_the_first_look_is_where_it_begins(watch, nation):
    code, said = watch()
    assert (code, alarms(said)) == (0, [])
    assert sorted(one["name"] for one in said) == ["key-added"] * 2 + ["window-opened"] * 2
    assert watch() == (0, [])
    nation.batch(A, 6)
    assert watch() == (0, []), "an ordinary night is no news"


def test_an_unexpected_key_is_told_once(watch, nation):
    watch()
    nation.act("accreditor", "addKey", A, NEW_KEY, 1, 1)
    code, said = watch()
    assert (code, alarms(said)) == (1, ["unexpected-key"])
    assert said[0]["values"] == {"key": NEW_KEY, "custody": "institute"}
    assert watch() == (0, [])


def test_a_key_that_was_announced_is_news(watch, nation):
    watch()
    nation.act("accreditor", "addKey", A, NEW_KEY, 1, 1)
    code, said = watch("--key", NEW_KEY.upper().replace("0X", "0x"))
    assert (code, [one["name"] for one in said]) == (0, ["key-added"])


def test_missed_nights_are_told_night_by_night(watch, nation):
    watch()
    nation.sleep(4 * DAY)
    code, said = watch()
    assert (code, set(alarms(said))) == (1, {"missed-night"})
    assert {one["issuer"] for one in said} == {B.hex()}
    assert watch() == (0, [])
    nation.sleep()
    assert alarms(watch()[1]) == ["missed-night"]


def test_a_compromise_a_pause_and_a_broken_rule(watch, nation):
    watch()
    nation.act("accreditor", "declareCompromise", A, nation.key(A), 0)
    nation.act("pauser", "pause")
    holder = Holder(nation)
    holder.write("StatusChanged", A, nation.leaves[A, 1][1], 0, 4, 0, ZERO, 1, nation.key(A))
    holder.settle()
    code, said = watch()
    assert (code, sorted(alarms(said))) == (1, ["a-revocation-reopened", "compromise-declared", "paused"])


def test_a_fork_is_told_until_somebody_has_looked(watch, nation):
    fork = nation.anvil.call("evm_snapshot")
    nation.batch(A, 6)
    watch()
    assert nation.anvil.call("evm_revert", fork)
    nation.batch(B, 5)
    for _ in range(2):
        code, said = watch()
        assert (code, alarms(said)) == (1, ["history-forked"])


def test_a_block_that_was_dropped_before_it_was_final_is_no_fork(watch, nation):
    """As on every chain that a policy gives a depth: nothing final was changed, and what comes later is still told."""
    with_policy(nation, finality={"depth": 3})
    nation.anvil.call("anvil_mine", "0x3")
    watch()
    fork = nation.anvil.call("evm_snapshot")
    nation.batch(A, 6)
    assert watch() == (0, [])
    assert nation.anvil.call("evm_revert", fork)
    nation.batch(B, 5)
    nation.act("accreditor", "addKey", A, NEW_KEY, 1, 1)
    assert watch() == (0, []), "a key in a block that may go back is told once it cannot"
    nation.anvil.call("anvil_mine", "0x3")
    assert alarms(watch()[1]) == ["unexpected-key"]


def test_the_newest_block_says_how_old_the_head_is(watch, nation):
    """A depth is no delay of the node's: what is final is older by it, and nothing is amiss."""
    with_policy(nation, finality={"depth": 3}, max_head_age=DAY)
    nation.anvil.call("evm_mine", hex(int(time.time()) - 60))
    assert watch()[0] == 0
    with_policy(nation, max_head_age=1)
    assert alarms(watch()[1]) == ["head-stale"]


def test_a_node_that_is_not_there(watch, nation):
    fields = json.loads(nation.policy.read_text()) | {"nodes": ["http://127.0.0.1:1"]}
    nation.policy.write_text(json.dumps(fields))
    code, said = watch()
    assert (code, alarms(said)) == (4, ["unreadable"])


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"format": "jangkar-watch-v1"}', '{"format":"jangkar-watch-v1","logs":[],"nights":1}']
)
def test_a_state_that_is_none(watch, nation, text):
    (nation.folder / "state.json").write_text(text)
    assert watch()[0] == 2


@pytest.mark.parametrize("options", [("--every", "0"), ("--webhook", "file:///etc/passwd")])
def test_options_that_cannot_be(watch, options):
    assert watch(*options)[0] == 2


@contextmanager
def hook(status: list[int]) -> Iterator[tuple[str, list[dict]]]:
    """A real address that answers with the next status, the last one from then on."""
    heard: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status.pop(0) if len(status) > 1 else status[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", heard
    finally:
        server.shutdown()
        server.server_close()


def test_an_alarm_that_did_not_arrive_is_told_again(watch, nation):
    watch()
    nation.act("accreditor", "addKey", A, NEW_KEY, 1, 1)
    with hook([503, 200]) as (url, heard):
        for _ in range(3):
            watch("--webhook", url)
    assert [one["name"] for one in heard] == ["unexpected-key"] * 2
    assert watch() == (0, [])


def test_a_watch_that_runs(nation):
    """As a process: it tells within a look, stops when told to, and its exit code says that there was an alarm."""
    given = ["--policy", str(nation.policy), "--state", str(nation.folder / "state.json"), "--every", "1"]
    command = [str(Path(sys.prefix) / "bin" / "jangkar-verify"), "watch", *given]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert running.stdout
    for _ in range(4):
        assert " news: " in running.stdout.readline()
    deadline = time.monotonic() + 20
    while not (nation.folder / "state.json").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    nation.act("accreditor", "addKey", A, NEW_KEY, 1, 1)
    assert f" alarm: unexpected-key, issuer {A.hex()}: " in running.stdout.readline()
    time.sleep(1.5)
    running.terminate()
    rest, _ = running.communicate(timeout=20)
    assert (running.returncode, rest) == (1, "")


def test_two_watches_that_keep_one_file_tell_an_alarm_once(nation):
    given = ["--policy", str(nation.policy), "--state", str(nation.folder / "state.json"), "--every", "1"]
    command = [str(Path(sys.prefix) / "bin" / "jangkar-verify"), "watch", *given]
    assert main(["watch", *given[:4], "--once"]) == 0
    nation.act("accreditor", "addKey", A, NEW_KEY, 1, 1)
    # One that looks once has ended when it has looked, at whatever moment the others do.
    running = [subprocess.Popen([*command, "--once"], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [one.communicate(timeout=120)[0].splitlines() for one in running]
    assert sorted(map(len, said)) == [0, 0, 0, 1], said
    assert sorted(one.returncode for one in running) == [0, 0, 0, 1]
