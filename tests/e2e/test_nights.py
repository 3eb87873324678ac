"""Real processes, a real chain, and kill -9 in the places that hurt."""

import json
import os
import signal
import sqlite3
import uuid
from pathlib import Path

import psycopg
import pytest
from installation import PDF, Installation
from rpc_proxy import Proxy

from anchor_service.core.hashing import IssuerId


@pytest.fixture(params=["sqlite", "postgres"])
def installation(request, tmp_path):
    url = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        name = f"e{uuid.uuid4().hex}"
        with psycopg.connect(server, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = f"postgresql://postgres@/{name}?host={server.split()[0].removeprefix('host=')}"
    with Installation(tmp_path / "institute", url) as made:
        yield made


@pytest.fixture
def quick(tmp_path):
    with Installation(tmp_path / "institute") as made:
        yield made


def state(installation: Installation) -> str:
    return installation.jangkar("batch", "list").split("leaves")[-1].split()[0]


@pytest.mark.parametrize("moment", ["between signed and sent", "between sent and confirmed"])
def test_killed_in_the_middle_of_anchoring(installation, moment):
    """The next run ends with exactly one anchor for that sequence, and receipts that verify."""
    folder = installation.certificates("one", "two", "three")
    installation.jangkar("ingest", str(folder), "--csv", str(installation.manifest))
    with Proxy(installation.devnet.url) as proxy:
        installation.configure(proxy.url)
        process = installation.popen("jangkar", "anchor", "run")
        sent: list[str] = []

        def kill_before(asked: dict) -> bool:
            if asked["method"] != "eth_sendRawTransaction" or moment != "between signed and sent":
                return True
            process.send_signal(signal.SIGKILL)
            return False

        def kill_after(asked: dict, answer: bytes) -> bytes:
            if asked["method"] == "eth_sendRawTransaction":
                sent.append(asked["params"][0])
                process.send_signal(signal.SIGKILL)
            return answer

        proxy.before, proxy.after = kill_before, kill_after
        process.wait(60)
        process.stdout.close()
        assert process.returncode == -signal.SIGKILL
        assert len(sent) == (0 if moment == "between signed and sent" else 1)
        proxy.before = lambda _: True
        again: list[str] = []

        def remember(asked: dict, answer: bytes) -> bytes:
            if asked["method"] == "eth_sendRawTransaction":
                again.append(asked["params"][0])
            return answer

        proxy.after = remember
        installation.jangkar("anchor", "run")
        installation.jangkar("anchor", "run")
        # The same bytes, or none at all when the first ones had been mined meanwhile.
        assert set(again) <= set(sent or again)
        assert len(set(again)) <= 1
    installation.configure(installation.devnet.url)
    registry = installation.devnet.registry(installation.registry)
    assert registry.last_sequence(IssuerId(bytes.fromhex(installation.issuer))) == 1
    assert registry.next_nonce() == 1, "one transaction was mined, and no other"
    assert "1 statuses" not in installation.jangkar("anchor", "run")
    installation.jangkar("receipt", "write", str(folder))
    for name in ("one", "two", "three"):
        code, answer = installation.verify(str(folder / f"{name}.pdf"), "--issuer", installation.issuer)
        assert (code, answer["verdict"]) == (0, "valid")


def test_a_node_that_is_down_loses_nothing(quick):
    folder = quick.certificates("one")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.manifest))
    port = quick.devnet.port
    quick.devnet.kill()
    done = quick.run("jangkar", "anchor", "run")
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    quick.devnet.start(port)
    assert "anchored 1 batches of 1 certificates" in quick.jangkar("anchor", "run")


def test_a_night_that_ends_before_its_block_is_pending(quick):
    folder = quick.certificates("one")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.manifest))
    quick.devnet.call("evm_setAutomine", False)
    quick.jangkar("anchor", "run", "--wait", "0", exit_code=3)
    quick.jangkar("receipt", "write", str(folder), exit_code=3)
    assert state(quick) == "sent"
    quick.devnet.call("evm_setAutomine", True)
    quick.jangkar("anchor", "run")
    assert state(quick) == "anchored"


