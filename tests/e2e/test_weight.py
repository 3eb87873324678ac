"""What anchors and statuses weigh, asked at every moment of one real history: the grid, and a registry's successor."""

import json
from typing import Any

import pytest
from devnet import CHAIN_ID, Devnet
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

from anchor_service.chain.administration import policy_pins
from anchor_service.chain.contract import artifact, connect
from anchor_service.core import metadata, profile
from anchor_service.core.hashing import DocumentDigest, IssuerId, leaf_hash, leaf_input
from anchor_service.core.kinds import scope_of
from anchor_service.core.receipt import Hints, Receipt
from anchor_service.ports import FOREVER
from verifier import policy, receipt
from verifier.checks import Asked, all_checks
from verifier.fingerprint import Fingerprint
from verifier.registry import Head, RegistryReader
from verifier.rpc import Node
from verifier.verdict import Claim

ISSUER = b"\xaa" * 32
PROFILE = profile.from_fields("BPSDM-UJI", "BPSDM Provinsi Uji")
SUSPENDED, REVOKED = 1, 3


class History:
    """A chain whose blocks a test makes one by one, each with the acts that it names, and what was read at each."""

    def __init__(self, devnet: Devnet) -> None:
        self.devnet = devnet
        self.client = connect(devnet.url)
        self.registry = devnet.deploy()
        self.policy = self.trust(self.registry)
        self.moments: dict[str, Head] = {}
        devnet.call("evm_setAutomine", False)

    def trust(self, *registries: str) -> policy.Policy:
        pins, *later = [policy_pins(self.client, one) for one in registries]
        text = {
            "format": policy.FORMAT,
            **pins,
            "finality": "instant",
            "operators": 1,
            "nodes": [self.devnet.url],
            "successors": [{name: one[name] for name in ("registry", "code_hash")} for one in later],
        }
        return policy.parse(json.dumps(text).encode())

    def block(self, moment: str, *acts: tuple[LocalAccount, str, tuple], at: str | None = None) -> Head:
        """One block with these calls by these accounts; each has to succeed."""
        functions = self.client.eth.contract(
            address=Web3.to_checksum_address(at or self.registry), abi=artifact()["abi"]
        ).functions
        hashes = []
        for account, name, arguments in acts:
            nonce = self.client.eth.get_transaction_count(account.address, "pending")
            fee = self.client.eth.gas_price * 2
            call = getattr(functions, name)(*arguments).build_transaction(
                {"from": account.address, "nonce": nonce, "gas": 2_000_000, "chainId": CHAIN_ID, "gasPrice": fee}
            )
            hashes.append(self.client.eth.send_raw_transaction(account.sign_transaction(call).raw_transaction))
        self.devnet.call("evm_increaseTime", 10)
        self.devnet.call("evm_mine")
        for transaction in hashes:
            assert self.client.eth.get_transaction_receipt(transaction)["status"] == 1, moment
        block = self.client.eth.get_block("latest")
        head = Head(block["number"], bytes(block["hash"]), block["timestamp"], block["number"])
        self.moments[moment] = head
        return head

    def fund(self, account: LocalAccount) -> LocalAccount:
        institute = self.devnet.account("institute")
        transaction = {
            "to": account.address,
            "value": 10**20,
            "nonce": self.client.eth.get_transaction_count(institute.address),
            "gas": 21_000,
            "chainId": CHAIN_ID,
            "gasPrice": self.client.eth.gas_price * 2,
        }
        self.client.eth.send_raw_transaction(institute.sign_transaction(transaction).raw_transaction)
        self.devnet.call("evm_mine")
        return account

    def verdict(self, certificate: "Certificate", moment: str, trusted: policy.Policy | None = None) -> str:
        """What a verifier says who reads at this moment's block, then."""
        head = self.moments[moment]
        trusted = trusted or self.policy
        read = receipt.parse(certificate.receipt)
        reader = RegistryReader(Node(self.devnet.url), trusted)
        facts = reader.facts(head, read.registry, read.issuer_id, read.sequence, read.leaf_hash)
        checks = all_checks(Fingerprint(certificate.digest), read, trusted, facts, Asked([ISSUER]), head.time)
        return Claim(read, facts, checks).verdict


