"""Take certificates in at ten times a national night's rate, read and verify them meanwhile, and watch the memory.

    python3 scripts/campaigns/soak.py --minutes 10 --report docs/campaigns/soak-sqlite.md
    python3 scripts/campaigns/soak.py --minutes 1 --database postgres

Nationally 40,000 certificates arrive within a working day of eight hours: 1.4 a second; here they come 14 a second,
over the API, with a revocation every few seconds. A worker runs beside it, and every half minute somebody starts a
night. Readers look files up and judge what they get with the independent verifier.

Ends with `accepted N, verified N, errors 0, ...` and how much memory and how many descriptors API and worker have
gained by a straight line through the second half of the run; exits 1 where an answer was wrong, or a line rises by more
than 5 % of the memory within the run, or by a descriptor. Needs anvil (node and npm, Linux on x86-64), and PostgreSQL
where that is asked for.
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
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402

import _contracts  # noqa: E402
import httpx  # noqa: E402
from _soak_report import Sample, line_of, write  # noqa: E402
from _stage import Postgres, Stage  # noqa: E402
from _tally import revision  # noqa: E402

from anchor_service.pipeline import fsck  # noqa: E402
from verifier.formats.fingerprint import Fingerprint  # noqa: E402
from verifier.verdict.ask import Question, ask  # noqa: E402
from verifier.verdict.verdict import Verdict  # noqa: E402

BIN = Path(sys.prefix) / "bin"
RATE = 14
NIGHT_SECONDS = 30
SAMPLE_SECONDS = 2
REVOKE_EVERY = 70
MAX_GROWTH_PERCENT = 5


@dataclass
class Books:
    """What was handed in and seen, shared by the threads."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    digests: list[str] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    verified: int = 0
    pending: int = 0
    errors: list[str] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--report", type=Path, help="Markdown file to be written, with a picture beside it")
    options = parser.parse_args()
    _contracts.require_native()
    postgres = Postgres() if options.database == "postgres" else None
    try:
        with tempfile.TemporaryDirectory(prefix="jangkar-soak-") as folder, Stage(Path(folder), postgres, 1) as stage:
            return _soak(stage, options)
    finally:
        if postgres is not None:
            postgres.close()


def _soak(stage: Stage, options: argparse.Namespace) -> int:
    seconds, version = options.minutes * 60, revision()
    stage.configure(public_requests_per_minute=10**9)
    token = _token(stage)
    servers = {
        "API": _start(stage, "serve", "--port", "0"),
        "worker": _start(stage, "worker", "--metrics-port", "0"),
    }
    url = servers["API"][1]
    books, stop = Books(), threading.Event()
    threads = [
        threading.Thread(target=_hand_in, args=(url, token, books, stop)),
        threading.Thread(target=_nights, args=(stage, stop)),
        *(threading.Thread(target=_read, args=(stage, url, books, stop, seed)) for seed in range(2)),
    ]
    for thread in threads:
        thread.start()
    samples: dict[str, list[Sample]] = {name: [] for name in servers}
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        for name, (process, _) in servers.items():
            samples[name].append(_sample(process.pid, elapsed))
        time.sleep(SAMPLE_SECONDS)
    stop.set()
    for thread in threads:
        thread.join()
    for process, _ in servers.values():
        process.terminate()
        process.wait(30)
    _finish(stage, books)
    lines = {name: line_of(found) for name, found in samples.items()}
    result = _result(books, lines, seconds)
    if options.report:
        write(options.report, version, f"--minutes {options.minutes:g} --database {options.database}", result, samples)
    for error in books.errors[:20]:
        print(f"WRONG  {error}")
    print(result)
    flat = all(growth <= MAX_GROWTH_PERCENT and more < 1 for _, growth, more in lines.values())
    return 0 if flat and not books.errors and books.verified else 1


