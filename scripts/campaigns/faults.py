"""Break everything that can break, many times, and count what was lost, doubled or wrong afterwards.

    python3 scripts/campaigns/faults.py --database sqlite --runs 200 --seed 1
    python3 scripts/campaigns/faults.py --database postgres --runs 2260 --report docs/campaigns/faults-postgres.md

Every run hands certificates in, breaks something on their way to the chain, and lets the service recover as its users
would: the institute hands in again what it got no answer for, the night is run again, a person requeues what is
quarantined. Then every certificate that was accepted has to stand in exactly one anchor, with a receipt that the
independent verifier calls valid. The kinds of runs, in the proportions of a whole campaign of 2,260:

    ports       two-way faults of node, signer, database and files: no effect; effect, but the answer lost
    points      kill -9 at each of the 18 crash points
    moments     kill -9 at a random moment of intake or night
    stops       pg_ctl stop -m immediate in the middle (PostgreSQL only)
    zombies     a worker that is stopped past its lease, and goes on after another has done its work
    proxy       a node that cuts, garbles, repeats and lies
    disk        a disk that is full
    clock       clocks that jump by days

Ends with `runs N, lost 0, doubled 0, wrong receipts 0`, or exits 1. Needs anvil (node and npm, Linux on x86-64), and
PostgreSQL where that is asked for.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

sys.path[:0] = [str(_bootstrap.ROOT), str(_bootstrap.ROOT / "tests"), str(Path(__file__).resolve().parent)]

import argparse  # noqa: E402  (the environment comes first)
import contextlib  # noqa: E402
import os  # noqa: E402
import platform  # noqa: E402
import random  # noqa: E402
import shutil  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator  # noqa: E402

import _contracts  # noqa: E402
import _port_runs  # noqa: E402
import _process_runs  # noqa: E402
from _stage import Postgres  # noqa: E402
from _tally import Tally, revision  # noqa: E402

# Of a whole campaign.
PROPORTIONS = {
    "ports": 1_500, "points": 180, "moments": 360, "stops": 50, "zombies": 10, "proxy": 100, "disk": 30, "clock": 30,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--runs", type=int, default=200, help="how many runs in all; 2,260 is a whole campaign")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=tuple(PROPORTIONS), help="one kind of runs")
    parser.add_argument("--report", type=Path, help="Markdown file to be written")
    options = parser.parse_args()
    _contracts.require_native()
    kinds = [options.only] if options.only else list(PROPORTIONS)
    if options.database == "sqlite" and "stops" in kinds:
        kinds.remove("stops")
    began, tally, version = time.monotonic(), Tally(), revision()
    with _folder() as folder, _postgres(options.database) as postgres:
        counts = _shares(kinds, options.runs)
        if "ports" in counts:
            _port_runs.run(
                folder / "ports", postgres, counts.pop("ports"), random.Random(f"{options.seed} ports"), tally
            )
        if counts:
            _process_runs.run(folder / "stage", postgres, counts, options.seed, tally)
    minutes = (time.monotonic() - began) / 60
    if options.report:
        _write_report(options, version, tally, minutes)
    for kind, count in tally.runs.items():
        print(f"{kind}: {count} runs, of which {tally.broken[kind]} were broken")
    print(f"seed {options.seed}, {minutes:.1f} minutes")
    print(tally.last_line)
    return 1 if tally.notes else 0


def _shares(kinds: list[str], runs: int) -> dict[str, int]:
    """How many runs of each kind: in proportion, at least one of each, and in all what was asked for."""
    total = sum(PROPORTIONS[kind] for kind in kinds)
    shares = {kind: max(1, runs * PROPORTIONS[kind] // total) for kind in kinds}
    largest = max(shares, key=lambda kind: shares[kind])
    shares[largest] = max(1, shares[largest] + runs - sum(shares.values()))
    return shares


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="jangkar-faults-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def _postgres(database: str) -> Iterator[Postgres | None]:
    if database == "sqlite":
        yield None
        return
    made = Postgres()
    try:
        yield made
    finally:
        made.close()


def _write_report(options: argparse.Namespace, version: str, tally: Tally, minutes: float) -> None:
    rows = "\n".join(f"| {kind} | {count} | {tally.broken[kind]} |" for kind, count in tally.runs.items())
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(
        f"""# Faults on {options.database}

`python3 scripts/campaigns/faults.py --database {options.database} --runs {options.runs} --seed {options.seed}`

At {version}, in {minutes:.0f} minutes on {os.cpu_count()} cores, Python {platform.python_version()}. `--help` says what
each kind is.

| kind | runs | of which something was broken |
| --- | --- | --- |
{rows}

`{tally.last_line}`
"""
    )


if __name__ == "__main__":
    raise SystemExit(main())
