"""The chain itself: one sealer, blocks at most once a second, nothing acknowledged before it is durable."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from eth.abc import BlockAPI, BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI, StateAPI
from eth.chains.base import MiningChain
from eth.constants import GENESIS_PARENT_HASH
from eth.db.atomic import AtomicDB
from eth.exceptions import CanonicalHeadNotFound
from eth.vm.chain_context import ChainContext
from eth.vm.forks import ParisVM
from eth_tester.backends.pyevm import PyEVMBackend
from eth_utils.exceptions import ValidationError

from jangkar_devnet import storage
from jangkar_devnet.storage import ChainFile, IndexedLog, Pooled

# A head older than this gets an empty block on top, so that its age tells of an outage and nothing else.
MAX_HEAD_AGE = 60
GAS_LIMIT = 30_000_000
# Sealing holds the chain: what does not fit into this time waits for the next block.
MAX_SEAL_SECONDS = 1.0
MIN_REPLACEMENT_PERCENT = 110


class TransactionRefused(Exception):
    """A transaction does not enter the pool; the message is the one that clients know from geth."""


class DevChain(PyEVMBackend):  # type: ignore[misc]  # eth-tester is untyped
    """eth-tester's backend over a file, with a durable pool and a clock that is never overtaken."""

    def __init__(
        self, file: ChainFile, chain_id: int, alloc: dict[bytes, int], now: Callable[[], float] = time.time
    ) -> None:
        """Open the chain of the file, or begin one with these balances in wei."""
        self.file = file
        self.lock = threading.RLock()
        self.work = threading.Condition(self.lock)
        self.sealing = True
        self._alloc = alloc
        self._now = now
        self._offset = 0
        self._chain_class: Any = type(
            "DevnetChain", (MiningChain,), {"chain_id": chain_id, "vm_configuration": ((0, ParisVM),)}
        )
        super().__init__()

    def reset_to_genesis(self, *_args: Any, **_kwargs: Any) -> None:
        """eth-tester's name for what its backend begins with."""
        self._open()

    def _open(self) -> None:
        """Open what the file holds; begin with genesis only where it holds nothing."""
        self.account_keys = ()
        try:
            self.chain = self._chain_class(AtomicDB(self.file))
        except CanonicalHeadNotFound:
            params = self.generate_genesis_params({"gas_limit": GAS_LIMIT, "timestamp": self.clock()})
            state = {
                address: {"balance": wei, "nonce": 0, "code": b"", "storage": {}}
                for address, wei in self._alloc.items()
            }
            with self.file.writing():
                self.chain = self._chain_class.from_genesis(AtomicDB(self.file), params, state)

    def clock(self) -> int:
        """Seconds since 1970, moved by what a test asked for."""
        return int(self._now()) + self._offset

    def travel(self, seconds: int) -> int:
        """Move the clock forward. Returns the sum of all moves."""
        with self.work:
            self._offset += seconds
            self.work.notify_all()
            return self._offset

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""
        return int(self.chain.chain_id)

    def head(self) -> BlockHeaderAPI:
        """The newest sealed header."""
        return self.chain.get_canonical_head()

    def next_header(self) -> BlockHeaderAPI:
        """The header that a block sealed now would begin with."""
        head = self.head()
        return self.chain.create_header_from_parent(
            head,
            timestamp=max(self.clock(), head.timestamp + 1),
            gas_limit=head.gas_limit,
            mix_hash=os.urandom(32),
        )

    def header_at(self, number: int) -> BlockHeaderAPI | None:
        """The canonical header at a height, or nothing above the head."""
        if number > self.head().block_number:
            return None
        return self.chain.get_canonical_block_header_by_number(number)

    @contextmanager
    def state_at(self, header: BlockHeaderAPI) -> Iterator[StateAPI]:
        """The state after a block, in that block's own context, for free and without a trace."""
        vm = self.chain.get_vm(header)
        state = vm.build_state(
            self.chain.chaindb.db, header.copy(base_fee_per_gas=0), ChainContext(self.chain_id), vm.previous_hashes
        )
        snapshot = state.snapshot()
        try:
            yield state
        finally:
            state.revert(snapshot)

    def block_at(self, number: int) -> tuple[BlockAPI, tuple[ReceiptAPI, ...]]:
        """A sealed block and its receipts."""
        block = self.chain.get_canonical_block_by_number(number)
        return block, tuple(block.get_receipts(self.chain.chaindb))

    def submit(self, raw: bytes) -> bytes:
        """Take a signed transaction into the pool; it is durable when its hash is returned.

        Raises: TransactionRefused.
        """
        transaction = self.decode(raw)
        with self.work:
            if storage.transaction_place(self.file, transaction.hash) or storage.pool_find(
                self.file, hash_=transaction.hash
            ):
                raise TransactionRefused("already known")
            self._check(transaction)
            with self.file.writing():
                storage.pool_add(self.file, Pooled(transaction.hash, transaction.sender, transaction.nonce, raw))
            self.work.notify_all()
        return bytes(transaction.hash)

    def decode(self, raw: bytes) -> SignedTransactionAPI:
        """A transaction from its bytes. Raises: TransactionRefused."""
        try:
            transaction = self.chain.get_vm(self.head()).get_transaction_builder().decode(raw)
            transaction.validate()
            transaction.sender  # noqa: B018  (recovers the signer, and fails on a bad signature)
        except Exception as error:  # noqa: BLE001  rlp, eth-keys and py-evm each raise their own kinds for bad bytes
            raise TransactionRefused(f"invalid transaction: {error}") from None
        return transaction

    def pending_nonce(self, sender: bytes) -> int:
        """The next free nonce, counting the pool."""
        with self.state_at(self.head()) as state:
            nonce = int(state.get_nonce(sender))
        waiting = {pooled.nonce for pooled in storage.pool_all(self.file) if pooled.sender == sender}
        while nonce in waiting:
            nonce += 1
        return nonce

    def run_sealer(self, stop: threading.Event) -> None:
        """Seal blocks until told to stop: for transactions at once, else when the head grows old."""
        while not stop.is_set():
            with self.work:
                self.seal_if_due()
                self.work.wait(self._seconds_until_due())

    def seal_if_due(self) -> None:
        """Seal one block when there is a reason to and the clock has passed the head."""
        age = self.clock() - self.head().timestamp
        if self.sealing and age >= 1 and (age >= MAX_HEAD_AGE or storage.pool_all(self.file)):
            self.seal()

    def seal(self) -> BlockHeaderAPI:
        """Seal the waiting transactions into one block."""
        with self.lock:
            try:
                with self.file.writing():
                    return self._seal()
            except BaseException:
                # What the failed attempt left in memory contradicts the file.
                self._open()
                raise

    def revert_to(self, number: int) -> None:
        """Drop all blocks above a height, and the pool: a reorganisation, for tests."""
        with self.lock, self.file.writing():
            header = self.chain.get_canonical_block_header_by_number(number)
            database = self.chain.chaindb
            database._set_as_canonical_chain_head(database.db, header, GENESIS_PARENT_HASH)  # noqa: SLF001  (no public way back)
            storage.unindex_after(self.file, number)
            storage.pool_remove(self.file, [pooled.hash for pooled in storage.pool_all(self.file)])
            self.chain = self._chain_class(database.db)

    def _seconds_until_due(self) -> float:
        if not self.sealing:
            return MAX_HEAD_AGE
        wanted = self.head().timestamp + (1 if storage.pool_all(self.file) else MAX_HEAD_AGE)
        return float(max(0.01, wanted - self._now() - self._offset))

    def _seal(self) -> BlockHeaderAPI:
        header = self.next_header()
        self.chain.header = header
        waiting = storage.pool_all(self.file)
        done: list[bytes] = []
        hashes: list[bytes] = []
        logs: list[IndexedLog] = []
        # Nonces may have arrived out of order: sorting by nonce keeps each sender's order, and arrival breaks ties.
        deadline = time.monotonic() + MAX_SEAL_SECONDS
        for pooled in sorted(waiting, key=lambda one: one.nonce):
            if time.monotonic() > deadline:
                break
            transaction = self.decode(pooled.raw)
            with self.state_at(self.chain.header) as state:
                nonce = state.get_nonce(pooled.sender)
            if pooled.nonce > nonce or self.chain.header.gas_used + transaction.gas > header.gas_limit:
                continue
            done.append(pooled.hash)
            try:
                _, receipt, _ = self.chain.apply_transaction(transaction)
            except ValidationError:
                continue
            for log in receipt.logs:
                topics = tuple(topic.to_bytes(32, "big") for topic in log.topics)
                place = IndexedLog(
                    header.block_number, len(logs), len(hashes), transaction.hash, log.address, topics, log.data
                )
                logs.append(place)
            hashes.append(transaction.hash)
        block = self.chain.mine_block(mix_hash=header.mix_hash)
        storage.index_block(self.file, block.number, hashes, logs)
        storage.pool_remove(self.file, done)
        return block.header

    def _check(self, transaction: SignedTransactionAPI) -> None:
        if transaction.chain_id not in (None, self.chain_id):
            raise TransactionRefused(f"invalid chain id: have {transaction.chain_id}, want {self.chain_id}")
        if transaction.gas > GAS_LIMIT:
            raise TransactionRefused("exceeds block gas limit")
        if transaction.gas < transaction.intrinsic_gas:
            raise TransactionRefused("intrinsic gas too low")
        price = getattr(transaction, "max_fee_per_gas", None)
        price = transaction.gas_price if price is None else price
        if price < self.next_header().base_fee_per_gas:
            raise TransactionRefused("max fee per gas less than block base fee")
        with self.state_at(self.head()) as state:
            nonce, balance = state.get_nonce(transaction.sender), state.get_balance(transaction.sender)
        if transaction.nonce < nonce:
            raise TransactionRefused(f"nonce too low: next nonce {nonce}, tx nonce {transaction.nonce}")
        if balance < transaction.value + transaction.gas * price:
            raise TransactionRefused("insufficient funds for gas * price + value")
        for pooled in storage.pool_all(self.file):
            if (pooled.sender, pooled.nonce) == (transaction.sender, transaction.nonce):
                before = self.decode(pooled.raw)
                before_price = getattr(before, "max_fee_per_gas", None) or before.gas_price
                if price * 100 < before_price * MIN_REPLACEMENT_PERCENT:
                    raise TransactionRefused("replacement transaction underpriced")
