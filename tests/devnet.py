"""Real chains as processes, and what tests do to them: the product's own devnet, and anvil."""

import json
import os
import signal
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen

import _contracts
import commands
from eth_account import Account
from eth_account.signers.local import LocalAccount
from registry_contract import RELEASED
from tools import missing

from anchor_service.chain.administration import Administration, deploy
from anchor_service.chain.contract import connect
from anchor_service.chain.signer import KeystoreSigner
from anchor_service.chain.versions import NEWEST
from anchor_service.chain.web3_registry import Web3Writer
from anchor_service.core import profile
from anchor_service.core.kinds import KIND_NUMBERS, scope_of
from anchor_service.ports import FOREVER

CHAIN_ID = 200_826
ROOT = Path(__file__).parents[1]


class Network(ABC):
    """A chain at an address, with an account that has ether for each role."""

    url = ""

    @abstractmethod
    def account(self, name: str) -> LocalAccount:
        """The account of a role."""

    def call(self, method: str, *params: Any) -> Any:
        answer = self.ask(method, *params)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def ask(self, method: str, *params: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._post({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        return answer

    def _post(self, asked: Any) -> Any:
        request = Request(self.url, json.dumps(asked).encode(), {"Content-Type": "application/json"})
        with urlopen(request, timeout=60) as response:
            return json.load(response)

    def call_many(self, calls: list[dict[str, str]]) -> list[Any]:
        """The answers to `eth_call` at the newest block, asked in one request."""
        asked = [
            {"jsonrpc": "2.0", "id": id_, "method": "eth_call", "params": [c, "latest"]} for id_, c in enumerate(calls)
        ]
        answers = sorted(self._post(asked), key=lambda answer: int(answer["id"]))
        return [answer["result"] for answer in answers]

    def administration(self, name: str, registry: str) -> Administration:
        return Administration(connect(self.url), KeystoreSigner(self.account(name)), registry, CHAIN_ID)

    def deploy(self, version: int = NEWEST) -> str:
        """A new registry with an account for each role, deployed by one that holds none."""
        deployer, admin = self.account("regulator"), self.account("admin")
        if version == NEWEST:
            registry = deploy(connect(self.url), KeystoreSigner(deployer), admin.address, 0, CHAIN_ID)
        else:
            registry = self._deploy_old(version, deployer, admin.address)
        return self.with_roles(registry)

    def _deploy_old(self, version: int, deployer: LocalAccount, admin: str) -> str:
        """A registry of an earlier version, from its released artifact: our command deploys the newest only."""
        client, released = connect(self.url), RELEASED[version]
        factory = client.eth.contract(abi=released["abi"], bytecode=released["bytecode"])
        fields = {"from": deployer.address, "nonce": client.eth.get_transaction_count(deployer.address)}
        call = factory.constructor(0, admin).build_transaction(fields | {"chainId": CHAIN_ID})
        sent = client.eth.send_raw_transaction(deployer.sign_transaction(call).raw_transaction)
        return str(client.eth.wait_for_transaction_receipt(sent)["contractAddress"]).lower()

    def with_roles(self, registry: str) -> str:
        """Give each role of a new registry to its account."""
        admin = self.administration("admin", registry)
        for role in ("ACCREDITOR", "REGULATOR", "PAUSER"):
            admin.grant_role(role, self.account(role.lower()).address)
        return registry

    def accredit(
        self, registry: str, issuer_id: bytes, key: str, text: str | None = None, scope: int | None = None
    ) -> str:
        """Accredit an issuer with one key for everything. Returns its profile text."""
        text = text or profile.from_fields("BPSDM-UJI", "BPSDM Provinsi Uji")
        accreditor = self.administration("accreditor", registry)
        kinds = scope_of(KIND_NUMBERS) if scope is None else scope
        accreditor.open_window(issuer_id, FOREVER, kinds, profile.digest(text))
        accreditor.add_key(issuer_id, key, 3, "institute")
        return text

    def registry(self, address: str, name: str = "institute") -> Web3Writer:
        return Web3Writer(connect(self.url), CHAIN_ID, address, 0, KeystoreSigner(self.account(name)))


class Anvil(Network):
    """Foundry's node, of the devnet's chain id."""

    def __init__(self, *options: str) -> None:
        if not _contracts.ANVIL.exists():
            missing("anvil: run `python3 scripts/check_contracts.py --quick` once")
        self._running = _contracts.anvil("--chain-id", str(CHAIN_ID), *options)
        self._accounts: dict[str, LocalAccount] = {}

    def __enter__(self) -> Self:
        self.url = self._running.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.__exit__(kind, error, trace)

    def account(self, name: str) -> LocalAccount:
        if name not in self._accounts:
            self._accounts[name] = Account.create()
            self.call("anvil_setBalance", self._accounts[name].address, hex(10**21))
        return self._accounts[name]


class Devnet(Network):
    """Started when entered, stopped when left; survives being killed in between."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self._options = options or ("--test-methods",)
        self._accounts: dict[str, LocalAccount] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(20)
        if self.process.stdout:
            self.process.stdout.close()

    def start(self, port: int = 0) -> None:
        command = ["jangkar-devnet", "--data", str(self.folder), "--chain-id", str(CHAIN_ID), "--port", str(port)]
        self.process = commands.start([*command, *self._options], ROOT, os.environ, sys.stderr)
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith("Listening on "):
                self.url = line.split()[-1]
                return
        raise AssertionError("the devnet did not start")

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)
        if self.process.stdout:
            self.process.stdout.close()

    def account(self, name: str) -> LocalAccount:
        if name not in self._accounts:
            password = (self.folder / "password").read_text().strip()
            encrypted = json.loads((self.folder / "keystore" / f"{name}.json").read_text())
            self._accounts[name] = Account.from_key(Account.decrypt(encrypted, password))
        return self._accounts[name]

    def settle(self, seconds: float = 20) -> None:
        """Wait until the pool is empty."""
        deadline = time.monotonic() + seconds
        address = self.account("institute").address
        while self.call("eth_getTransactionCount", address, "pending") != self.call(
            "eth_getTransactionCount", address, "latest"
        ):
            assert time.monotonic() < deadline, "transactions are stuck in the pool"
            time.sleep(0.05)
