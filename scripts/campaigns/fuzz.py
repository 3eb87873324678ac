"""Feed every reader of strangers' bytes whatever reaches new code in it, and whatever it is slow with.

    python3 scripts/campaigns/fuzz.py --runs 1000000 --seed 1
    python3 scripts/campaigns/fuzz.py --time 60 --seed 1

The first: the verifier's readers, coverage-guided by atheris, each RUNS times, beginning with the shared vectors. Only
the verifier's own errors may come out. Ends with `parsers N, executions N, uncaught 0`, or exits 1. Python 3.11 to 3.13
on Linux: atheris stands in an environment of its own.

The second: those, the service's and the public page's, each for TIME seconds of processor time, whose score is the time
a byte; the slowest shapes are bred on, and in the end timed as they grow. Ends with `readers N, inputs N, worst R a
doubling`, and exits 1 where a reader takes 2.7 times as long for twice the input: a line takes two, a square
four.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

sys.path.insert(0, str(_bootstrap.ROOT))

import argparse  # noqa: E402  (the environment comes first)
import logging  # noqa: E402
import random  # noqa: E402
import re  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Collection  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402

from _cost import MOST_A_DOUBLING, growth  # noqa: E402
from _more_readers import MORE_READERS  # noqa: E402
from _readers import READERS  # noqa: E402
from _slowest import MOST_SECONDS, TooSlow, search  # noqa: E402

TARGET = Path(__file__).with_name("_fuzz_target.py")
EVERY = READERS | MORE_READERS
AT_ONCE = 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000_000, help="executions of each parser (default: 1000000)")
    parser.add_argument("--time", type=float, help="look for slow inputs instead, so many seconds for each reader")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=EVERY, action="append", help="this reader only; repeated")
    options = parser.parse_args()
    if options.time is not None:
        # What a form's parser says of each wrong byte is no cost of reading.
        logging.disable()
        return slowest(options.only or list(EVERY), options)
    python = _bootstrap.tools("attack") / "python"
    names = options.only or list(READERS)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(lambda name: fuzz(python, name, options), names))
    executions = sum(number for number, _ in done)
    uncaught = sum(not sound for _, sound in done)
    print(f"parsers {len(done)}, executions {executions}, uncaught {uncaught}")
    return 1 if uncaught else 0


def fuzz(python: Path, name: str, options: argparse.Namespace) -> tuple[int, bool]:
    """One parser. Returns how often it ran, and whether it stood all of it."""
    with tempfile.TemporaryDirectory(prefix="jangkar-fuzz-") as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, seed in enumerate(READERS[name].seeds):
            (corpus / str(number)).write_bytes(seed)
        command = [
            str(python), str(TARGET), name, f"-runs={options.runs}", f"-seed={options.seed}", "-max_len=8192",
            "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={folder}/", str(corpus),
        ]  # fmt: skip
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        found = re.search(r"stat::number_of_executed_units: (\d+)", ended.stderr)
        covered = re.findall(r"cov: (\d+)", ended.stderr)
        runs = int(found[1]) if found else 0
        sound = ended.returncode == 0 and runs >= options.runs
        print(
            f"{name}: {runs} executions, {covered[-1] if covered else 0} edges, {'held' if sound else 'BROKE'}",
            flush=True,
        )
        if not sound:
            print(ended.stdout[-2000:] + ended.stderr[-2000:], file=sys.stderr)
    return runs, sound


def slowest(names: Collection[str], options: argparse.Namespace) -> int:
    """Look for what each reader is slow with. Returns 1 where the time of any grows by more than its input."""
    tried, worst, broke = 0, (0.0, "none"), False
    for name in names:
        # The same shapes for a seed; which are kept is the clock's to say.
        try:
            found = search(EVERY[name], options.time, random.Random(f"{options.seed} {name}"))
        except TooSlow as error:
            print(f"{name}: BROKE, an input took more than {MOST_SECONDS} s: {error}", flush=True)
            broke = True
            continue
        tried += found.tried
        worst = max(worst, (found.growth.a_doubling, name))
        if found.growth.a_doubling >= MOST_A_DOUBLING:
            # Once more, at length: a busy machine is no square.
            again = growth(EVERY[name], found.shape, 15)
            broke |= again.a_doubling >= MOST_A_DOUBLING
        print(f"{name}: {found.tried} inputs, {found.growth}", flush=True)
        if found.growth.a_doubling >= MOST_A_DOUBLING:
            print(f"  {found.shape!r}", flush=True)
    print(f"readers {len(names)}, inputs {tried}, worst {worst[0]:.2f} a doubling ({worst[1]})")
    return 1 if broke else 0


if __name__ == "__main__":
    raise SystemExit(main())
