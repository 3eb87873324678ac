"""Forge receipts in every way we know of, and show that none is taken for genuine.

    python3 scripts/campaigns/forge.py --count 1000000 --seed 1

Three parts: every structural mutant of every proof in trees of 1 to 64 leaves; COUNT typed mutants of receipts, each
operator as often as the others; and what the browser's verifier and the contract say of the vectors and of a sample
(10,000 each, fewer where COUNT is smaller). Before them, every genuine certificate has to read as what it is. Ends with
`forged N, accepted 0`, or exits 1. Needs node, and what scripts/build_browser.py installs.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

sys.path[:0] = [str(_bootstrap.ROOT), str(_bootstrap.ROOT / "tests")]

import argparse  # noqa: E402  (the environment comes first)
import random  # noqa: E402
import shutil  # noqa: E402
import time  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from math import gcd  # noqa: E402

import _npm  # noqa: E402
import javascript  # noqa: E402
import reference  # noqa: E402
from _forgeries import Forger, Mutant  # noqa: E402
from _genuine import NOW, Nation  # noqa: E402
from registry_contract import ISSUER, Registry  # noqa: E402
from vectors_reader import load  # noqa: E402

from verifier.errors import Malformed, MalformedProof  # noqa: E402
from verifier.formats.fingerprint import Fingerprint  # noqa: E402
from verifier.formats.kinds import NUMBERS  # noqa: E402
from verifier.formats.receipt import parse  # noqa: E402
from verifier.proofs.merkle import root_from_path  # noqa: E402
from verifier.verdict.verdict import Verdict  # noqa: E402

MAX_SIZE = 64
SAMPLE = 10_000
PROGRESS = 100_000
# What a genuine certificate of each standing is.
TRUE_VERDICTS = {"sound": "valid", "out of scope": "invalid"}


@dataclass
class Books:
    """How many were forged, and each that was accepted, or that two verifiers judge differently."""

    forged: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def note(self, operator: str, what: str, *, accepted: bool) -> None:
        """Count one forgery, and keep it where it was accepted."""
        self.forged[operator] += 1
        if accepted:
            self.wrong.append(f"{operator}: {what}")


@dataclass(frozen=True)
class Proof:
    """A leaf hash, index and path against an anchored tree of `size` leaves; not the proof of anything."""

    operator: str
    size: int
    leaf: bytes
    index: int
    path: list[bytes]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000, help="typed mutants (default: 1000000)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if shutil.which("node") is None:
        print("node is not here: sudo apt-get install -y nodejs npm", file=sys.stderr)
        return 2
    _npm.install(_bootstrap.ROOT / "verifier" / "web" / "browser")
    books, started = Books(), time.monotonic()
    nation = Nation(options.seed)
    genuine(nation, books)
    proofs = list(structural(books))
    say(f"structural mutants of sizes to {MAX_SIZE}: {len(proofs)}", started)
    mutants = typed(nation, options, books, started)
    draw = random.Random(options.seed)
    sample = min(SAMPLE, options.count)
    by_the_browser(nation, draw.sample(mutants, min(sample, len(mutants))), draw.sample(proofs, sample), books)
    say("the browser's verifier: vectors and samples", started)
    by_the_contract(draw.sample(proofs, sample), books)
    say("the contract: vectors and a sample", started)
    for operator, number in sorted(books.forged.items()):
        print(f"  {number:9} {operator}")
    for wrong in books.wrong[:20]:
        print(f"ACCEPTED OR CONTRADICTED: {wrong}")
    print(f"forged {books.forged.total()}, accepted {len(books.wrong)}")
    return 1 if books.wrong else 0


def genuine(nation: Nation, books: Books) -> None:
    """What was issued reads as what it is: a verifier that refuses everything accepts no forgery either."""
    for one in nation.genuine:
        found = nation.verdict(Fingerprint(reference.sha256(one.file)), one.text)
        if found != TRUE_VERDICTS.get(one.standing, one.standing):
            books.wrong.append(f"a genuine certificate, {one.standing}, reads as {found}")


def structural(books: Books) -> Iterator[Proof]:
    """Every structural mutant of every proof, each judged under the root and size that the chain holds."""
    leaves = sorted(reference.sha256(number.to_bytes(2, "big")) for number in range(MAX_SIZE))
    for size in range(1, MAX_SIZE + 1):
        tree = leaves[:size]
        root = reference.root(tree)
        for index in range(size):
            right = reference.path(index, tree)
            for proof in _mutants_of(tree, index, right):
                try:
                    accepted = root_from_path(proof.leaf, proof.index, size, proof.path) == root
                except MalformedProof:
                    accepted = False
                books.note(proof.operator, f"{proof}", accepted=accepted)
                yield proof


def _mutants_of(tree: list[bytes], index: int, path: list[bytes]) -> Iterator[Proof]:
    size, leaf = len(tree), tree[index]
    for other in [*range(size + 2), 2**32, 2**64]:
        if other != index:
            yield Proof("path: index", size, leaf, other, path)
    for other in range(size):
        if other != index:
            yield Proof("path: leaf", size, tree[other], index, path)
    inner = leaf
    for level, node in enumerate(path):
        # An inner node of the path itself passed as a leaf, with what is left of the path.
        inner = reference.node(inner, node) if not index >> level & 1 else reference.node(node, inner)
        for place in {index >> level + 1, 0}:
            yield Proof("path: inner node as a leaf", size, inner, place, path[level + 1 :])
        yield Proof("path: sibling as a leaf", size, node, index, path)
        yield Proof("path: node dropped", size, leaf, index, path[:level] + path[level + 1 :])
        yield Proof("path: node doubled", size, leaf, index, [*path[:level], node, *path[level:]])
        yield Proof("path: node zeroed", size, leaf, index, [*path[:level], bytes(32), *path[level + 1 :]])
        yield Proof("path: node is the leaf", size, leaf, index, [*path[:level], leaf, *path[level + 1 :]])
        yield Proof("path: node flipped", size, leaf, index, [*path[:level], _flipped(node), *path[level + 1 :]])
        yield Proof("path: node inserted", size, leaf, index, [*path[:level], bytes(32), *path[level:]])
        for other in range(level):
            swapped = list(path)
            swapped[level], swapped[other] = swapped[other], swapped[level]
            yield Proof("path: nodes swapped", size, leaf, index, swapped)
        yield Proof("path: cut", size, leaf, index, path[:level])
    yield Proof("path: longer", size, leaf, index, [*path, bytes(32)])
    yield Proof("path: longer by its leaf", size, leaf, index, [*path, leaf])
    yield Proof("path: leaf flipped", size, _flipped(leaf), index, path)


def _flipped(node: bytes) -> bytes:
    return bytes([node[0] ^ 1]) + node[1:]


def typed(nation: Nation, options: argparse.Namespace, books: Books, started: float) -> list[Mutant]:
    """COUNT typed mutants by the Python verifier. Returns a sample of them, even over the operators."""
    kept: list[Mutant] = []
    forger = Forger(nation, options.seed)
    every = max(1, options.count // SAMPLE)
    # A step that shares a factor with the number of operators would miss some of them.
    while gcd(every, len(forger.operators)) != 1:
        every -= 1
    for number, mutant in enumerate(forger.mutants(options.count), 1):
        found = nation.verdict(mutant.file, mutant.receipt)
        accepted = found in (Verdict.VALID, Verdict.RECORDED)
        books.note(mutant.operator, f"{mutant.file} {mutant.receipt!r}", accepted=accepted)
        if number % every == 0:
            kept.append(mutant)
        if number % PROGRESS == 0:
            say(f"typed mutants: {number}, accepted {len(books.wrong)}", started)
    return kept


def by_the_browser(nation: Nation, mutants: list[Mutant], proofs: list[Proof], books: Books) -> None:
    """The same verdict as Python's for each of a sample, and a refusal of each wrong vector."""
    questions = [{"ask": "trust", "policy": nation.policy_text(), "kinds": NUMBERS}]
    wanted = ["trusted"]
    for mutant in mutants:
        try:
            receipt = parse(mutant.receipt)
        except Malformed:
            questions.append({"ask": "receipt", "receipt": mutant.receipt.hex()})
            wanted.append("refused")
            continue
        facts = nation.facts(receipt)
        questions.append(javascript.claim(mutant.receipt, mutant.file, facts, (), NOW, lookedUp=True))
        wanted.append(nation.verdict(mutant.file, mutant.receipt))
    vectors = load("receipts.json")["wrong"]
    questions += [{"ask": "receipt", "receipt": one["text"].encode("utf-8", "surrogatepass").hex()} for one in vectors]
    wanted += ["refused"] * len(vectors)
    vectors = load("metadata.json")["wrong"]
    questions += [{"ask": "metadata", "text": one["text"]} for one in vectors]
    wanted += ["refused"] * len(vectors)
    for question, verdict, said in zip(questions, wanted, javascript.ask(questions), strict=True):
        found = "refused" if "refused" in said else said.get("answer", said.get("crashed"))
        books.note("browser", f"{question}: {found}, not {verdict}", accepted=found != verdict)
    roots = [reference.root(_leaves(size)) for size in range(1, MAX_SIZE + 1)]
    asked = [_question(one.leaf, one.index, one.size, one.path) for one in proofs]
    against = [roots[one.size - 1].hex() for one in proofs]
    for one in load("inclusion.json")["wrong"]:
        path = [bytes.fromhex(node) for node in one["path"]]
        asked.append(_question(bytes.fromhex(one["leaf_hash"]), one["leaf_index"], one["tree_size"], path))
        against.append(one["root_hash"])
    for question, root, said in zip(asked, against, javascript.ask(asked), strict=True):
        accepted = said.get("answer") == root or "crashed" in said
        books.note("browser: path", f"{question}: {said}", accepted=accepted)


