"""Real commands, a real node and a real database, broken from outside: kills, stops, lies, full disks, clocks."""

import contextlib
import hashlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from _proxy import LIES, FaultyNode
from _stage import Postgres, Stage
from _tally import Tally
from _tripwires import POINTS, Point

from anchor_service.core.hashing import IssuerId
from anchor_service.pipeline import fsck
from anchor_service.pipeline.nightly import LEASE_SECONDS
from anchor_service.store import receipts as receipt_queries
from anchor_service.store.engine import Store
from anchor_service.worker import POLL_SECONDS
from verifier.proofs.merkle import root_from_leaves

CERTIFICATES = 3
DAY = 86_400
WORKER = ("worker", "--metrics-port", "0")
PDF = b"%%PDF-1.7\n%s\n%%%%EOF\n"


def run(folder: Path, postgres: Postgres | None, counts: dict[str, int], seed: int, tally: Tally) -> None:
    """Break commands, kind after kind, on one database and one chain that grow as they do in life."""
    with Stage(folder, postgres, issuers=3) as stage:
        campaign = _Campaign(stage, tally)
        for kind, runs in counts.items():
            draw = random.Random(f"{seed} {kind}")
            with campaign.setting(kind):
                for number in range(runs):
                    tally.count(kind, runs, was_broken=campaign.run(kind, number, draw))
        campaign.audit()


