"""Measure a batch's tree and every inclusion path, beside what others build, at the same number of leaves.

    python3 scripts/benchmarks/tree.py --leaves 1000000            prints the table
    python3 scripts/benchmarks/tree.py --leaves 1000000 --write    writes docs/benchmarks.md

Each measurement is a process of its own, so that memory is its own too: seconds for the tree, seconds for a path of
every leaf, one after the other, and how much the process grew while it built the tree. Medians of five, taken in turn;
a peer that is far slower runs once, at a tenth, beside ours at a tenth. Ours is RFC 9162 with prefixed hashes, in plain
Python; merkletools and merkletreejs hash pairs without prefixes. Ends with the ratios. Needs node and npm.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

import argparse  # noqa: E402  (the environment comes first)
import json  # noqa: E402
import random  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import merkletools  # noqa: E402

sys.path.insert(0, str(_bootstrap.ROOT))

import _report  # noqa: E402
from _paths import inclusion_paths  # noqa: E402

from anchor_service.core.hashing import LeafHash  # noqa: E402
from anchor_service.core.merkle import MerkleTree  # noqa: E402

ROUNDS = 5
SEED = 9162
PAGE_BYTES = 4096
# In environments of their own: Python packages of requirements/peers.txt, npm packages of peers/package.json.
IN_PYTHON = ("pymerkle", "opentimestamps")
IN_NODE = ("merkletreejs", "@openzeppelin/merkle-tree")
# More than ten times slower than ours.
SLOW = ("pymerkle", "opentimestamps", "@openzeppelin/merkle-tree")

TABLE = """`python3 scripts/benchmarks/tree.py --leaves {leaves} --write`, on {machine}, node {node}, {peers}.

The tree of random leaves and an inclusion path of each, one after the other; leaves are in each library's own form
before the clock starts. Ours walks all paths in one pass (`_paths.py`), for this page: the service reads one at a time,
from a few tiles, when its receipt is asked for. Each measurement is a process of its own; medians of {rounds}, in turn.
What is far slower ran once, at {tenth:,} leaves, and is compared with ours at {tenth:,}.

| | leaves | tree, s | paths, s | both, s | ours is faster | grown, MiB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
{lines}

{ends}

![How tree and paths grow](pictures/tree.svg)
"""

Found = dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leaves", type=int, default=1_000_000, help="leaves of the tree (default: 1000000)")
    parser.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md and its picture")
    parser.add_argument("--one", choices=SUBJECTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.leaves)))
        return 0
    _report.install_npm_peers()
    quick = [name for name in (*SUBJECTS, *IN_NODE) if name not in SLOW]
    sizes = [options.leaves // 100, options.leaves // 10, options.leaves]
    runs: dict[tuple[str, int], list[Found]] = {(name, size): [] for name in quick for size in sizes}
    for _ in range(ROUNDS):
        for (name, size), each in runs.items():
            each.append(measured_apart(name, size))
    found = {name: {size: median(runs[name, size]) for size in sizes} for name in quick}
    for name in SLOW:
        found[name] = {size: measured_apart(name, size) for size in sizes[:2]}
    # Each at the most leaves that it was measured with, beside ours at as many.
    faster = {name: both(each[max(each)]) / both(found["jangkar"][max(each)]) for name, each in found.items()}
    lines = [line("jangkar", sizes[1], found["jangkar"][sizes[1]], "")]
    for name, each in found.items():
        said = "" if name == "jangkar" else f"{faster[name]:.1f} times"
        lines.append(line(name, max(each), each[max(each)], said))
    memory = found["jangkar"][options.leaves]["grown"] / found["merkletools"][options.leaves]["grown"]
    ends = "faster than " + ", ".join(f"{name} {faster[name]:.1f} times" for name in found if name != "jangkar")
    ends += f"; memory {memory:.2f} of merkletools'"
    if options.write:
        series = {name: [(size, both(one)) for size, one in each.items()] for name, each in found.items()}
        _report.plot("tree", "leaves", "seconds for the tree and every path", series)
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        text = TABLE.format(
            leaves=options.leaves,
            machine=_report.machine("merkletools"),
            node=node,
            peers=versions(),
            rounds=ROUNDS,
            tenth=sizes[1],
            lines="\n".join(lines),
            ends=ends,
        )
        _report.write("The tree", text)
    print("\n".join(lines))
    print(ends)
    return 0


def line(name: str, leaves: int, one: Found, faster: str) -> str:
    """A line of the table."""
    times = f"{one['tree']:.2f} | {one['paths']:.2f} | {both(one):.2f}"
    return f"| {name} | {leaves:,} | {times} | {faster} | {one['grown']:.0f} |"


def median(found: list[Found]) -> Found:
    """Medians of each figure."""
    return {what: statistics.median(one[what] for one in found) for what in found[0]}


def both(one: Found) -> float:
    """Seconds for the tree and all paths."""
    return one["tree"] + one["paths"]


def measured_apart(name: str, leaves: int) -> Found:
    """One measurement in a process of its own, in the subject's environment."""
    if name in IN_PYTHON:
        command = [str(_bootstrap.tools("peers") / "python"), "_tree.py", name, str(leaves)]
    elif name in IN_NODE:
        command = ["node", "--max-old-space-size=8192", "tree.mjs", name, str(leaves)]
    else:
        command = [sys.executable, __file__, "--leaves", str(leaves), "--one", name]
    done = subprocess.run(command, cwd=_report.PEERS, stdout=subprocess.PIPE, text=True, check=True)
    found: Found = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}, {leaves:,}: {found}", file=sys.stderr, flush=True)
    return found


def versions() -> str:
    """What the peers are, with their versions."""
    npm = _report.npm_pinned()
    named = {**_report.pinned("peers"), **{name: npm[name] for name in IN_NODE}}
    return ", ".join(f"{name} {version}" for name, version in named.items())


def measure(name: str, leaves: int) -> Found:
    """Seconds and MiB of one subject; what it is given is in its own form before the clock starts."""
    chance = random.Random(SEED)  # noqa: S311  (no secret)
    prepare, build, paths = SUBJECTS[name]
    given = prepare([chance.randbytes(32) for _ in range(leaves)])
    before, began = resident(), time.perf_counter()
    tree = build(given)
    built, grown = time.perf_counter(), resident() - before
    if paths(tree, leaves) != leaves:
        raise SystemExit(f"{name} did not give a path for every leaf")
    return {"tree": built - began, "paths": time.perf_counter() - built, "grown": grown}


def resident() -> float:
    """MiB of this process's memory that are resident."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES / 2**20


def _of_merkletools(leaves: list[str]) -> Any:
    tree = merkletools.MerkleTools(hash_type="sha256")
    tree.add_leaf(leaves, False)
    tree.make_tree()
    return tree


SUBJECTS: dict[str, tuple[Callable[[list[bytes]], Any], Callable[[Any], Any], Callable[[Any, int], int]]] = {
    "jangkar": (
        lambda leaves: [LeafHash(leaf) for leaf in leaves],
        MerkleTree,
        lambda tree, _: sum(1 for _ in inclusion_paths(tree)),
    ),
    "merkletools": (
        lambda leaves: [leaf.hex() for leaf in leaves],
        _of_merkletools,
        lambda tree, leaves: sum(1 for index in range(leaves) if tree.get_proof(index) is not None),
    ),
}


if __name__ == "__main__":
    raise SystemExit(main())
