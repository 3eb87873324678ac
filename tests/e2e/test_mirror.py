"""A mirror as an institute writes it and anybody reads it: from a folder, over HTTP, with everything of ours away."""

import functools
import http.server
import json
import random
import subprocess
import threading
import time

import pytest
from installation import PDF

NAMES = [f"peserta-{number}" for number in range(300)]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments):
        pass


@pytest.fixture
def serve():
    """Any folder over HTTP, by the standard library's own static server. Returns its address."""
    servers = []

    def start(folder):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def night(installation, *names):
    """Anchor these, with their receipts beside them. Returns their folder."""
    folder = installation.certificates(*names).rename(installation.folder / f"night-{names[0]}")
    installation.jangkar("ingest", str(folder), "--csv", str(installation.table))
    installation.jangkar("anchor", "run")
    installation.jangkar("receipt", "write", str(folder))
    return folder


def mirrored(installation):
    """The mirror's folder, and its newest bundle's digest and block."""
    folder = installation.folder / "mirror"
    last = installation.jangkar("mirror", str(folder)).splitlines()[-1]
    word, digest, block, _, hash_ = last.replace(",", "").split()
    assert (word, block) == ("bundle", "block")
    return folder, digest, hash_


def metadata_of(installation, receipt):
    path = installation.folder / "metadata.json"
    path.write_text(json.loads(receipt.read_text())["metadata"])
    return path


def receipt_from(installation, pdf, mirror, *more):
    out = installation.folder / "again.json"
    out.unlink(missing_ok=True)
    beside = pdf.with_name(pdf.name + ".jangkar.json")
    done = installation.run(
        "jangkar-verify", "receipt", str(pdf), "--metadata", str(metadata_of(installation, beside)),
        "--issuer", installation.issuer, "--mirror", str(mirror), "--out", str(out),
        "--policy", str(installation.policy), *more,
    )  # fmt: skip
    return done, out


def test_with_everything_of_ours_away_a_mirror_is_enough(installation, serve):
    folder, other = night(installation, *NAMES), night(installation, "sendiri")
    installation.jangkar("status", "set", str(folder / "peserta-7.pdf"), "revoked", "--reason", "4")
    installation.jangkar("anchor", "run")
    mirror, digest, block = mirrored(installation)

    # Whoever has a node comes to the same digest, with none of the service's code.
    own = installation.run(
        "jangkar-verify", "bundle", "own.bundle", "--block", block, "--json", "--policy", str(installation.policy)
    )
    assert json.loads(own.stdout)["digest"] == digest

    installation.devnet.kill()
    (installation.folder / "jangkar.sqlite3").unlink(missing_ok=True)
    for place in (str(mirror), serve(mirror)):
        for pdf, verdict in (
            (folder / "peserta-0.pdf", "valid"),
            (folder / "peserta-7.pdf", "revoked"),
            (other / "sendiri.pdf", "valid"),
        ):
            asked = (str(pdf), "--issuer", installation.issuer, "--mirror", place, "--digest", digest)
            code, said = installation.verify(*asked)
            assert (said["verdict"], said["stands_on"]) == (verdict, "pinned-bundle")
            assert code == (0 if verdict == "valid" else 1)
            done, out = receipt_from(installation, pdf, place, "--digest", digest)
            assert done.returncode == 0, done.stdout + done.stderr
            assert out.read_bytes() == pdf.with_name(pdf.name + ".jangkar.json").read_bytes()
    offline = ("--offline", "--mirror", str(mirror), "--digest", digest, "--issuer", installation.issuer)
    assert installation.verify(str(other / "sendiri.pdf"), *offline)[0] == 0


def test_files_never_change_and_hold_nothing_of_a_person(quick):
    folder = night(quick, "satu", "dua")
    mirror, *_ = mirrored(quick)
    before = files(mirror)
    other = night(quick, "tiga")
    mirrored(quick)
    after = files(mirror)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"logs/{quick.registry.lower()}/checkpoint"}
    everything = b"".join(after.values())
    for name, place in (("satu", folder), ("dua", folder), ("tiga", other)):
        receipt = json.loads((place / f"{name}.pdf.jangkar.json").read_text())
        metadata = json.loads(receipt["metadata"])
        for private in (receipt["document_digest"], metadata["nonce"], metadata["number"], metadata["code"], name):
            assert private.encode() not in everything
        assert bytes.fromhex(receipt["document_digest"]) not in everything
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in mirror.rglob("*") if path.is_file())
    # An auditor reads the manifests of it, with a node of their own.
    audit = quick.run(
        "jangkar-verify",
        "audit",
        "--manifests",
        str(mirror),
        "--out",
        "report",
        "--policy",
        str(quick.policy),
        "--json",
    )
    assert json.loads(audit.stdout)["outcome"] != "broken", audit.stdout
    assert [one for one in json.loads(audit.stdout)["findings"] if one["name"].startswith("manifest")] == []


