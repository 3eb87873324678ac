"""One suite for the signer port, on a key in this process and on a remote signer; and what a rogue one may not do."""

from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from remote_signer import RemoteSignerServer

from anchor_service.chain import approvals
from anchor_service.chain.signer import KeystoreSigner, RemoteSigner
from anchor_service.core.errors import RegistryUnavailable, SignerRejected
from anchor_service.core.hashing import IssuerId, RootHash
from anchor_service.core.manifest import BatchHeader

ACCOUNT = Account.from_key(b"\x11" * 32)
TRANSACTION = {
    "type": 2,
    "from": ACCOUNT.address,
    "to": "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB",
    "nonce": 7,
    "chainId": 200_826,
    "gas": 100_000,
    "value": 0,
    "data": "0x1234",
    "maxPriorityFeePerGas": 0,
    "maxFeePerGas": 2 * 10**9,
}


@pytest.mark.parametrize("number", range(20))
def test_an_approval_as_any_wallet_writes_it(number):
    header = BatchHeader(7, "0x" + "11" * 20, bytes(32), "{}", number + 1, 3, RootHash(b"\x01" * 32))
    made = approvals.approve(header, 1_800_000_000, ACCOUNT)
    assert approvals.normalised(made) == made
    r, s, v = made.signature[:32], int.from_bytes(made.signature[32:64]), made.signature[64] - 27
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    for signature in (
        r + s.to_bytes(32) + bytes([v]),
        r + (v << 255 | s).to_bytes(32),
        r + (order - s).to_bytes(32) + bytes([28 - v]),
    ):
        assert approvals.normalised(replace(made, signature=signature)) == made
    for signature in (
        b"",
        made.signature[:64] + b"\x02",
        r + s.to_bytes(32) + bytes([28 - v]),
        bytes(65),
        b"\xff" * 65,
        b"\xff" * 64 + b"\x1b",
        made.signature + b"\x00",
    ):
        assert approvals.normalised(replace(made, signature=signature)) is None
    assert approvals.normalised(replace(made, tree_size=4)) is None


@pytest.fixture
def server():
    with RemoteSignerServer(ACCOUNT) as made:
        yield made


@pytest.fixture(params=["keystore", "remote"])
def signer(request, server):
    return KeystoreSigner(ACCOUNT) if request.param == "keystore" else RemoteSigner(server.url, ACCOUNT.address.lower())


def test_it_signs_exactly_what_it_is_asked_for(signer):
    assert signer.address == ACCOUNT.address
    raw, transaction_hash = signer.sign(dict(TRANSACTION))
    assert Account.recover_transaction(raw) == ACCOUNT.address
    decoded = TypedTransaction.from_bytes(HexBytes(raw))
    assert keccak(raw) == transaction_hash
    fields = decoded.as_dict()
    for name in ("nonce", "chainId", "gas", "value", "maxPriorityFeePerGas", "maxFeePerGas"):
        assert fields[name] == TRANSACTION[name]
    assert bytes(fields["data"]) == b"\x12\x34"


def test_both_sign_the_same_bytes(server):
    remote = RemoteSigner(server.url, ACCOUNT.address)
    assert remote.sign(dict(TRANSACTION)) == KeystoreSigner(ACCOUNT).sign(dict(TRANSACTION))


@pytest.mark.parametrize(
    "change",
    [{"to": "0x" + "00" * 20}, {"data": "0x1235"}, {"nonce": "0x8"}, {"value": "0x1"}, {"gas": "0x1"},
     {"chainId": "0x1"}, {"maxFeePerGas": "0x1"}, {"accessList": [{"address": "0x" + "11" * 20, "storageKeys": []}]}],
)  # fmt: skip
def test_a_remote_signer_that_signs_something_else_is_not_believed(server, change):
    server.lie = lambda transaction: transaction | change
    with pytest.raises(SignerRejected, match="another transaction"):
        RemoteSigner(server.url, ACCOUNT.address).sign(dict(TRANSACTION))


def test_a_remote_signer_with_another_key_is_not_believed(server):
    server.answer = lambda _: (
        Account.from_key(b"\x12" * 32)
        .sign_transaction({name: value for name, value in TRANSACTION.items() if name != "from"})
        .raw_transaction.to_0x_hex()
    )
    with pytest.raises(SignerRejected, match="or as"):
        RemoteSigner(server.url, ACCOUNT.address).sign(dict(TRANSACTION))


@pytest.mark.parametrize("answer", [None, "0x", "0x02", "zz", 7, "0x" + "00" * 300, {"raw": "0x"}])
def test_rubbish_from_a_remote_signer_is_refused(server, answer):
    server.answer = lambda _: answer
    with pytest.raises((RegistryUnavailable, SignerRejected)):
        RemoteSigner(server.url, ACCOUNT.address).sign(dict(TRANSACTION))


def test_a_remote_signer_may_refuse_or_be_away(server):
    server.refusal = "not on the allow list"
    with pytest.raises(SignerRejected, match="not on the allow list"):
        RemoteSigner(server.url, ACCOUNT.address).sign(dict(TRANSACTION))
    with pytest.raises(RegistryUnavailable, match="did not answer eth_signTransaction"):
        RemoteSigner("http://127.0.0.1:9", ACCOUNT.address).sign(dict(TRANSACTION))


def test_the_registry_anchors_with_a_remote_signer(shared_devnet, shared_registry):
    issuer_id = IssuerId(b"\x77" * 32)
    institute = shared_devnet.account("institute")
    shared_devnet.accredit(shared_registry, issuer_id, institute.address)
    with RemoteSignerServer(institute) as server:
        registry = shared_devnet.registry(shared_registry)
        registry._signer = RemoteSigner(server.url, institute.address)
        signed = registry.sign_anchor(issuer_id, 1, RootHash(b"\x11" * 32), 1, registry.next_nonce())
        registry.send(signed.raw)
        shared_devnet.settle()
        assert registry.mined(signed.transaction_hash).succeeded
        assert {one["to"].lower() for one in server.asked} == {shared_registry}
