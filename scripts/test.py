"""Run everything that shows Jangkar to be right on this machine.

    python3 scripts/test.py             style, types, layers, tests
    python3 scripts/test.py -k merkle   the tests only, with pytest's own options

What needs a tool that is not here (PostgreSQL, Chromium, npm) skips with its reason; with CI=true it
fails instead. Exits 0 when all of it held.
"""

import _bootstrap

_bootstrap.enter("dev")

import subprocess  # noqa: E402  (the environment comes first)
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

BIN = Path(sys.prefix) / "bin"

CHECKS = {
    "style": [str(BIN / "ruff"), "check", "--quiet"],
    "format": [str(BIN / "ruff"), "format", "--check", "--quiet"],
    "types": [str(BIN / "mypy")],
    "layers": [str(BIN / "lint-imports"), "--no-logo"],
}


def main() -> int:
    options = sys.argv[1:]
    if options in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    if not options:
        for name, command in CHECKS.items():
            done = subprocess.run(command, cwd=_bootstrap.ROOT, capture_output=True, text=True, check=False)
            print(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
            if done.returncode:
                print(done.stdout + done.stderr)
                return 1
    # Whole files go to one worker: what they set up is a chain, a database or a browser.
    command = [sys.executable, "-m", "pytest", "-q", *(options or ("-n", "auto", "--dist", "loadfile"))]
    return subprocess.run(command, cwd=_bootstrap.ROOT, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
