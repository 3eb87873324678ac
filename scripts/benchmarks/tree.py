"""Measure a batch's tree and every inclusion path, beside merkletools at the same leaves in the same run.

    python3 scripts/benchmarks/tree.py --leaves 1000000

Each measurement is a process of its own, so that memory is its own too: seconds for the tree, seconds for a path of
every leaf, one after the other, and how much the process grew while it built the tree. Medians of five, taken in turn.
Ours is RFC 9162 with prefixed hashes, in plain Python; merkletools hashes pairs without prefixes. Ends with the ratios.
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

from anchor_service.core.hashing import LeafHash  # noqa: E402
from anchor_service.core.merkle import MerkleTree  # noqa: E402

ROUNDS = 5
SEED = 9162
PAGE_BYTES = 4096


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leaves", type=int, default=1_000_000, help="leaves of the tree (default: 1000000)")
    parser.add_argument("--one", choices=SUBJECTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.leaves)))
        return 0
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in SUBJECTS}
    for _ in range(ROUNDS):
        for name, found in runs.items():
            found.append(measured_apart(name, options.leaves))
    medians = {
        name: {what: statistics.median(one[what] for one in found) for what in found[0]} for name, found in runs.items()
    }
    print(f"| {options.leaves:,} leaves | tree s | paths s | both s | grown MiB |\n| --- | ---: | ---: | ---: | ---: |")
    for name, one in medians.items():
        print(f"| {name} | {one['tree']:.2f} | {one['paths']:.2f} | {both(one):.2f} | {one['grown']:.0f} |")
    ours, peer = medians["jangkar"], medians["merkletools"]
    print(f"faster {both(peer) / both(ours):.1f} times, memory {ours['grown'] / peer['grown']:.2f} of merkletools")
    return 0


def both(one: dict[str, float]) -> float:
    """Seconds for the tree and all paths."""
    return one["tree"] + one["paths"]


def measured_apart(name: str, leaves: int) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--leaves", str(leaves), "--one", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(name: str, leaves: int) -> dict[str, float]:
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
        lambda tree, _: sum(1 for _ in tree.inclusion_paths()),
    ),
    "merkletools": (
        lambda leaves: [leaf.hex() for leaf in leaves],
        _of_merkletools,
        lambda tree, leaves: sum(1 for index in range(leaves) if tree.get_proof(index) is not None),
    ),
}


if __name__ == "__main__":
    raise SystemExit(main())
