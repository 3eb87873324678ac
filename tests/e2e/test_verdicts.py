"""The command line's verdicts over real histories, honest and not."""

import json
import time

from installation import PDF
from rpc_proxy import Proxy

from anchor_service.core.hashing import IssuerId


def test_verifying_as_anybody_does(quick, tmp_path):
    """The command line's verdicts, exit codes and refusals, over one history."""
    folder = quick.certificates("good", "withdrawn")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.table))
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
    data = (folder / "good.pdf").read_bytes()
    for changed, wanted in (
        (data[:-5], "invalid"),
        (data.replace(b"good", b"evil"), "invalid"),
        (data + b" ", "modified"),
    ):
        copy.write_bytes(changed)
        assert quick.verify(str(copy), "--receipt", str(receipt), *mine)[1]["verdict"] == wanted
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
        # What is no receipt of the format at all was compared with nothing.
        is_none = name in ("size from the receipt", "duplicate key")
        assert (code, answer["verdict"]) == ((4, "undetermined") if is_none else (1, "invalid")), name

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
    assert quick.run("jangkar-verify", "log", "--policy", str(quick.policy)).stdout.endswith(
        "the same as the registry's storage holds\n"
    )

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
    quick.jangkar("ingest", str(folder), "--csv", str(quick.table))
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
        # The frozen head is stale three seconds after its own time.
        time.sleep(max(0, int(frozen["timestamp"], 16) + 3 - time.time()))
        code, answer = quick.verify(str(folder / "good.pdf"), "--issuer", quick.issuer)
        assert (code, answer["verdict"]) == (4, "undetermined")
        assert answer["claims"][0]["checks"][4]["reason"] == "stale-head"
    quick.policy.write_text(json.dumps(policy))
    assert quick.verify(str(folder / "good.pdf"), "--issuer", quick.issuer)[1]["verdict"] == "revoked"


def test_an_accredited_issuer_cannot_take_over_anothers_root_or_file(quick):
    """B anchors A's root, and A's revoked PDF: it becomes valid in nobody's name but B's own, where that is asked."""
    folder = quick.certificates("revoked", "mine")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.table))
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
    for options, verdict, first in (
        ((), "undetermined", quick.issuer),
        (("--issuer", quick.issuer), "revoked", quick.issuer),
        (("--issuer", quick.other), "valid", quick.other),
    ):
        answer = quick.verify(revoked, "--receipt", str(jumper), "--service", service, *options)[1]
        assert (answer["verdict"], answer["claims"][0]["issuer"]["id"]) == (verdict, first)
        assert len(answer["claims"]) == 2, "the other one is shown"
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
