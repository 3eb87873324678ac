"""Break the contract in every way that we could think of, and see that a test notices.

    python3 scripts/mutate_contracts.py                about ten minutes
    python3 scripts/mutate_contracts.py --only 7       one of them, with what forge said

Each mutant of contracts/mutants.json removes a rule, turns a comparison or drops a role. It is killed when forge's
tests fail on it; a mutant that does not compile, or whose text is not in the source any more, counts as an error.
Exits 0 when all are killed. Needs what check_contracts.py needs.
"""

import _bootstrap

_bootstrap.enter("dev")

import argparse  # noqa: E402  (the environment comes first)
import json  # noqa: E402
import os  # noqa: E402
import re  # noqa: E402
import shutil  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402

import _contracts  # noqa: E402
from _contracts import APART, CONTRACTS, forge  # noqa: E402

MUTANTS = CONTRACTS / "mutants.json"


@dataclass(frozen=True)
class Mutant:
    """One break: in this file, this text becomes that one; `rule` is what it breaks."""

    rule: str
    file: str
    before: str
    after: str


def load() -> list[Mutant]:
    return [Mutant(**one) for one in json.loads(MUTANTS.read_text())]


def run(mutant: Mutant) -> tuple[str, str]:
    """What became of a mutant: killed (and by which test), survived or error; and what forge printed."""
    source = (CONTRACTS / "src" / mutant.file).read_text()
    if source.count(mutant.before) != 1:
        return f"error: its text stands {source.count(mutant.before)} times in {mutant.file}", ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(CONTRACTS / "src", folder / "src")
        shutil.copytree(CONTRACTS / "test", folder / "test", ignore=shutil.ignore_patterns("selftest", "Symbolic*"))
        for part in ("foundry.toml", "solc"):
            shutil.copy(CONTRACTS / part, folder / part)
        (folder / "node_modules").symlink_to(CONTRACTS / "node_modules")
        (folder / "src" / mutant.file).write_text(source.replace(mutant.before, mutant.after))
        for pattern in (["--no-match-path", APART], ["--match-path", "test/Invariants.t.sol"]):
            done = forge("test", "--fail-fast", *pattern, profile="mutants", folder=folder)
            output = done.stdout + done.stderr
            if "Compiler run failed" in output or "Ran " not in output:
                return "error: it does not compile", output
            if done.returncode:
                killers = re.findall(r"\[FAIL.*?\] (\w+)\(", output)
                return f"killed by {killers[0] if killers else 'a test'}", output
    return "SURVIVED", output


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, metavar="N", help="this mutant only, with what forge printed")
    only = parser.parse_args().only
    _contracts.require_native()
    mutants = load()
    numbers = range(1, len(mutants) + 1) if only is None else [only]
    started = time.monotonic()
    killed = 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        results = pool.map(lambda number: run(mutants[number - 1]), numbers)
        for number, (outcome, output) in zip(numbers, results, strict=True):
            print(f"{number:3} {mutants[number - 1].rule}: {outcome}", flush=True)
            if only is not None:
                print(output)
            killed += outcome.startswith("killed")
    print(f"mutants: {killed} of {len(numbers)} killed in {time.monotonic() - started:.0f} s")
    return 0 if killed == len(numbers) else 1


if __name__ == "__main__":
    raise SystemExit(main())