def test_what_a_user_gets_wrong(quick, tmp_path):
    """Each mistake: its own exit code and one line that says what to do."""
    folder = quick.certificates("one")

    def refused(*arguments: str, code: int = 2) -> str:
        done = quick.run("jangkar", *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    empty = tmp_path / "empty"
    empty.mkdir()
    dates = ("--kind", "latsar", "--issued-on", "2026-11-20")
    assert "holds no PDF" in refused("ingest", str(empty), *dates)
    assert "is not a folder" in refused("ingest", str(tmp_path / "nothing"), *dates)
    assert "--kind and --issued-on" in refused("ingest", str(folder))
    assert "is not configured here" in refused("ingest", str(folder), *dates, "--issuer", "ffff")
    headless = tmp_path / "headless.csv"
    headless.write_text("file,number,issued_on\n")
    assert "no column kind" in refused("ingest", str(folder), "--csv", str(headless))
    (folder / "empty.pdf").write_bytes(b"")
    (folder / "broken.pdf").write_bytes(PDF[:-8] % b"x")
    errors = tmp_path / "errors.csv"
    said = refused("ingest", str(folder), *dates, "--errors", str(errors), code=1)
    assert "empty (0 bytes)" in said
    assert "breaks off" in said
    assert len(errors.read_text().splitlines()) == 3
    assert "is not quarantined" in refused("batch", "requeue", "7")
    assert "no certificate" in refused("status", "set", str(folder / "one.pdf"), "revoked", code=1)
    assert "does not fit" in refused("code", "check", "7K3M-Q9X2-T4H1")
    (quick.folder / "jangkar.toml").write_text("rpc = 1\n")
    assert "rpc" in refused("batch", "list")
    (quick.folder / "jangkar.toml").write_text("rpc_url\n")
    assert "cannot be" in refused("batch", "list")


def test_a_wrong_password_is_told_and_not_printed(quick):
    quick.certificates("one")
    (quick.devnet.folder / "password").rename(quick.devnet.folder / "kept")
    (quick.devnet.folder / "password").write_text("secret-and-wrong\n")
    done = quick.run("jangkar", "anchor", "run")
    assert done.returncode == 2
    assert "does not open" in done.stderr
    assert "secret-and-wrong" not in done.stderr + done.stdout


def test_verifying_as_anybody_does(quick, tmp_path):
    """The command line's verdicts, exit codes and refusals, over one history."""
    folder = quick.certificates("good", "withdrawn")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.manifest))
    quick.jangkar("anchor", "run")
    quick.jangkar("receipt", "write", str(folder))
    good = str(folder / "good.pdf")
    receipt = folder / "good.pdf.jangkar.json"
    mine = ("--issuer", quick.issuer)
    assert quick.verify(good, *mine)[0] == 0
    # Nobody named an issuer and no service was asked: not enough for a plain valid.
    code, answer = quick.verify(good)
    assert (code, answer["verdict"]) == (4, "undetermined")
    assert quick.verify(good, "--issuer", "bb" * 32)[1]["verdict"] == "invalid"

    copy = tmp_path / "copy.pdf"
    for change in (lambda data: data[:-5], lambda data: data + b" ", lambda data: data.replace(b"good", b"evil")):
        copy.write_bytes(change((folder / "good.pdf").read_bytes()))
        assert quick.verify(str(copy), "--receipt", str(receipt), *mine)[1]["verdict"] == "invalid"
    forged = json.loads(receipt.read_text())
    cases = {
        "index": lambda fields: fields | {"leaf_index": fields["leaf_index"] ^ 1},
        "sibling": lambda fields: fields | {"path": ["00" * 32]},
        "size from the receipt": lambda fields: fields | {"tree_size": 1, "path": []},
        "another registry": lambda fields: fields | {"hints": fields["hints"] | {"registry": "0x" + "99" * 20}},
        "another sequence": lambda fields: fields | {"sequence": 2},
        "another profile": lambda fields: fields | {"issuer_profile": '{"code":"LAN","name":"LAN"}'},
        "duplicate key": lambda fields: fields | {"metadata": fields["metadata"][:-1] + ',"jp":400}'},
    }
    for name, forge in cases.items():
        text = json.dumps(forge(forged), sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
        (tmp_path / "forged.json").write_text(text)
        code, answer = quick.verify(good, "--receipt", str(tmp_path / "forged.json"), *mine)
        assert (code, answer["verdict"]) == (1, "invalid"), name

    quick.jangkar("status", "set", str(folder / "withdrawn.pdf"), "revoked", "--reason", "4")
    quick.jangkar("anchor", "run")
    code, answer = quick.verify(str(folder / "withdrawn.pdf"), *mine)
    assert (code, answer["verdict"]) == (1, "revoked")
    assert answer["claims"][0]["checks"][4]["values"]["reason"] == 4

    service = quick.start("jangkar", "serve", "--port", "0")
    assert quick.verify(good, "--service", service)[1]["verdict"] == "valid"
    copy.write_bytes(PDF % b"stranger")
    assert quick.verify(str(copy), "--service", service)[0] == 1
    looked_up = quick.run(
        "jangkar-verify", "code", quick.codes["good"], "--service", service, "--policy", str(quick.policy)
    )
    assert looked_up.returncode == 0
    assert looked_up.stdout.startswith("recorded")
    assert quick.run("jangkar-verify", "log", "--policy", str(quick.policy)).stdout.endswith("the same\n")

    for arguments in (
        (str(tmp_path / "nothing.pdf"),),
        (good, "--receipt", str(tmp_path / "nothing.json")),
        (good, "--issuer", "xyz"),
    ):
        assert quick.verify(*arguments)[0] == 2
    (tmp_path / "zero.pdf").write_bytes(b"")
    assert "is empty" in quick.verify(str(tmp_path / "zero.pdf"))[1]["stderr"]
    quick.devnet.kill()
    code, answer = quick.verify(good, *mine)
    assert (code, answer["verdict"]) == (4, "undetermined")


def test_a_frozen_head_that_hides_a_revocation(quick):
    """The node stops at the block before: the status is unknown, and never a green tick."""
    folder = quick.certificates("good")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.manifest))
    quick.jangkar("anchor", "run")
    quick.jangkar("receipt", "write", str(folder))
    policy = json.loads(quick.policy.read_text())
    with Proxy(quick.devnet.url) as proxy:
        frozen = quick.devnet.call("eth_getBlockByNumber", "latest", False)

        def freeze(asked: dict, answer: bytes) -> bytes:
            if asked["method"] == "eth_getBlockByNumber" and asked["params"][0] == "latest":
                return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": frozen}).encode()
            return answer

        proxy.after = freeze
        quick.policy.write_text(json.dumps(policy | {"nodes": [proxy.url], "max_head_age": 2}))
        quick.jangkar("status", "set", str(folder / "good.pdf"), "revoked")
        quick.jangkar("anchor", "run")
        code, answer = quick.verify(str(folder / "good.pdf"), "--issuer", quick.issuer)
        assert (code, answer["verdict"]) == (4, "undetermined")
        assert answer["claims"][0]["checks"][4]["reason"] == "stale-head"
    quick.policy.write_text(json.dumps(policy))
    assert quick.verify(str(folder / "good.pdf"), "--issuer", quick.issuer)[1]["verdict"] == "revoked"


