"""Show that the registry contract holds: tests, fuzzing, invariants, coverage, slither, halmos, differential test.

    python3 scripts/check_contracts.py           everything, about ten minutes
    python3 scripts/check_contracts.py --quick   fewer runs, a few minutes
    python3 scripts/check_contracts.py --only slither --only coverage

A line for each part; exits 0 when all of them held. Needs node and npm, and Linux on x86-64: forge comes from npm as a
native binary, the compiler is npm's `solc`, slither and halmos stand in an environment of their own.
"""

import _bootstrap

_bootstrap.enter("dev")

import argparse  # noqa: E402  (the environment comes first)
import json  # noqa: E402
import random  # noqa: E402
import re  # noqa: E402
import shutil  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterator, Sequence  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import _contracts  # noqa: E402
from _contracts import APART, CONTRACTS, forge  # noqa: E402
from eth_abi.abi import encode  # noqa: E402
from eth_utils.crypto import keccak  # noqa: E402

sys.path.insert(0, str(_bootstrap.ROOT))

from anchor_service.chain import approvals  # noqa: E402
from anchor_service.core import hashing  # noqa: E402
from anchor_service.core.manifest import BatchHeader  # noqa: E402
from anchor_service.core.merkle import size_and_root  # noqa: E402
from verifier.formats import approval  # noqa: E402
from verifier.history import log  # noqa: E402
from verifier.proofs import hashing as verifier_hashing  # noqa: E402
from verifier.proofs.merkle import root_from_leaves  # noqa: E402

# What slither says and we have looked at: (detector, function or None for all) -> why it stands.
EXPLAINED = {
    ("timestamp", None): "windows, keys and deadlines are spans of block time in seconds, the only evidence of time; "
    "a validator shifts it by seconds, and nothing is won by that",
    ("incorrect-equality", "_requireTransition"): "statuses are compared, not balances",
    ("incorrect-equality", "_isSound"): "zero means that no compromise was declared; nobody can send it there",
    ("costly-loop", "_append"): "each item of a batch call is an entry of the log; the caller bounds the batch",
}
SYMBOLIC = {
    "check_oneAct": "write-once anchors, terminal revocation (also by a sound key), a regulator's suspension",
    "check_namespaces": "namespace isolation",
    "check_onlyAnAccreditorAccredits": "accreditation",
    "check_nobodyBarsTheAdminToBe": "the admin to be",
}
SYMBOLIC_SECONDS = 600
DIFFERENTIAL_INPUTS = 10_000
DIFFERENTIAL_SEED = 9162
# As in the Solidity test.
DIFFERENTIAL_PARTS = 50


class Failed(Exception):
    """A part did not hold; the text says how."""


def artifact(*, quick: bool) -> str:
    """The committed artifact is what the source gives."""
    del quick
    done = _run([sys.executable, str(_bootstrap.ROOT / "scripts" / "compile_contracts.py"), "--check"])
    return done.strip()


def style(*, quick: bool) -> str:
    """The sources are formatted."""
    del quick
    done = forge("fmt", "--check")
    if done.returncode:
        raise Failed(done.stdout + done.stderr)
    return "forge fmt finds nothing to change"


def self_test(*, quick: bool) -> str:
    """A test that fails makes the runner fail."""
    done = forge("test", "--match-path", "test/selftest/*.t.sol", profile=_profile(quick=quick))
    if done.returncode == 0 or "1 failed" not in done.stdout:
        raise Failed(f"a failing test was called green:\n{done.stdout}")
    return f"the test that must fail fails, exit code {done.returncode}"


def unit_and_fuzz(*, quick: bool) -> str:
    """Unit tests, each calling its own fuzz overload."""
    return _tests(forge("test", "--no-match-path", APART, profile=_profile(quick=quick)))


def invariants(*, quick: bool) -> str:
    """The registry against a model of its own, over random histories."""
    return _tests(forge("test", "--match-path", "test/Invariants.t.sol", profile=_profile(quick=quick)))


