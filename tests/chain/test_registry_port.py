"""One suite for the registry port, on the simulator and on web3 with a real node."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import pytest
from devnet import CHAIN_ID
from eth_account import Account
from simulator import SimulatedChain, SimulatedRegistry, Standing, simulated_signature

from anchor_service.chain import approvals
from anchor_service.chain.contract import connect
from anchor_service.chain.inspection import Inspection
from anchor_service.core import profile
from anchor_service.core.errors import FeeTooLow, RegistryRefused, RegistryUnavailable
from anchor_service.core.hashing import IssuerId, LeafHash, RootHash
from anchor_service.core.kinds import scope_of
from anchor_service.core.manifest import BatchHeader
from anchor_service.core.states import Status
from anchor_service.ports import Approval, LeafReference, RegistryWriter, StatusChange, Window

PROFILE = profile.from_fields("UJI", "Lembaga Uji")
ROOT = RootHash(b"\x11" * 32)
LEAF = LeafHash(b"\x22" * 32)


@dataclass
class Port:
    """A registry, an issuer whose key is its signer, and a wallet of that issuer that only approves."""

    registry: RegistryWriter
    issuer_id: IssuerId
    # What stands for a leaf is no part of the port: tests read it from the chain itself.
    standing: Callable[[LeafHash], Standing]
    settle: Callable[[], None]
    approve: Callable[[int, RootHash, int, int], Approval]
    hold: Callable[[], None]
    release: Callable[[], None]


@pytest.fixture(params=["simulator", "web3"])
def port(request: pytest.FixtureRequest) -> Port:
    issuer_id = IssuerId(os.urandom(32))
    if request.param == "simulator":
        chain = SimulatedChain()
        registry = SimulatedRegistry(chain)
        chain.windows[issuer_id] = Window(0, scope_of(["latsar"]), profile.digest(PROFILE))
        wallet = "0x" + "ee" * 20
        chain.keys |= {(issuer_id, registry.signer), (issuer_id, wallet)}

        def simulated(*approved: object) -> Approval:
            return Approval(wallet, int(str(approved[-1])), simulated_signature(wallet, issuer_id, *approved))

        def hold() -> None:
            chain.holds, chain.fee = True, 10

        return Port(registry, issuer_id, partial(chain.standing, issuer_id), lambda: None, simulated, hold, chain.mine)
    devnet = request.getfixturevalue("shared_devnet")
    address = request.getfixturevalue("shared_registry")
    devnet.accredit(address, issuer_id, devnet.account("institute").address, PROFILE, scope_of(["latsar"]))
    signer = Account.create()
    devnet.administration("accreditor", address).add_key(issuer_id, signer.address, 1, "institute")

    def signed(sequence: int, root: RootHash, size: int, deadline: int) -> Approval:
        header = BatchHeader(CHAIN_ID, address, issuer_id, PROFILE, sequence, size, root)
        made = approvals.approve(header, deadline, signer)
        return Approval(made.approver, made.deadline, made.signature)

    def standing(leaf_hash: LeafHash) -> Standing:
        read = Inspection(connect(devnet.url), address).status(issuer_id, leaf_hash)["standing"]
        return Standing(Status(read["status"]), read["reason"], bytes.fromhex(read["successor"] or "00" * 32))

    def automine(*, enabled: bool) -> None:
        devnet.call("evm_setAutomine", enabled)

    hold, release = (partial(automine, enabled=enabled) for enabled in (False, True))
    return Port(devnet.registry(address), issuer_id, standing, devnet.settle, signed, hold, release)


def anchor(port: Port, sequence: int, root: RootHash = ROOT, size: int = 3) -> bytes:
    signed = port.registry.sign_anchor(port.issuer_id, sequence, root, size, port.registry.next_nonce())
    port.registry.send(signed.raw)
    port.settle()
    return signed.transaction_hash


def change(port: Port, status: Status, **more: object) -> StatusChange:
    fields = {"reason": 0, "from_beginning": False, "successor": None} | more
    return StatusChange(port.issuer_id, fields.pop("leaves", (LEAF,)), status, **fields)


def test_before_anything(port):
    assert port.registry.last_sequence(port.issuer_id) == 0
    assert port.registry.anchor_of(port.issuer_id, 1) is None
    assert port.registry.mined(bytes(32)) is None
    assert port.registry.anchor_profile(port.issuer_id, 1) == bytes(32)
    assert port.standing(LEAF).status is Status.ACTIVE
    assert port.registry.open_window(port.issuer_id) == Window(0, 1, profile.digest(PROFILE))
    assert port.registry.open_window(IssuerId(bytes(31) + b"\x01")) is None


def test_an_anchor_is_found_with_its_transaction(port):
    transaction_hash = anchor(port, 1)
    found = port.registry.anchor_of(port.issuer_id, 1)
    assert (found.root_hash, found.tree_size) == (ROOT, 3)
    assert port.registry.mined(transaction_hash).succeeded
    assert port.registry.anchor_transaction(port.issuer_id, 1, found.block_number) == transaction_hash
    assert port.registry.last_sequence(port.issuer_id) == 1
    assert port.registry.anchor_profile(port.issuer_id, 1) == profile.digest(PROFILE)


@pytest.mark.parametrize("sequence", [0, 2, 3])
def test_only_the_next_sequence_is_signed(port, sequence):
    with pytest.raises(RegistryRefused) as raised:
        port.registry.sign_anchor(port.issuer_id, sequence, ROOT, 3, port.registry.next_nonce())
    assert raised.value.error == "RegistryBadSequence"


def test_an_unknown_issuer_is_refused(port):
    with pytest.raises(RegistryRefused) as raised:
        port.registry.sign_anchor(IssuerId(os.urandom(32)), 1, ROOT, 3, port.registry.next_nonce())
    assert raised.value.error == "RegistryKeyNotActive"


def test_the_same_bytes_may_be_sent_again_before_and_after_they_are_mined(port):
    signed = port.registry.sign_anchor(port.issuer_id, 1, ROOT, 3, port.registry.next_nonce())
    for _ in range(3):
        port.registry.send(signed.raw)
    port.settle()
    port.registry.send(signed.raw)
    assert port.registry.last_sequence(port.issuer_id) == 1


def test_a_second_anchor_of_one_sequence_reverts(port):
    nonce = port.registry.next_nonce()
    first = port.registry.sign_anchor(port.issuer_id, 1, ROOT, 3, nonce)
    second = port.registry.sign_anchor(port.issuer_id, 1, RootHash(b"\x33" * 32), 4, nonce + 1)
    port.registry.send(first.raw)
    port.registry.send(second.raw)
    port.settle()
    assert port.registry.mined(first.transaction_hash).succeeded
    assert not port.registry.mined(second.transaction_hash).succeeded
    assert port.registry.anchor_of(port.issuer_id, 1).root_hash == ROOT


def test_dearer_bytes_take_the_place_of_the_first(port):
    port.hold()
    first = port.registry.sign_anchor(port.issuer_id, 1, ROOT, 3, port.registry.next_nonce())
    port.registry.send(first.raw)
    second = port.registry.sign_replacement(first.raw)
    assert second.nonce == first.nonce
    port.registry.send(second.raw)
    with pytest.raises(FeeTooLow):
        port.registry.send(first.raw)
    port.release()
    port.settle()
    assert port.registry.mined(second.transaction_hash).succeeded
    assert port.registry.mined(first.transaction_hash) is None
    assert port.registry.anchor_of(port.issuer_id, 1).root_hash == ROOT


def test_the_head_is_a_block_and_its_time(port):
    before = port.registry.head()
    anchor(port, 1)
    after = port.registry.head()
    assert after.number > before.number
    assert after.time >= before.time


def test_statuses_follow_the_contract(port):
    for status in (Status.SUSPENDED, Status.ACTIVE, Status.REVOKED):
        port.registry.send(port.registry.sign_status(change(port, status, reason=9), port.registry.next_nonce()).raw)
        port.settle()
        fact = port.standing(LEAF)
        assert (fact.status, fact.reason) == (status, 9)
    with pytest.raises(RegistryRefused) as raised:
        port.registry.sign_status(change(port, Status.ACTIVE), port.registry.next_nonce())
    assert raised.value.error == "RegistryBadTransition"


def test_one_status_is_written_for_many_leaves_or_for_none(port):
    leaves = (LEAF, LeafHash(b"\x55" * 32), LeafHash(b"\x66" * 32))
    signed = port.registry.sign_status(change(port, Status.SUSPENDED, leaves=leaves), port.registry.next_nonce())
    port.registry.send(signed.raw)
    port.settle()
    assert [port.standing(leaf).status for leaf in leaves] == [Status.SUSPENDED] * 3
    revoked = change(port, Status.REVOKED, leaves=leaves[1:2])
    port.registry.send(port.registry.sign_status(revoked, port.registry.next_nonce()).raw)
    port.settle()
    with pytest.raises(RegistryRefused) as raised:
        port.registry.sign_status(change(port, Status.ACTIVE, leaves=leaves), port.registry.next_nonce())
    assert raised.value.error == "RegistryBadTransition"


def test_a_successor_is_a_leaf_of_an_anchored_batch(port):
    successor = LeafHash(b"\x44" * 32)
    anchor(port, 1, RootHash(successor), 1)
    for wrong in (
        LeafReference(LEAF, 1, 0, ()),
        LeafReference(successor, 2, 0, ()),
        LeafReference(successor, 1, 1, ()),
        LeafReference(successor, 1, 0, (bytes(32),)),
    ):
        with pytest.raises(RegistryRefused) as raised:
            port.registry.sign_status(change(port, Status.SUPERSEDED, successor=wrong), port.registry.next_nonce())
        assert raised.value.error == "RegistryBadSuccessor"
    right = change(port, Status.SUPERSEDED, successor=LeafReference(successor, 1, 0, ()))
    port.registry.send(port.registry.sign_status(right, port.registry.next_nonce()).raw)
    port.settle()
    assert port.standing(LEAF).successor == successor


def test_an_approval_is_relayed_for_exactly_what_it_approves(port):
    deadline = 2**40
    given = port.approve(1, ROOT, 3, deadline)
    nonce = port.registry.next_nonce()
    for root, size, approval, error in (
        (RootHash(b"\x99" * 32), 3, given, "RegistryBadApproval"),
        (ROOT, 4, given, "RegistryBadApproval"),
        (ROOT, 3, replace(given, deadline=deadline + 1), "RegistryBadApproval"),
        (ROOT, 3, replace(given, approver="0x" + "12" * 20), "RegistryBadApproval"),
        (ROOT, 3, port.approve(1, ROOT, 3, 1), "RegistryApprovalExpired"),
    ):
        with pytest.raises(RegistryRefused) as raised:
            port.registry.sign_anchor(port.issuer_id, 1, root, size, nonce, approval)
        assert raised.value.error == error
    port.registry.send(port.registry.sign_anchor(port.issuer_id, 1, ROOT, 3, nonce, given).raw)
    port.settle()
    assert port.registry.anchor_of(port.issuer_id, 1).root_hash == ROOT
    with pytest.raises(RegistryRefused) as raised:
        port.registry.sign_anchor(port.issuer_id, 1, ROOT, 3, port.registry.next_nonce(), given)
    assert raised.value.error == "RegistryBadSequence"


def test_a_night_is_closed_once_and_says_how_far_the_issuer_came(port):
    anchor(port, 1)
    with pytest.raises(RegistryRefused) as raised:
        port.registry.sign_night(port.issuer_id, 7, 0, port.registry.next_nonce())
    assert raised.value.error == "RegistryBadSequence"
    port.registry.send(port.registry.sign_night(port.issuer_id, 7, 1, port.registry.next_nonce()).raw)
    port.settle()
    assert port.registry.last_night(port.issuer_id) == 7
    with pytest.raises(RegistryRefused) as raised:
        port.registry.sign_night(port.issuer_id, 7, 1, port.registry.next_nonce())
    assert raised.value.error == "RegistryBadNight"


def test_a_node_that_is_down_is_unavailable_and_nothing_else(devnet):
    address = devnet.deploy()
    registry = devnet.registry(address)
    devnet.accredit(address, b"\x01" * 32, devnet.account("institute").address)
    signed = registry.sign_anchor(IssuerId(b"\x01" * 32), 1, ROOT, 3, registry.next_nonce())
    devnet.kill()
    for ask in (
        lambda: registry.last_sequence(IssuerId(b"\x01" * 32)),
        lambda: registry.anchor_of(IssuerId(b"\x01" * 32), 1),
        lambda: registry.mined(bytes(32)),
        registry.next_nonce,
        lambda: registry.open_window(IssuerId(b"\x01" * 32)),
        lambda: registry.send(signed.raw),
        lambda: registry.sign_anchor(IssuerId(b"\x01" * 32), 1, ROOT, 3, 0),
    ):
        with pytest.raises(RegistryUnavailable):
            ask()


def test_another_chain_is_unavailable(shared_devnet):
    registry = shared_devnet.registry("0x" + "11" * 20)
    registry._chain_id = 1
    with pytest.raises(RegistryUnavailable, match="follows chain"):
        registry.last_sequence(IssuerId(bytes(32)))
