"""Measure a whole audit: its time and memory, beside merkletools building the same trees in the same run.

    python3 scripts/benchmarks/audit.py --batches 200 --size 500           prints the table
    python3 scripts/benchmarks/audit.py --batches 200 --size 500 --write   writes docs/audit-cost.md

Two institutes anchor one batch each a day on a fresh anvil; the audit is the command itself, as a process of its own,
with manifests alone and with entries too. Ends with the ratios. Needs what `check_contracts.py --quick` installs.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

import argparse  # noqa: E402  (the environment comes first)
import json  # noqa: E402
import os  # noqa: E402
import platform  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from importlib.metadata import version  # noqa: E402

import merkletools  # noqa: E402

sys.path[:0] = [str(_bootstrap.ROOT), str(_bootstrap.ROOT / "tests")]

from devnet import Anvil  # noqa: E402
from nation import DAY, A, B, Nation  # noqa: E402

TARGET = _bootstrap.ROOT / "docs" / "audit-cost.md"
ROUNDS = 5

TABLE = """# What an audit costs

Written by `python3 scripts/benchmarks/audit.py --batches {batches} --size {size} --write`: {batches} batches,
{certificates:,} certificates, {days} days of two institutes on a fresh anvil; medians of {rounds} runs of the command,
on {machine}. The peer builds the same {batches} trees with merkletools {peer} from the same leaves in memory and checks
nothing else.

| what | seconds | of the peer's | peak memory, MiB |
| --- | ---: | ---: | ---: |
| merkletools, the trees alone | {trees:.2f} | 1.0 | |
| audit of log, storage and manifests | {closed:.2f} | {closed_ratio:.1f} | {closed_memory:.0f} |
| the same, with every entry opened | {opened:.2f} | {opened_ratio:.1f} | {opened_memory:.0f} |

Both audits found no breach, recomputed {certificates:,} leaves, compared {slots:,} words of storage with their
proofs, and drew a sample of 20 that the registry itself confirmed.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=200, help="of both institutes together (default: 200)")
    parser.add_argument("--size", type=int, default=500, help="certificates of a batch (default: 500)")
    parser.add_argument("--write", action="store_true", help="write docs/audit-cost.md")
    options = parser.parse_args()
    days = options.batches // 2
    began = int(time.time()) - days * DAY
    with tempfile.TemporaryDirectory(prefix="jangkar-audit-") as folder, Anvil("--timestamp", str(began)) as anvil:
        nation = Nation(anvil, Path(folder))
        for day in range(1, days + 1):
            for issuer in (A, B):
                nation.batch(issuer, day, size=options.size)
            nation.sleep()
            if day % 20 == 0:
                print(f"day {day} of {days}", file=sys.stderr, flush=True)
        trees = statistics.median(peer(nation) for _ in range(ROUNDS))
        closed = [audit(nation, entries=False) for _ in range(ROUNDS)]
        opened = [audit(nation, entries=True) for _ in range(ROUNDS)]
        said = json.loads((nation.folder / "out" / "report.json").read_text())
    sound = said["counts"]["leaves_recomputed"] == options.batches * options.size
    sound &= all(one["answer"] for one in said["sample"]["certificates"])
    text = TABLE.format(
        batches=options.batches,
        size=options.size,
        certificates=options.batches * options.size,
        days=days,
        rounds=ROUNDS,
        machine=f"{os.cpu_count()} cores, Python {platform.python_version()}",
        peer=version("merkletools"),
        trees=trees,
        closed=statistics.median(seconds for seconds, _ in closed),
        opened=statistics.median(seconds for seconds, _ in opened),
        closed_ratio=statistics.median(seconds for seconds, _ in closed) / trees,
        opened_ratio=statistics.median(seconds for seconds, _ in opened) / trees,
        closed_memory=max(memory for _, memory in closed),
        opened_memory=max(memory for _, memory in opened),
        slots=said["counts"]["words"],
    )
    if options.write:
        TARGET.write_text(text)
    print(text if sound else "an audit of an honest history FAILED")
    return 0 if sound else 1


def peer(nation: Nation) -> float:
    """Seconds that merkletools takes for every tree."""
    began = time.perf_counter()
    for leaves in nation.leaves.values():
        tree = merkletools.MerkleTools(hash_type="sha256")
        tree.add_leaf([leaf.hex() for leaf in leaves], False)
        tree.make_tree()
    return time.perf_counter() - began


def audit(nation: Nation, *, entries: bool) -> tuple[float, float]:
    """Seconds and peak MiB of the command. Exits where it finds anything."""
    command = nation.command(nation.folder / "out")
    if not entries:
        place = command.index("--entries")
        del command[place : place + 2]
    began = time.perf_counter()
    program = [sys.executable, "-m", "verifier", *command]
    running = subprocess.Popen(program, cwd=_bootstrap.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(running.pid, 0)
    seconds = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit("the audit of an honest history did not pass")
    return seconds, usage.ru_maxrss / 1024


if __name__ == "__main__":
    raise SystemExit(main())