def _question(leaf: bytes, index: int, size: int, path: list[bytes]) -> dict[str, object]:
    nodes = [node.hex() for node in path]
    return {"ask": "root", "leaf_hash": leaf.hex(), "leaf_index": str(index), "tree_size": str(size), "path": nodes}


def _leaves(size: int) -> list[bytes]:
    return sorted(reference.sha256(number.to_bytes(2, "big")) for number in range(MAX_SIZE))[:size]


def by_the_contract(proofs: list[Proof], books: Books) -> None:
    """`verifyInclusion` in the EVM refuses each of a sample, and each wrong vector of a tree that it can hold."""
    contract = Registry()
    contract.accredit()
    for size in range(1, MAX_SIZE + 1):
        contract.by("key", contract.f.anchor(ISSUER, size, reference.root(_leaves(size)), size))
    if not contract.verify(ISSUER, 2, _leaves(2)[0], 0, [_leaves(2)[1]]):
        books.wrong.append("the contract refuses a genuine proof")
    asked = [(one.size, one.leaf, one.index, one.path) for one in proofs if one.index < 2**64]
    wrong = [one for one in load("inclusion.json")["wrong"] if one["tree_size"]]
    for sequence, one in enumerate(wrong, MAX_SIZE + 1):
        contract.by("key", contract.f.anchor(ISSUER, sequence, bytes.fromhex(one["root_hash"]), one["tree_size"]))
        path = [bytes.fromhex(node) for node in one["path"]]
        asked.append((sequence, bytes.fromhex(one["leaf_hash"]), one["leaf_index"], path))
    for sequence, leaf, index, path in asked:
        accepted = contract.verify(ISSUER, sequence, leaf, index, path)
        books.note("contract: path", f"{sequence} {leaf.hex()} {index}", accepted=accepted)


def say(what: str, started: float) -> None:
    print(f"{time.monotonic() - started:7.0f} s  {what}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
