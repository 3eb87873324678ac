"""The registry port in memory: the same rules as the contract, a chain that a test can hold, and faults on demand.

It passes the same suite as the web3 adapter, tests/chain/test_registry_port.py.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from anchor_service.core.errors import FeeTooLow, RegistryRefused, RegistryUnavailable
from anchor_service.core.hashing import IssuerId, LeafHash, RootHash
from anchor_service.core.states import RequestedStatus, Status
from anchor_service.ports import Anchor, Approval, Head, Mined, Signed, StatusChange, Window, WrittenStatus
from verifier.errors import MalformedProof
from verifier.proofs.merkle import root_from_path

_LEGAL = {
    Status.ACTIVE: {Status.SUSPENDED, Status.SUPERSEDED, Status.REVOKED},
    Status.SUSPENDED: {Status.ACTIVE, Status.SUPERSEDED, Status.REVOKED},
    Status.SUPERSEDED: {Status.REVOKED},
    Status.REVOKED: set(),
}


# Readings change nothing: they fail before, or not at all.
_READINGS = (
    "head", "open_window", "last_sequence", "last_night", "anchor_of", "anchor_transaction", "anchor_profile",
    "status_of", "statuses_of", "mined", "next_nonce",
)  # fmt: skip
_MOMENTS = dict.fromkeys(_READINGS, ("before",)) | dict.fromkeys(("sign", "send"), ("before", "after"))


class Standing(NamedTuple):
    """The status that stands for a leaf."""

    status: Status
    reason: int
    successor: bytes


@dataclass
class _Transaction:
    signer: str
    nonce: int
    call: tuple
    fee: int
    hash: bytes


@dataclass
class SimulatedChain:
    """What is on chain, for every signer. `holds` keeps transactions out of blocks, `paused` anchors out of them.

    `fee` is what a transaction has to offer.
    """

    chain_id: int = 200_826
    address: str = "0x" + "ab" * 20
    holds: bool = False
    fee: int = 0
    paused: bool = False
    time: int = 1_000
    block: int = 0
    windows: dict[bytes, Window] = field(default_factory=dict)
    keys: set[tuple[bytes, str]] = field(default_factory=set)
    anchors: dict[tuple[bytes, int], tuple[Anchor, bytes]] = field(default_factory=dict)
    profiles: dict[tuple[bytes, int], bytes] = field(default_factory=dict)
    last: Counter = field(default_factory=Counter)
    nights: Counter = field(default_factory=Counter)
    statuses: dict[tuple[bytes, bytes], Standing] = field(default_factory=dict)
    written: list[tuple[bytes, WrittenStatus]] = field(default_factory=list)
    nonces: Counter = field(default_factory=Counter)
    pool: list[_Transaction] = field(default_factory=list)
    mined: dict[bytes, Mined] = field(default_factory=dict)
    known: dict[bytes, _Transaction] = field(default_factory=dict)
    # What `anchor_as_stranger` put there.
    strangers: set[tuple[bytes, int]] = field(default_factory=set)

    def anchor_as_stranger(self, issuer_id: bytes, sequence: int) -> None:
        """Anchor what no service of ours sealed, as whoever has stolen a key would."""
        self.anchors[issuer_id, sequence] = Anchor(RootHash(bytes([7]) * 32), 9, 1, 1), bytes(32)
        self.last[issuer_id] = sequence
        self.strangers.add((issuer_id, sequence))

    def write_status(self, issuer_id: bytes, leaf_hash: bytes, asked: RequestedStatus, transaction: bytes) -> None:
        """Write a status as whoever may, a regulator or the institute's own key."""
        self.statuses[issuer_id, leaf_hash] = Standing(asked.status, asked.reason, asked.successor or bytes(32))
        change = WrittenStatus(LeafHash(leaf_hash), asked, self.time, self.block, transaction)
        self.written.append((issuer_id, change))

    def roll_back(self) -> None:
        """Forget every anchor and everything that was mined: the same bytes still fit afterwards."""
        for forgotten in (self.anchors, self.profiles, self.last, self.nonces, self.mined, self.strangers):
            forgotten.clear()

    def standing(self, issuer_id: bytes, leaf_hash: bytes) -> Standing:
        """The status that stands for a leaf; active when none was ever written."""
        return self.statuses.get((issuer_id, leaf_hash), Standing(Status.ACTIVE, 0, bytes(32)))

    def mine(self) -> None:
        """Put everything that waits into one block, in order of nonce."""
        self.block += 1
        self.time += 1
        for transaction in sorted(self.pool, key=lambda one: one.nonce):
            if transaction.nonce != self.nonces[transaction.signer]:
                continue
            self.nonces[transaction.signer] += 1
            try:
                self.check(transaction.signer, transaction.call)
            except RegistryRefused:
                self.mined[transaction.hash] = Mined(self.block, succeeded=False)
            else:
                self._apply(transaction)
                self.mined[transaction.hash] = Mined(self.block, succeeded=True)
        self.pool = [one for one in self.pool if one.nonce > self.nonces[one.signer]]

    def admit(self, transaction: _Transaction) -> None:
        """Take a transaction into the pool, in an earlier one's place when it offers a tenth more."""
        place = [one for one in self.pool if (one.signer, one.nonce) == (transaction.signer, transaction.nonce)]
        if transaction.fee < self.fee or any(10 * transaction.fee < 11 * one.fee for one in place):
            raise FeeTooLow("transaction underpriced")
        self.pool = [one for one in self.pool if one not in place] + [transaction]

    def check(self, signer: str, call: tuple) -> None:
        """Raises: RegistryRefused, as the contract would revert."""
        issuer_id = call[1]
        approval: Approval | None = call[-1] if call[0] == "anchor" else None
        if approval is not None:
            self._check_approval(call[1:-1], approval)
        key = signer if approval is None else approval.approver
        if (issuer_id, key) not in self.keys:
            raise RegistryRefused("RegistryKeyNotActive", key)
        checks = {"anchor": self._check_anchor, "night": self._check_night, "status": self._check_status}
        checks[call[0]](*call[1:])

    def _check_anchor(self, issuer_id: bytes, sequence: int, root: bytes, size: int, _: Approval | None) -> None:
        if sequence != self.last[issuer_id] + 1:
            raise RegistryRefused("RegistryBadSequence", str(sequence))
        if self.paused:
            raise RegistryRefused("RegistryPaused", "")
        if issuer_id not in self.windows:
            raise RegistryRefused("RegistryNotAccredited", "")
        if not any(root) or size < 1:
            raise RegistryRefused("RegistryEmptyTree", "")

    def _check_night(self, issuer_id: bytes, night: int, sequence: int) -> None:
        if sequence != self.last[issuer_id]:
            raise RegistryRefused("RegistryBadSequence", str(sequence))
        if night <= self.nights[issuer_id]:
            raise RegistryRefused("RegistryBadNight", str(night))

    def _check_status(self, issuer_id: bytes, change: StatusChange) -> None:
        if change.status is Status.SUPERSEDED:
            self._check_successor(change)
        for leaf_hash in change.leaf_hashes:
            current = self.standing(issuer_id, leaf_hash).status
            if change.status not in _LEGAL[current]:
                raise RegistryRefused("RegistryBadTransition", f"{current} {change.status}")

    def _check_approval(self, approved: tuple, approval: Approval) -> None:
        if self.time > approval.deadline:
            raise RegistryRefused("RegistryApprovalExpired", str(approval.deadline))
        if approval.signature != simulated_signature(approval.approver, *approved, approval.deadline):
            raise RegistryRefused("RegistryBadApproval", approval.approver)

    def _check_successor(self, change: StatusChange) -> None:
        to = change.successor
        anchored = to and self.anchors.get((change.issuer_id, to.sequence))
        try:
            if to and anchored:
                root = root_from_path(to.leaf_hash, to.leaf_index, anchored[0].tree_size, to.path)
                if root == anchored[0].root_hash and to.leaf_hash not in change.leaf_hashes:
                    return
        except MalformedProof:
            pass
        raise RegistryRefused("RegistryBadSuccessor", "")

    def _apply(self, transaction: _Transaction) -> None:
        kind, issuer_id, *rest = transaction.call
        if kind == "anchor":
            sequence, root, size, _ = rest
            self.last[issuer_id] = sequence
            self.profiles[issuer_id, sequence] = self.windows[issuer_id].profile_digest
            self.anchors[issuer_id, sequence] = Anchor(RootHash(root), size, self.block, self.time), transaction.hash
        elif kind == "night":
            self.nights[issuer_id] = rest[0]
        else:
            change = rest[0]
            successor = change.successor.leaf_hash if change.successor else None
            asked = RequestedStatus(change.status, change.reason, change.from_beginning, successor)
            for leaf_hash in change.leaf_hashes:
                self.write_status(issuer_id, leaf_hash, asked, transaction.hash)


