"""The devnet as a client sees it: what it answers, what it refuses, and what survives kill -9."""

import json
import random
import subprocess
import sys
import threading
import time
import urllib.error
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from devnet import CHAIN_ID, Devnet
from eth_account import Account
from eth_utils import keccak
from rlp import decode, encode
from trie import HexaryTrie
from trie.exceptions import BadTrieProof
from web3.exceptions import ContractCustomError

from anchor_service.chain.contract import artifact, connect
from anchor_service.core.hashing import IssuerId

ISSUER = b"\x05" * 32


def post(url: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    request = Request(
        url, body, {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    )
    try:
        with urlopen(request, timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def transfer(devnet: Devnet, nonce: int, **changes: object) -> dict[str, object]:
    return {
        "to": devnet.account("admin").address,
        "value": 1,
        "gas": 21_000,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 10**9,
        "nonce": nonce,
        "chainId": CHAIN_ID,
    } | changes


def send(devnet: Devnet, nonce: int, name: str = "regulator", **changes: object) -> dict[str, object]:
    signed = devnet.account(name).sign_transaction(transfer(devnet, nonce, **changes))
    return devnet.ask("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())


def next_nonce(devnet: Devnet, name: str = "regulator") -> int:
    return int(devnet.call("eth_getTransactionCount", devnet.account(name).address, "pending"), 16)


def test_it_answers_on_this_machine_only(shared_devnet):
    # The kernel writes 127.0.0.1 as 0100007F, and state 0A is LISTEN.
    sockets = [line.split()[1:4] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = {
        address for address, _, state in sockets if state == "0A" and address.endswith(f":{shared_devnet.port:04X}")
    }
    assert ours == {f"0100007F:{shared_devnet.port:04X}"}
    question = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'
    assert post(shared_devnet.url, question)[0] == 200
    # A stranger's name for this address, as DNS rebinding uses it.
    assert post(shared_devnet.url, question, Host="evil.example:8545")[0] == 400
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert post(shared_devnet.url, question, Content_Type=kind)[0] == 415
    assert post(shared_devnet.url, b" " * (5 << 20))[0] == 413


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b"1", -32600),
        (b'{"id":1}', -32600),
        (b'{"id":1,"method":5}', -32600),
        (b'{"id":1,"method":"eth_nothing"}', -32601),
        (b'{"id":1,"method":"personal_unlockAccount"}', -32601),
        (b'{"id":1,"method":"eth_sendTransaction","params":[{}]}', -32601),
        (b'{"id":1,"method":"eth_getBalance","params":{}}', -32602),
        (b'{"id":1,"method":"eth_getBalance","params":[]}', -32602),
        (b'{"id":1,"method":"eth_getBalance","params":["0x00"]}', -32602),
        (b'{"id":1,"method":"eth_getBalance","params":["0x0000000000000000000000000000000000000000","0x01"]}', -32602),
        (
            b'{"id":1,"method":"eth_getBalance","params":["0x0000000000000000000000000000000000000000","0xffff"]}',
            -32000,
        ),
        (b'{"id":1,"method":"eth_sendRawTransaction","params":["0x"]}', -32000),
        (b'{"id":1,"method":"eth_sendRawTransaction","params":["0x02ff"]}', -32000),
        (b'{"id":1,"method":"eth_call","params":["x"]}', -32602),
        (b'{"id":1,"method":"eth_getLogs","params":[{"address":"0x1"}]}', -32602),
        (b'{"id":1,"method":"eth_getLogs","params":[null]}', -32602),
        (b'{"id":1,"method":"eth_getLogs","params":[{"topics":5}]}', -32602),
        (b'{"id":1,"method":"eth_getLogs","params":[{"topics":[{}]}]}', -32602),
        (b'{"id":1,"method":"eth_estimateGas","params":[[]]}', -32602),
        (b'{"id":1,"method":"eth_call","params":[{"to":{}}]}', -32602),
        (b'{"id":1,"method":"eth_call","params":[{"gas":"lots"}]}', -32602),
        (b'{"id":1,"method":"eth_feeHistory","params":["0x1","latest",[50],1]}', -32602),
        (b'{"id":1,"method":"eth_getBlockByNumber","params":[[]]}', -32602),
        (b'{"id":1,"method":"eth_getBlockByHash","params":[{"a":1}]}', -32602),
    ],
)
def test_rubbish_gets_an_error_and_not_a_crash(shared_devnet, body, code):
    status, answer = post(shared_devnet.url, body)
    assert status == 200
    assert json.loads(answer)["error"]["code"] == code


def test_it_unlocks_nothing_and_knows_no_public_key(shared_devnet):
    assert shared_devnet.call("eth_accounts") == []
    Account.enable_unaudited_hdwallet_features()
    known = Account.from_mnemonic("test test test test test test test test test test test junk").address
    assert shared_devnet.call("eth_getBalance", known, "latest") == "0x0"
    modes = {path.stat().st_mode & 0o777 for path in (shared_devnet.folder / "keystore").iterdir()}
    assert modes == {0o600}
    assert (shared_devnet.folder / "password").stat().st_mode & 0o777 == 0o600


def test_two_devnets_have_two_genesis_blocks_and_other_keys(tmp_path):
    found = set()
    for name in ("one", "two"):
        with Devnet(tmp_path / name) as devnet:
            found.add((devnet.call("eth_getBlockByNumber", "0x0", False)["hash"], devnet.account("admin").address))
    assert len({genesis for genesis, _ in found}) == len({address for _, address in found}) == 2


def test_a_second_process_on_the_same_file_is_refused(shared_devnet):
    again = subprocess.run(
        [sys.executable, "-m", "jangkar_devnet", "--data", str(shared_devnet.folder), "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2] / "hardhat-free-devnet",
    )
    assert again.returncode == 2
    assert "in use by another process" in again.stderr


def test_test_methods_are_off_unless_asked_for(tmp_path):
    with Devnet(tmp_path / "plain", "--port", "0") as devnet:
        for method in ("evm_mine", "evm_revert", "evm_increaseTime", "evm_snapshot", "evm_setAutomine"):
            assert devnet.ask(method)["error"]["code"] == -32601


def test_a_transaction_from_pool_to_receipt(shared_devnet):
    nonce = next_nonce(shared_devnet)
    hash_ = send(shared_devnet, nonce)["result"]
    waiting = shared_devnet.call("eth_getTransactionByHash", hash_)
    assert waiting["blockNumber"] is None or int(waiting["blockNumber"], 16) > 0
    assert send(shared_devnet, nonce)["error"]["message"] == "already known"
    receipt = None
    while receipt is None:
        time.sleep(0.05)
        receipt = shared_devnet.call("eth_getTransactionReceipt", hash_)
    assert receipt["status"] == "0x1"
    block = shared_devnet.call("eth_getBlockByHash", receipt["blockHash"], True)
    assert hash_ in [one["hash"] for one in block["transactions"]]
    assert send(shared_devnet, nonce, value=2)["error"]["message"].startswith("nonce too low")
    assert shared_devnet.call("eth_getTransactionReceipt", "0x" + "00" * 32) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"chainId": 1}, "invalid chain id"),
        ({"gas": 20_999}, "intrinsic gas too low"),
        ({"gas": 10**9}, "exceeds block gas limit"),
        ({"value": 10**30}, "insufficient funds"),
        ({"maxFeePerGas": 1, "maxPriorityFeePerGas": 0}, "max fee per gas less than block base fee"),
    ],
)
def test_bad_transactions_are_refused_in_the_words_that_clients_know(shared_devnet, changes, said):
    assert said in send(shared_devnet, next_nonce(shared_devnet), **changes)["error"]["message"]


