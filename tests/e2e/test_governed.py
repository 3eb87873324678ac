"""Commands of institute, accreditor, regulator and auditor, over one installation: approval, compromise, the log."""

import csv
import json

import httpx
from eth_account import Account

from anchor_service.chain.contract import connect
from verifier.cli.checking import SUFFIX


def as_account(quick, name):
    folder = quick.devnet.folder
    return ("--keystore", str(folder / "keystore" / f"{name}.json"), "--password-file", str(folder / "password"))


def wallet_of(quick):
    """A keystore that only the institute has."""
    folder = quick.folder / "institutes-own"
    folder.mkdir()
    (folder / "password").write_text("rahasia\n")
    address = quick.jangkar("keystore", "new", str(folder / "key.json"), "--password-file", str(folder / "password"))
    return address, ("--keystore", str(folder / "key.json"), "--password-file", str(folder / "password"))


def test_a_host_cannot_anchor_in_an_institutes_name(quick, tmp_path):
    """The host's key may only close nights; the institute rebuilds every leaf, and only then signs."""
    accreditor = as_account(quick, "accreditor")
    host = quick.devnet.account("institute").address
    own, signing = wallet_of(quick)
    issuer = ("--id", quick.issuer)
    quick.jangkar("registry", "key", "retire", *issuer, "--key", host, *accreditor)
    another = ("--custody", "institute", "--purpose", "anchor", *accreditor)
    quick.jangkar("registry", "key", "add", *issuer, "--key", own, *another)
    folder = quick.certificates("satu", "dua", "tiga")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.table))
    done = quick.run("jangkar", "anchor", "run")
    assert done.returncode == 3
    assert "waits for the institute's approval" in done.stderr

    manifest = next((quick.folder / "manifests").rglob("*.manifest"))
    entries = next((quick.folder / "entries").rglob("*.entries"))
    given = (str(manifest), "--entries", str(entries), "--pdfs", str(folder), *signing, "--out", str(tmp_path / "ok"))
    listed = ("--csv", str(quick.table))

    def refused(*more, of=given, said=""):
        answer = quick.run("jangkar", "approve", *of, *more)
        assert answer.returncode in (1, 2), answer.stdout + answer.stderr
        assert said in answer.stdout + answer.stderr, answer.stdout + answer.stderr
        assert not (tmp_path / "ok").exists()

    kept = {path: path.read_bytes() for path in (folder / "satu.pdf", quick.table, manifest, entries)}

    def restore():
        for path, data in kept.items():
            path.write_bytes(data)

    (folder / "satu.pdf").write_bytes(b"%PDF-1.7\nsomething else\n%%EOF\n")
    refused(*listed, said="altered: satu/2026: the batch holds another file than satu.pdf")
    (folder / "satu.pdf").unlink()
    refused(*listed, said="extra: satu/2026")
    restore()
    with quick.table.open("a", newline="") as file:
        (folder / "empat.pdf").write_bytes(b"%PDF-1.7\nempat\n%%EOF\n")
        csv.writer(file).writerow(("empat.pdf", "empat/2026", "latsar", "2026-11-20", 40, "Pelatihan empat", ""))
    refused(*listed, said="missing: empat.pdf")
    (folder / "empat.pdf").unlink()
    restore()
    quick.table.write_text(quick.table.read_text().replace("latsar,2026-11-20,40", "latsar,2026-11-20,400", 1))
    refused(*listed, said="the batch says otherwise in jp")
    restore()
    manifest.write_bytes(kept[manifest].replace(b"\n", b"\n" + b"00" * 32 + b"\n", 1))
    refused(*listed, said="leaves where its header says")
    entries.write_bytes(kept[entries].replace(b'\\"jp\\":40', b'\\"jp\\":99', 1))
    restore()
    lines = kept[entries].splitlines(keepends=True)
    entries.write_bytes(b"".join(lines[:-1]))
    refused(*listed, said="the entries hold 2 of 3 leaves")
    restore()
    refused(said="--table")
    (quick.folder / "jangkar.toml").rename(quick.folder / "kept.toml")
    refused(*listed, said="registry")
    (quick.folder / "kept.toml").rename(quick.folder / "jangkar.toml")

    signed = quick.jangkar("approve", *given, *listed)
    assert signed.startswith("signed 3 certificates as sequence 1")
    approval = json.loads((tmp_path / "ok").read_text())
    shown = quick.run(
        "jangkar-verify", "approval", str(manifest), "--deadline", str(approval["deadline"]), "--policy",
        str(quick.policy),
    ).stdout  # fmt: skip
    digest = bytes.fromhex(shown.split()[-1].removeprefix("0x"))
    assert Account._recover_hash(digest, signature=bytes.fromhex(approval["signature"])).lower() == own.lower()
    assert approval["root_hash"] in shown

    forged = tmp_path / "forged"
    forged.write_text(json.dumps(approval | {"tree_size": 4}, sort_keys=True, separators=(",", ":")) + "\n")
    assert "its signature is not of" in quick.run("jangkar", "batch", "approve", str(forged)).stderr
    again = tmp_path / "again"
    for signature in ("", "00" * 65, approval["signature"][:-2] + "1d"):
        again.write_text(json.dumps(approval | {"signature": signature}, sort_keys=True, separators=(",", ":")) + "\n")
        assert quick.run("jangkar", "batch", "approve", str(again)).returncode == 1, signature
    # A wallet that counts from 0.
    zero = f"{int(approval['signature'][-2:], 16) - 27:02x}"
    (tmp_path / "ok").write_text(
        json.dumps(approval | {"signature": approval["signature"][:-2] + zero}, sort_keys=True, separators=(",", ":"))
    )
    forged.write_text("{}")
    assert quick.run("jangkar", "batch", "approve", str(forged)).returncode == 2
    quick.jangkar("batch", "approve", str(tmp_path / "ok"))
    quick.jangkar("anchor", "run")
    quick.jangkar("receipt", "write", str(folder))
    code, answer = quick.verify(str(folder / "satu.pdf"), "--issuer", quick.issuer)
    assert (code, answer["verdict"], answer["claims"][0]["custody"]) == (0, "valid", "institute")

    # The host's key closes nights and does nothing else; a night that had certificates is not closed.
    assert "closed 0 nights" in quick.jangkar("anchor", "run", "--close-night")


