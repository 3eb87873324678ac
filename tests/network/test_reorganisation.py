"""A real node whose blocks go back, and whose fees rise, under a service that waits for two blocks on top."""

import json
import random
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import _contracts
import pytest
from eth_account import Account
from tools import missing
from world import TESTER, TODAY, digest, facts

from anchor_service.chain.administration import Administration, deploy, policy_pins
from anchor_service.chain.contract import connect
from anchor_service.chain.signer import KeystoreSigner
from anchor_service.chain.web3_registry import Web3Writer
from anchor_service.core import profile
from anchor_service.core.kinds import KIND_NUMBERS, scope_of
from anchor_service.pipeline import intake, nightly, nights, reconcile
from anchor_service.pipeline.filing import Filing
from anchor_service.pipeline.intake import Submission
from anchor_service.pipeline.receipts import Receipts
from anchor_service.ports import FOREVER
from anchor_service.store import anchoring as queries
from anchor_service.store import issuers
from anchor_service.store.engine import Store
from anchor_service.store.tables import Issuer
from verifier.formats.fingerprint import Fingerprint
from verifier.formats.policy import FORMAT, Policy, load
from verifier.formats.receipt import parse
from verifier.verdict.ask import Question, ask
from verifier.verdict.verdict import Verdict

CHAIN_ID = 31_337
DEPTH = 2
PROFILE = profile.from_fields("UJI", "Lembaga Uji")


class Service:
    """One issuer over anvil, whose blocks come when the test says so."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.client = connect(url)
        self.store = Store(f"sqlite:///{folder / 'store.sqlite3'}")
        self.store.upgrade()
        accounts = [Account.create() for _ in range(3)]
        for account in accounts:
            self.ask("anvil_setBalance", account.address, hex(10**20))
        admin, accreditor, institute = (KeystoreSigner(account) for account in accounts)
        address = deploy(self.client, institute, admin.address, 0, CHAIN_ID)
        Administration(self.client, admin, address, CHAIN_ID).grant_role("ACCREDITOR", accreditor.address)
        self.issuer = Issuer(id=b"\x33" * 32, profile=PROFILE, scope=" ".join(KIND_NUMBERS), created_at=0)
        acts = Administration(self.client, accreditor, address, CHAIN_ID)
        acts.open_window(self.issuer.id, FOREVER, scope_of(KIND_NUMBERS), profile.digest(PROFILE))
        acts.add_key(self.issuer.id, institute.address, 3, "institute")
        with self.store.writing() as connection:
            issuers.add_issuer(connection, self.issuer)
        self.address = address
        self.registry = Web3Writer(self.client, CHAIN_ID, address, DEPTH, institute)
        self.filing = Filing(folder / "manifests", folder / "entries", CHAIN_ID, address)
        self.receipts = Receipts(self.store, CHAIN_ID, address)
        self.now = 1_900_000_000
        self.ask("evm_setAutomine", False)
        # Accreditation has to be final before the first night.
        self.ask("anvil_mine", hex(DEPTH))

    def ask(self, method: str, *params: Any) -> Any:
        answer = self.client.provider.make_request(method, list(params))
        assert "error" not in answer, answer
        return answer["result"]

    def submit(self, name: str) -> None:
        given = [Submission(digest(name), facts(name, nonce=digest(name).hex()[:32]))]
        check = intake.checker(self.store, self.issuer, intake.nonces(), TODAY)
        checked = [check(one) for one in given]
        assert intake.submit(self.store, self.issuer, checked, actor=TESTER, now=self.now)[0].is_new

    def night(self) -> nightly.NightReport:
        self.now += 1
        run = nightly.NightlyRun(self.store, self.registry, self.filing, lambda: self.now)
        return run.run(nights.today(self.now, UTC), pause=lambda: None, wait_seconds=0, close=False)

    def mine_again(self) -> None:
        """Send all that was ever signed once more, as the node's pool would, and put it into a block."""
        with self.store.reading() as connection:
            known = queries.unused_attempts(connection, self.registry.signer, 0, 10**6)
        for attempt in known:
            self.registry.send(attempt.raw)
        self.ask("anvil_mine", "0x1")

    def policy(self, path: Path) -> Policy:
        """A policy that trusts this chain whatever its clock says."""
        fields = {
            "format": FORMAT,
            **policy_pins(self.client, self.address),
            "finality": {"depth": DEPTH},
            "operators": 1,
            "nodes": [self.url],
            "max_head_age": 10**9,
        }
        path.write_text(json.dumps(fields))
        return load(path)

    def attempts(self) -> list[tuple[int, int]]:
        with self.store.reading() as connection:
            found = queries.unused_attempts(connection, self.registry.signer, 0, 99)
        return [(one.nonce, one.ordinal) for one in found]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    if not _contracts.ANVIL.exists():
        missing("anvil: run `python3 scripts/check_contracts.py --quick` once")
    with _contracts.anvil() as url:
        yield Service(url, tmp_path)