def coverage(*, quick: bool) -> str:
    """Every line, branch and function of our contracts."""
    del quick
    done = forge("coverage", "--no-match-path", APART, "--report", "summary", profile="quick")
    rows = re.findall(r"^\| (src/\S+)\s+\|(.+)\|$", done.stdout, re.MULTILINE)
    if done.returncode or not rows:
        raise Failed(done.stdout + done.stderr)
    short = [f"{name}:{figures}" for name, figures in rows if re.findall(r"(\d+\.\d+)%", figures) != ["100.00"] * 4]
    if short:
        raise Failed("\n".join(short))
    return f"100 % of lines, statements, branches and functions in {len(rows)} files"


def slither(*, quick: bool) -> str:
    """No finding without an explanation, and no explanation without a finding."""
    del quick
    program = _bootstrap.tools("contracts") / "slither"
    command = [str(program), ".", "--exclude-dependencies", "--filter-paths", "node_modules|test", "--json", "-"]
    done = subprocess.run(
        command, cwd=CONTRACTS, env=_contracts.environment(), capture_output=True, text=True, check=False
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise Failed(done.stdout + done.stderr) from None
    if not answer["success"]:
        raise Failed(str(answer["error"]))
    findings = answer["results"].get("detectors", [])
    used, unexplained = set(), []
    for finding in findings:
        names = {element["name"] for element in finding["elements"]} | {None}
        fitting = {key for key in EXPLAINED if key[0] == finding["check"] and key[1] in names}
        used |= fitting
        if not fitting:
            unexplained.append(finding["description"])
    if unexplained or set(EXPLAINED) - used:
        raise Failed("\n".join(unexplained) or f"explained and not found any more: {set(EXPLAINED) - used}")
    return f"{len(findings)} findings, all explained in {len(EXPLAINED)} entries"


def differential(*, quick: bool) -> str:
    """Leaf, node, log entry, checkpoint and EIP-712 digest: service, verifier and contract give the same bytes."""
    del quick
    folder = CONTRACTS / "cache" / "differential"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for part, data in enumerate(_differential_inputs(random.Random(DIFFERENTIAL_SEED))):  # noqa: S311  (no secret)
            (folder / str(part)).write_bytes(data)
        (folder / "vectors").mkdir(exist_ok=True)
        for part, data in enumerate(_vectors()):
            (folder / "vectors" / str(part)).write_bytes(data)
        _tests(forge("test", "--match-path", "test/Differential.t.sol"))
    finally:
        shutil.rmtree(folder)
    return (
        f"{DIFFERENTIAL_INPUTS:,} random inputs each, seed {DIFFERENTIAL_SEED}, and the shared vectors: the same bytes"
    )


def symbolic(*, quick: bool) -> str:
    """What halmos shows for all arguments and all callers; a time-out is named and is no proof."""
    del quick
    program = _bootstrap.tools("contracts") / "halmos"
    told = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # halmos 0.3.3 counts the SHA-256 precompile's input in bytes where it needs bits, and stops. Which hash the log
        # uses has no part in these properties, so that Keccak-256 stands in for it.
        shutil.copytree(CONTRACTS / "src", folder / "src")
        hashes = folder / "src" / "Rfc9162.sol"
        hashes.write_text(hashes.read_text().replace("sha256(", "keccak256("))
        (folder / "test").mkdir()
        for source in ("test/Symbolic.t.sol", "test/Vm.sol", "foundry.toml", "solc"):
            shutil.copy(CONTRACTS / source, folder / source)
        (folder / "node_modules").symlink_to(CONTRACTS / "node_modules")
        for function, what in SYMBOLIC.items():
            told.append(f"{what}: {_prove(program, folder, function)}")
    return "; ".join(told)


def _prove(program: Path, folder: Path, function: str) -> str:
    command = [str(program), "--contract", "SymbolicTest", "--function", function, "--loop", "4"]
    # A branch that is given up is taken for possible: paths multiply, and on a busy machine loops pass their bound. The
    # time is a clock's: 25 ms take a third less work on an idle machine, and fail on one that has much else to do.
    command += ["--solver-timeout-branching", "100", "--solver-timeout-assertion", "60000"]
    started = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=_contracts.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=SYMBOLIC_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"TIME-OUT after {SYMBOLIC_SECONDS} s, no counterexample"
    if "Counterexample" in done.stdout or "1 passed" not in done.stdout:
        if "[TIMEOUT]" in done.stdout:
            return "TIME-OUT of the solver, no counterexample"
        raise Failed(f"{function}:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    if "loop-bound" in done.stdout:
        raise Failed(f"{function} does not look at every path: raise --loop")
    return f"proved in {time.monotonic() - started:.0f} s"


def _differential_inputs(chance: random.Random) -> Iterator[bytes]:
    """The inputs with the answers that service and verifier give, ABI-encoded for the Solidity test, in parts."""
    registry, chain_id = "0x" + "12" * 20, 200_826
    hashes, agreed, entries = [], [], []
    leaves: list[bytes] = []
    for number in range(DIFFERENTIAL_INPUTS):
        data, left, right = chance.randbytes(chance.randrange(200)), chance.randbytes(32), chance.randbytes(32)
        leaf = _same(hashing.leaf_hash(data), verifier_hashing.leaf_hash(data))
        node = _same(hashing.node_hash(left, right), verifier_hashing.node_hash(left, right))
        hashes.append((data, leaf, left, right, node))

        issuer_id, root = chance.randbytes(32), chance.randbytes(32)
        sequence, size, window, deadline = (chance.randrange(1, 2**64) for _ in range(4))
        header = BatchHeader(chain_id, registry, issuer_id, "", sequence, size, root)
        theirs = approval.Approval(chain_id, registry, issuer_id, sequence, root, size, deadline)
        digest = _same(approvals.digest(header, deadline), approval.digest(theirs))
        agreed.append((issuer_id, sequence, root, size, deadline, digest))

        key, sender = ("0x" + chance.randbytes(20).hex() for _ in range(2))
        values = (issuer_id, sequence, root, size, window, key, sender, chance.randrange(2**64), number)
        words = [encode([type_], [value]) for type_, value in zip(_ANCHORED, values, strict=True)]
        topics = [keccak(text=f"Anchored({','.join(_ANCHORED)})"), *words[:2]]
        event = {"topics": ["0x" + topic.hex() for topic in topics], "data": "0x" + b"".join(words[2:]).hex()}
        entry = _same(b"".join(topics) + b"".join(words[2:]), log.entry_of(event | {"blockNumber": "0x1"}).data)
        leaves.append(_same(hashing.leaf_hash(entry), verifier_hashing.leaf_hash(entry)))
        entries.append((*values, leaves[-1], b""))
    checkpoints = _checkpoints(leaves)
    entries = [(*entry[:-1], checkpoint) for entry, checkpoint in zip(entries, checkpoints, strict=True)]
    hash_type, approval_type = (
        "(bytes,bytes32,bytes32,bytes32,bytes32)",
        "(bytes32,uint64,bytes32,uint64,uint64,bytes32)",
    )
    entry_type = f"({','.join(_ANCHORED)},bytes32,bytes32)"
    type_ = f"(address,uint256,{hash_type}[],{approval_type}[],{entry_type}[])"
    size = DIFFERENTIAL_INPUTS // DIFFERENTIAL_PARTS
    for start in range(0, DIFFERENTIAL_INPUTS, size):
        part = slice(start, start + size)
        yield encode([type_], [(registry, chain_id, hashes[part], agreed[part], entries[part])])


def _vectors() -> Iterator[bytes]:
    """The shared vectors, which service and verifier pass in tests/: hashes, leaves, trees and approvals."""

    def load(name: str) -> Any:
        return json.loads((_bootstrap.ROOT / "tests" / "vectors" / name).read_text())

    def raw(given: str) -> bytes:
        return bytes.fromhex(given)

    hashing_ = load("hashing.json")
    node = hashing_["node"][0]
    nodes = [
        (b"", hashing.leaf_hash(b""), raw(one["left"]), raw(one["right"]), raw(one["hash"])) for one in hashing_["node"]
    ]
    sides = (raw(node["left"]), raw(node["right"]), raw(node["hash"]))
    leaves = [(raw(one["data"]), raw(one["hash"]), *sides) for one in hashing_["leaf"]]
    leaves += [(raw(one["leaf_input"]), raw(one["leaf_hash"]), *sides) for one in load("leaf-inputs.json")]
    trees = [
        ([raw(entry) for entry in one["leaf_inputs"]], raw(one["root_hash"])) for one in load("trees.json")["trees"]
    ]
    approval_type = "(bytes32,uint64,bytes32,uint64,uint64,bytes32)"
    type_ = f"(address,uint256,(bytes,bytes32,bytes32,bytes32,bytes32)[],(bytes[],bytes32)[],{approval_type}[])"
    for one in load("approvals.json"):
        given = (
            raw(one["issuer_id"]),
            one["sequence"],
            raw(one["root"]),
            one["size"],
            one["deadline"],
            raw(one["digest"]),
        )
        yield encode([type_], [(one["registry"], one["chain_id"], [*nodes, *leaves], trees, [given])])


_ANCHORED = ("bytes32", "uint64", "bytes32", "uint64", "uint64", "address", "address", "uint64", "uint64")


def _checkpoints(leaves: list[bytes]) -> list[bytes]:
    """The log's root after each entry: the verifier's recursion on every size up to 300 and on a hundred others."""
    found, stack = [], []
    looked_at = {*range(1, 301), *random.Random(1).sample(range(301, len(leaves) + 1), 100), len(leaves)}  # noqa: S311
    for size in range(1, len(leaves) + 1):
        node = leaves[size - 1]
        for _ in range((size & -size).bit_length() - 1):
            node = hashing.node_hash(stack.pop(), node)
        stack.append(node)
        root = stack[-1]
        for lower in reversed(stack[:-1]):
            root = hashing.node_hash(lower, root)
        if size in looked_at:
            _same(root, root_from_leaves(leaves[:size]))
            _same(root, size_and_root(leaves[:size])[1])
        found.append(root)
    return found


def _same(ours: bytes, theirs: bytes) -> bytes:
    if ours != theirs:
        raise Failed(f"service and verifier differ: {ours.hex()} and {theirs.hex()}")
    return ours


def _profile(*, quick: bool) -> str:
    return "quick" if quick else "default"


def _tests(done: subprocess.CompletedProcess[str]) -> str:
    summary = re.findall(r"Ran \d+ test suites? .*?: (\d+) tests passed, 0 failed", done.stdout)
    if done.returncode or not summary or summary == ["0"]:
        raise Failed(done.stdout[-6000:] + done.stderr[-3000:])
    runs = sorted({int(found) for found in re.findall(r"runs: (\d+)", done.stdout)})
    calls = re.findall(r"calls: (\d+)", done.stdout)
    told = f"{summary[0]} tests passed"
    if runs:
        told += f", {runs[-1]:,} runs each"
    return told + (f", {int(calls[-1]):,} calls" if calls else "")


def _run(command: list[str]) -> str:
    done = subprocess.run(command, cwd=_bootstrap.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(done.stdout + done.stderr)
    return done.stdout


def _failed(names: Sequence[str], *, quick: bool) -> list[str]:
    """Run these parts, with a line for each. Returns the names of those that did not hold."""
    failed = []
    for name in names:
        started = time.monotonic()
        try:
            told = PARTS[name](quick=quick)
        except Failed as problem:
            failed.append(name)
            told = f"FAILED\n{problem}"
        print(f"{name}: {told} ({time.monotonic() - started:.0f} s)", flush=True)
    return failed


PARTS: dict[str, Callable[..., str]] = {
    "artifact": artifact,
    "style": style,
    "self-test": self_test,
    "unit and fuzz": unit_and_fuzz,
    "invariants": invariants,
    "coverage": coverage,
    "slither": slither,
    "differential": differential,
    "halmos": symbolic,
}

# What forge builds in contracts/ is built one after the other; these two build apart, in the meantime.
APART_FROM_FORGE = ("halmos", "artifact")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part only; repeated")
    options = parser.parse_args()
    _contracts.require_native()
    wanted = [name for name in PARTS if not options.only or name in options.only]
    apart = [name for name in APART_FROM_FORGE if name in wanted]
    lanes = (apart, [name for name in wanted if name not in apart])
    with ThreadPoolExecutor() as pool:
        failed = [name for lane in pool.map(partial(_failed, quick=options.quick), lanes) for name in lane]
    print(f"contracts: {', '.join(failed)} FAILED" if failed else "contracts: everything held")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