class Certificate:
    """A certificate that is a batch by itself: its leaf is the root, its path is empty."""

    def __init__(self, number: int) -> None:
        self.sequence = number
        self.digest = DocumentDigest(bytes([number]) * 32)
        fields = {"nonce": f"{number:032x}", "kind": "latsar", "number": f"{number}/2026", "issued_on": "2026-11-20"}
        self.metadata = metadata.from_fields(fields)
        self.leaf = leaf_hash(leaf_input(IssuerId(ISSUER), self.digest, self.metadata.digest))
        self.receipt = b""

    def anchor(self) -> tuple[str, tuple]:
        return "anchor", (ISSUER, self.sequence, self.leaf, 1)

    def anchored(self, registry: str, head: Head) -> None:
        self.receipt = Receipt(
            document_digest=self.digest,
            metadata=self.metadata.text,
            issuer_id=ISSUER,
            issuer_profile=PROFILE,
            sequence=self.sequence,
            leaf_index=0,
            path=(),
            hints=Hints(CHAIN_ID, registry, bytes(32), head.number),
        ).encode()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Key `thief` is stolen at the moment "at"; `sound` is the institute's other key."""
    with Devnet(tmp_path_factory.mktemp("devnet")) as devnet:
        made = History(devnet)
        thief = devnet.account("institute")
        sound = made.fund(Account.create())
        accreditor, regulator = devnet.account("accreditor"), devnet.account("regulator")
        made.certificates = {name: Certificate(number) for number, name in enumerate(NAMES, start=1)}
        c = made.certificates

        def anchored(moment: str, *names: str, by: LocalAccount) -> Head:
            head = made.block(moment, *((by, *c[name].anchor()) for name in names))
            for name in names:
                c[name].anchored(made.registry, head)
            return head

        def status(by: LocalAccount, name: str, wanted: int) -> tuple[LocalAccount, str, tuple]:
            return by, "setStatus", (ISSUER, [c[name].leaf], wanted, 4, False)

        made.block(
            "accredited",
            (accreditor, "openWindow", (ISSUER, 0, FOREVER, scope_of(["latsar"]), profile.digest(PROFILE))),
            (accreditor, "addKey", (ISSUER, thief.address, 3, 1)),
            (accreditor, "addKey", (ISSUER, sound.address, 3, 1)),
        )
        anchored("first", "held", "lifted", "revoked before", "revoked at", "revoked after", "by regulator", by=sound)
        made.block("suspended", status(sound, "held", SUSPENDED), status(sound, "lifted", SUSPENDED))
        anchored("before", "before", by=thief)
        made.block("revoked before", status(thief, "revoked before", REVOKED))
        stolen = made.block(
            "at",
            (thief, *c["at"].anchor()),
            status(thief, "revoked at", REVOKED),
            status(thief, "lifted", 0),
        )
        c["at"].anchored(made.registry, stolen)
        anchored("after", "after", by=thief)
        made.block(
            "acted",
            status(thief, "revoked after", REVOKED),
            status(thief, "held", REVOKED),
            status(regulator, "by regulator", REVOKED),
        )
        made.block("declared", (accreditor, "declareCompromise", (ISSUER, thief.address, stolen.time)))
        made.block(
            "re-attested",
            (sound, "reattest", (ISSUER, [(c["after"].sequence, c["after"].leaf)])),
            status(sound, "revoked after", REVOKED),
        )
        # Closing takes effect in the next second: an anchor of the same block lies inside.
        closing = made.block(
            "closed",
            (accreditor, "closeWindow", (ISSUER, 0, 0)),
            (sound, *c["at closing"].anchor()),
        )
        c["at closing"].anchored(made.registry, closing)
        made.block("later")
        yield made


NAMES = [
    "held", "lifted", "revoked before", "revoked at", "revoked after", "by regulator",
    "before", "at", "after", "at closing",
]  # fmt: skip

# Certificate x moment of asking. "-" is before it was anchored: the head lies below the receipt's block.
MOMENTS = ["before", "at", "after", "acted", "declared", "re-attested", "closed", "later"]
V, U, R, S, X = "valid", "untrusted", "revoked", "suspended", "undetermined"
GRID = {
    # anchored before, at and after the instant since when the key counts as stolen; re-attested or not
    "before": [V, V, V, V, V, V, V, V],
    "at": [X, V, V, V, U, U, U, U],
    "after": [X, X, V, V, U, V, V, V],
    # statuses by that key, before, at and after; written again by a sound key; by the regulator
    "revoked before": [V, R, R, R, R, R, R, R],
    "revoked at": [V, R, R, R, V, V, V, V],
    "revoked after": [V, V, V, R, V, R, R, R],
    "by regulator": [V, V, V, R, R, R, R, R],
    # what stood before the thief stands again: a suspension that it lifted, and one that it made a revocation
    "lifted": [S, V, V, V, S, S, S, S],
    "held": [S, S, S, R, S, S, S, S],
    # anchored in the second in which its window was closed
    "at closing": [X, X, X, X, X, X, V, V],
}


@pytest.mark.parametrize("name", list(GRID))
def test_the_grid(history, name):
    found = [history.verdict(history.certificates[name], moment) for moment in MOMENTS]
    assert found == GRID[name]


def test_after_the_closing_nothing_is_anchored(history):
    name, arguments = Certificate(len(NAMES) + 1).anchor()
    functions = history.client.eth.contract(
        address=Web3.to_checksum_address(history.registry), abi=artifact()["abi"]
    ).functions
    with pytest.raises(Exception, match="0x"):
        getattr(functions, name)(*arguments).call({"from": history.devnet.account("institute").address})


def test_a_registry_with_a_successor(history):
    """A policy that does not list it knows no status any more; one that does sees a revocation made there."""
    devnet = history.devnet
    devnet.call("evm_setAutomine", True)
    successor = devnet.deploy()
    devnet.call("evm_setAutomine", False)
    certificate = history.certificates["before"]
    listing = history.trust(history.registry, successor)
    assert history.verdict(certificate, "later", listing) == "valid", "named beforehand"

    naming = (devnet.account("admin"), "setSuccessor", (Web3.to_checksum_address(successor),))
    history.block("succeeded", naming)
    assert history.verdict(certificate, "succeeded") == "undetermined"
    assert (
        history.verdict(certificate, "succeeded", history.trust(history.registry, history.registry)) == "undetermined"
    )
    assert history.verdict(certificate, "succeeded", listing) == "valid"
    assert history.verdict(history.certificates["by regulator"], "succeeded") == "revoked", "that does not heal"

    regulator = devnet.account("regulator")
    revocation = (regulator, "setStatus", (ISSUER, [certificate.leaf], REVOKED, 4, False))
    history.block("revoked there", revocation, at=successor)
    assert history.verdict(certificate, "revoked there", listing) == "revoked"
    assert history.verdict(certificate, "revoked there") == "undetermined"
    assert history.verdict(history.certificates["after"], "revoked there", listing) == "valid"