@pytest.mark.parametrize("blocks", [1, 2])
def test_a_block_that_was_dropped_is_never_in_a_receipt(service, blocks):
    """However deep below the limit: the same bytes go out again, and one anchor stands."""
    service.submit("a")
    snapshot = service.ask("evm_snapshot")
    assert service.night().on_the_way
    service.ask("anvil_mine", hex(blocks))
    assert service.night().on_the_way, "a block that may still go back is no anchor"
    assert service.receipts.by_digest(digest("a")).receipts == ()
    service.ask("evm_revert", snapshot)
    service.ask("anvil_dropAllTransactions")
    # The fork that won is longer.
    service.ask("anvil_mine", hex(3))
    assert service.night().on_the_way
    service.ask("anvil_mine", hex(DEPTH + 1))
    assert len(service.night().anchored) == 1
    receipt = parse(service.receipts.by_digest(digest("a")).receipts[0])
    block = service.client.eth.get_block(receipt.block)
    assert receipt.transaction in {"0x" + one.hex() for one in block["transactions"]}
    assert service.registry.last_sequence(service.issuer.id) == 1
    assert service.attempts() == [(1, 1)], "the deployment was nonce 0, and nothing was signed twice"


def test_a_final_block_that_was_dropped_is_followed_to_where_its_anchor_stands_now(service):
    """Deeper than the depth that was to make it final: the same bytes are mined again, and the receipt says where."""
    service.submit("a")
    snapshot = service.ask("evm_snapshot")
    assert service.night().on_the_way
    service.ask("anvil_mine", hex(DEPTH + 1))
    assert len(service.night().anchored) == 1
    before = parse(service.receipts.by_digest(digest("a")).receipts[0])
    with service.store.reading() as connection:
        raw = queries.unused_attempts(connection, service.registry.signer, 0, 99)[-1].raw
    service.ask("evm_revert", snapshot)
    service.ask("anvil_mine", hex(3))
    service.registry.send(raw)
    service.ask("anvil_mine", hex(DEPTH + 1))
    (line,) = reconcile.follow_moved_anchors(service.store, service.registry)
    after = parse(service.receipts.by_digest(digest("a")).receipts[0])
    assert after.block > before.block
    assert line == f"batch 1: anchored in block {after.block}, no longer in {before.block}"
    assert after._replace(block=before.block) == before, "the same bytes were mined"
    assert service.registry.anchor_of(service.issuer.id, 1).block_number == after.block


def test_fees_that_rise_while_a_transaction_waits_are_met(service):
    service.submit("a")
    assert service.night().on_the_way
    service.ask("anvil_dropAllTransactions")
    service.ask("anvil_setNextBlockBaseFeePerGas", hex(10**12))
    service.ask("anvil_mine", "0x1")
    service.ask("anvil_setNextBlockBaseFeePerGas", hex(10**12))
    for _ in range(3):
        report = service.night()
    assert service.attempts() == [(1, 2)], report.problems
    service.ask("anvil_mine", hex(DEPTH + 1))
    assert len(service.night().anchored) == 1


REORGANISATIONS = 200


def test_a_stream_of_nights_on_a_chain_that_goes_back_again_and_again(service, tmp_path):
    """Shallow, and deeper than what counts as final: receipts name where anchors stand, and none is lost or doubled.

    What a dropped block held is mined again later, as a node does that puts it back into its pool.
    """
    draw = random.Random(20_261_127)
    names = []
    for number in range(REORGANISATIONS):
        if number % 4 == 0:
            names.append(f"c{number}")
            service.submit(names[-1])
        service.night()
        service.ask("anvil_mine", hex(draw.randrange(1, 4)))
        service.ask("anvil_reorg", draw.randrange(1, DEPTH + 3), [])
        if draw.random() < 0.5:
            service.mine_again()
    for _ in range(4):
        service.mine_again()
        service.ask("anvil_mine", hex(DEPTH + 1))
        service.night()
    reconcile.follow_moved_anchors(service.store, service.registry)
    assert (service.night().on_the_way, service.night().waiting) == ([], 0)
    balance = reconcile.balance(service.store, service.registry, service.issuer, overdue_before=0)
    assert (balance.anchored, balance.on_chain, balance.exceptions) == (len(names), len(names), [])
    trusted = service.policy(tmp_path / "policy.json")
    for name in names:
        (receipt,) = service.receipts.by_digest(digest(name)).receipts
        result = ask(Question(Fingerprint(digest(name)), [receipt], {service.issuer.id}), trusted)
        assert result.answer.verdict is Verdict.VALID, (name, result.answer.claims[0].checks)
        assert parse(receipt).block == result.answer.claims[0].facts.anchor.block_number
