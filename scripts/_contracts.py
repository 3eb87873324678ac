"""The contract's tools from npm, forge and anvil, called natively. For scripts, and for the tests that need anvil."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import _bootstrap
import _npm

CONTRACTS = _bootstrap.ROOT / "contracts"
FORGE = CONTRACTS / "node_modules" / "@foundry-rs" / "forge-linux-amd64" / "bin" / "forge"
ANVIL = CONTRACTS / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
# forge lists these with the others; each has a runner of its own.
APART = "test/{Invariants,Differential,Symbolic,selftest/*}.t.sol"


def install() -> None:
    """Install the packages of contracts/package-lock.json. Exits with 2 where npm is missing."""
    _npm.install(CONTRACTS)


def require_native() -> None:
    """Exits with 2 where forge and anvil cannot run: their packages are for Linux on x86-64."""
    install()
    for binary in (FORGE, ANVIL):
        if not binary.exists():
            print(f"{binary.name} has no package for this machine: Linux on x86-64 is needed", file=sys.stderr)
            raise SystemExit(2)


def forge(*arguments: str, profile: str = "default", folder: Path = CONTRACTS) -> subprocess.CompletedProcess[str]:
    """Run the native forge: npm's wrapper around it exits 0 when tests fail."""
    return subprocess.run(
        [str(FORGE), *arguments],
        cwd=folder,
        env=environment(profile),
        capture_output=True,
        text=True,
        check=False,
    )


def environment(profile: str = "default") -> dict[str, str]:
    """Where every tool finds forge and the compiler, and nothing asks the network."""
    path = os.pathsep.join((str(FORGE.parent), str(CONTRACTS), os.environ["PATH"]))
    return os.environ | {
        "PATH": path,
        "FOUNDRY_PROFILE": profile,
        "NO_COLOR": "1",
        "FOUNDRY_DISABLE_NIGHTLY_WARNING": "1",
    }


@contextmanager
def anvil(*options: str) -> Iterator[str]:
    """A fresh anvil until the context ends; yields its address. Without --hardfork it runs the newest that it knows."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(ANVIL), "--silent", "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError("anvil did not start")