def test_nonces_may_come_out_of_order_and_be_replaced_at_a_higher_fee(devnet):
    devnet.call("evm_setAutomine", False)
    send(devnet, 1)
    send(devnet, 0)
    assert send(devnet, 1, value=2)["error"]["message"] == "replacement transaction underpriced"
    dearer = send(devnet, 1, value=3, maxFeePerGas=2 * 10**10)["result"]
    assert next_nonce(devnet) == 2
    devnet.call("evm_mine")
    assert devnet.call("eth_getTransactionReceipt", dearer)["status"] == "0x1"
    assert len(devnet.call("eth_getBlockByNumber", "latest", False)["transactions"]) == 2


def test_block_time_never_runs_ahead_of_the_clock(devnet):
    """Many quick transactions share blocks, at most one a second."""
    for nonce in range(30):
        assert "result" in send(devnet, nonce)
        assert int(devnet.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16) <= time.time()
    while next_nonce(devnet) != int(
        devnet.call("eth_getTransactionCount", devnet.account("regulator").address, "latest"), 16
    ):
        time.sleep(0.1)
    head = int(devnet.call("eth_blockNumber"), 16)
    times = [
        int(devnet.call("eth_getBlockByNumber", hex(number), False)["timestamp"], 16) for number in range(head + 1)
    ]
    assert times == sorted(set(times))
    assert times[-1] <= time.time()


