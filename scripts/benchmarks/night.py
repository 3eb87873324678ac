"""Measure a whole night, from a CSV of digests to the last servable receipt, beside the bare insert of the same rows.

    python3 scripts/benchmarks/night.py --certificates 1000000            SQLite and PostgreSQL
    python3 scripts/benchmarks/night.py --certificates 1000000 --write    writes docs/benchmarks.md

The commands themselves, on a fresh anvil and a fresh database: `ingest --csv`, `anchor run`, `receipt show` of the last
certificate. The bare insert puts the rows that the night left into an empty table with the same indexes, in one
transaction, by the same INSERTs or COPY. Medians; each round is one night and one bare insert of each size, in turn.
What a night costs beyond a night of one certificate is what each certificate costs: starting, signing and waiting for
a block are the same for any number. Ends with the ratios. Needs PostgreSQL, and what `check_contracts.py --quick`
installs.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

import argparse  # noqa: E402  (the environment comes first)
import json  # noqa: E402
import os  # noqa: E402
import statistics  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import dataclass  # noqa: E402

sys.path[:0] = [str(_bootstrap.ROOT), str(_bootstrap.ROOT / "scripts" / "campaigns")]

import _report  # noqa: E402
from _large import digest  # noqa: E402
from _night import run, write_table  # noqa: E402
from _stage import Postgres, Stage  # noqa: E402
from sqlalchemy import select  # noqa: E402

from anchor_service.store import bulk, issuers, rows  # noqa: E402
from anchor_service.store.engine import Store  # noqa: E402
from anchor_service.store.intake import Row  # noqa: E402
from anchor_service.store.tables import Certificate, Issuer  # noqa: E402

SIZES = (1, 10_000, 100_000)
SAMPLE = 100
# As deploy/README.md asks for where nights are large.
SETTINGS = ("shared_buffers=1GB", "max_wal_size=4GB")

TABLE = """`python3 scripts/benchmarks/night.py --certificates {most} --write`, on {machine}.

From a CSV of digests to the last servable receipt: `jangkar ingest --csv`, `anchor run` and `receipt show`, on a fresh
anvil. Beside it the bare insert of the rows that the night left, into the same table with the same indexes, in one
transaction: INSERTs of 100 rows on SQLite, COPY on PostgreSQL, which has {settings}. Medians of {rounds} rounds, in
turn. A certificate costs what a night costs beyond a night of one; its bytes on disk are those of database, manifest
and entries.

| database | certificates | night, s | us each | bare insert, s | ratio | peak memory, MiB | bytes on disk each |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{lines}

{ends}