class _Campaign:
    """Runs on one stage, one after the other: the database and the chain grow as they do in life."""

    def __init__(self, stage: Stage, tally: Tally) -> None:
        self._stage = stage
        self._tally = tally
        self._number = 0
        # How long the commands take here when nobody breaks them.
        self._seconds = {"ingest": 0.1, "anchor": 0.5}
        self._kinds: dict[str, Callable[[int, random.Random], bool]] = {
            "points": self._point, "moments": self._moment, "stops": self._stop, "zombies": self._zombie,
            "proxy": self._lie, "disk": self._disk, "clock": self._clock,
        }  # fmt: skip

    @contextlib.contextmanager
    def setting(self, kind: str) -> Iterator[None]:
        """What one kind of runs needs around it."""
        if kind == "proxy":
            with FaultyNode(self._stage.url) as self._proxy:
                yield
        else:
            yield

    def run(self, kind: str, number: int, draw: random.Random) -> bool:
        """Break something on the way of a few new certificates, recover, and look at each. Returns whether it broke."""
        was_broken = True
        self._number += 1
        self._issuer = draw.choice(self._stage.issuers)
        self._pdfs = self._stage.folder / "pdfs" / f"r{self._number}"
        self._pdfs.mkdir(parents=True)
        self._digests = []
        for place in range(CERTIFICATES):
            data = PDF % f"{kind} {self._number} {place} {draw.random()}".encode()
            (self._pdfs / f"r{self._number}-{place}.pdf").write_bytes(data)
            self._digests.append(hashlib.sha256(data).digest())
        try:
            was_broken = self._kinds[kind](number, draw)
            self._recover()
            self._look(kind)
        except (TimeoutError, RuntimeError) as error:
            self._tally.blame(f"{kind}, run {number}: lost, it did not recover: {error}")
        return was_broken

    def audit(self) -> None:
        """Once more over everything: each certificate in one leaf of one anchor, and nothing to do any more."""
        stage = self._stage
        port, filing = stage.port(), stage.filing()
        before = port.next_nonce()
        if stage.run("anchor", "run", "--wait", "5"):
            self._tally.blame("at the end: lost, the last run did not find everything done")
        if port.next_nonce() != before:
            self._tally.blame("at the end: doubled, a run with nothing to do sent something")
        seen: Counter[tuple[bytes, str]] = Counter()
        for issuer in stage.issuers:
            for sequence in range(1, port.last_sequence(IssuerId(issuer)) + 1):
                anchor = port.anchor_of(IssuerId(issuer), sequence)
                if anchor is None or not filing.manifest_path(issuer, sequence).exists():
                    self._tally.blame(f"at the end: wrong, sequence {sequence} has no manifest")
                    continue
                _, leaves, entries = filing.read(issuer, sequence)
                if (root_from_leaves(leaves), len(leaves)) != (anchor.root_hash, anchor.tree_size):
                    self._tally.blame(f"at the end: wrong, the manifest of sequence {sequence} has another root")
                seen.update((issuer, entry.document_digest.hex()) for entry in entries)
        for issuer, digest in stage.taken.files:
            count = seen[issuer, digest.hex()]
            if count != 1:
                self._tally.blame(f"at the end: {'doubled' if count else 'lost'}, {digest.hex()} in {count} leaves")
        with stage.store() as store:
            for finding in fsck.check(store, filing, port):
                self._tally.blame(f"at the end: wrong, {finding}")

    # The ways to break it: each returns whether it did.

    def _point(self, number: int, _draw: random.Random) -> bool:
        point = POINTS[number % len(POINTS)]
        stage = self._stage
        if point.command == "ingest":
            return self._ingest(point=point) == -signal.SIGKILL
        if point.command == "upgrade":
            return self._migrate(point)
        self._must_ingest()
        if point.number in (12, 13):
            return self._drop_and_bump(point)
        if point.command == "receipt":
            self._recover()
            return stage.run("receipt", "write", str(self._pdfs), *self._by(), point=point) == -signal.SIGKILL
        if point.number == 16:
            self._recover()
            self._revoke_one()
        if point.number == 15:
            return stage.run("anchor", "run", "--close-night", "--wait", "5", point=point) == -signal.SIGKILL
        return stage.run("anchor", "run", "--wait", "5", point=point) == -signal.SIGKILL

    def _migrate(self, point: Point) -> bool:
        stage = self._stage
        database = stage.postgres.new_database() if stage.postgres else f"sqlite:///{self._pdfs / 'new.sqlite3'}"
        stage.configure(database_url=database)
        killed = stage.run("db", "upgrade", point=point) == -signal.SIGKILL
        stage.must("db", "upgrade")
        store = Store(database)
        if not store.is_current():
            self._tally.blame("points: wrong, a migration that was cut off is not finished by the next")
        store.engine.dispose()
        stage.configure()
        self._must_ingest()
        return killed

    def _drop_and_bump(self, point: Point) -> bool:
        """The chain forgets a transaction, and asks more for it when it comes again."""
        stage = self._stage
        stage.node("evm_setAutomine", False)
        first = POINTS[10]
        killed = stage.run("anchor", "run", "--wait", "0", point=first) == -signal.SIGKILL
        if point.number == 12:
            snapshot = stage.node("evm_snapshot")
            stage.node("anvil_mine", "0x1")
            stage.node("evm_revert", snapshot)
        stage.node("anvil_dropAllTransactions")
        if point.number == 13:
            price = int(stage.node("eth_gasPrice"), 16)
            stage.node("anvil_setNextBlockBaseFeePerGas", hex(4 * price + 10**9))
            stage.node("anvil_mine", "0x1")
            stage.node("anvil_setNextBlockBaseFeePerGas", hex(4 * price + 10**9))
            killed &= stage.run("anchor", "run", "--wait", "0", point=point) == -signal.SIGKILL
        stage.node("evm_setAutomine", True)
        return killed

    def _moment(self, _number: int, draw: random.Random) -> bool:
        during_intake = draw.random() < 0.25
        if not during_intake:
            self._must_ingest()
        status = draw.random() < 0.2 and not during_intake
        if status:
            self._recover()
            self._revoke_one()
        child = (
            self._stage.start(*self._ingest_command())
            if during_intake
            else self._stage.start("anchor", "run", "--wait", "5")
        )
        time.sleep(draw.uniform(0, self._seconds["ingest" if during_intake else "anchor"]))
        child.kill()
        return child.wait() == -signal.SIGKILL

    def _stop(self, _number: int, draw: random.Random) -> bool:
        postgres = self._stage.postgres
        if postgres is None:
            raise ValueError("only PostgreSQL is a server that can be stopped")
        during_intake = draw.random() < 0.3
        if not during_intake:
            self._must_ingest()
        child = (
            self._stage.start(*self._ingest_command())
            if during_intake
            else self._stage.start("anchor", "run", "--wait", "5")
        )
        time.sleep(draw.uniform(0, self._seconds["ingest" if during_intake else "anchor"]))
        postgres.stop_immediately()
        code = child.wait()
        postgres.start()
        return code != 0

    def _zombie(self, number: int, _draw: random.Random) -> bool:
        """A worker is stopped at a crash point past its lease; another does its work; then the first goes on."""
        stage = self._stage
        # Not within a transaction: what one holds there is free again only when it is dead.
        points = [point for point in POINTS[:12] if point.command == "run" and (point.after or not point.sql)]
        # A night of its own, whose cut-off has passed since the certificates came in.
        tonight = (number + 1) * DAY
        self._ingest(clock=tonight - DAY)
        point = points[number % len(points)]
        zombie = stage.start(*WORKER, clock=tonight, point=point, act=signal.SIGSTOP)
        was_stopped = zombie.wait_stopped()
        other = stage.start(*WORKER, clock=tonight + LEASE_SECONDS + 1)
        deadline = time.monotonic() + 60
        while not self._is_anchored() and time.monotonic() < deadline:
            time.sleep(0.5)
        if was_stopped:
            os.kill(zombie.pid, signal.SIGCONT)
        # Time for its next tick.
        time.sleep(POLL_SECONDS + 1)
        for worker in (zombie, other):
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGTERM)
            worker.wait()
        return was_stopped

    def _is_anchored(self) -> bool:
        with self._stage.store() as store, store.reading() as connection:
            found = [receipt_queries.of_issuer(connection, self._issuer, digest) for digest in self._digests]
        return all(one is not None and one.is_anchored for one in found)

    def _lie(self, number: int, draw: random.Random) -> bool:
        self._must_ingest()
        self._stage.configure(rpc_url=self._proxy.url)
        fault = LIES[number % len(LIES)]
        self._proxy.arm(fault, skip=draw.randint(0, 3) if fault.is_frequent else 0, times=draw.randint(1, 3))
        for _ in range(2):
            self._stage.run("anchor", "run", "--wait", "3")
        fired = self._proxy.disarm()
        self._stage.configure()
        return fired

    def _disk(self, _number: int, draw: random.Random) -> bool:
        """Files of the command may not grow beyond a few bytes more than the database has now, or than one has."""
        database = self._stage.folder / "jangkar.sqlite3"
        size = 0 if self._stage.postgres else database.stat().st_size
        limit = draw.choice((200, 700, size + draw.randint(0, 40_000)))
        if draw.random() < 0.3:
            return self._ingest(max_file=limit) != 0
        self._must_ingest()
        return self._stage.run("anchor", "run", "--wait", "3", max_file=limit) != 0

    def _clock(self, _number: int, draw: random.Random) -> bool:
        self._ingest(clock=draw.choice((-2 * DAY, -3_600, 3_600, 2 * DAY)))
        for _ in range(2):
            self._stage.run("anchor", "run", "--wait", "3", clock=draw.choice((-2 * DAY, -60, 0, 60, 2 * DAY)))
        return True

    # What the institute and the operator do.

    def _by(self) -> tuple[str, str]:
        return "--issuer", self._issuer.hex()

    def _ingest_command(self) -> tuple[str, ...]:
        return ("ingest", str(self._pdfs), "--kind", "latsar", "--issued-on", "2026-11-20", *self._by())

    def _ingest(self, **options: Any) -> int:
        return self._stage.run(*self._ingest_command(), **options)

    def _must_ingest(self) -> None:
        for _ in range(3):
            began = time.monotonic()
            if self._ingest() == 0:
                self._seconds["ingest"] = time.monotonic() - began
                break
        else:
            raise RuntimeError("the certificates are not taken in")
        for path, digest in zip(sorted(self._pdfs.glob("*.pdf")), self._digests, strict=True):
            self._stage.taken.files[self._issuer, digest] = path.name

    def _revoke_one(self) -> None:
        path = min(self._pdfs.glob("*.pdf"))
        self._stage.must("status", "set", str(path), "revoked", "--reason", "1", *self._by())
        self._stage.taken.revoked.add((self._issuer, self._digests[0]))

    def _recover(self) -> None:
        """Hand in again, run the night again, let a person requeue what is quarantined; until all is done."""
        self._must_ingest()
        for _ in range(8):
            began = time.monotonic()
            if self._stage.run("anchor", "run", "--wait", "10") == 0:
                self._seconds["anchor"] = time.monotonic() - began
                return
            for name, number in self._stage.quarantined():
                self._stage.run(name, "requeue", str(number))
        raise RuntimeError(self._stage.log.read_text()[-1_000:])

    def _look(self, kind: str) -> None:
        self._stage.must("receipt", "write", str(self._pdfs), *self._by())
        with self._stage.store() as store:
            for digest in self._digests:
                with store.reading() as connection:
                    placed = [
                        one
                        for one in receipt_queries.by_digest(connection, digest)
                        if one.certificate.issuer_id == self._issuer
                    ]
                name = f"{kind}, {self._number}, {digest.hex()}"
                if len(placed) != 1:
                    self._tally.blame(f"{name}: {'doubled' if placed else 'lost'}")
                    continue
                wrong = self._stage.wrong_receipt(store, self._issuer, digest)
                if wrong:
                    self._tally.blame(f"{name}: wrong receipt, {wrong}")
