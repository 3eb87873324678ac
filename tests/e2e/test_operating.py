"""The commands that keep a service running, as an operator types them, on both databases."""

import json
import random
import re
import signal
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import urlopen
from zoneinfo import ZoneInfo

from begun import Begun
from installation import PDF, Installation
from rpc_proxy import Proxy

from anchor_service.core.hashing import IssuerId


def handed_in(installation, *names):
    folder = installation.certificates(*names)
    installation.jangkar("ingest", str(folder), "--csv", str(installation.table))
    return folder


def set_cutoff(installation, seconds):
    """Let the next cut-off be in so many seconds, at the next full minute at the earliest."""
    at = datetime.now(UTC).astimezone(ZoneInfo("Asia/Jakarta")) + timedelta(seconds=seconds)
    path = installation.folder / "jangkar.toml"
    path.write_text(path.read_text() + f'cutoff = "{at:%H:%M}"\n')


def start_worker(installation):
    """A worker, the address of its metrics, and what it said before."""
    worker = installation.popen("jangkar", "worker", "--metrics-port", "0")
    said = []
    for line in worker.stdout:
        if line.startswith("Listening on "):
            return worker, line.split()[-1], said
        said.append(line)
    raise AssertionError(said)


def events(worker, said):
    """What a worker logged, after it was told to stop."""
    lines = said + worker.stdout.readlines()
    worker.stdout.close()
    worker.wait(30)
    return [json.loads(line) for line in lines if line.startswith("{")]


def gauges(url):
    with urlopen(url, timeout=10) as answer:
        text = answer.read().decode()
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))


def test_a_worker_does_the_night_by_itself_and_two_do_not_do_it_twice(installation):
    folder = handed_in(installation, "one", "two")
    # What came in before the last minute began is due: it is the cut-off now.
    time.sleep(61 - datetime.now(UTC).second)
    set_cutoff(installation, 0)
    first, url, first_said = start_worker(installation)
    second, _, second_said = start_worker(installation)
    deadline = time.monotonic() + 180
    while 'jangkar_subjects{kind="batch",state="anchored"}' not in (found := gauges(url)):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    installation.jangkar("status", "set", str(folder / "one.pdf"), "revoked")
    while 'jangkar_subjects{kind="status",state="anchored"}' not in (found := gauges(url)):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    for worker in (first, second):
        worker.send_signal(signal.SIGTERM)
    said = [events(first, first_said), events(second, second_said)]
    assert [worker.returncode for worker in (first, second)] == [0, 0]
    assert {one["event"] for one in said[0]} >= {"started", "night begins", "stopped"}
    on_chain = [one["subject"] for one in said[0] + said[1] if one["event"] == "on chain"]
    assert sorted(on_chain) == ["batch", "status"]
    assert found["jangkar_certificates_waiting"] == "0.0"
    registry = installation.devnet.registry(installation.registry)
    assert registry.next_nonce() == 2
    for name, verdict in (("one", "revoked"), ("two", "valid")):
        installation.jangkar("receipt", "write", str(folder))
        assert (
            installation.verify(str(folder / f"{name}.pdf"), "--issuer", installation.issuer)[1]["verdict"] == verdict
        )


def test_a_worker_whose_node_is_down_says_so_and_goes_on(quick):
    port = quick.devnet.port
    quick.devnet.kill()
    worker, url, before = start_worker(quick)
    deadline = time.monotonic() + 120
    while float(gauges(url)["jangkar_worker_failures_total"]) < 1:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    quick.devnet.start(port)
    while float(gauges(url)["jangkar_chain_timestamp_seconds"]) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    worker.terminate()
    said = [one["event"] for one in events(worker, before)]
    assert said.count("unavailable") == 2, "once when it began, and once when it ended"
    taken = quick.run("jangkar", "worker", "--metrics-port", str(quick.devnet.port))
    assert (taken.returncode, "choose another" in taken.stderr) == (2, True)