def simulated_signature(approver: str, *approved: object) -> bytes:
    """What stands for a signature here: nobody forges it by chance."""
    return hashlib.sha256(repr((approver, *approved)).encode()).digest()


class SimulatedRegistry:
    """`ports.RegistryWriter` for one signer. `faults` maps a method to "before" or "after", once each; see `fail`."""

    def __init__(self, chain: SimulatedChain, signer: str = "0x" + "cd" * 20) -> None:
        self.chain = chain
        self._signer = signer
        self.faults: dict[str, str] = {}
        # What a node shows of a window, where its clock is not the contract's.
        self.window_shown: Window | None = None

    def fail(self, method: str, moment: str) -> None:
        """Let the next call of a method fail before or after it took effect. Raises: ValueError where it cannot."""
        if moment not in _MOMENTS.get(method, ()):
            raise ValueError(f"{method} never fails {moment}")
        self.faults[method] = moment

    @property
    def chain_id(self) -> int:
        return self.chain.chain_id

    @property
    def signer(self) -> str:
        return self._signer

    def head(self) -> Head:
        self._fail("head", "before")
        return Head(self.chain.block, self.chain.time)

    def open_window(self, issuer_id: IssuerId) -> Window | None:
        self._fail("open_window", "before")
        return self.window_shown or self.chain.windows.get(issuer_id)

    def last_sequence(self, issuer_id: IssuerId) -> int:
        self._fail("last_sequence", "before")
        return self.chain.last[issuer_id]

    def last_night(self, issuer_id: IssuerId) -> int:
        self._fail("last_night", "before")
        return self.chain.nights[issuer_id]

    def anchor_of(self, issuer_id: IssuerId, sequence: int) -> Anchor | None:
        self._fail("anchor_of", "before")
        found = self.chain.anchors.get((issuer_id, sequence))
        return found[0] if found else None

    def anchor_transaction(self, issuer_id: IssuerId, sequence: int, block_number: int) -> bytes:
        self._fail("anchor_transaction", "before")
        anchor, transaction_hash = self.chain.anchors[issuer_id, sequence]
        if anchor.block_number != block_number:
            raise RegistryUnavailable("no such event")
        return transaction_hash

    def anchor_profile(self, issuer_id: IssuerId, sequence: int) -> bytes:
        self._fail("anchor_profile", "before")
        return self.chain.profiles.get((issuer_id, sequence), bytes(32))

    def status_of(self, issuer_id: IssuerId, leaf_hash: LeafHash) -> RequestedStatus | None:
        self._fail("status_of", "before")
        return next((one.asked for one in reversed(self._written(issuer_id)) if one.leaf_hash == leaf_hash), None)

    def statuses_of(self, issuer_id: IssuerId) -> list[WrittenStatus]:
        self._fail("statuses_of", "before")
        return self._written(issuer_id)

    def _written(self, issuer_id: IssuerId) -> list[WrittenStatus]:
        return [one for by, one in self.chain.written if by == issuer_id]

    def mined(self, transaction_hash: bytes) -> Mined | None:
        self._fail("mined", "before")
        return self.chain.mined.get(transaction_hash)

    def next_nonce(self, signer: str | None = None) -> int:
        self._fail("next_nonce", "before")
        return self.chain.nonces[signer or self._signer]

    def sign_anchor(
        self,
        issuer_id: IssuerId,
        sequence: int,
        root_hash: RootHash,
        tree_size: int,
        nonce: int,
        approval: Approval | None = None,
    ) -> Signed:
        return self._sign(("anchor", issuer_id, sequence, root_hash, tree_size, approval), nonce)

    def sign_night(self, issuer_id: IssuerId, night: int, sequence: int, nonce: int) -> Signed:
        return self._sign(("night", issuer_id, night, sequence), nonce)

    def sign_status(self, change: StatusChange, nonce: int) -> Signed:
        return self._sign(("status", change.issuer_id, change), nonce)

    def send(self, raw: bytes) -> None:
        self._fail("send", "before")
        transaction = self.chain.known[raw]
        used = transaction.nonce < self.chain.nonces[self._signer]
        if not used and transaction not in self.chain.pool:
            self.chain.admit(transaction)
        if not self.chain.holds:
            self.chain.mine()
        self._fail("send", "after")

    def _sign(self, call: tuple, nonce: int) -> Signed:
        self._fail("sign", "before")
        self.chain.check(self._signer, call)
        return self._bytes_of(nonce, call, 2 * self.chain.fee)

    def sign_replacement(self, raw: bytes) -> Signed | None:
        self._fail("sign", "before")
        earlier = self.chain.known[raw]
        if not earlier.fee and not self.chain.fee:
            return None
        return self._bytes_of(earlier.nonce, earlier.call, max(2 * self.chain.fee, -(-earlier.fee * 125 // 100)))

    def _bytes_of(self, nonce: int, call: tuple, fee: int) -> Signed:
        raw = repr((self._signer, nonce, call, fee)).encode()
        transaction = _Transaction(self._signer, nonce, call, fee, hashlib.sha256(raw).digest())
        self.chain.known[raw] = transaction
        self._fail("sign", "after")
        return Signed(raw, transaction.hash, nonce)

    def _fail(self, method: str, moment: str) -> None:
        if self.faults.get(method) == moment:
            del self.faults[method]
            raise RegistryUnavailable(f"{method} failed {moment} it took effect")
