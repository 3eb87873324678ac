"""No service asks the kernel for what its sandbox refuses. strace names each call that is on no list of the units."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

from installation import Installation
from tools import missing
from units import Unit

MAPPED = {"mmap", "mprotect", "pkey_mprotect"}
# Nothing listens there.
NOBODY = "http://127.0.0.1:9"
MAINS = {"jangkar": "anchor_service.cli", "jangkar-verify-web": "verifier.web.serve"}
# What MemoryDenyWriteExecute refuses.
EXECUTABLE_AND_WRITABLE = re.compile(r"PROT_WRITE\|PROT_EXEC|mprotect\(.*PROT_EXEC")
# As root, and only then, SQLite gives the files beside a database to its owner.
ROOTS_OWN = re.compile(r"\b(f?chown|fchownat)\(")


def calls(*names: str) -> set[str]:
    """The system calls of systemd's groups."""
    said = subprocess.check_output(["systemd-analyze", "syscall-filter", "--no-pager", *names], text=True)
    found = {line.strip() for line in said.splitlines() if re.match(r"    [@a-z]", line)}
    groups = {one for one in found if one.startswith("@")}
    return (found - groups) | (calls(*groups) if groups else set())


def permitted(unit: Unit) -> set[str]:
    """What a unit's filters leave."""
    filters = unit.all("SystemCallFilter")
    refused = filters.index(next(one for one in filters if one.startswith("~")))
    return calls("@default", *filters[:refused]) - calls(*(one.removeprefix("~") for one in filters[refused:]))


class Watched:
    """Commands of an installation whose unusual calls are written down."""

    def __init__(self, made: Installation, unit: str) -> None:
        for tool in ("strace", "systemd-analyze"):
            if shutil.which(tool) is None:
                missing(tool)
        self._folder, self._log = made.folder, made.folder / f"{unit}.strace"
        usual = ",".join(f"?{name}" for name in sorted(permitted(Unit(unit)) - MAPPED))
        self._strace = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", str(self._log), "-e", f"trace=!{usual}"]
        self._strace += ["-e", "signal=none"]

    def start(self, command: str, *arguments: str) -> "subprocess.Popen[str]":
        program = [sys.executable, "-W", "ignore", "-c", f"from {MAINS[command]} import main; main()", *arguments]
        path = {"PYTHONPATH": str(Path(__file__).parents[2])}
        return subprocess.Popen(
            [*self._strace, *program], cwd=self._folder, env=os.environ | path, stdout=subprocess.PIPE, text=True
        )

    def refused(self) -> list[str]:
        """What the sandbox would have refused."""
        lines = self._log.read_text().splitlines()
        assert any("mmap(" in line for line in lines), "strace saw the process"
        mapped = [line for line in lines if EXECUTABLE_AND_WRITABLE.search(line)]
        others = [line for line in lines if re.match(r"\d+ +(?!mmap|mprotect|pkey_mprotect|\+\+\+|<)\w+\(", line)]
        return mapped + [line for line in others if not ROOTS_OWN.search(line)]


def test_nights_mirrors_and_backups_stay_within_their_sandbox(installation):
    folder = installation.certificates("one")
    installation.jangkar("ingest", str(folder), "--table", str(installation.table))
    settings = installation.folder / "jangkar.toml"
    settings.write_text(settings.read_text() + 'backups = "kept"\n')
    for unit, arguments in (
        ("jangkar-night", ("anchor", "run", "--close-night", "--wait", "60")),
        ("jangkar-mirror", ("mirror", "files")),
        ("jangkar-backup", ("backup",)),
    ):
        watched = Watched(installation, unit)
        process = watched.start("jangkar", *arguments)
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
        assert watched.refused() == []


def test_servers_stay_within_their_sandbox(quick):
    for unit, arguments, path in (
        ("jangkar-api", ("jangkar", "serve", "--port", "0"), "/healthz"),
        ("jangkar-worker", ("jangkar", "worker", "--metrics-port", "0"), ""),
        (
            "jangkar-page",
            ("jangkar-verify-web", "--policy", str(quick.policy), "--port", "0", "--service", NOBODY),
            "/",
        ),
    ):
        watched = Watched(quick, unit)
        process = watched.start(*arguments)
        address = process.stdout.readline().split()[-1]
        # Not strace, which passes nothing on.
        (server,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        try:
            assert urlopen(f"{address}{path}", timeout=120).status == 200
        finally:
            os.kill(int(server), signal.SIGTERM)
            process.communicate(timeout=60)
        assert watched.refused() == []