def test_the_doctor_finds_what_is_not_right(quick):
    assert quick.jangkar("doctor").endswith("not ok: 0")
    path = quick.folder / "jangkar.toml"
    right = path.read_text()
    (quick.devnet.folder / "password").chmod(0o644)
    said = quick.jangkar("doctor", exit_code=1)
    assert "chmod 600" in said
    (quick.devnet.folder / "password").chmod(0o600)
    path.write_text(right.replace(quick.registry, "0x" + "12" * 20))
    assert "deployed correctly" in quick.jangkar("doctor", exit_code=1)
    path.write_text(right.replace("chain_id = 200826", "chain_id = 7"))
    assert "follows chain" in quick.jangkar("doctor", exit_code=1)
    path.write_text(right)
    quick.devnet.administration("accreditor", quick.registry).retire_key(
        bytes.fromhex(quick.issuer), quick.devnet.account("institute").address
    )
    time.sleep(1.1)
    quick.devnet.call("evm_mine")
    assert "the signer may nothing" in quick.jangkar("doctor", exit_code=1)
    quick.devnet.administration("accreditor", quick.registry).close_window(bytes.fromhex(quick.issuer), 0)
    time.sleep(1.1)
    quick.devnet.call("evm_mine")
    assert "no window is open" in quick.jangkar("doctor", exit_code=1)
    quick.devnet.kill()
    said = quick.jangkar("doctor", exit_code=1)
    assert "Traceback" not in said


def test_backups_are_made_and_the_doctor_reads_them(installation):
    assert "names no folder" in installation.jangkar("doctor")
    installation.jangkar("backup", exit_code=2)
    settings = installation.folder / "jangkar.toml"
    settings.write_text(settings.read_text() + 'backups = "kept"\n')
    assert "kept holds none" in installation.jangkar("doctor", exit_code=1)
    handed_in(installation, "one")
    installation.jangkar("anchor", "run")
    said = re.fullmatch(r"copied to (\S+), files 2, set aside 0, copies deleted 0", installation.jangkar("backup"))
    copy = installation.folder / said[1]
    assert f"{said[1]}, 0 minutes old" in installation.jangkar("doctor")
    copy.write_bytes(copy.read_bytes()[:-1000])
    assert "`jangkar backup` makes another" in installation.jangkar("doctor", exit_code=1)
    copy.unlink()
    installation.jangkar("db", "backup", f"kept/jangkar-20261120T220000Z{copy.suffix}")
    assert "journalctl -u jangkar-backup" in installation.jangkar("doctor", exit_code=1)


def test_a_lost_database_comes_back_and_a_person_is_erased(installation):
    folder = handed_in(installation, "one", "two", "three")
    installation.jangkar("anchor", "run")
    installation.jangkar("receipt", "write", str(folder))
    before = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    assert "accepted 3 = waiting 0 + on the way 0 + anchored 3; on chain 3" in installation.jangkar("reconcile")
    assert installation.jangkar("fsck") == "findings 0"
    installation.jangkar("db", "downgrade", "base", "--yes")
    installation.jangkar("db", "upgrade")
    assert "rebuilt 1 batches of 3 certificates" in installation.jangkar("rebuild")
    for path in folder.glob("*.json"):
        path.unlink()
    installation.jangkar("receipt", "write", str(folder))
    assert {path.name: path.read_bytes() for path in folder.glob("*.json")} == before
    assert installation.jangkar("erase", str(folder / "one.pdf"), "--yes") == "erased 1"
    installation.jangkar("erase", str(folder / "one.pdf"), "--yes", exit_code=1)
    assert installation.jangkar("fsck", "--offline") == "findings 0"
    assert "erased 1, exceptions 0" in installation.jangkar("reconcile", "--all")
    (folder / "one.pdf.jangkar.json").unlink()
    installation.jangkar("receipt", "write", str(folder), exit_code=1)
    assert installation.verify(str(folder / "two.pdf"), "--issuer", installation.issuer)[1]["verdict"] == "valid"
    service = installation.start("jangkar", "serve", "--port", "0")
    assert installation.verify(str(folder / "one.pdf"), "--service", service)[1]["verdict"] == "not_found"
    installation.devnet.kill()
    installation.jangkar("reconcile", exit_code=4)
    installation.jangkar("fsck", exit_code=4)


