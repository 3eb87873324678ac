"""Run everything that shows Jangkar to be right on this machine.

    python3 scripts/test.py             style, types, layers, dependencies, tests
    python3 scripts/test.py --changed   the same, of the tests those that can see what differs from main
    python3 scripts/test.py -k merkle   the tests only, with pytest's own options

What differs is counted from the commit that is shared with main, on main itself from the last one; uncommitted
and untracked files are part of it. scripts/_affected.py finds the tests by what they import and name.

What needs a tool that is not here (PostgreSQL, Chromium, npm) skips with its reason; with CI=true it
fails instead. Exits 0 when all of it held.
"""

import _bootstrap

_bootstrap.enter("dev")

import os  # noqa: E402  (the environment comes first)
import subprocess  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

import _affected  # noqa: E402

BIN = Path(sys.prefix) / "bin"

CHECKS = {
    "style": [str(BIN / "ruff"), "check", "--quiet"],
    "format": [str(BIN / "ruff"), "format", "--check", "--quiet"],
    "types": [str(BIN / "mypy")],
    "layers": [str(BIN / "lint-imports"), "--no-logo"],
    "dependencies": [
        str(BIN / "deptry"),
        "--no-ansi",
        "anchor_service",
        "verifier",
        "doorkeeper",
        "hardhat-free-devnet",
    ],
}


def main() -> int:
    options = sys.argv[1:]
    if options in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    tests: list[str] = []
    if options == ["--changed"]:
        options, tests = [], _changed()
        if not tests:
            return 0
    if not options:
        for name, command in CHECKS.items():
            done = subprocess.run(command, cwd=_bootstrap.ROOT, capture_output=True, text=True, check=False)
            print(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
            if done.returncode:
                print(done.stdout + done.stderr)
                return 1
    # Tests wait for blocks and pages: three workers a core. Which tests go together, tests/conftest.py says.
    workers = str(3 * (os.cpu_count() or 1))
    # Hundreds of processes begin: what one of them compiles the others need not.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "pytest", "-q", *(options or ("-n", workers, "--dist", "loadgroup")), *tests]
    return subprocess.run(command, cwd=_bootstrap.ROOT, check=False).returncode


def _changed() -> list[str]:
    """The test files that can see what differs from main. Says which and why."""
    changed = _affected.changed_files(_bootstrap.ROOT)
    tree = _affected.Tree.of(_bootstrap.ROOT)
    choice = tree.choose(changed)
    print(f"{len(changed)} files differ from main; {len(choice.why)} of {len(tree.tests)} test files can see it")
    for name in choice.unmapped:
        print(f"  all of them, for {name}")
    for test, names in () if choice.unmapped else choice.why.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        print(f"  {test}: {names[0]}{more}" if names else f"  {test}: it looks at the whole tree")
    return list(choice.why)


if __name__ == "__main__":
    raise SystemExit(main())