def test_an_old_head_gets_an_empty_block(devnet):
    before = int(devnet.call("eth_blockNumber"), 16)
    devnet.call("evm_increaseTime", 61)
    deadline = time.monotonic() + 10
    while int(devnet.call("eth_blockNumber"), 16) == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert devnet.call("eth_getBlockByNumber", "latest", False)["transactions"] == []


def test_a_reverted_call_carries_its_error(shared_devnet, shared_registry):
    client = connect(shared_devnet.url)
    contract = client.eth.contract(address=client.to_checksum_address(shared_registry), abi=artifact()["abi"])
    call = contract.functions.anchor(ISSUER, 1, b"\x01" * 32, 1)
    for ask in (call.call, call.estimate_gas):
        with pytest.raises(ContractCustomError) as raised:
            ask({"from": shared_devnet.account("admin").address})
        assert str(raised.value.data).startswith(
            "0x" + keccak(text="RegistryKeyNotActive(bytes32,address,uint8)")[:4].hex()
        )


def test_logs_are_found_by_address_topic_and_range(shared_devnet, shared_registry):
    issuer = random.randbytes(32)
    shared_devnet.accredit(shared_registry, issuer, shared_devnet.account("institute").address)
    everything = {"address": shared_registry, "fromBlock": "0x0", "toBlock": "latest"}
    mine = shared_devnet.call("eth_getLogs", everything | {"topics": [None, "0x" + issuer.hex()]})
    assert len(mine) == 2
    assert {log["removed"] for log in mine} == {False}
    by_hash = shared_devnet.call("eth_getLogs", {"blockHash": mine[0]["blockHash"], "address": [shared_registry]})
    assert mine[0] in by_hash
    assert shared_devnet.call("eth_getLogs", everything | {"address": "0x" + "99" * 20}) == []
    receipt = shared_devnet.call("eth_getTransactionReceipt", mine[0]["transactionHash"])
    assert mine[0] in receipt["logs"]


def test_proofs_lead_to_the_headers_state_root(shared_devnet, shared_registry):
    """Account and storage slot, by the proof alone; slot 3 holds the log's size."""
    block = shared_devnet.call("eth_getBlockByNumber", "latest", False)
    proof = shared_devnet.call("eth_getProof", shared_registry, ["0x3", "0x" + "ff" * 32], block["number"])

    def proven(root: str, key: bytes, nodes: list[str]) -> bytes:
        return HexaryTrie.get_from_proof(
            bytes.fromhex(root[2:]), keccak(key), [decode(bytes.fromhex(node[2:])) for node in nodes]
        )

    account = proven(block["stateRoot"], bytes.fromhex(shared_registry[2:]), proof["accountProof"])
    fields = [int(proof[name], 16) for name in ("nonce", "balance")]
    hashes = [bytes.fromhex(proof[name][2:]) for name in ("storageHash", "codeHash")]
    assert account == encode([*fields, *hashes])
    present, absent = proof["storageProof"]
    assert proven(proof["storageHash"], (3).to_bytes(32, "big"), present["proof"]) == encode(int(present["value"], 16))
    assert int(present["value"], 16) > 0
    assert proven(proof["storageHash"], b"\xff" * 32, absent["proof"]) == b""
    with pytest.raises(BadTrieProof):
        proven("0x" + "11" * 32, b"\xff" * 32, absent["proof"])


