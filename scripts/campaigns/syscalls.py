"""Let each write, sync, rename and open of our files fail, or be the last thing that a process does. SQLite only.

    python3 scripts/campaigns/syscalls.py              every system call of the night of a batch of three
    python3 scripts/campaigns/syscalls.py --sample 30  as many of them, drawn by --seed

`strace` counts the calls of one good night on the database, the manifests and the entries. Then, from the same
beginning, each call in turn gets EIO, gets ENOSPC, or is followed by SIGKILL; the night is run again, and every
certificate has to stand in exactly one anchor with a receipt that the verifier calls valid.

Ends with `calls N, injections N, lost 0, doubled 0, wrong receipts 0`, or exits 1. Needs strace (apt-get install
strace) and anvil (node and npm, Linux on x86-64).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

sys.path[:0] = [str(_bootstrap.ROOT), str(Path(__file__).resolve().parent)]

import argparse  # noqa: E402  (the environment comes first)
import hashlib  # noqa: E402
import os  # noqa: E402
import random  # noqa: E402
import re  # noqa: E402
import shutil  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections import Counter  # noqa: E402

import _contracts  # noqa: E402
from _stage import Stage  # noqa: E402
from _tally import Tally  # noqa: E402

from anchor_service.core.hashing import IssuerId  # noqa: E402
from anchor_service.pipeline import fsck  # noqa: E402

CALLS = ("write", "pwrite64", "fsync", "fdatasync", "rename", "openat", "mkdir", "ftruncate", "unlink")
ACTIONS = ("error=EIO", "error=ENOSPC", "signal=KILL")
NIGHT = ("anchor", "run", "--wait", "5")
CERTIFICATES = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, help="only so many injections")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, help="Markdown file to be written")
    options = parser.parse_args()
    _contracts.require_native()
    if shutil.which("strace") is None:
        print("strace is not here: sudo apt-get install -y strace", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="jangkar-syscalls-") as folder, Stage(Path(folder), None, 1) as stage:
        campaign = _Campaign(stage)
        calls = campaign.count()
        for name, count in sorted(calls.items()):
            print(f"{name}: {count}")
        injections = [
            (name, number, action)
            for name in sorted(calls)
            for number in range(1, calls[name] + 1)
            for action in ACTIONS
        ]
        if options.sample:
            injections = random.Random(options.seed).sample(injections, min(options.sample, len(injections)))
        for done, injection in enumerate(injections, start=1):
            campaign.inject(*injection)
            if done % 50 == 0:
                print(f"{done} of {len(injections)}", flush=True)
    tally = campaign.tally
    broken = f"commands that failed or died: {campaign.broken} of {len(injections)}"
    result = (
        f"calls {sum(calls.values())}, injections {len(injections)}, lost {tally.lost}, doubled {tally.doubled}, "
        f"wrong receipts {tally.wrong}"
    )
    if options.report:
        rows = "\n".join(f"| `{name}` | {count} |" for name, count in sorted(calls.items()))
        sampled = f" --sample {options.sample} --seed {options.seed}" if options.sample else ""
        options.report.write_text(
            f"""# System calls on SQLite

`python3 scripts/campaigns/syscalls.py{sampled}`

Each call on the database, the manifests and the entries within one night of a batch of {CERTIFICATES} got each of
{", ".join(f"`{action}`" for action in ACTIONS)}; {broken}.

| call | times in a night |
| --- | --- |
{rows}

