"""Certificates for benchmarks, known by their number, and the product's commands over them."""

import csv
import os
from pathlib import Path

from _large import digest
from _stage import Stage

COLUMNS = ("document_digest", "number", "kind", "issued_on", "title", "jp")


def write_table(path: Path, size: int) -> None:
    """A CSV as an LMS exports it, with digests in the place of files."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(size):
            facts = (
                f"{number:07}/LATSAR/2026",
                "latsar",
                "2026-11-20",
                "Pelatihan Dasar Calon Pegawai Negeri Sipil",
                40,
            )
            writer.writerow((digest(number).hex(), *facts))


def run(stage: Stage, *command: str) -> float:
    """Run a command that has to succeed. Returns its peak memory in MiB."""
    child = stage.start(*command)
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"jangkar {command}: {stage.log.read_text()[-2_000:]}")
    return usage.ru_maxrss / 1024
