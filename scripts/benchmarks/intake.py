"""Measure how fast a folder of PDFs is taken in, beside hashing the same files alone.

    python3 scripts/benchmarks/intake.py --files 40000            prints the table
    python3 scripts/benchmarks/intake.py --files 40000 --write    writes docs/benchmarks.md

`jangkar ingest FOLDER` on SQLite: every file read, hashed in two threads, its row written and committed. Beside it, in
turn: the same files read and hashed in two threads, and nothing else. Files of 200 KB, in the page cache: 40,000, which
a nation's night is, take 8 GB. Neither counts the start of Python and its imports: the command runs in a fork that has
imported them. Medians of the rounds. Ends with the ratio. Needs what `check_contracts.py --quick` installs.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

import argparse  # noqa: E402  (the environment comes first)
import hashlib  # noqa: E402
import os  # noqa: E402
import statistics  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402

sys.path[:0] = [str(_bootstrap.ROOT), str(_bootstrap.ROOT / "scripts" / "campaigns")]

import _report  # noqa: E402
from _night import run  # noqa: E402
from _stage import Stage  # noqa: E402

from anchor_service.pipeline.folder import FILES_A_TASK, HASHING_THREADS, in_pieces  # noqa: E402

SIZE = 200_000

TABLE = """`python3 scripts/benchmarks/intake.py --files {files} --rounds {rounds} --write`, on {machine}.

{files:,} PDFs of {size:,} bytes in the page cache, on SQLite; medians of {rounds} rounds, in turn.
The start of Python and its imports is not counted, on neither side.

| what | files/s | GB/s |
| --- | ---: | ---: |
| reading and hashing alone, two threads | {alone:,.0f} | {alone_gb:.2f} |
| `jangkar ingest FOLDER` | {intake:,.0f} | {intake_gb:.2f} |

Intake reaches {ratio:.2f} of the speed of hashing alone.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=40_000, help="(default: 40000)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    parser.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md")
    options = parser.parse_args()
    alone, intake = [], []
    with tempfile.TemporaryDirectory(prefix="jangkar-intake-") as name:
        folder = Path(name) / "pdfs"
        folder.mkdir()
        body = os.urandom(SIZE)
        for number in range(options.files):
            (folder / f"{number:07}.pdf").write_bytes(b"%%PDF-1.7\n%d\n" % number + body + b"\n%%EOF\n")
        # Or the disk would still be busy with the files while the rows are committed.
        os.sync()
        hashed(folder)
        for turn in range(options.rounds):
            alone.append(hashed(folder))
            with Stage(Path(name) / f"stage-{turn}", None, 1) as stage:
                began = time.perf_counter()
                run(stage, "ingest", str(folder), "--kind", "latsar", "--issued-on", "2026-11-20")
                intake.append(time.perf_counter() - began)
            print(f"round {turn + 1}: {alone[-1]:.2f} s alone, {intake[-1]:.2f} s", file=sys.stderr, flush=True)
    slow, fast = statistics.median(intake), statistics.median(alone)
    text = TABLE.format(
        files=options.files,
        machine=_report.machine("sqlalchemy"),
        size=SIZE,
        rounds=options.rounds,
        alone=options.files / fast,
        alone_gb=options.files * SIZE / fast / 1e9,
        intake=options.files / slow,
        intake_gb=options.files * SIZE / slow / 1e9,
        ratio=fast / slow,
    )
    if options.write:
        _report.write("Taking PDFs in", text)
    print(text)
    print(f"intake reaches {fast / slow:.2f} of hashing alone")
    return 0


def hashed(folder: Path) -> float:
    """Seconds to read and hash every file of a folder in two threads."""

    def digests(names: list[str]) -> list[bytes]:
        return [hashlib.sha256((folder / name).read_bytes()).digest() for name in names]

    began = time.perf_counter()
    with ThreadPoolExecutor(HASHING_THREADS) as pool:
        for _ in pool.map(digests, in_pieces(sorted(path.name for path in folder.iterdir()), FILES_A_TASK)):
            pass
    return time.perf_counter() - began


if __name__ == "__main__":
    raise SystemExit(main())