def test_a_stolen_key_and_what_an_auditor_sees(quick):
    accreditor, regulator = as_account(quick, "accreditor"), as_account(quick, "regulator")
    issuer = ("--id", quick.issuer)
    key = quick.devnet.account("institute").address
    folder = quick.certificates("asli", "lain")
    assert "closed 1 nights" in quick.jangkar("anchor", "run", "--close-night")
    assert json.loads(quick.jangkar("registry", "issuer", "show", *issuer))["last_night"]
    quick.jangkar("ingest", str(folder), "--csv", str(quick.table))
    quick.jangkar("anchor", "run")
    quick.jangkar("receipt", "write", str(folder))
    asli, lain = str(folder / "asli.pdf"), str(folder / "lain.pdf")
    leaf = quick.verify(lain, "--issuer", quick.issuer)[1]["claims"][0]["leaf_hash"]
    quick.jangkar("status", "set", lain, "revoked", "--reason", "4")
    quick.jangkar("anchor", "run")
    assert quick.verify(lain, "--issuer", quick.issuer)[1]["verdict"] == "revoked"

    # The regulator affirms the revocation, so that it outlives the key; then the theft is declared.
    quick.jangkar("registry", "status", "set", "revoked", *issuer, "--leaf", leaf, "--reason", "4", *regulator)
    since = json.loads(quick.jangkar("registry", "anchor", *issuer, "--sequence", "1"))["time"]
    quick.jangkar("registry", "key", "compromise", *issuer, "--key", key, "--since", str(since), *accreditor)
    shown = json.loads(quick.jangkar("registry", "key", "show", *issuer, "--key", key))
    assert (shown["compromised_since"], shown["custody"]) == (since, "institute")
    code, answer = quick.verify(asli, "--issuer", quick.issuer)
    assert (code, answer["verdict"]) == (1, "untrusted")
    assert quick.verify(lain, "--issuer", quick.issuer)[1]["verdict"] == "revoked"
    page = quick.start_page("--service", quick.start("jangkar", "serve", "--port", "0"))
    shown = httpx.post(f"{page}/check", files={"file": ("asli.pdf", (folder / "asli.pdf").read_bytes())}, timeout=30)
    assert 'data-verdict="untrusted"' in shown.text
    assert "TIDAK DAPAT DIPERCAYA" in shown.text
    assert "Data ini tidak terbukti" in shown.text
    record = json.loads(quick.jangkar("registry", "status", "show", *issuer, "--leaf", leaf))
    assert [one["by_regulator"] for one in record["records"]] == [False, True]
    assert record["standing"] == record["records"][1]

    own, signing = wallet_of(quick)
    quick.jangkar("registry", "key", "add", *issuer, "--key", own, "--custody", "institute", *accreditor)
    funds = {"to": own, "value": 10**20}
    client = connect(quick.devnet.url)
    institute = quick.devnet.account("institute")
    nonce = client.eth.get_transaction_count(institute.address)
    fee = {"gas": 21_000, "gasPrice": client.eth.gas_price * 2, "chainId": client.eth.chain_id, "nonce": nonce}
    client.eth.send_raw_transaction(institute.sign_transaction(funds | fee).raw_transaction)
    quick.devnet.settle()
    quick.jangkar("registry", "reattest", *issuer, "--sequence", "1", *signing)
    code, answer = quick.verify(asli, "--issuer", quick.issuer)
    assert (code, answer["verdict"]) == (0, "valid")
    assert answer["claims"][0]["checks"][3]["reason"] == "re-attested"

    refused = quick.run("jangkar", "registry", "role", "grant", "REGULATOR", own, *as_account(quick, "admin"))
    assert "RegistryRolesNotSeparate" in refused.stderr
    quick.jangkar("registry", "pause", *as_account(quick, "pauser"))
    assert json.loads(quick.jangkar("registry", "info"))["paused_until"]
    quick.jangkar("registry", "unpause", *as_account(quick, "admin"))
    info = json.loads(quick.jangkar("registry", "info"))
    assert (info["paused_until"], info["successor"], info["code_is_this_release's"]) == (None, None, True)
    assert "rebuilt from events: the same" in quick.jangkar("registry", "log")

    # Proofs about the log: made by either side, checked without the events.
    trusted = ("--policy", str(quick.policy))
    proof = quick.folder / "proof.json"
    for question, made_by in ((("--entry", "2"), "jangkar"), (("--since", "3"), "jangkar-verify")):
        command = ("jangkar", "registry", "log") if made_by == "jangkar" else ("jangkar-verify", "log", *trusted)
        made = quick.run(*command, *question)
        assert made.returncode == 0, made.stderr
        proof.write_text(made.stdout.strip())
        checked = quick.run("jangkar-verify", "log", "--proof", str(proof), *trusted)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    here = f"{info['log_size']}:{info['log_root']}"
    assert quick.run("jangkar-verify", "log", "--proof", str(proof), "--checkpoint", here, *trusted).returncode == 0
    other = f"{info['log_size']}:{'00' * 32}"
    assert quick.run("jangkar-verify", "log", "--proof", str(proof), "--checkpoint", other, *trusted).returncode == 1
    older = f"3:{info['log_root']}"
    assert quick.run("jangkar-verify", "log", "--proof", str(proof), "--checkpoint", older, *trusted).returncode == 4
    proof.write_text(proof.read_text().replace('"index":2', '"index":1').replace('"old_size":3', '"old_size":2'))
    assert quick.run("jangkar-verify", "log", "--proof", str(proof), *trusted).returncode == 1
    assert quick.run("jangkar-verify", "log", "--entry", "999", *trusted).returncode == 1
    assert quick.run("jangkar-verify", "log", "--entry", "1", "--since", "1", *trusted).returncode == 2
    assert (folder / f"asli.pdf{SUFFIX}").exists()