def test_an_old_backup_is_detected_before_anything_comes_in(quick):
    folder = quick.folder / "pdfs"
    folder.mkdir()
    ingest = ("ingest", str(folder), "--kind", "latsar", "--issued-on", "2026-11-20")
    (folder / "one.pdf").write_bytes(PDF % b"one")
    quick.jangkar(*ingest)
    quick.jangkar("anchor", "run")
    quick.jangkar("db", "backup", "kept.sqlite3")
    quick.jangkar("db", "backup", "kept.sqlite3", exit_code=2)
    (folder / "two.pdf").write_bytes(PDF % b"two")
    assert "accepted 1, known already 1" in quick.jangkar(*ingest)
    quick.jangkar("anchor", "run")
    for path in quick.folder.glob("jangkar.sqlite3*"):
        path.unlink()
    (quick.folder / "kept.sqlite3").rename(quick.folder / "jangkar.sqlite3")
    assert "read-only" in quick.jangkar("doctor", exit_code=1)
    refused = quick.run("jangkar", *ingest)
    assert (refused.returncode, "old backup" in refused.stderr) == (4, True)
    assert "on chain and not in the database" in quick.jangkar("reconcile", exit_code=1)
    assert "rebuilt 1 batches of 1 certificates" in quick.jangkar("rebuild")
    assert "known already 2" in quick.jangkar(*ingest)
    assert quick.jangkar("doctor").endswith("not ok: 0")


def test_a_thief_who_anchored_is_disowned(quick):
    registry = quick.devnet.registry(quick.registry)
    issuer = IssuerId(bytes.fromhex(quick.issuer))
    signed = registry.sign_anchor(issuer, 1, bytes(31) + b"\x07", 1, registry.next_nonce())
    registry.send(signed.raw)
    quick.devnet.settle()
    assert "read-only" in quick.run("jangkar", "anchor", "run").stderr
    assert "not here" in quick.jangkar("fsck", exit_code=1)
    assert "is recorded as foreign" in quick.jangkar("batch", "disown", "1")
    quick.jangkar("batch", "disown", "1", exit_code=1)
    folder = handed_in(quick, "one")
    quick.jangkar("anchor", "run")
    assert "foreign, 1 leaves" in quick.jangkar("reconcile", exit_code=1)
    quick.jangkar("receipt", "write", str(folder))
    assert quick.verify(str(folder / "one.pdf"), "--issuer", quick.issuer)[1]["verdict"] == "valid"


def test_a_night_on_a_node_that_was_rolled_back_says_so_and_skips_nothing(begun: Begun, tmp_path):
    """The node forgot an anchor: nothing new is sealed on its word, and no act is advised."""
    with Installation(tmp_path / "institute", begun, devnet_options=("--test-methods",)) as made:
        before = made.devnet.call("evm_snapshot")
        handed_in(made, "first")
        made.jangkar("anchor", "run")
        made.devnet.call("evm_revert", before)
        more = made.folder / "more"
        more.mkdir()
        (more / "second.pdf").write_bytes(PDF % b"second")
        made.jangkar("ingest", str(more), "--kind", "latsar", "--issued-on", "2026-11-20")
        night = made.run("jangkar", "anchor", "run", "--close-night", "--wait", "0")
        assert night.returncode == 4, night
        assert "nothing was sealed for" in night.stderr
        assert "waiting 1" in night.stdout
        found = made.run("jangkar", "reconcile")
        assert found.returncode == 1
        assert "it is behind" in found.stdout
        assert "requeue" not in found.stdout


