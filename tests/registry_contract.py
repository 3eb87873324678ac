"""The contract in eth-tester, in memory, with its actors."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from eth_utils import keccak
from eth_utils.abi import abi_to_signature
from web3 import EthereumTesterProvider, Web3

CONTRACTS = Path(__file__).parents[1] / "contracts"
ARTIFACT = json.loads((CONTRACTS / "CertificateRegistry.json").read_text())
# The artifacts of every version that was ever deployed, the newest last. Frozen: a registry is never changed.
RELEASED = {
    1: json.loads((CONTRACTS / "released" / "CertificateRegistry-1.json").read_text()),
    2: ARTIFACT,
}
ERRORS = {
    keccak(text=abi_to_signature(entry))[:4].hex(): entry["name"]
    for entry in ARTIFACT["abi"]
    if entry["type"] == "error"
}
FOREVER = 2**64 - 1
# More than any act needs: estimating what each one does would execute it fourteen times.
GAS = 3_000_000
ISSUER, OTHER = b"\xaa" * 32, b"\xbb" * 32
PROFILE = b"\x0f" * 32
ANCHOR, STATUS, BOTH = 1, 2, 3
INSTITUTE = 1


class Registry:
    """A deployed registry and its actors, each with an account of its own."""

    def __init__(self, version: int = max(RELEASED)) -> None:
        self._artifact = RELEASED[version]
        self.tester = EthereumTester(PyEVMBackend())
        self.web3 = Web3(EthereumTesterProvider(self.tester))
        names = ("admin", "accreditor", "regulator", "pauser", "key", "status_key", "stranger", "other_key")
        self.accounts = dict(zip(names, self.web3.eth.accounts, strict=False))
        self.contract = self.web3.eth.contract(address=self.deploy(), abi=self._artifact["abi"])
        self.f = self.contract.functions
        for role in ("ACCREDITOR", "REGULATOR", "PAUSER"):
            identifier = getattr(self.f, f"{role}_ROLE")().call()
            self.by("admin", self.f.grantRole(identifier, self.accounts[role.lower()]))

    def deploy(self) -> str:
        """Another registry on the same chain, by an account that is none of its actors."""
        factory = self.web3.eth.contract(abi=self._artifact["abi"], bytecode=self._artifact["bytecode"])
        deployment = factory.constructor(0, self.accounts["admin"]).transact({"from": self.accounts["stranger"]})
        address: str = self._mined(deployment)["contractAddress"]
        return address

    def pins(self) -> tuple[int, str]:
        """Chain id and address."""
        return self.web3.eth.chain_id, self.contract.address

    def by(self, name: str, call: Any) -> Any:
        """Send a call by an actor and return its transaction's receipt; TransactionFailed where it would revert."""
        options = {"from": self.accounts[name], "gas": GAS}
        call.call(options)
        return self._mined(call.transact(options))

    def refused(self, name: str, call: Any) -> str:
        """The name of the custom error that a call by an actor reverts with."""
        with pytest.raises(TransactionFailed) as raised:
            call.call({"from": self.accounts[name]})
        # The returned bytes survive eth-tester's and web3's wrapping only as their repr.
        data = ast.literal_eval(str(raised.value).removeprefix("execution reverted: "))
        return ERRORS[data[:4].hex()]

    def now(self) -> int:
        return self.web3.eth.get_block("latest")["timestamp"]

    def travel(self, seconds: int) -> None:
        self.tester.time_travel(self.now() + seconds)

    def open(self, issuer: bytes = ISSUER, from_: int = 0, until: int = FOREVER) -> None:
        self.by("accreditor", self.f.openWindow(issuer, from_, until, 1, PROFILE))

    def accredit(self, issuer: bytes = ISSUER, key: str = "key", purposes: int = BOTH) -> None:
        self.open(issuer)
        self.by("accreditor", self.f.addKey(issuer, self.accounts[key], purposes, INSTITUTE))

    def verify(self, issuer: bytes, sequence: int, leaf: bytes, index: int, path: list[bytes]) -> bool:
        """What the contract itself says of a proof."""
        found: bool = self.f.verifyInclusion(issuer, sequence, leaf, index, path).call()
        return found

    def entries(self) -> list[bytes]:
        """The log's entries, from events alone."""
        logged = {
            keccak(text=abi_to_signature(entry))
            for entry in ARTIFACT["abi"]
            if entry["type"] == "event" and entry["inputs"][-1:] and entry["inputs"][-1]["name"] == "logIndex"
        }
        logs = self.web3.eth.get_logs({"address": self.contract.address, "fromBlock": 0})
        return [
            b"".join(bytes(topic) for topic in log["topics"]) + bytes(log["data"])
            for log in logs
            if bytes(log["topics"][0]) in logged
        ]

    def _mined(self, transaction_hash: Any) -> Any:
        receipt = self.web3.eth.get_transaction_receipt(transaction_hash)
        assert receipt["status"] == 1
        return receipt
