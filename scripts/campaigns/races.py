"""Eight workers at once on 200 batches of 20 institutes, a foreign transaction that takes nonces, and a thief.

    python3 scripts/campaigns/races.py --database sqlite
    python3 scripts/campaigns/races.py --database postgres --rounds 2

Each round hands in a batch for every institute and starts all workers at the same instant. In every other round the
signing key sends a transaction of its own in the middle, so that a nonce is gone that was taken for a batch. At the end
a thief with a key of an institute anchors under its next sequence number: the batch is quarantined, a person requeues
it, and it is anchored under the one after.

Ends with `batches N, gaps 0, clashes 0, doubled 0, lost 0`, or exits 1. Needs anvil (node and npm, Linux on x86-64),
and PostgreSQL where that is asked for.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

sys.path[:0] = [str(_bootstrap.ROOT), str(Path(__file__).resolve().parent)]

import argparse  # noqa: E402  (the environment comes first)
import os  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections import Counter  # noqa: E402

import _contracts  # noqa: E402
from _hand_in import hand_in  # noqa: E402
from _stage import Postgres, Stage  # noqa: E402
from sqlalchemy import select  # noqa: E402
from sqlmodel import col  # noqa: E402

from anchor_service.core.hashing import IssuerId, RootHash  # noqa: E402
from anchor_service.core.states import OnChainState  # noqa: E402
from anchor_service.pipeline import fsck  # noqa: E402
from anchor_service.store import anchoring as queries  # noqa: E402
from anchor_service.store.tables import Attempt  # noqa: E402

ISSUERS = 20
CERTIFICATES = 3
NIGHT = ("anchor", "run", "--wait", "30")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--rounds", type=int, default=10, help="batches for each of the 20 institutes")
    parser.add_argument("--workers", type=int, default=8)
    options = parser.parse_args()
    _contracts.require_native()
    postgres = Postgres() if options.database == "postgres" else None
    try:
        with (
            tempfile.TemporaryDirectory(prefix="jangkar-races-") as folder,
            Stage(Path(folder), postgres, ISSUERS) as stage,
        ):
            return _race(stage, options.rounds, options.workers)
    finally:
        if postgres is not None:
            postgres.close()


def _race(stage: Stage, rounds: int, workers: int) -> int:
    began, problems, foreign = time.monotonic(), [], 0
    for number in range(rounds):
        for issuer in stage.issuers:
            hand_in(stage, issuer, f"{number} {issuer.hex()[:8]}", CERTIFICATES)
        codes = _all_at_once(stage, workers, steals=number % 2 == 1)
        foreign += number % 2
        for _ in range(5):
            if stage.run(*NIGHT) == 0:
                break
        else:
            problems.append(f"lost: round {number} does not end: {stage.log.read_text()[-500:]}")
        print(f"round {number + 1} of {rounds}: workers ended with {dict(Counter(codes))}", flush=True)
    _thief(stage, problems)
    seconds = time.monotonic() - began
    found = _look(stage, rounds, problems)
    for problem in problems:
        print(f"WRONG  {problem}")
    print(f"{workers} workers, {seconds:.0f} seconds, foreign transactions {foreign}, stolen sequences 1")
    print(found)
    return 1 if problems else 0


def _all_at_once(stage: Stage, workers: int, *, steals: bool) -> list[int]:
    reading, writing = os.pipe()
    children = [stage.start(*NIGHT, held=reading) for _ in range(workers)]
    os.write(writing, b"x" * workers)
    if steals:
        time.sleep(0.8)
        _send_own(stage)
    codes = [child.wait() for child in children]
    os.close(reading)
    os.close(writing)
    return codes


def _send_own(stage: Stage) -> None:
    """The signing key sends something that this service knows nothing of."""
    account = stage.accounts["institute"]
    transaction = {
        "to": account.address, "value": 0, "gas": 21_000, "chainId": stage.client.eth.chain_id,
        "nonce": stage.client.eth.get_transaction_count(account.address),
        "maxFeePerGas": 10**12, "maxPriorityFeePerGas": 10**11,
    }  # fmt: skip
    stage.client.eth.send_raw_transaction(account.sign_transaction(transaction).raw_transaction)


def _thief(stage: Stage, problems: list[str]) -> None:
    """A stolen key anchors under the next sequence number while a batch is on its way there."""
    issuer = stage.issuers[0]
    port = stage.port()
    sequence = port.last_sequence(IssuerId(issuer)) + 1
    hand_in(stage, issuer, "beside the thief", CERTIFICATES)
    stage.node("evm_setAutomine", False)
    stage.run("anchor", "run", "--wait", "0")
    stage.node("anvil_dropAllTransactions")
    stage.node("evm_setAutomine", True)
    thief = stage.accounts["thief"]
    stage.accredit_key(issuer, "thief")
    stolen = stage.port("thief").sign_anchor(
        IssuerId(issuer), sequence, RootHash(b"\x66" * 32), 1, stage.client.eth.get_transaction_count(thief.address)
    )
    stage.client.eth.send_raw_transaction(stolen.raw)
    stage.run(*NIGHT)
    stuck = stage.quarantined()
    if len(stuck) != 1:
        problems.append(f"lost: {len(stuck)} batches are quarantined beside the thief's, and not 1")
    for name, number in stuck:
        stage.must(name, "requeue", str(number))
    if stage.run(*NIGHT):
        problems.append("lost: what was requeued is not anchored")
    if port.last_sequence(IssuerId(issuer)) != sequence + 1:
        problems.append("lost: the requeued batch has not the number after the thief's")


def _look(stage: Stage, rounds: int, problems: list[str]) -> str:
    port = stage.port()
    gaps = clashes = batches = 0
    leaves: Counter[bytes] = Counter()
    with stage.store() as store:
        with store.reading() as connection:
            rows = queries.batches(connection)
            attempts = list(connection.execute(select(col(Attempt.nonce), col(Attempt.ordinal))))
        batches = sum(row.state == OnChainState.ANCHORED for row in rows)
        for issuer in stage.issuers:
            sequences = sorted(row.sequence for row in rows if row.issuer_id == issuer)
            last = port.last_sequence(IssuerId(issuer))
            gaps += sequences != list(range(1, last + 1))
            for row in rows:
                if row.issuer_id == issuer and row.state == OnChainState.ANCHORED:
                    leaves.update(stage.filing().read(issuer, row.sequence)[1])
        problems += [f"wrong: {finding}" for finding in fsck.check(store, stage.filing(), port)]
    clashes = len(attempts) - len(set(attempts))
    wanted = rounds * ISSUERS * CERTIFICATES + CERTIFICATES
    doubled = sum(count - 1 for count in leaves.values())
    lost = wanted - len(leaves)
    if gaps or clashes or doubled or lost or batches != rounds * ISSUERS + 1:
        problems.append(f"{batches} anchored batches where {rounds * ISSUERS + 1} were handed in")
    return f"batches {batches}, gaps {gaps}, clashes {clashes}, doubled {doubled}, lost {lost}"


if __name__ == "__main__":
    raise SystemExit(main())