def test_twenty_nights_on_a_node_that_stops_and_forgets_at_random(begun: Begun, tmp_path):
    """No night says that nothing waits where something does, and none that was not done ends with 0."""
    draw = random.Random(20_261_127)
    with Installation(tmp_path / "institute", begun) as made, Proxy(made.devnet.url) as node:
        made.configure(node.url)
        seen = []
        for number in range(20):
            folder = made.folder / f"night-{number}"
            folder.mkdir()
            (folder / f"{number}.pdf").write_bytes(PDF % str(number).encode())
            made.jangkar("ingest", str(folder), "--kind", "latsar", "--issued-on", "2026-11-20")
            seen.append(folder)
            state = draw.choice(("well", "well", "stopped", "rolled back"))
            # As it was before the last anchors: the chain has those, and this node has not.
            listen(node, state, int(made.devnet.call("eth_blockNumber"), 16) - 2)
            done = made.run("jangkar", "anchor", "run", "--close-night", "--wait", "20")
            waiting = re.search(r"waiting (\d+)", done.stdout)
            if state == "well":
                assert (done.returncode, waiting and waiting[1]) == (0, "0"), done
            else:
                assert done.returncode == 4, (state, done)
                assert state == "stopped" or (waiting and int(waiting[1]) > 0), done
        listen(node, "well", 0)
        made.jangkar("anchor", "run", "--close-night")
        assert made.run("jangkar", "reconcile").returncode == 0
        for folder in seen:
            made.jangkar("receipt", "write", str(folder))
            (paper,) = folder.glob("*.pdf")
            assert made.verify(str(paper), "--issuer", made.issuer)[1]["verdict"] == "valid"


def listen(node: Proxy, state: str, height: int) -> None:
    """Let a node answer, be silent, or show nothing above a height."""

    def older(asked: dict[str, Any], said: bytes) -> bytes:
        if state == "rolled back" and asked["method"] == "eth_blockNumber":
            return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": hex(height)}).encode()
        return said

    node.before = lambda _asked: state != "stopped"
    node.after = older


def test_doctor_names_a_chain_that_goes_back_a_node_that_is_behind_and_a_signer_that_was_changed(quick):
    quick.certificates("a")
    with Proxy(quick.devnet.url) as node:
        quick.configure(node.url)
        assert quick.jangkar("doctor").endswith("not ok: 0")
        node.after = as_clique
        assert "Clique's blocks go back" in quick.jangkar("doctor", exit_code=1)
        listen(node, "well", 0)
        folder = quick.folder / "certificates"
        quick.jangkar("ingest", str(folder), "--csv", str(quick.table))
        quick.jangkar("anchor", "run")
        listen(node, "rolled back", int(quick.devnet.call("eth_blockNumber"), 16) - 2)
        assert "the node is behind, or was rolled back" in quick.jangkar("doctor", exit_code=1)
        listen(node, "well", 0)
        quick.jangkar("status", "set", "a/2026", "suspended")
        node.before = lambda asked: asked["method"] != "eth_sendRawTransaction"
        assert quick.run("jangkar", "anchor", "run", "--wait", "0").returncode == 3
        settings = quick.folder / "jangkar.toml"
        settings.write_text(settings.read_text().replace("institute.json", "accreditor.json"))
        said = quick.jangkar("doctor", exit_code=1)
        assert "signed it, and this service signs with" in said
        waits = quick.run("jangkar", "anchor", "run", "--wait", "0")
        assert (waits.returncode, "run once with that one's keystore" in waits.stderr) == (3, True)


def as_clique(asked: dict[str, Any], said: bytes) -> bytes:
    """The newest header as Clique seals one: EIP-225."""
    answer = json.loads(said)
    if asked["method"] == "eth_getBlockByNumber" and asked["params"][0] == "latest":
        sealed = {"difficulty": "0x2", "mixHash": "0x" + "00" * 32, "extraData": "0x" + "11" * 97}
        answer["result"] |= sealed
    return json.dumps(answer).encode()
