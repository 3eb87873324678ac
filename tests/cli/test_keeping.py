"""A file that several processes keep at once: whole to whoever reads it, and nothing that one wrote is lost."""

import json
import subprocess
import sys

import pytest

from verifier.cli.keeping import replace_file

PROCESSES, TIMES = 6, 40
# Longer than what a system writes at once.
FILLING = "x" * 100_000
# Each counts on; one that does not hold the file loses what others write, and still tears nothing.
PROGRAM = """
import contextlib, json, sys
from pathlib import Path
from verifier.cli.keeping import held, replace_file
path, holds, times = Path(sys.argv[1]), sys.argv[2] == "held", int(sys.argv[3])
for _ in range(times):
    with held(path) if holds else contextlib.nullcontext():
        fields = json.loads(path.read_bytes())
        replace_file(path, json.dumps(fields | {"number": fields["number"] + 1}).encode())
"""


@pytest.mark.parametrize("holds", [True, False])
def test_several_processes_keep_one_file(tmp_path, holds):
    path = tmp_path / "kept.json"
    replace_file(path, json.dumps({"number": 0, "filling": FILLING}).encode())
    command = [sys.executable, "-c", PROGRAM, str(path), "held" if holds else "", str(TIMES)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    while any(one.poll() is None for one in running):
        assert json.loads(path.read_bytes())["filling"] == FILLING
    assert [(one.returncode, one.communicate()[1]) for one in running] == [(0, "")] * PROCESSES
    number = json.loads(path.read_bytes())["number"]
    assert number == PROCESSES * TIMES if holds else TIMES <= number <= PROCESSES * TIMES
    assert {one.name for one in tmp_path.iterdir()} <= {"kept.json", "kept.json.lock"}


def test_what_cannot_be_replaced_stays_and_leaves_nothing_behind(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(folder, b"x")
    assert list(tmp_path.iterdir()) == [folder]