def test_an_accredited_issuer_cannot_take_over_anothers_root_or_file(quick):
    """B anchors A's root, and A's revoked PDF: neither gives a plain valid anywhere."""
    folder = quick.certificates("revoked", "mine")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.manifest))
    quick.jangkar("anchor", "run")
    quick.jangkar("receipt", "write", str(folder))
    quick.jangkar("status", "set", str(folder / "revoked.pdf"), "revoked")
    quick.jangkar("anchor", "run")
    other = quick.accredit_another("LAIN", "Lembaga Lain")
    registry = quick.devnet.registry(quick.registry)
    anchored = registry.anchor_of(IssuerId(bytes.fromhex(quick.issuer)), 1)
    # The root, as it is, under B's name; and A's receipt, rewritten to name B.
    signed = registry.sign_anchor(
        IssuerId(bytes.fromhex(other)), 1, anchored.root_hash, anchored.tree_size, registry.next_nonce()
    )
    registry.send(signed.raw)
    quick.devnet.settle()
    replayed = registry.anchor_of(IssuerId(bytes.fromhex(other)), 1)
    receipt = json.loads((folder / "mine.pdf.jangkar.json").read_text())
    receipt |= {"issuer_id": other, "issuer_profile": '{"code":"LAIN","name":"Lembaga Lain"}'}
    receipt["hints"] |= {"block": replayed.block_number}
    stolen = quick.folder / "stolen.json"
    stolen.write_text(json.dumps(receipt, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n")
    mine = str(folder / "mine.pdf")
    for options in ((), ("--issuer", other), ("--issuer", quick.issuer)):
        assert quick.verify(mine, "--receipt", str(stolen), *options)[1]["verdict"] == "invalid"

    # The file: B hands A's revoked PDF in as its own, at a service of its own.
    settings = (quick.folder / "jangkar.toml").read_text()
    (quick.folder / "jangkar.toml").write_text(
        settings + 'database_url = "sqlite:///theirs.sqlite3"\nmanifests = "m2"\nentries = "e2"\n'
    )
    quick.jangkar("db", "upgrade")
    quick.jangkar("issuer", "add", "--id", other, "--code", "LAIN", "--name", "Lembaga Lain")
    quick.ingest_as(other, "revoked")
    # The replayed root took B's first sequence number: the chain is ahead of its database, and a person has to look.
    assert "old backup" in quick.run("jangkar", "anchor", "run").stderr
    quick.restart_as_new_issuer("LAIN-2", "Lembaga Lain Dua", "revoked")
    jumper = quick.folder / "jumper.json"
    jumper.write_bytes(quick.receipt_of(quick.other, folder / "revoked.pdf"))
    (quick.folder / "jangkar.toml").write_text(settings)
    service = quick.start("jangkar", "serve", "--port", "0")
    revoked = str(folder / "revoked.pdf")
    assert quick.verify(revoked, "--receipt", str(jumper))[1]["verdict"] == "undetermined"
    assert quick.verify(revoked, "--receipt", str(jumper), "--issuer", quick.issuer)[1]["verdict"] == "invalid"
    for options in ((), ("--issuer", quick.issuer), ("--issuer", quick.other)):
        answer = quick.verify(revoked, "--receipt", str(jumper), "--service", service, *options)[1]
        assert answer["verdict"] == "revoked"
    # Whoever names B and asks nobody else is told that nobody else was asked.
    named = quick.run(
        "jangkar-verify",
        "check",
        revoked,
        "--receipt",
        str(jumper),
        "--issuer",
        quick.other,
        "--policy",
        str(quick.policy),
    )
    assert "Other issuers' claims on this file were not looked for." in named.stdout


def test_files_are_private_where_they_must_be(quick):
    folder = quick.certificates("one")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.manifest))
    quick.jangkar("anchor", "run")
    entries = next(Path(quick.folder / "entries").rglob("*.entries"))
    manifest = next(Path(quick.folder / "manifests").rglob("*.manifest"))
    assert entries.stat().st_mode & 0o077 == 0
    digest = json.loads(entries.read_text().splitlines()[1])["document_digest"]
    assert digest not in manifest.read_text()
    assert "Pelatihan" not in manifest.read_text()
    password = (quick.devnet.folder / "password").read_text().strip()
    for path in quick.folder.rglob("*"):
        if path.is_file() and path != quick.devnet.folder / "password":
            assert password.encode() not in path.read_bytes()
    with sqlite3.connect(quick.folder / "jangkar.sqlite3") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert os.environ.get("JANGKAR_PASSWORD") is None