![How a night grows](pictures/night.svg)
"""


@dataclass(frozen=True)
class Measured:
    """One night: seconds of it and of the bare insert, MiB at the peak, bytes on disk with all files."""

    night: float
    bare: float
    memory: float
    disk: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--certificates", type=int, default=1_000_000, help="of the largest night (default: 1000000)")
    parser.add_argument("--rounds", type=int, default=5, help="nights of each size (default: 5)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this one")
    parser.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md and its picture")
    options = parser.parse_args()
    sizes = sorted({*(size for size in SIZES if size < options.certificates), options.certificates})
    databases = [options.database] if options.database else ["sqlite", "postgresql"]
    lines, ends, series = [], [], {}
    for database in databases:
        found: dict[int, list[Measured]] = {size: [] for size in sizes}
        for turn in range(options.rounds):
            for size in sizes:
                found[size].append(measure(database, size))
                print(f"{database}, round {turn + 1}, {size:,}: {found[size][-1]}", file=sys.stderr, flush=True)
        medians = {size: median(found[size]) for size in sizes}
        start = medians[1]
        cost = {size: (medians[size].night - start.night) / size * 1e6 for size in sizes if size > 1}
        for size, each in cost.items():
            one = medians[size]
            lines.append(
                f"| {database} | {size:,} | {one.night:.1f} | {each:.1f} | {one.bare:.2f} | {one.night / one.bare:.1f} "
                f"| {one.memory:.0f} | {(one.disk - start.disk) / size:.0f} |"
            )
        series[database] = [(size, medians[size].night) for size in cost]
        series[f"{database}, bare insert"] = [(size, medians[size].bare) for size in cost]
        most = medians[sizes[-1]]
        growth = cost[sizes[-1]] / cost[sizes[1]] - 1
        ends.append(
            f"{database}: {most.night / most.bare:.1f} times the bare insert, peak {most.memory:.0f} MiB, cost of a "
            f"certificate from {sizes[1]:,} to {sizes[-1]:,} {growth:+.0%}"
        )
    text = TABLE.format(
        most=options.certificates,
        machine=_report.machine("sqlalchemy", "psycopg", "web3"),
        rounds=options.rounds,
        settings=" and ".join(f"`{one}`" for one in SETTINGS),
        lines="\n".join(lines),
        ends="  \n".join(ends),
    )
    if options.write:
        _report.plot("night", "certificates of the night", "seconds", series)
        _report.write("The night", text)
    print(text)
    print("; ".join(ends))
    return 0


def median(found: list[Measured]) -> Measured:
    """Medians of each figure; of memory the most."""
    return Measured(
        night=statistics.median(one.night for one in found),
        bare=statistics.median(one.bare for one in found),
        memory=max(one.memory for one in found),
        disk=statistics.median(one.disk for one in found),
    )


def measure(database: str, size: int) -> Measured:
    """One night of a size on a database of its own, and the bare insert of its rows. Exits where a receipt is wrong."""
    postgres = Postgres(*SETTINGS) if database == "postgresql" else None
    try:
        with (
            tempfile.TemporaryDirectory(prefix="jangkar-night-") as folder,
            Stage(Path(folder) / "stage", postgres, 1) as stage,
        ):
            table = Path(folder) / "digests.csv"
            write_table(table, size)
            last = digest(size - 1)
            began, memory, disk = time.perf_counter(), 0.0, 0
            for command in (
                ("ingest", "--csv", str(table)),
                ("anchor", "run", "--wait", "600"),
                ("receipt", "show", last.hex()),
            ):
                memory = max(memory, run(stage, *command))
            night = time.perf_counter() - began
            with stage.store() as store:
                for number in range(0, size, max(1, size // SAMPLE)):
                    wrong = stage.wrong_receipt(store, stage.issuers[0], digest(number))
                    if wrong:
                        raise SystemExit(f"the receipt of certificate {number}: {wrong}")
                if postgres:
                    with store.reading() as connection:
                        disk = connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
            # The database is closed, and SQLite's log is part of it again.
            disk += sum(path.stat().st_size for path in stage.folder.rglob("*") if path.is_file())
            url = postgres.new_database() if postgres else f"sqlite:///{folder}/bare.sqlite3"
            return Measured(night, apart(lambda: bare(stage.database_url, url)), memory, disk)
    finally:
        if postgres:
            postgres.close()


def bare(source: str, target: str) -> float:
    """Seconds to insert the certificates of one database into another, which is empty; they are in memory before."""
    table = rows.table(Certificate)
    with Store(source).reading() as connection:
        made = [tuple(row) for row in connection.execute(select(*(table.c[name] for name in Row._fields)))]
    store = Store(target)
    store.upgrade()
    with store.writing() as connection:
        issuers.add_issuer(connection, Issuer(id=made[0][0], profile="", scope="", created_at=0))
    began = time.perf_counter()
    with store.writing() as connection:
        bulk.insert_rows(connection, Certificate.__tablename__, Row._fields, made)
    return time.perf_counter() - began


def apart(measured: Callable[[], float]) -> float:
    """What a function returns, in a process of its own."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(writing, json.dumps(measured()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(pid, 0)
    return float(json.loads(said))


if __name__ == "__main__":
    raise SystemExit(main())