def test_a_mirror_that_lies_gives_no_wrong_verdict(quick):
    """Each of its files in turn is changed, cut, emptied and gone."""
    folder = night(quick, "satu", "dua", "tiga")
    quick.jangkar("status", "set", str(folder / "dua.pdf"), "revoked", "--reason", "4")
    quick.jangkar("anchor", "run")
    mirror, digest, _ = mirrored(quick)
    true = {"satu": "valid", "dua": "revoked"}
    read = set()
    for name, content in files(mirror).items():
        path = mirror / name
        middle = len(content) // 2
        for lie in (content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :], content[:-1], b"", None):
            path.unlink()
            if lie is not None:
                path.write_bytes(lie)
            for paper, verdict in true.items():
                pdf = folder / f"{paper}.pdf"
                asked = (str(pdf), "--issuer", quick.issuer, "--mirror", str(mirror), "--digest", digest)
                code, said = quick.verify(*asked)
                assert (code, said["verdict"]) in ((4, "undetermined"), (0 if verdict == "valid" else 1, verdict))
                if code == 4:
                    read.add(name.split("/")[0])
            done, out = receipt_from(quick, folder / "satu.pdf", mirror, "--digest", digest)
            right = (folder / "satu.pdf.jangkar.json").read_bytes()
            if out.exists():
                # The transaction is a hint that no check rests on; all else is compared with the chain.
                hints = "checkpoint" in name and quick.issuer in name
                assert out.read_bytes() == right or hints
            else:
                assert done.returncode in (1, 4), done.stdout + done.stderr
                read.add("batch")
            path.unlink(missing_ok=True)
            path.write_bytes(content)
    assert read == {"logs", "bundles", "batch"}


def test_killed_at_any_moment_it_goes_on_to_the_same_files(quick):
    night(quick, *NAMES)
    night(quick, "sendiri")
    # A block in between, which an old head brings, would be another bundle.
    quick.devnet.call("evm_setAutomine", False)
    whole, *_ = mirrored(quick)
    chance, killed = random.Random(28), quick.folder / "killed"
    started = time.monotonic()
    quick.jangkar("mirror", str(quick.folder / "timed"))
    took = time.monotonic() - started
    for _ in range(8):
        process = quick.popen("jangkar", "mirror", str(killed))
        try:
            process.wait(chance.uniform(0.6, 1.0) * took)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        # Nothing half written has a name that is served.
        names = {name: content for name, content in files(killed).items() if not name.endswith(".new")}
        assert names.items() <= files(whole).items()
    quick.jangkar("mirror", str(killed))
    for left in killed.rglob("*.new"):
        left.unlink()
    assert files(killed) == files(whole)


def test_mistakes_are_named(quick):
    pdf = quick.folder / "satu.pdf"
    pdf.write_bytes(PDF % b"satu")
    policy = ("--policy", str(quick.policy))
    none, nobody = ("--mirror", "nowhere"), ("--mirror", "http://127.0.0.1:1")
    digest, issuer = ("--digest", "00" * 32), ("--issuer", quick.issuer)
    (quick.folder / "spaced.json").write_text('{"kind": "latsar"}')
    (quick.folder / "facts.json").write_text(
        f'{{"issued_on":"2026-11-20","kind":"latsar","nonce":"{"0" * 32}","number":"1"}}\n'
    )
    (quick.folder / "binary.json").write_bytes(b"\xff")
    facts, spaced = ("--metadata", "facts.json"), ("--metadata", "spaced.json")
    for command, options, code, says in (
        ("check", none, 4, "digest"),
        ("check", (*none, *digest), 4, "nowhere holds no bundles/"),
        ("check", (*nobody, *digest), 4, "did not answer"),
        ("check", (*nobody, *digest, "--offline"), 2, "--offline needs"),
        ("check", (*none, "--bundle", "nowhere"), 2, "leave one of them out"),
        ("check", (*none, "--memory", "memory"), 2, "leave one of them out"),
        ("check", digest, 2, "--bundle or --mirror"),
        ("receipt", (*none, *issuer, *spaced), 2, "canonical form"),
        ("receipt", (*none, *issuer, "--metadata", "binary.json"), 2, "is not UTF-8"),
        ("receipt", (*none, *issuer, "--metadata", "nothing.json"), 2, "cannot be read"),
        ("receipt", (*none, "--issuer", "f", *facts), 2, "64 lowercase"),
        ("receipt", (*none, *issuer, *facts, "--digest", "f"), 2, "64 lowercase"),
        ("receipt", (*none, *issuer, *facts, *digest), 4, "nowhere holds no bundles/"),
        ("receipt", (*none, *issuer, *facts), 1, "it may not be anchored yet"),
    ):
        done = quick.run("jangkar-verify", command, str(pdf), *options, *policy)
        assert (done.returncode, says in done.stdout + done.stderr) == (code, True), (options, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
    night(quick, "dua")
    quick.jangkar("mirror", "first")
    done = quick.run("jangkar", "mirror", "first", "--after", "0x" + "00" * 20)
    assert done.returncode == 1
    assert "no contract" in done.stderr
    done = quick.run("jangkar", "mirror", "first", "--after", "0x1")
    assert done.returncode == 2
    assert "40 hexadecimal digits" in done.stderr
    (quick.folder / "file").write_text("")
    done = quick.run("jangkar", "mirror", "file")
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