def test_a_successor_by_the_commands(quick):
    folder = quick.certificates("asli")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.table))
    quick.jangkar("anchor", "run")
    quick.jangkar("receipt", "write", str(folder))
    admin = as_account(quick, "admin")
    newer = quick.jangkar(
        "registry", "deploy", "--admin", quick.devnet.account("admin").address, *as_account(quick, "regulator")
    )
    assert "cannot be undone" in quick.run("jangkar", "registry", "succeed", newer, *admin).stderr
    quick.jangkar("registry", "succeed", newer, "--yes", *admin)
    asli = (str(folder / "asli.pdf"), "--issuer", quick.issuer)
    assert quick.verify(*asli)[1]["verdict"] == "undetermined"
    quick.policy.write_text(quick.jangkar("registry", "policy", "--operators", "1", "--successor", newer))
    assert quick.verify(*asli)[1]["verdict"] == "valid"
    # The newer one's service mirrors both logs, and a verdict from there is the same.
    path = quick.folder / "jangkar.toml"
    path.write_text(path.read_text().replace(quick.registry, newer) + 'database_url = "sqlite:///newer.sqlite3"\n')
    quick.jangkar("db", "upgrade")
    mirrored = quick.jangkar("mirror", "mirror", "--after", quick.registry).splitlines()[-1]
    digest = mirrored.split()[1].removesuffix(",")
    bundle = quick.run("jangkar-verify", "bundle", "both.bundle", "--json", "--policy", str(quick.policy))
    assert json.loads(bundle.stdout)["digest"] == digest
    said = quick.verify(*asli, "--mirror", "mirror", "--digest", digest)[1]
    assert (said["verdict"], said["stands_on"]) == ("valid", "pinned-bundle")


