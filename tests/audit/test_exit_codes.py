"""One cause has one exit code, whichever command meets it: real commands, real bad files, and nodes that lie."""

import contextlib
import hashlib
import io
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from nation import DAY, A, Nation
from rpc_proxy import Proxy

import verifier.errors
from verifier.cli import COMMANDS as NAMES
from verifier.cli import exit_code, main
from verifier.errors import VerifierError
from verifier.verdict.days import WIB

NOBODY = "http://127.0.0.1:1"
ZERO = "00" * 32

# Each command as it is typed, its words filled from FILES and from what a cause puts in their place.
COMMANDS = {
    "check": "check {paper} --issuer {issuer}",
    "check alone": "check {lonely} --issuer {issuer} --service {service}",
    "check --receipt": "check {paper} --receipt {receipt} --issuer {issuer}",
    "check --service": "check {lonely} --service {service}",
    "check --at": "check {paper} --issuer {issuer} --at {day}",
    "check --memory": "check {paper} --issuer {issuer} --memory {memory}",
    "check --bundle": "check {paper} --issuer {issuer} --bundle {bundle} --digest {digest}",
    "check --mirror": "check {paper} --issuer {issuer} --mirror {mirror} --digest {digest}",
    "check --block": "check {paper} --issuer {issuer} --block {block}",
    "code": "code {code} --service {service}",
    "export": "export {receipt} --as opentimestamps --out {new}",
    "ots": "ots {receipt} --out {new}",
    "call": "call {receipt}",
    "log": "log",
    "log --entry": "log --entry {entry}",
    "log --since": "log --since {entry}",
    "log --proof": "log --proof {proof}",
    "log --checkpoint": "log --proof {proof} --checkpoint {checkpoint}",
    "bundle": "bundle {new}",
    "bundle --block": "bundle {new} --block {block}",
    "approval": "approval {manifest} --deadline 1",
    "receipt": "receipt {paper} --metadata {metadata} --issuer {issuer} --mirror {mirror} --out {new}",
    "receipt --digest": "receipt {paper} --metadata {metadata} --issuer {issuer} --mirror {mirror} --digest {digest} "
    "--out {new}",
    "audit": "audit --manifests {manifests} --out {out}",
    "audit --previous": "audit --manifests {manifests} --out {out} --previous {previous}",
    "watch": "watch --state {state} --once",
}
OF_NODES = (
    "check", "check --at", "check --memory", "check --block", "export", "ots", "call", "log", "log --entry",
    "log --since", "log --proof", "bundle", "bundle --block", "receipt", "audit", "watch",
)  # fmt: skip
OF_EVENTS = ("check --at", "log", "log --entry", "log --since", "bundle", "receipt")

