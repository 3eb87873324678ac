"""Measure verification: one file on the command line, and many receipts in one process, both without a network.

    python3 scripts/benchmarks/verify.py --receipts 100000           prints the table
    python3 scripts/benchmarks/verify.py --receipts 100000 --write   writes docs/benchmarks.md

A night of that many certificates on a fresh anvil gives the receipts and the bundle. The command is
`jangkar-verify check FILE --offline --bundle`, a process of its own, beside the bare interpreter, in turn. In one
process, each receipt is parsed, its leaf and path recomputed, and judged by the bundle's history, all five checks.
Ends with the ratios. Needs what `check_contracts.py --quick` installs.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

import argparse  # noqa: E402  (the environment comes first)
import compileall  # noqa: E402
import hashlib  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402

sys.path[:0] = [str(_bootstrap.ROOT), str(_bootstrap.ROOT / "scripts" / "campaigns")]

import _report  # noqa: E402
from _night import run, write_table  # noqa: E402
from _stage import CHAIN_ID, Stage  # noqa: E402

from anchor_service.pipeline.receipts import Receipts  # noqa: E402
from anchor_service.store import anchoring, rebuilding  # noqa: E402
from verifier.formats import policy  # noqa: E402
from verifier.formats.fingerprint import Fingerprint  # noqa: E402
from verifier.history import bundle  # noqa: E402
from verifier.verdict.ask import Question, ask  # noqa: E402
from verifier.verdict.verdict import Verdict  # noqa: E402

RUNS = 31
ROUNDS = 5
PDF_BYTES = 200_000

TABLE = """`python3 scripts/benchmarks/verify.py --receipts {receipts} --write`, on {machine}.

A night of {receipts:,} certificates, its receipts and a bundle of the registry's history; no network. The command
checks a PDF of {size:,} bytes; in one process each receipt is parsed, its leaf and path recomputed, and all five checks
made.

| what | median | beside it |
| --- | ---: | ---: |
| the bare interpreter, `python -c pass` | {bare:.0f} ms | 1.0 |
| `jangkar-verify check FILE --offline --bundle` | {command:.0f} ms | {ratio:.1f} |
| receipts a minute in one process on one core | {rate:,.0f} | {each:.0f} us each |
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--receipts", type=int, default=100_000, help="of the night (default: 100000)")
    parser.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md")
    options = parser.parse_args()
    # As pip leaves a package that it installs, also where this environment writes no bytecode by itself.
    compileall.compile_dir(_bootstrap.ROOT / "verifier", quiet=1)
    with tempfile.TemporaryDirectory(prefix="jangkar-verify-") as name, Stage(Path(name) / "stage", None, 1) as stage:
        folder = Path(name)
        write_table(folder / "digests.csv", options.receipts - 1)
        (folder / "pdfs").mkdir()
        file = folder / "pdfs" / "certificate.pdf"
        file.write_bytes(b"%PDF-1.7\n" + b"0" * PDF_BYTES + b"\n%%EOF\n")
        run(stage, "ingest", "--csv", str(folder / "digests.csv"))
        run(stage, "ingest", str(file.parent), "--kind", "latsar", "--issued-on", "2026-11-20")
        run(stage, "anchor", "run", "--wait", "600")
        run(stage, "receipt", "write", str(file.parent))
        trusted, whole = stage.folder / "jangkar-policy.json", folder / "history.bundle"
        verify("bundle", str(whole), "--policy", str(trusted))
        pin = hashlib.sha256(whole.read_bytes()).hexdigest()
        by = ["--issuer", stage.issuers[0].hex()]
        check = [str(file), *by, "--policy", str(trusted), "--offline", "--bundle", str(whole), "--digest", pin]
        bare, command = [], []
        for _ in range(RUNS):
            bare.append(seconds([sys.executable, "-c", "pass"]))
            command.append(seconds([str(Path(sys.executable).with_name("jangkar-verify")), "check", *check]))
        rate = statistics.median(receipts_a_minute(stage, whole, pin) for _ in range(ROUNDS))
    ratio = statistics.median(command) / statistics.median(bare)
    text = TABLE.format(
        receipts=options.receipts,
        machine=_report.machine(),
        size=PDF_BYTES,
        bare=statistics.median(bare) * 1e3,
        command=statistics.median(command) * 1e3,
        ratio=ratio,
        rate=rate,
        each=60e6 / rate,
    )
    if options.write:
        _report.write("Verifying", text)
    print(text)
    print(f"one file {ratio:.1f} times the bare interpreter, {rate:,.0f} receipts a minute")
    return 0


def verify(*arguments: str) -> None:
    """Run a command of the verifier that has to succeed."""
    subprocess.run([sys.executable, "-m", "verifier", *arguments], cwd=_bootstrap.ROOT, check=True, capture_output=True)


def seconds(command: list[str]) -> float:
    """How long a process takes. Exits where it does not succeed."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=_bootstrap.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stdout}{done.stderr}")
    return time.perf_counter() - began


def receipts_a_minute(stage: Stage, whole: Path, pin: str) -> float:
    """How many receipts one process judges in a minute. Exits where one is not valid."""
    trusted = policy.load(stage.folder / "jangkar-policy.json")
    recorded = bundle.parse(whole.read_bytes(), trusted._replace(bundles=frozenset({bytes.fromhex(pin)})))
    with stage.store() as store:
        with store.reading() as connection:
            batch = anchoring.batches(connection)[0]
            digests = [one.document_digest for one in rebuilding.certificates_of(connection, batch.id)]
        receipts = Receipts(store, CHAIN_ID, stage.registry)
        made = [(Fingerprint(digest), data) for digest in digests for data in receipts.by_digest(digest).receipts]
    began = time.perf_counter()
    for file, data in made:
        if ask(Question(file, [data], stage.issuers), recorded.policy, recorded).answer.verdict is not Verdict.VALID:
            raise SystemExit("a receipt of the night is not valid")
    return 60 * len(made) / (time.perf_counter() - began)


if __name__ == "__main__":
    raise SystemExit(main())
