"""A whole service with a simulated chain, and an audit that derives everything again."""

import hashlib
import itertools
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

import reference
from simulator import SimulatedChain, SimulatedRegistry
from sqlalchemy import event

from anchor_service.core import actor, profile
from anchor_service.core.kinds import KIND_NUMBERS, scope_of
from anchor_service.core.states import OnChainState, RequestedStatus, Status
from anchor_service.pipeline import deciding, intake, naming, nightly, nights, statuses
from anchor_service.pipeline.filing import Filing
from anchor_service.pipeline.intake import Outcome, Submission
from anchor_service.pipeline.receipts import Receipts
from anchor_service.ports import Window
from anchor_service.store import anchoring, issuers
from anchor_service.store import receipts as receipt_queries
from anchor_service.store.engine import Store
from anchor_service.store.tables import Batch, Issuer, StatusAct
from verifier.formats.receipt import parse
from verifier.proofs.merkle import root_from_path

TESTER = actor.of_user("tester")
TODAY = "2026-11-27"


def facts(number: str, **more: object) -> dict[str, object]:
    return {"kind": "latsar", "number": number, "issued_on": "2026-11-20", **more}


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@dataclass
class World:
    store: Store
    folder: Path
    chain: SimulatedChain = field(default_factory=SimulatedChain)
    now: int = 1_800_000_000
    accepted: dict[tuple[bytes, bytes], bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store.upgrade()
        self._nonces = (f"{number:032x}" for number in itertools.count())
        self.registry = SimulatedRegistry(self.chain)
        self.filing = Filing(
            self.folder / "manifests", self.folder / "entries", self.chain.chain_id, self.chain.address
        )
        self.receipts = Receipts(self.store, self.chain.chain_id, self.chain.address)
        self.issuer = self.add_issuer("BPSDM-A")

    def add_issuer(self, code: str) -> Issuer:
        text = profile.from_fields(code, f"Lembaga {code}")
        issuer = Issuer(id=digest(code), profile=text, scope=" ".join(KIND_NUMBERS), created_at=self.now)
        with self.store.writing() as connection:
            issuers.add_issuer(connection, issuer)
        self.chain.windows[issuer.id] = Window(0, scope_of(KIND_NUMBERS), profile.digest(text))
        self.chain.keys.add((issuer.id, self.registry.signer))
        return issuer

    def renamed_on_chain(self) -> Window:
        """Another profile in the issuer's window, under which nothing sealed is signed; returns the window before."""
        window = self.chain.windows[self.issuer.id]
        self.chain.windows[self.issuer.id] = replace(window, profile_digest=bytes(32))
        return window

    def submit(self, *names: str, issuer: Issuer | None = None, **more: object) -> list[Outcome]:
        by = issuer or self.issuer
        submissions = [Submission(digest(name), facts(**{"number": name, **more})) for name in names]
        check = intake.checker(self.store, by, self._nonces, TODAY)
        checked = [check(one) for one in submissions]
        outcomes = intake.submit(self.store, by, checked, actor=TESTER, now=self.now)
        for submission, outcome in zip(submissions, outcomes, strict=True):
            if outcome.leaf_hash:
                self.accepted[by.id, submission.document_digest] = outcome.leaf_hash
        return outcomes

    def night(
        self, registry: SimulatedRegistry | None = None, close_in: tzinfo | None = None, holder: str | None = None
    ) -> nightly.NightReport:
        self.now += 1
        run = nightly.NightlyRun(self.store, registry or self.registry, self.filing, lambda: self.now, holder)
        night = nights.today(self.now, close_in or UTC)
        return run.run(night, pause=self._tick, wait_seconds=2, close=close_in is not None)

    def _tick(self) -> None:
        self.now += 1

    def audit(self) -> int:
        """Derive everything again and compare. Returns how many certificates stand on chain."""
        on_chain = 0
        with self.store.reading() as connection:
            batches = anchoring.batches(connection)
        for batch in batches:
            if batch.state == OnChainState.FOREIGN:
                continue
            header, *leaves = self.filing.manifest_path(batch.issuer_id, batch.sequence).read_text().splitlines()
            assert json.loads(header)["root_hash"] == batch.root_hash.hex()
            assert reference.root([bytes.fromhex(leaf) for leaf in leaves]) == batch.root_hash
            assert leaves == sorted(set(leaves))
            if batch.state == OnChainState.ANCHORED:
                anchor, _ = self.chain.anchors[batch.issuer_id, batch.sequence]
                assert (anchor.root_hash, anchor.tree_size) == (batch.root_hash, len(leaves))
                on_chain += len(leaves)
        ours = {(batch.issuer_id, batch.sequence) for batch in batches}
        anchored_leaves: list[tuple[bytes, bytes]] = []
        for (issuer_id, document), leaf in self.accepted.items():
            with self.store.reading() as connection:
                placed = [
                    one for one in receipt_queries.by_digest(connection, document) if one.certificate.leaf_hash == leaf
                ]
            assert placed, "an accepted certificate is lost"
            assert len(placed) == 1, "an accepted certificate is doubled"
            if not placed[0].is_anchored:
                continue
            anchored_leaves.append((issuer_id, leaf))
            data = [one for one in self.receipts.by_digest(document).receipts if parse(one).leaf_hash == leaf]
            receipt = parse(data[0])
            anchor, transaction_hash = self.chain.anchors[issuer_id, receipt.sequence]
            root = root_from_path(receipt.leaf_hash, receipt.leaf_index, anchor.tree_size, receipt.path)
            assert root == anchor.root_hash
            assert receipt.transaction == "0x" + transaction_hash.hex()
            assert receipt.block == anchor.block_number
        assert len(set(anchored_leaves)) == len(anchored_leaves)
        assert set(self.chain.anchors) <= ours | self.chain.strangers, "an anchor that this service never made"
        return on_chain


def night_killed_at_each_commit(world: World) -> tuple[int, nightly.NightReport]:
    """The night, begun again and again, each time killed one commit later. Returns how often, and the whole one."""
    left = killed = 0

    def kill(_connection: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt

    event.listen(world.store.engine, "commit", kill)
    try:
        while True:
            left = killed + 1
            try:
                return killed, world.night()
            except KeyboardInterrupt:
                killed += 1
    finally:
        event.remove(world.store.engine, "commit", kill)


def set_status(world: World, name: str, status: Status, **more: Any) -> StatusAct:
    leaf = naming.leaf_named(world.store, world.issuer, digest(name).hex())
    asked = RequestedStatus(status, more.pop("reason", 0), **more)
    return statuses.request(world.store, world.issuer, leaf, asked, actor=TESTER, now=world.now)[0]


def requeue(world: World, subject: Batch | StatusAct) -> Batch | StatusAct:
    return deciding.requeue(world.store, world.registry, world.filing, subject, actor=TESTER, now=world.now)