CAUSES: list[tuple[str, int, dict[str, str], tuple[str, ...]]] = [
    # Usage: what is needed to ask is not there, or is not what it has to be. Nothing was asked.
    ("no policy", 2, {"policy": "{missing}"}, tuple(COMMANDS)),
    ("a malformed policy", 2, {"policy": "{rubbish}"}, tuple(COMMANDS)),
    ("no file", 2, {"paper": "{missing}"}, ("check", "receipt")),
    ("a folder for a file", 2, {"paper": "{out}"}, ("check", "receipt")),
    ("an empty file", 2, {"paper": "{empty}"}, ("check",)),
    ("no receipt", 2, {"receipt": "{missing}"}, ("check --receipt", "export", "ots", "call")),
    ("no proof", 2, {"proof": "{missing}"}, ("log --proof", "log --checkpoint")),
    ("no bundle", 2, {"bundle": "{missing}"}, ("check --bundle",)),
    ("no manifest", 2, {"manifest": "{missing}"}, ("approval",)),
    ("no metadata", 2, {"metadata": "{missing}"}, ("receipt", "receipt --digest")),
    ("no report", 2, {"previous": "{missing}"}, ("audit --previous",)),
    ("no folder", 2, {"manifests": "{missing}"}, ("audit",)),
    ("an issuer of another form", 2, {"issuer": "12"}, ("check", "check alone", "receipt")),
    ("a digest of another form", 2, {"digest": "12"}, ("check --bundle", "check --mirror", "receipt --digest")),
    ("a block of another form", 2, {"block": "12"}, ("check --block", "bundle --block")),
    ("a day of another form", 2, {"day": "yesterday"}, ("check --at",)),
    ("a checkpoint of another form", 2, {"checkpoint": "12"}, ("log --checkpoint",)),
    ("a mistyped code", 2, {"code": "UUUUUUUUUUUU"}, ("code",)),
    ("an output that is there", 2, {"new": "{rubbish}"}, ("export", "ots", "bundle", "receipt")),
    ("a malformed memory", 2, {"memory": "{rubbish}"}, ("check --memory",)),
    ("a malformed manifest", 2, {"manifest": "{rubbish}"}, ("approval",)),
    ("a malformed metadata", 2, {"metadata": "{rubbish}"}, ("receipt", "receipt --digest")),
    ("a malformed report", 2, {"previous": "{rubbish}"}, ("audit --previous",)),
    ("a malformed state", 2, {"state": "{rubbish}"}, ("watch",)),
    ("a malformed bundle", 2, {"bundle": "{hollow}", "mirror": "{hollow mirror}", "digest": "{hollow digest}"},
     ("check --bundle", "check --mirror", "receipt --digest")),
    # A definite no: what is asked about is not what it claims to be.
    ("a receipt of another registry", 1, {"receipt": "{foreign}"}, ("check --receipt", "export", "ots", "call")),
    ("a malformed proof", 1, {"proof": "{rubbish}"}, ("log --proof", "log --checkpoint")),
    ("another root", 1, {"checkpoint": "{size}:" + ZERO}, ("log --checkpoint",)),
    ("an entry that is not there", 1, {"entry": "999"}, ("log --entry", "log --since")),
    ("no such certificate", 1, {"metadata": "{other metadata}"}, ("receipt",)),
    # Accepted, and not anchored yet.
    ("a service that waits", 3, {"service": "{waiting}"}, ("check --service",)),
    # Could not check: whoever was asked says nothing that can be believed. Nobody's certificate is worse for it.
    ("a malformed receipt", 4, {"receipt": "{rubbish}"}, ("check --receipt", "export", "ots", "call")),
    ("a receipt of a malformed metadata", 4, {"receipt": "{unnamed}"}, ("check --receipt", "export", "ots", "call")),
    ("a node that is down", 4, {"node": NOBODY}, OF_NODES),
    ("events that are not the log", 4, {"node": "{liar}"}, OF_EVENTS),
    ("no such block", 4, {"block": "0x" + ZERO}, ("check --block", "bundle --block")),
    ("a service that is down", 4, {"service": NOBODY}, ("check alone", "check --service", "code")),
    ("a bundle that nobody pins", 4, {"digest": ZERO}, ("check --bundle", "check --mirror", "receipt --digest")),
    ("a mirror that holds nothing", 4, {"mirror": "{out}"}, ("check --mirror", "receipt", "receipt --digest")),
    ("a mirror that is down", 4, {"mirror": NOBODY}, ("check --mirror", "receipt", "receipt --digest")),
    ("a mirror of cut tiles", 4, {"mirror": "{cut mirror}"}, ("receipt",)),
    ("a day that is to come", 4, {"day": "2099-01-01"}, ("check --at",)),
    ("a checkpoint of another size", 4, {"checkpoint": "3:" + ZERO}, ("log --checkpoint",)),
    # An audit and a watch judge the history itself, and a node that shows another one is what they look for.
    ("events that are not the log, to who judges it", 1, {"node": "{liar}"}, ("audit", "watch")),
]  # fmt: skip

CELLS = [(cause, command, code, changes) for cause, code, changes, commands in CAUSES for command in commands]


