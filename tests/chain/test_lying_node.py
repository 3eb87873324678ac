"""Whatever a node or a remote signer answers, one of our own errors is all that comes of it, and the process lives."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from devnet import CHAIN_ID
from eth_account import Account
from remote_signer import RemoteSignerServer
from rpc_proxy import Proxy

from anchor_service.chain.contract import connect
from anchor_service.chain.inspection import Inspection
from anchor_service.chain.log import read, read_recorded
from anchor_service.chain.provider import MAX_ANSWER_BYTES
from anchor_service.chain.signer import KeystoreSigner, RemoteSigner
from anchor_service.chain.web3_registry import Web3Writer
from anchor_service.core.errors import AnchorServiceError, RegistryUnavailable, SignerRejected
from anchor_service.core.hashing import IssuerId, LeafHash, RootHash
from anchor_service.core.states import Status
from anchor_service.ports import StatusChange

ISSUER, LEAF = IssuerId(b"\x01" * 32), LeafHash(b"\x02" * 32)
METHODS = (
    "eth_chainId", "eth_blockNumber", "eth_getBlockByNumber", "eth_call", "eth_getLogs", "eth_getCode",
    "eth_getTransactionReceipt", "eth_getTransactionCount", "eth_estimateGas", "eth_gasPrice",
    "eth_maxPriorityFeePerGas", "eth_sendRawTransaction",
)  # fmt: skip
# A result, or a whole answer in bytes.
WRONG: dict[str, Any] = {
    "null": None, "true": True, "a number": 7, "a negative number": -1, "a fraction": 1.5, "an empty text": "",
    "a text": "x", "half a byte": "0x1", "nothing in hexadecimal": "0x", "a byte": "0x00", "a word": "0x" + "ff" * 32,
    "a thousand words": "0x" + "ff" * 32_000, "a lone surrogate": "\ud800", "an empty list": [], "a list": [None],
    "a list of objects": [{}], "an object": {}, "a block of nulls": {"number": None, "hash": None, "timestamp": None},
    "a block of texts": {"number": "x", "hash": "x", "timestamp": "x"},
    "a receipt of nulls": {"blockNumber": None, "status": None},
    "an event": [{"topics": [], "data": "0x", "blockNumber": "0x1", "logIndex": "0x0"}],
    "no answer": b"", "no JSON": b"<html>", "a JSON list": b"[]", "a JSON text": b'"x"', "JSON null": b"null",
    "bytes that are no text": b"\xff\xfe", "an error that is a text": b'{"jsonrpc":"2.0","id":1,"error":"no"}',
    "an error that is null": b'{"jsonrpc":"2.0","id":1,"error":null}',
    "an error of nulls": b'{"jsonrpc":"2.0","id":1,"error":{"code":null,"message":null,"data":null}}',
    "a revert": b'{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"execution reverted","data":"0x"}}',
    "a revert of nonsense": b'{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"execution reverted","data":"0xzz"}}',
    "brackets": b"[" * 200_000,
    "brackets in a result": b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * 200_000,
}  # fmt: skip


class Lying(Proxy):
    """A node that answers one method with something else."""

    def __init__(self, target: str) -> None:
        super().__init__(target, remembers=True)
        self.method, self.said = "", b""
        self.asked: set[str] = set()
        self.after = self._answer

    def _answer(self, asked: dict[str, Any], answer: bytes) -> bytes:
        self.asked.add(asked["method"])
        return self.said if asked["method"] == self.method else answer

    def lie(self, method: str, wrong: Any) -> None:
        self.method = method
        self.said = (
            wrong if isinstance(wrong, bytes) else json.dumps({"jsonrpc": "2.0", "id": 1, "result": wrong}).encode()
        )


@pytest.fixture
def node(shared_devnet):
    with Lying(shared_devnet.url) as made:
        yield made


@pytest.fixture
def registry(node, shared_registry):
    signer = KeystoreSigner(Account.from_key(os.urandom(32)))
    return Web3Writer(connect(node.url), CHAIN_ID, shared_registry, 0, signer)


def every_question(registry: Web3Writer, url: str, address: str) -> list[Callable[[], object]]:
    """All that the service asks of a node."""
    client, change = connect(url), StatusChange(ISSUER, LEAF, Status.REVOKED, 1, False, None)
    inspection = Inspection(client, address)
    return [
        registry.head, lambda: registry.open_window(ISSUER), lambda: registry.last_sequence(ISSUER),
        lambda: registry.last_night(ISSUER), lambda: registry.anchor_of(ISSUER, 1),
        lambda: registry.anchor_transaction(ISSUER, 1, 1), lambda: registry.anchor_profile(ISSUER, 1),
        lambda: registry.status_of(ISSUER, LEAF), lambda: registry.statuses_of(ISSUER),
        lambda: registry.mined(bytes(32)), registry.next_nonce,
        lambda: registry.sign_anchor(ISSUER, 1, RootHash(LEAF), 1, 0), lambda: registry.sign_night(ISSUER, 1, 0, 0),
        lambda: registry.sign_status(change, 0), lambda: registry.send(b"\x02"), inspection.registry,
        inspection.is_sealed_by_clique, lambda: inspection.issuer(ISSUER),
        lambda: inspection.key(ISSUER, "0x" + "11" * 20), lambda: inspection.status(ISSUER, LEAF),
        lambda: inspection.anchor(ISSUER, 1), lambda: read(client, address),
        lambda: read_recorded(client, [address], 0),
    ]  # fmt: skip


def asked_by(question: Callable[[], object], node: Lying) -> set[str]:
    """What an honest node is asked for it, as far as it goes; for signing, what follows the estimate too."""
    node.asked.clear()
    with suppress(AnchorServiceError):
        question()
    signing = {"eth_maxPriorityFeePerGas", "eth_gasPrice"}
    return node.asked | (signing if "eth_estimateGas" in node.asked else set())


@pytest.mark.parametrize("method", METHODS)
def test_no_wrong_answer_escapes(node, registry, shared_registry, method):
    escaped = []
    questions = [one for one in every_question(registry, node.url, shared_registry) if method in asked_by(one, node)]
    assert questions
    for name, wrong in WRONG.items():
        node.lie(method, wrong)
        for question in questions:
            try:
                question()
            except AnchorServiceError:
                continue
            except Exception as error:  # noqa: BLE001  (what escapes is what is looked for)
                escaped.append(f"{name}: {type(error).__name__}: {error}"[:200])
    assert escaped == []


def test_what_went_wrong_is_said_without_the_path_or_the_user(node, shared_registry):
    node.lie("eth_blockNumber", [])
    address = node.url.removeprefix("http://")
    reader = Web3Writer(connect(f"http://me:pass@{address}/secret"), CHAIN_ID, shared_registry, 0, None)
    with pytest.raises(RegistryUnavailable, match=rf"^reading the head: http://{address}: \w+Error: ") as raised:
        reader.head()
    reader = Web3Writer(connect("http://me:pass@127.0.0.1:1/secret"), CHAIN_ID, shared_registry, 0, None)
    with pytest.raises(RegistryUnavailable, match=r"^http://127\.0\.0\.1:1 did not answer eth_chainId: ") as again:
        reader.head()
    assert not [word for word in ("secret", "pass") if word in f"{raised.value} {again.value}"]


def test_an_answer_without_end_is_given_up(node, registry):
    node.lie("eth_chainId", b'"' + b" " * MAX_ANSWER_BYTES)
    with pytest.raises(RegistryUnavailable, match="answered eth_chainId with more than 67108864 bytes"):
        registry.head()


def test_brackets_do_not_end_the_process(node, shared_registry):
    node.lie("eth_chainId", WRONG["brackets in a result"])
    program = (
        "import sys; from anchor_service.chain.contract import connect; "
        "from anchor_service.chain.web3_registry import Web3Reader; print(sys.getrecursionlimit()); "
        f"Web3Reader(connect({node.url!r}), 1, {shared_registry!r}, 0).head()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "1000\n"), done.stderr
    assert f"RegistryUnavailable: {node.url} answered eth_chainId nested more than 32 deep" in done.stderr


TRANSACTION = {
    "type": 2, "to": "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB", "nonce": 7, "chainId": 1, "gas": 100_000,
    "value": 0, "data": "0x1234", "maxPriorityFeePerGas": 0, "maxFeePerGas": 2,
}  # fmt: skip


def test_no_wrong_answer_of_a_remote_signer_escapes():
    account = Account.from_key(b"\x11" * 32)
    escaped = []
    with RemoteSignerServer(account) as server, Lying(server.url) as node:
        signer = RemoteSigner(node.url, account.address)
        assert signer.sign({**TRANSACTION, "from": account.address})[0]
        for name, wrong in WRONG.items():
            node.lie("eth_signTransaction", wrong)
            try:
                signer.sign({**TRANSACTION, "from": account.address})
                escaped.append(f"{name}: taken")
            except (RegistryUnavailable, SignerRejected):
                continue
            except Exception as error:  # noqa: BLE001  (what escapes is what is looked for)
                escaped.append(f"{name}: {type(error).__name__}: {error}"[:200])
    assert escaped == []