def test_a_window_that_was_to_begin_in_milliseconds(quick):
    """It is taken back, hides nothing, and its place is the next one's; what each window anchored stays good."""
    accreditor, issuer = as_account(quick, "accreditor"), ("--id", quick.issuer)
    acting, identifier = quick.devnet.administration("accreditor", quick.registry), bytes.fromhex(quick.issuer)
    now = connect(quick.devnet.url).eth.get_block("latest")["timestamp"]
    acting._send(acting._functions.closeWindow(identifier, 0, now + 10_000))
    acting._send(acting._functions.openWindow(identifier, (now + 10_000) * 1_000, 2**63, 1, b"\x0f" * 32))
    quick.jangkar("registry", "issuer", "close", *issuer, "--window", "1", *accreditor)
    assert "not ok: 0" in quick.jangkar("doctor")
    folder = quick.certificates("satu")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.table))
    quick.jangkar("anchor", "run")
    quick.jangkar("receipt", "write", str(folder))

    again = ("--code", "BPSDM-UJI", "--name", quick.name, "--kind", "latsar", *issuer, *accreditor)
    assert "RegistryBadWindow" in quick.run("jangkar", "registry", "issuer", "accredit", *again).stderr
    quick.jangkar("registry", "issuer", "close", *issuer, "--window", "0", *accreditor)
    quick.jangkar("registry", "issuer", "accredit", *again)
    windows = json.loads(quick.jangkar("registry", "issuer", "show", *issuer))["windows"]
    assert [one["until"] == 2**64 - 1 for one in windows] == [False, True]
    assert "not ok: 0" in quick.jangkar("doctor")
    earlier = folder.rename(quick.folder / "earlier")
    folder = quick.certificates("dua")
    quick.jangkar("ingest", str(folder), "--csv", str(quick.table))
    quick.jangkar("anchor", "run")
    anchors = [json.loads(quick.jangkar("registry", "anchor", *issuer, "--sequence", str(n))) for n in (1, 2)]
    assert [one["window"] for one in anchors] == [0, 1]
    quick.jangkar("receipt", "write", str(folder))
    for path in (earlier / "satu.pdf", folder / "dua.pdf"):
        code, answer = quick.verify(str(path), "--issuer", quick.issuer)
        assert (code, answer["verdict"]) == (0, "valid"), path
    audit = ("--manifests", "manifests", "--entries", "entries", "--out", "audit", "--policy", str(quick.policy))
    done = quick.run("jangkar-verify", "audit", *audit)
    assert done.returncode == 0, done.stdout + done.stderr