def said(*arguments: str) -> str:
    """What a command prints that does what it should."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(list(arguments)) == 0
    return out.getvalue()


@pytest.fixture(scope="module")
def words(base: Nation) -> Iterator[dict[str, str]]:
    """What the commands' words stand for where everything is as it should be, and the bad things by their names."""
    nation, folder = base, base.folder
    paper = nation.paper(A, 5, 0)
    receipt = Path(f"{paper}.jangkar.json")
    _, _, text, _ = nation.certificates[A, 5][0]
    nonce = json.loads(text)["nonce"]
    found = {
        "policy": str(nation.policy), "node": nation.anvil.url, "paper": str(paper), "receipt": str(receipt),
        "issuer": A.hex(), "code": "AFYQ59ZHNRNK", "service": NOBODY, "entry": "2",
        "day": f"{datetime.fromtimestamp(nation.now() - DAY, WIB):%Y-%m-%d}",
        "manifest": str(nation.path(A, 5, "manifest")), "manifests": str(folder / "manifests"),
        "block": "0x" + nation.client.eth.get_block("latest")["hash"].hex().removeprefix("0x"),
    }  # fmt: skip
    names = "missing new out memory state previous empty rubbish lonely metadata unnamed foreign proof bundle hollow"
    found |= {name: str(folder / f"{name}.some") for name in names.split()}
    found |= {name: str(folder / name) for name in ("other metadata", "hollow mirror", "cut mirror", "mirror")}
    for name, content in (
        ("empty", ""), ("rubbish", "{}"), ("lonely", "a file that nobody anchored"), ("metadata", text),
        ("other metadata", text.replace(nonce, nonce[::-1])),
        ("unnamed", receipt.read_text().replace("latsar", "LATSAR!")),
        ("foreign", receipt.read_text().replace(nation.address.lower(), "0x" + "99" * 20)),
    ):  # fmt: skip
        Path(found[name]).write_text(content)
    for name in ("out", "mirror", "hollow mirror", "cut mirror"):
        Path(found[name]).mkdir()
    trusted = ("--policy", str(nation.policy))
    Path(found["proof"]).write_text(said("log", "--since", "3", *trusted).strip())
    log = json.loads(said("log", "--json", *trusted))
    found |= {"size": str(log["size"]), "checkpoint": f"{log['size']}:{log['root']}"}
    found["digest"] = json.loads(said("bundle", found["bundle"], "--json", *trusted))["digest"]
    said("audit", "--manifests", found["manifests"], "--out", str(folder / "before"), *trusted)
    found["previous"] = str(folder / "before" / "report.json")
    nation.mirror(Path(found["mirror"]), A)
    nation.mirror(Path(found["cut mirror"]), A, hashes=7)
    mirror_history(nation, Path(found["mirror"]), Path(found["bundle"]).read_bytes(), found["digest"])
    # It begins as a bundle does, so that a mirror hands it on, and is none.
    hollow = b'{"block":{"number":0},"logs":[]}'
    found["hollow digest"] = hashlib.sha256(hollow).hexdigest()
    Path(found["hollow"]).write_bytes(hollow)
    Path(found["hollow mirror"], "bundles").mkdir()
    Path(found["hollow mirror"], "bundles", found["hollow digest"]).write_bytes(hollow)
    with Proxy(nation.anvil.url) as liar, Proxy(nation.anvil.url) as waiting:
        liar.after = lambda asked, said: b'{"id":1,"result":[]}' if asked["method"] == "eth_getLogs" else said
        waiting.after = lambda *_: b'{"format":"jangkar-lookup-v1","receipts":[],"pending":1}'
        yield found | {"liar": liar.url, "waiting": waiting.url}


def mirror_history(nation: Nation, folder: Path, data: bytes, digest: str) -> None:
    """The pieces that this bundle is put together from."""
    header, *lines = data.splitlines(keepends=True)
    blocks, entries = zip(*(line.split() for line in lines), strict=True)
    raw = [bytes.fromhex(entry.decode()) for entry in entries]
    log = folder / "logs" / nation.address.lower()
    for name, content in (
        (folder / "bundles" / digest, header),
        (
            log / "tile" / "entries" / "000.p" / str(len(raw)),
            b"".join(len(one).to_bytes(2, "big") + one for one in raw),
        ),
        (log / "blocks" / "000.p" / str(len(raw)), b"".join(int(block).to_bytes(8, "big") for block in blocks)),
    ):
        name.parent.mkdir(parents=True)
        name.write_bytes(content)


def run(words: dict[str, str], command: str, changes: dict[str, str]) -> int:
    """The exit code of a command with some of its words changed."""
    words = words | {name: value.format(**words) for name, value in changes.items()}
    if "node" in changes:
        policy = json.loads(Path(words["policy"]).read_text()) | {"nodes": [words["node"]]}
        words["policy"] = words["policy"] + ".other"
        Path(words["policy"]).write_text(json.dumps(policy))
    return main([*(part.format(**words) for part in COMMANDS[command].split()), "--policy", words["policy"]])


@pytest.mark.parametrize(
    ("command", "code", "changes"), [cell[1:] for cell in CELLS], ids=[f"{cell[0]}: {cell[1]}" for cell in CELLS]
)
def test_one_cause_has_one_code(words, command, code, changes):
    assert run(words, command, changes) == code


@pytest.mark.parametrize(("command", "word", "code"), [
    ("check --receipt", "receipt", 4), ("export", "receipt", 4), ("ots", "receipt", 4), ("call", "receipt", 4),
    ("log --proof", "proof", 1), ("approval", "manifest", 2), ("receipt", "metadata", 2),
])  # fmt: skip
def test_a_file_that_never_ends_is_read_no_further_than_it_may_be_long(words, command, word, code):
    assert run(words, command, {word: "/dev/zero"}) == code


def test_without_a_cause_they_end_well(words):
    """So that a cause above is the only thing that is wrong."""
    for command, typed in COMMANDS.items():
        if "{service}" not in typed:
            assert run(words, command, {}) == 0, command
            Path(words["new"]).unlink(missing_ok=True)


def test_the_table_has_every_command_and_every_error_has_a_code():
    assert {typed.split()[0] for typed in COMMANDS.values()} == set(NAMES)
    kinds = [one for one in vars(verifier.errors).values() if isinstance(one, type) and one is not VerifierError]
    assert {exit_code(kind("")) for kind in kinds} == {1, 2, 4}
