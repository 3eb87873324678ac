"""One peer of scripts/benchmarks/tree.py, in its own environment: seconds for the tree and for all paths, MiB grown.

python _tree.py NAME LEAVES
"""

# Each peer is imported when it is the one that is measured.
# ruff: noqa: PLC0415
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAGE_BYTES = 4096
# A leaf in the library's own form, the tree of all leaves, and how many paths it gave.
Subject = tuple[Callable[[bytes], Any], Callable[[list[Any]], Any], Callable[[Any, list[Any]], int]]


def main() -> None:
    name, count = sys.argv[1], int(sys.argv[2])
    own, build, paths = SUBJECTS[name]()
    given = [own(os.urandom(32)) for _ in range(count)]
    before, began = resident(), time.perf_counter()
    tree = build(given)
    built, grown = time.perf_counter(), resident() - before
    if paths(tree, given) != count:
        raise SystemExit(f"{name} did not give a path for every leaf")
    print(json.dumps({"tree": built - began, "paths": time.perf_counter() - built, "grown": grown}))


def of_pymerkle() -> Subject:
    """RFC 9162 over entries in memory."""
    from pymerkle import InmemoryTree

    def build(entries: list[bytes]) -> Any:
        tree = InmemoryTree(algorithm="sha256")
        for entry in entries:
            tree.append_entry(entry)
        tree.get_state()
        return tree

    return bytes, build, lambda tree, entries: sum(1 for at in range(len(entries)) if tree.prove_inclusion(at + 1))


def of_opentimestamps() -> Subject:
    """A timestamp for each leaf, all joined in one tip; a path is a leaf's serialized proof up to it."""
    from opentimestamps.core.notary import PendingAttestation
    from opentimestamps.core.serialize import BytesSerializationContext
    from opentimestamps.core.timestamp import Timestamp, make_merkle_tree

    def build(stamps: list[Any]) -> Any:
        tip = make_merkle_tree(stamps)
        tip.attestations.add(PendingAttestation("a"))
        return tip

    def proof(stamp: Any) -> bytes:
        written = BytesSerializationContext()
        stamp.serialize(written)
        return written.getbytes()

    return Timestamp, build, lambda _, stamps: sum(1 for stamp in stamps if proof(stamp))


def resident() -> float:
    """MiB of this process's memory that are resident."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES / 2**20


SUBJECTS = {"pymerkle": of_pymerkle, "opentimestamps": of_opentimestamps}

if __name__ == "__main__":
    main()
