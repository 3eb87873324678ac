"""The JSON-RPC methods, as web3 clients expect them. Source: the Ethereum JSON-RPC specification, EIP-1186."""

import inspect
from collections.abc import Callable
from typing import Any

from eth.abc import BlockHeaderAPI, ComputationAPI
from eth.exceptions import Revert, VMError
from eth.rlp.accounts import Account
from eth.vm.spoof import SpoofTransaction
from eth_tester.backends.pyevm.serializers import serialize_block, serialize_transaction, serialize_transaction_receipt
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError
from rlp import decode as rlp_decode
from rlp import encode as rlp_encode
from trie import HexaryTrie

from jangkar_devnet import gas, storage
from jangkar_devnet.chain import GAS_LIMIT, DevChain, TransactionRefused
from jangkar_devnet.storage import IndexedLog
from jangkar_devnet.wire import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    REVERTED,
    SERVER_ERROR,
    RpcError,
    hex_of,
    log_of,
    to_bytes,
    to_list,
    to_number,
    to_object,
    to_slot,
    wire,
)

MAX_BATCH = 100
MAX_LOGS = 10_000
PRIORITY_FEE = 10**9


class JsonRpc:
    """Answers requests for one chain."""

    def __init__(self, chain: DevChain, *, test_methods: bool) -> None:
        """`test_methods` adds time travel, revert and a sealer that can be held."""
        self.chain = chain
        self.methods: dict[str, Callable[..., Any]] = {
            "web3_clientVersion": lambda: "jangkar-devnet/0.1.0",
            "net_version": lambda: str(chain.chain_id),
            "net_listening": lambda: True,
            "net_peerCount": lambda: "0x0",
            "eth_chainId": lambda: hex(chain.chain_id),
            "eth_syncing": lambda: False,
            "eth_accounts": list,
            "eth_blockNumber": lambda: hex(chain.head().block_number),
            "eth_gasPrice": lambda: hex(chain.next_header().base_fee_per_gas + PRIORITY_FEE),
            "eth_maxPriorityFeePerGas": lambda: hex(PRIORITY_FEE),
            "eth_feeHistory": self._fee_history,
            "eth_getBlockByNumber": lambda tag, full=False: self._block(self._header(tag, missing_ok=True), full=full),
            "eth_getBlockByHash": lambda hash_, full=False: self._block(self._header_by_hash(hash_), full=full),
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._transaction_receipt,
            "eth_getTransactionCount": self._transaction_count,
            "eth_getBalance": lambda address, tag="latest": self._state(tag, "get_balance", to_bytes(address, 20)),
            "eth_getCode": lambda address, tag="latest": self._state(tag, "get_code", to_bytes(address, 20)),
            "eth_getStorageAt": self._storage_at,
            "eth_getProof": self._proof,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate_gas,
            "eth_sendRawTransaction": lambda raw: hex_of(self._submit(to_bytes(raw))),
            "eth_getLogs": self._logs,
        }
        if test_methods:
            self.methods |= {
                "evm_increaseTime": lambda seconds: hex(chain.travel(to_number(seconds))),
                "evm_mine": self._mine,
                "evm_snapshot": lambda: hex(chain.head().block_number),
                "evm_revert": lambda number: self._revert(to_number(number)),
                "evm_setAutomine": self._set_automine,
            }

    def answer(self, request: Any) -> Any:
        """The answer to one request or to a batch."""
        if isinstance(request, list):
            if not 1 <= len(request) <= MAX_BATCH:
                return _failure(None, RpcError(INVALID_REQUEST, f"a batch has 1 to {MAX_BATCH} requests"))
            return [self._answer_one(one) for one in request]
        return self._answer_one(request)

    def _answer_one(self, request: Any) -> dict[str, Any]:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _failure(None, RpcError(INVALID_REQUEST, "not a JSON-RPC request"))
        identifier = request.get("id")
        method = self.methods.get(request["method"])
        params = request.get("params", [])
        if method is None:
            return _failure(identifier, RpcError(METHOD_NOT_FOUND, f"the method {request['method']} does not exist"))
        if not isinstance(params, list):
            return _failure(identifier, RpcError(INVALID_PARAMS, "params must be a list"))
        try:
            inspect.signature(method).bind(*params)
        except TypeError as error:
            return _failure(identifier, RpcError(INVALID_PARAMS, f"wrong parameters: {error}"))
        try:
            with self.chain.lock:
                return {"jsonrpc": "2.0", "id": identifier, "result": wire(method(*params))}
        except RpcError as error:
            return _failure(identifier, error)
        except TransactionRefused as error:
            return _failure(identifier, RpcError(SERVER_ERROR, str(error)))
        except ValidationError as error:
            return _failure(identifier, RpcError(SERVER_ERROR, str(error)))

    def _header(self, tag: Any, *, missing_ok: bool = False) -> BlockHeaderAPI | None:
        head = self.chain.head()
        if isinstance(tag, dict):
            header = (
                self._header_by_hash(tag["blockHash"]) if "blockHash" in tag else self._header(tag.get("blockNumber"))
            )
        elif tag in ("latest", "safe", "finalized", "pending"):
            # One sealer, no fork: what is sealed is final. Nothing is executed before it is sealed.
            header = head
        else:
            header = self.chain.header_at(0 if tag == "earliest" else to_number(tag))
        if header is None and not missing_ok:
            raise RpcError(SERVER_ERROR, "header not found")
        return header

    def _known_header(self, tag: Any) -> BlockHeaderAPI:
        header = self._header(tag)
        if header is None:
            raise RpcError(SERVER_ERROR, "header not found")
        return header

    def _header_by_hash(self, hash_: Any) -> BlockHeaderAPI | None:
        wanted = to_bytes(hash_, 32)
        if not self.chain.chain.chaindb.header_exists(wanted):
            return None
        header = self.chain.chain.get_block_header_by_hash(wanted)
        canonical = self.chain.header_at(header.block_number)
        return header if canonical is not None and canonical.hash == wanted else None

    def _block(self, header: BlockHeaderAPI | None, *, full: bool) -> Any:
        if header is None:
            return None
        block, _ = self.chain.block_at(header.block_number)
        fields = serialize_block(block, False, False)
        del fields["coinbase"]
        fields["miner"] = to_checksum_address(block.header.coinbase)
        fields["extra_data"] = block.header.extra_data
        if full:
            fields["transactions"] = [
                self._wire_transaction(block, transaction, place)
                for place, transaction in enumerate(block.transactions)
            ]
        return fields

    def _wire_transaction(self, block: Any, transaction: Any, place: int) -> dict[str, Any]:
        fields: dict[str, Any] = serialize_transaction(block, transaction, place, block is None)
        fields["input"] = fields.pop("data")
        fields["from"] = to_checksum_address(transaction.sender)
        fields["to"] = to_checksum_address(transaction.to) if transaction.to else None
        return fields

    def _transaction(self, hash_: Any) -> Any:
        wanted = to_bytes(hash_, 32)
        place = storage.transaction_place(self.chain.file, wanted)
        if place:
            block, _ = self.chain.block_at(place[0])
            return self._wire_transaction(block, block.transactions[place[1]], place[1])
        pooled = storage.pool_find(self.chain.file, hash_=wanted)
        return self._wire_transaction(None, self.chain.decode(pooled.raw), 0) if pooled else None

    def _transaction_receipt(self, hash_: Any) -> Any:
        place = storage.transaction_place(self.chain.file, to_bytes(hash_, 32))
        if place is None:
            return None
        number, position = place
        block, receipts = self.chain.block_at(number)
        transaction = block.transactions[position]
        fields = serialize_transaction_receipt(
            block, receipts, transaction, position, False, self.chain.chain.get_vm(block.header)
        )
        del fields["state_root"]
        first = sum(len(receipt.logs) for receipt in receipts[:position])
        fields["logs"] = [
            log_of(
                IndexedLog(
                    number,
                    first + offset,
                    position,
                    transaction.hash,
                    log.address,
                    tuple(topic.to_bytes(32, "big") for topic in log.topics),
                    log.data,
                ),
                block.hash,
            )
            for offset, log in enumerate(receipts[position].logs)
        ]
        fields["logs_bloom"] = receipts[position].bloom.to_bytes(256, "big")
        fields["from"] = to_checksum_address(transaction.sender)
        fields["to"] = to_checksum_address(transaction.to) if transaction.to else None
        created = fields["contract_address"]
        fields["contract_address"] = to_checksum_address(created) if created else None
        return fields

    def _transaction_count(self, address: Any, tag: Any = "latest") -> int:
        account = to_bytes(address, 20)
        return self.chain.pending_nonce(account) if tag == "pending" else self._state(tag, "get_nonce", account)

    def _state(self, tag: Any, question: str, *args: Any) -> Any:
        with self.chain.state_at(self._known_header(tag)) as state:
            return getattr(state, question)(*args)

    def _storage_at(self, address: Any, slot: Any, tag: Any = "latest") -> bytes:
        value: int = self._state(tag, "get_storage", to_bytes(address, 20), to_slot(slot))
        return value.to_bytes(32, "big")

    def _proof(self, address: Any, slots: Any, tag: Any = "latest") -> dict[str, Any]:
        account_address = to_bytes(address, 20)
        header = self._known_header(tag)
        database = self.chain.chain.chaindb.db
        accounts = HexaryTrie(database, header.state_root)
        key = keccak(account_address)
        encoded = accounts.get(key)
        account = rlp_decode(encoded, sedes=Account) if encoded else Account()
        storage_trie = HexaryTrie(database, account.storage_root)
        proofs = []
        for slot in to_list(slots):
            place = keccak(to_slot(slot).to_bytes(32, "big"))
            value = storage_trie.get(place)
            proofs.append(
                {
                    "key": hex(to_slot(slot)),
                    "value": int.from_bytes(rlp_decode(value), "big") if value else 0,
                    "proof": [rlp_encode(node) for node in storage_trie.get_proof(place)],
                }
            )
        return {
            "address": to_checksum_address(account_address),
            "account_proof": [rlp_encode(node) for node in accounts.get_proof(key)],
            "balance": account.balance,
            "code_hash": account.code_hash,
            "nonce": account.nonce,
            "storage_hash": account.storage_root,
            "storage_proof": proofs,
        }

    def _call(self, transaction: Any, tag: Any = "latest") -> bytes:
        with self.chain.state_at(self._known_header(tag)) as state:
            computation: ComputationAPI = state.costless_execute_transaction(self._spoof(transaction, GAS_LIMIT))
        if computation.is_error:
            raise _failed(computation.error)
        return bytes(computation.output)

    def _estimate_gas(self, transaction: Any, tag: Any = "latest") -> int:
        # "latest" means the next block's time, so that an estimate and the block that follows agree.
        header = self.chain.next_header() if tag in ("latest", "pending") else self._known_header(tag)
        with self.chain.state_at(header) as state:
            try:
                return gas.estimate(state, self._spoof(transaction, 21_000))
            except VMError as error:
                raise _failed(error) from None

    def _spoof(self, asked: Any, default_gas: int) -> Any:
        transaction = to_object(asked)
        sender = to_bytes(transaction.get("from", "0x" + "00" * 20), 20)
        to = transaction.get("to")
        unsigned = self.chain.chain.create_unsigned_transaction(
            nonce=self._state("latest", "get_nonce", sender),
            gas_price=0,
            gas=min(to_number(transaction["gas"]), GAS_LIMIT) if transaction.get("gas") else default_gas,
            to=b"" if to in (None, "", "0x") else to_bytes(to, 20),
            value=to_number(transaction.get("value", "0x0")),
            data=to_bytes(transaction.get("input", transaction.get("data", "0x"))),
        )
        return SpoofTransaction(unsigned, from_=sender)

    def _submit(self, raw: bytes) -> bytes:
        return self.chain.submit(raw)

    def _logs(self, asked: Any) -> list[dict[str, Any]]:
        criteria = to_object(asked)
        if "blockHash" in criteria:
            header = self._header_by_hash(criteria["blockHash"])
            if header is None:
                raise RpcError(SERVER_ERROR, "unknown block")
            first = last = header.block_number
        else:
            first, last = (self._height(criteria.get(name, "latest")) for name in ("fromBlock", "toBlock"))
        address = criteria.get("address", [])
        addresses = [to_bytes(one, 20) for one in (address if isinstance(address, list) else [address])]
        topics = [
            [] if topic is None else [to_bytes(one, 32) for one in (topic if isinstance(topic, list) else [topic])]
            for topic in to_list(criteria.get("topics", []))
        ]
        if len(topics) > 4:
            raise RpcError(INVALID_PARAMS, "a log has at most four topics")
        found = storage.find_logs(self.chain.file, first, last, addresses, topics, MAX_LOGS)
        if len(found) > MAX_LOGS:
            raise RpcError(SERVER_ERROR, f"query returned more than {MAX_LOGS} results; ask for fewer blocks")
        hashes = {log.block_number: self.chain.chain.get_canonical_block_hash(log.block_number) for log in found}
        return [log_of(log, hashes[log.block_number]) for log in found]

    def _height(self, tag: Any) -> int:
        if isinstance(tag, str) and tag.startswith("0x"):
            return to_number(tag)
        return int(self._known_header(tag).block_number)

    def _fee_history(self, count: Any, newest: Any, percentiles: Any = ()) -> dict[str, Any]:
        last = self._known_header(newest).block_number
        first = max(0, last - min(max(to_number(count), 1), 1024) + 1)
        headers = [self._known_header(hex(number)) for number in range(first, last + 1)]
        return {
            "oldest_block": first,
            "base_fee_per_gas": [
                *(header.base_fee_per_gas for header in headers),
                self.chain.next_header().base_fee_per_gas,
            ],
            "gas_used_ratio": [header.gas_used / header.gas_limit for header in headers],
            "reward": [[PRIORITY_FEE for _ in percentiles or ()] for _ in headers],
        }

    def _mine(self) -> str:
        # A test that asks for a block gets one; the clock moves on rather than being overtaken.
        if self.chain.clock() <= self.chain.head().timestamp:
            self.chain.travel(self.chain.head().timestamp + 1 - self.chain.clock())
        self.chain.seal()
        return "0x0"

    def _revert(self, number: int) -> bool:
        self.chain.revert_to(number)
        return True

    def _set_automine(self, enabled: Any) -> bool:
        with self.chain.work:
            self.chain.sealing = bool(enabled)
            self.chain.work.notify_all()
        return True


def _failed(error: VMError) -> RpcError:
    if isinstance(error, Revert):
        data = error.args[0] if error.args and isinstance(error.args[0], bytes) else b""
        return RpcError(REVERTED, "execution reverted", "0x" + data.hex())
    return RpcError(SERVER_ERROR, f"execution failed: {error}")


def _failure(identifier: Any, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "error": error.as_json()}