`{result}`
"""
        )
    print(broken)
    print(result)
    return 1 if tally.notes else 0


class _Campaign:
    def __init__(self, stage: Stage) -> None:
        self.tally = Tally()
        self.broken = 0
        self._stage = stage
        self._issuer = stage.issuers[0]
        pdfs = stage.folder / "pdfs"
        pdfs.mkdir()
        self._digests = []
        for number in range(CERTIFICATES):
            data = b"%%PDF-1.7\n%d\n%%%%EOF\n" % number
            (pdfs / f"{number}.pdf").write_bytes(data)
            self._digests.append(hashlib.sha256(data).digest())
        stage.must("ingest", str(pdfs), "--kind", "latsar", "--issued-on", "2026-11-20")
        self._kept = stage.folder / "kept"
        self._kept.mkdir()
        for path in stage.folder.glob("jangkar.sqlite3*"):
            shutil.copy2(path, self._kept)
        self._snapshot = stage.node("evm_snapshot")

    def count(self) -> Counter[str]:
        """How often each call touches our files in one good night."""
        log = self._stage.folder / "strace.log"
        code = self._night(log, ())
        if code:
            raise SystemExit(f"the good night ended with {code}")
        names = re.findall(r"^(?:\[pid +\d+\] |\d+ +)?(\w+)\(", log.read_text(), re.MULTILINE)
        return Counter(name for name in names if name in CALLS)

    def inject(self, call: str, number: int, action: str) -> None:
        """One injection, the night again, and a look at everything."""
        stage = self._stage
        self._begin_again()
        injection = ("-e", f"inject={call}:{action}:when={number}")
        self.broken += self._night(stage.folder / "strace.log", injection) != 0
        name = f"{call} {number} {action}"
        for _ in range(3):
            if stage.run(*NIGHT) == 0:
                break
        else:
            self.tally.blame(f"{name}: lost, it does not recover: {stage.log.read_text()[-500:]}")
            return
        port = stage.port()
        if port.last_sequence(IssuerId(self._issuer)) != 1 or port.next_nonce() != 1:
            self.tally.blame(f"{name}: doubled, more than one transaction or anchor")
        with stage.store() as store:
            for digest in self._digests:
                wrong = stage.wrong_receipt(store, self._issuer, digest)
                if wrong:
                    self.tally.blame(f"{name}: wrong receipt, {wrong}")
            for finding in fsck.check(store, stage.filing(), port):
                self.tally.blame(f"{name}: wrong, {finding}")

    def _begin_again(self) -> None:
        stage = self._stage
        stage.node("evm_revert", self._snapshot)
        self._snapshot = stage.node("evm_snapshot")
        for name in ("manifests", "entries"):
            shutil.rmtree(stage.folder / name, ignore_errors=True)
        for path in stage.folder.glob("jangkar.sqlite3*"):
            path.unlink()
        for path in self._kept.iterdir():
            shutil.copy2(path, stage.folder)

    def _night(self, log: Path, injection: tuple[str, ...]) -> int:
        """Run a night under strace. Returns its exit code."""
        stage = self._stage
        log.unlink(missing_ok=True)
        reading, writing = os.pipe()
        child = stage.start(*NIGHT, held=reading)
        command = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={','.join(CALLS)}", *injection]
        for path in self._paths(child.pid):
            command += ["-P", str(path)]
        tracer = subprocess.Popen([*command, "-p", str(child.pid)], stderr=subprocess.DEVNULL)
        while f"TracerPid:\t{tracer.pid}\n" not in Path(f"/proc/{child.pid}/status").read_text():
            if tracer.poll() is not None:
                raise SystemExit("strace may not trace here")
            time.sleep(0.005)
        os.write(writing, b"x")
        code = child.wait()
        tracer.wait()
        os.close(reading)
        os.close(writing)
        return code

    def _paths(self, pid: int) -> list[Path]:
        folder = self._stage.folder
        found = [folder / f"jangkar.sqlite3{end}" for end in ("", "-wal", "-shm", "-journal")]
        unfinished = f"{socket.gethostname()}-{pid}.new"
        for name, kind in (("manifests", "manifest"), ("entries", "entries")):
            own = Path(name) / self._issuer.hex()
            # The commands work in the folder: they name these relatively, and the kernel absolutely.
            for path in (Path(name), own, own / f"00000001.{kind}", own / f"00000001.{kind}.{unfinished}"):
                found += [path, folder / path]
        return found


if __name__ == "__main__":
    raise SystemExit(main())