def test_old_blocks_keep_their_state(shared_devnet, shared_registry):
    code = shared_devnet.call("eth_getCode", shared_registry, "latest")
    assert len(code) > 1_000
    assert shared_devnet.call("eth_getCode", shared_registry, "0x0") == "0x"
    block = shared_devnet.call("eth_getBlockByNumber", "latest", False)
    assert shared_devnet.call("eth_getCode", shared_registry, {"blockHash": block["hash"]}) == code
    assert shared_devnet.call("eth_getStorageAt", shared_registry, "0x3", "latest") != "0x" + "00" * 32


def test_a_revert_drops_blocks_and_their_traces(devnet):
    snapshot = devnet.call("evm_snapshot")
    hash_ = send(devnet, 0)["result"]
    devnet.call("evm_mine")
    dropped = devnet.call("eth_getTransactionReceipt", hash_)["blockHash"]
    devnet.call("evm_setAutomine", False)
    devnet.call("evm_revert", snapshot)
    assert devnet.call("eth_blockNumber") == snapshot
    assert devnet.call("eth_getTransactionReceipt", hash_) is None
    assert devnet.call("eth_getBlockByHash", dropped, False) is None
    assert next_nonce(devnet) == 0
    again = send(devnet, 0, value=7)["result"]
    devnet.call("evm_mine")
    assert devnet.call("eth_getTransactionReceipt", again)["status"] == "0x1"


class Stream(threading.Thread):
    """Sends one anchor after the other until the node is gone, and remembers what was acknowledged."""

    def __init__(self, devnet: Devnet, address: str, nonce: int) -> None:
        super().__init__()
        self._devnet = devnet
        self._address = address
        self._nonce = nonce
        client = connect(devnet.url)
        self._contract = client.eth.contract(address=client.to_checksum_address(address), abi=artifact()["abi"])
        self.acknowledged: list[str] = []

    def run(self) -> None:
        while self.send():
            time.sleep(0.05)

    def send(self) -> bool:
        """Send the next anchor. Returns whether it was acknowledged."""
        done = len(self.acknowledged)
        data = self._contract.encode_abi("anchor", [ISSUER, done + 1, b"\x01" * 32, done + 1])
        fields = transfer(self._devnet, self._nonce + done, gas=400_000, value=0, to=self._contract.address, data=data)
        signed = self._devnet.account("institute").sign_transaction(fields)
        try:
            answer = self._devnet.ask("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
        except (OSError, ValueError, HTTPException):
            return False
        # Acknowledged now, or before a kill that cut the answer off.
        assert "result" in answer or answer["error"]["message"] == "already known", answer
        self.acknowledged.append("0x" + bytes(signed.hash).hex())
        return True

    def again(self) -> "Stream":
        following = Stream(self._devnet, self._address, self._nonce)
        following.acknowledged = self.acknowledged
        return following


def test_twenty_kills_under_a_stream_of_anchors(devnet):
    """Kill -9 at random moments: every acknowledged anchor is there after each restart."""
    chance = random.Random(9)
    address = devnet.deploy()
    devnet.accredit(address, ISSUER, devnet.account("institute").address)
    registry, port = devnet.registry(address), devnet.port
    stream = Stream(devnet, address, registry.next_nonce())
    checked = 0
    for _ in range(20):
        stream.start()
        time.sleep(chance.uniform(0.05, 1.3))
        devnet.kill()
        stream.join()
        devnet.start(port)
        # Nothing that was acknowledged is missing: it is mined, or it waits in the pool.
        for hash_ in stream.acknowledged[checked:]:
            assert devnet.call("eth_getTransactionByHash", hash_) is not None
        checked = len(stream.acknowledged)
        stream = stream.again()
    # The last kill may have cut off an answer, which only asking again tells.
    assert stream.send()
    devnet.settle(60)
    assert len(stream.acknowledged) > 20
    for number, hash_ in enumerate(stream.acknowledged, start=1):
        assert devnet.call("eth_getTransactionReceipt", hash_)["status"] == "0x1"
        assert registry.anchor_of(IssuerId(ISSUER), number).tree_size == number
    assert registry.last_sequence(IssuerId(ISSUER)) == len(stream.acknowledged)
