"""A chain whose blocks a test makes one by one, and certificates that are a batch each."""

import json

from devnet import CHAIN_ID, Network
from eth_account.signers.local import LocalAccount
from web3 import Web3

from anchor_service.chain.administration import policy_pins
from anchor_service.chain.contract import artifact, connect
from anchor_service.core import metadata, profile
from anchor_service.core.hashing import DocumentDigest, IssuerId, leaf_hash, leaf_input
from anchor_service.core.receipt import Hints, Receipt
from verifier.chain.facts import Facts, Head
from verifier.chain.nodes import Chain
from verifier.chain.registry import RegistryReader
from verifier.chain.rpc import Node
from verifier.formats import policy, receipt
from verifier.formats.fingerprint import Fingerprint
from verifier.history.recorded import RecordedHistory, record
from verifier.verdict.checks import ExpectedIssuers, all_checks
from verifier.verdict.verdict import Claim

ISSUER = b"\xaa" * 32
PROFILE = profile.from_fields("BPSDM-UJI", "BPSDM Provinsi Uji")
SUSPENDED, REVOKED = 1, 3


class Timeline:
    """A chain whose blocks a test makes one by one, each with the acts that it names, and what was read at each."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.client = connect(network.url)
        self.registry = network.deploy()
        self.policy = self.trust(self.registry)
        self.moments: dict[str, Head] = {}
        network.call("evm_setAutomine", False)

    def reconnect(self) -> None:
        """Go on with the network where it is now."""
        self.client = connect(self.network.url)
        self.policy = self.trust(self.registry)

    def trust(self, *registries: str) -> policy.Policy:
        pins, *later = [policy_pins(self.client, one) for one in registries]
        text = {
            "format": policy.FORMAT,
            **pins,
            "finality": "instant",
            "operators": 1,
            "nodes": [self.network.url],
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
        self.network.call("evm_increaseTime", 10)
        self.network.call("evm_mine")
        for transaction in hashes:
            assert self.client.eth.get_transaction_receipt(transaction)["status"] == 1, moment
        block = self.client.eth.get_block("latest")
        head = Head(block["number"], bytes(block["hash"]), block["timestamp"], block["number"])
        self.moments[moment] = head
        return head

    def fund(self, account: LocalAccount) -> LocalAccount:
        institute = self.network.account("institute")
        transaction = {
            "to": account.address,
            "value": 10**20,
            "nonce": self.client.eth.get_transaction_count(institute.address),
            "gas": 21_000,
            "chainId": CHAIN_ID,
            "gasPrice": self.client.eth.gas_price * 2,
        }
        self.client.eth.send_raw_transaction(institute.sign_transaction(transaction).raw_transaction)
        self.network.call("evm_mine")
        return account

    def facts(self, certificate: "Certificate", moment: str, trusted: policy.Policy | None = None) -> Facts:
        """What the registry's storage proves at this moment's block."""
        read = receipt.parse(certificate.receipt)
        reader = RegistryReader(Node(self.network.url), trusted or self.policy)
        return reader.facts(self.moments[moment], read.registry, read.issuer_id, read.sequence, read.leaf_hash)

    def recorded(self, moment: str, trusted: policy.Policy | None = None) -> RecordedHistory:
        """The whole log up to this moment's block."""
        chain = Chain(trusted or self.policy, self.moments[moment], (Node(self.network.url),), is_pinned=True)
        return record(chain)

    def verdict(
        self,
        certificate: "Certificate",
        moment: str,
        trusted: policy.Policy | None = None,
        recorded: RecordedHistory | None = None,
    ) -> str:
        """What a verifier says who reads at this moment's block, then; from storage, or from the log."""
        head = self.moments[moment]
        trusted = trusted or self.policy
        read = receipt.parse(certificate.receipt)
        facts = (
            recorded.facts(read.registry, read.issuer_id, read.sequence, read.leaf_hash)
            if recorded
            else self.facts(certificate, moment, trusted)
        )
        checks = all_checks(Fingerprint(certificate.digest), read, trusted, facts, ExpectedIssuers([ISSUER]), head.time)
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
