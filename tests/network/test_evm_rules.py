"""The committed bytecode lives through one history under the devnet's rules, anvil's newest and London's."""

import time
from collections.abc import Iterator
from typing import Any

import _contracts
import pytest
from devnet import Devnet
from eth_account import Account
from eth_account.signers.local import LocalAccount
from tools import missing

from anchor_service.chain import approvals
from anchor_service.chain.administration import Administration, deploy, policy_pins
from anchor_service.chain.contract import connect
from anchor_service.chain.inspection import Inspection
from anchor_service.chain.signer import KeystoreSigner
from anchor_service.chain.web3_registry import Web3Writer
from anchor_service.core import profile
from anchor_service.core.hashing import IssuerId, LeafHash, RootHash
from anchor_service.core.manifest import BatchHeader
from anchor_service.core.merkle import MerkleTree
from anchor_service.core.states import RequestedStatus, Status
from anchor_service.ports import FOREVER, Approval, LeafReference, StatusChange
from verifier.chain.nodes import open_chain
from verifier.formats import policy
from verifier.history.log import read_log

ISSUER = IssuerId(b"\xaa" * 32)
PROFILE = profile.from_fields("UJI", "Lembaga Uji")
LEAVES = [LeafHash(bytes([number]) * 32) for number in range(1, 6)]
ROLES = ("admin", "accreditor", "regulator", "pauser", "institute")


class Network:
    """A chain, an account with ether for each role, and a way to wait for a block."""

    def __init__(self, url: str, accounts: dict[str, LocalAccount], chain_id: int) -> None:
        self.url = url
        self.client = connect(url)
        self.accounts = accounts
        self.chain_id = chain_id

    def act(self, name: str, registry: str) -> Administration:
        return Administration(self.client, KeystoreSigner(self.accounts[name]), registry, self.chain_id)

    def registry(self, address: str) -> Web3Writer:
        return Web3Writer(self.client, self.chain_id, address, 0, KeystoreSigner(self.accounts["institute"]))

    def send(self, registry: Web3Writer, signed: Any) -> None:
        registry.send(signed.raw)
        deadline = time.monotonic() + 20
        while registry.mined(signed.transaction_hash) is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert registry.mined(signed.transaction_hash).succeeded


@pytest.fixture(params=["devnet", "anvil's newest", "anvil's london"])
def network(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Network]:
    if request.param == "devnet":
        with Devnet(tmp_path / "devnet") as devnet:
            yield Network(devnet.url, {name: devnet.account(name) for name in ROLES}, 200_826)
        return
    if not _contracts.ANVIL.exists():
        missing("anvil: run `python3 scripts/check_contracts.py --quick` once")
    options = ("--hardfork", "london") if "london" in request.param else ()
    with _contracts.anvil(*options) as url:
        accounts = {name: Account.create() for name in ROLES}
        client = connect(url)
        for account in accounts.values():
            client.provider.make_request("anvil_setBalance", [account.address, hex(10**20)])
        yield Network(url, accounts, 31_337)


def test_a_life_of_a_registry(network):
    deployer = KeystoreSigner(network.accounts["institute"])
    address = deploy(network.client, deployer, network.accounts["admin"].address, 0, network.chain_id)
    for role in ROLES[1:4]:
        network.act("admin", address).grant_role(role.upper(), network.accounts[role].address)
    accreditor = network.act("accreditor", address)
    accreditor.open_window(ISSUER, FOREVER, 1, profile.digest(PROFILE))
    wallet = Account.create()
    accreditor.add_key(ISSUER, network.accounts["institute"].address, 7, "operator")
    accreditor.add_key(ISSUER, wallet.address, 1, "institute")

    registry = network.registry(address)
    tree = MerkleTree(LEAVES)
    network.send(registry, registry.sign_anchor(ISSUER, 1, tree.root_hash, 5, registry.next_nonce()))
    header = BatchHeader(network.chain_id, address, ISSUER, PROFILE, 2, 1, RootHash(LEAVES[0]))
    given = approvals.approve(header, 2**40, wallet)
    relayed = Approval(given.approver, given.deadline, given.signature)
    network.send(registry, registry.sign_anchor(ISSUER, 2, RootHash(LEAVES[0]), 1, registry.next_nonce(), relayed))
    network.send(registry, registry.sign_night(ISSUER, int(time.time()) // 86_400, 2, registry.next_nonce()))
    for leaf in range(5):
        functions = registry._contract.functions
        path = list(tree.inclusion_path(leaf))
        assert functions.verifyInclusion(ISSUER, 1, LEAVES[leaf], leaf, path).call()
        assert not functions.verifyInclusion(ISSUER, 1, LEAVES[leaf - 1], leaf, path).call()
    newer = LeafReference(LEAVES[1], 1, 1, tree.inclusion_path(1))
    change = StatusChange(ISSUER, (LEAVES[2],), Status.SUPERSEDED, 5, from_beginning=False, successor=newer)
    network.send(registry, registry.sign_status(change, registry.next_nonce()))
    network.act("regulator", address).set_statuses(
        ISSUER, LEAVES[3:], RequestedStatus(Status.REVOKED, 4, from_beginning=True)
    )
    accreditor.declare_compromise(ISSUER, wallet.address, 1)
    inspection = Inspection(network.client, address)
    assert not inspection.anchor(ISSUER, 2)["carries_weight"]
    network.act("institute", address).reattest(ISSUER, [(2, LEAVES[0])])
    assert inspection.anchor(ISSUER, 2)["carries_weight"]
    network.act("pauser", address).pause()
    network.act("admin", address).unpause()
    assert inspection.registry()["code_is_this_release's"]

    pins = policy_pins(network.client, address)
    text = {"format": policy.FORMAT, **pins, "finality": "instant", "operators": 1, "nodes": [network.url]}
    trusted = policy.parse(str(text).replace("'", '"').encode())
    assert len(read_log(open_chain(trusted))) == 13