def _token(stage: Stage) -> str:
    command = [str(BIN / "jangkar"), "key", "new"]
    done = subprocess.run(command, cwd=stage.folder, capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def _start(stage: Stage, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [str(BIN / "jangkar"), *arguments],
        cwd=stage.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    if process.stdout is None:
        raise ValueError("a pipe was asked for")
    for line in process.stdout:
        if line.startswith("Listening on "):
            return process, line.split()[-1]
    raise RuntimeError(f"{arguments} did not start")


def _hand_in(url: str, token: str, books: Books, stop: threading.Event) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    due, number, draw = time.monotonic(), 0, random.Random(1)
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        while not stop.is_set():
            names = [f"c{number + place}" for place in range(RATE)]
            number += RATE
            digests = [hashlib.sha256(name.encode()).hexdigest() for name in names]
            certificates = [
                {"document_digest": digest, "number": name, "kind": "latsar", "issued_on": "2026-11-20"}
                for name, digest in zip(names, digests, strict=True)
            ]
            answer = client.post("/v1/certificates", json={"certificates": certificates})
            with books.lock:
                if answer.status_code == 200 and all(one["result"] == "accepted" for one in answer.json()["results"]):
                    books.digests += digests
                else:
                    books.errors.append(f"intake: {answer.status_code} {answer.text[:200]}")
            if number % REVOKE_EVERY == 0 and len(books.digests) > 1_000:
                _revoke(client, draw.choice(books.digests[:-800]), books)
            due += 1
            stop.wait(max(0, due - time.monotonic()))


def _revoke(client: httpx.Client, digest: str, books: Books) -> None:
    with books.lock:
        if digest in books.revoked:
            return
        books.revoked.add(digest)
    answer = client.post(f"/v1/certificates/{digest}/statuses", json={"status": "revoked", "reason": 1})
    # What is not anchored yet has no status; that is no error.
    if answer.status_code == 404:
        books.revoked.discard(digest)
    elif answer.status_code != 202:
        books.errors.append(f"status: {answer.status_code} {answer.text[:200]}")


def _nights(stage: Stage, stop: threading.Event) -> None:
    while not stop.wait(NIGHT_SECONDS):
        subprocess.run(
            [str(BIN / "jangkar"), "anchor", "run", "--wait", "20"], cwd=stage.folder, capture_output=True, check=False
        )


def _read(stage: Stage, url: str, books: Books, stop: threading.Event, seed: int) -> None:
    draw = random.Random(seed)
    with httpx.Client(base_url=url, timeout=30) as client:
        while not stop.wait(0.05):
            if not books.digests:
                continue
            digest = draw.choice(books.digests)
            answer = client.get(f"/v1/documents/{digest}")
            if answer.status_code != 200:
                books.errors.append(f"look-up: {answer.status_code} {answer.text[:200]}")
                continue
            found = answer.json()
            if not found["receipts"]:
                books.pending += 1
                continue
            receipts = [one.encode() for one in found["receipts"]]
            question = Question(Fingerprint(bytes.fromhex(digest)), receipts, looked_up=True)
            verdict = ask(question, stage.policy).answer.verdict
            # A revocation counts from its block on.
            allowed = {Verdict.VALID, Verdict.REVOKED} if digest in books.revoked else {Verdict.VALID}
            with books.lock:
                books.verified += 1
                if verdict not in allowed:
                    books.errors.append(f"{digest}: the verifier says {verdict}")


def _sample(pid: int, second: float) -> Sample:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Sample(second, pages * os.sysconf("SC_PAGE_SIZE"), sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()))


def _finish(stage: Stage, books: Books) -> None:
    for _ in range(5):
        if stage.run("anchor", "run", "--wait", "30") == 0:
            break
    else:
        books.errors.append(f"the last night does not end: {stage.log.read_text()[-300:]}")
    with stage.store() as store:
        for digest in random.Random(3).sample(books.digests, min(300, len(books.digests))):
            if digest in books.revoked:
                stage.taken.revoked.add((stage.issuers[0], bytes.fromhex(digest)))
            wrong = stage.wrong_receipt(store, stage.issuers[0], bytes.fromhex(digest))
            if wrong:
                books.errors.append(f"{digest}: {wrong}")
        books.errors += [str(finding) for finding in fsck.check(store, stage.filing(), stage.port())]


def _result(books: Books, lines: dict[str, tuple[float, float, float]], seconds: float) -> str:
    of_each = ", ".join(
        f"{name} {memory:.0f} MiB {growth:+.1f} % and {more:+.1f} descriptors"
        for name, (memory, growth, more) in lines.items()
    )
    return (
        f"accepted {len(books.digests)} ({len(books.digests) / seconds:.1f} a second), verified {books.verified}, "
        f"revoked {len(books.revoked)}, errors {len(books.errors)}; {of_each}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
