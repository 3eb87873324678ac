"""What the pipeline asks of the chain and of whoever signs, as protocols without code: reader, writer, signer.

The registry on chain is implemented by `chain/web3_registry.py` and by the tests' simulator; both pass
tests/chain/test_registry_port.py. The signer is a keystore file or a remote signer, both in `chain/signer.py`; both
pass tests/chain/test_signers.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from anchor_service.core.hashing import IssuerId, LeafHash, RootHash
from anchor_service.core.states import RequestedStatus, Status

# The contract's numbers for who holds a key, and its word for a window without an end.
CUSTODIES = ("unknown", "institute", "operator")
FOREVER = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Window:
    """An open accreditation. `scope` is a 256-bit set of kinds."""

    index: int
    scope: int
    profile_digest: bytes


@dataclass(frozen=True, slots=True)
class Anchor:
    """What the registry holds for an issuer's sequence number, in a final block."""

    root_hash: RootHash
    tree_size: int
    block_number: int
    block_time: int

    def is_of(self, root_hash: bytes, tree_size: int) -> bool:
        """Whether a tree of this root and size is what was anchored."""
        return (self.root_hash, self.tree_size) == (root_hash, tree_size)


@dataclass(frozen=True, slots=True)
class LeafReference:
    """An anchored leaf with its place and the path that proves it."""

    leaf_hash: LeafHash
    sequence: int
    leaf_index: int
    path: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A change of status to be written for leaves of an issuer, in one transaction.

    `successor` is there exactly when the status is superseded, of one leaf then.
    """

    issuer_id: IssuerId
    leaf_hashes: tuple[LeafHash, ...]
    status: Status
    reason: int
    from_beginning: bool
    successor: LeafReference | None


@dataclass(frozen=True, slots=True)
class WrittenStatus:
    """A change of status in a final block, whoever wrote it. `time` is in seconds since 1970."""

    leaf_hash: LeafHash
    asked: RequestedStatus
    time: int
    block_number: int
    transaction_hash: bytes


@dataclass(frozen=True, slots=True)
class Approval:
    """An issuer's EIP-712 signature of one anchor. `deadline` is the last second of block time that takes it."""

    approver: str
    deadline: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class Signed:
    """A transaction's exact bytes and the hash that they will have on chain."""

    raw: bytes
    transaction_hash: bytes
    nonce: int


@dataclass(frozen=True, slots=True)
class Mined:
    """Where a transaction ended, in a final block."""

    block_number: int
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Head:
    """The newest final block. `time` is in seconds since 1970."""

    number: int
    time: int


class Signer(Protocol):
    """One account that signs transactions. Its key need not be in this process."""

    @property
    def address(self) -> str:
        """The account, with 0x and its checksum."""

    def sign(self, transaction: dict[str, Any]) -> tuple[bytes, bytes]:
        """The signed bytes and the hash of a transaction whose fields are all given.

        Raises: RegistryUnavailable when the signer does not answer; SignerRejected when it refuses, or
        signs anything but what it was asked for.
        """


class RegistryReader(Protocol):
    """Reads a registry: final blocks, but for the window that is open. Needs no key.

    Every method raises RegistryUnavailable when the chain does not answer; that says nothing about
    whether a transaction took effect.
    """

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""

    def head(self) -> Head:
        """The newest final block."""

    def open_window(self, issuer_id: IssuerId) -> Window | None:
        """The issuer's window that is open at the newest block, final or not: signing is for the next one."""

    def last_sequence(self, issuer_id: IssuerId) -> int:
        """The issuer's last anchored sequence number; zero before the first."""

    def last_night(self, issuer_id: IssuerId) -> int:
        """The issuer's last closed night, as days since 1970-01-01; zero before the first."""

    def anchor_of(self, issuer_id: IssuerId, sequence: int) -> Anchor | None:
        """The anchor of a sequence number, or nothing while no final block holds one."""

    def anchor_transaction(self, issuer_id: IssuerId, sequence: int, block_number: int) -> bytes:
        """Hash of the transaction that anchored this sequence number in this block."""

    def anchor_profile(self, issuer_id: IssuerId, sequence: int) -> bytes:
        """The profile's digest in the window under which an anchor was made; zeros where there is none."""

    def status_of(self, issuer_id: IssuerId, leaf_hash: LeafHash) -> RequestedStatus | None:
        """What stands for a leaf; nothing where no status was ever written, or none carries weight."""

    def statuses_of(self, issuer_id: IssuerId) -> list[WrittenStatus]:
        """Every change of status of an issuer's leaves, in order."""

    def mined(self, transaction_hash: bytes) -> Mined | None:
        """Where a transaction ended, or nothing while no final block holds it."""


class RegistryWriter(RegistryReader, Protocol):
    """Writes to a registry through one signer, and reads it: what is written is decided by what was read.

    Every method raises RegistryUnavailable as the reader's do, and so where a remote signer does not answer; signing
    raises SignerRejected where that one refuses.
    """

    @property
    def signer(self) -> str:
        """The signing account's address, lowercase, with 0x."""

    def next_nonce(self, signer: str | None = None) -> int:
        """The first nonce of this signer, or of the account that is named, that no final block has used."""

    def sign_anchor(
        self,
        issuer_id: IssuerId,
        sequence: int,
        root_hash: RootHash,
        tree_size: int,
        nonce: int,
        approval: Approval | None = None,
    ) -> Signed:
        """Sign, without sending; with an approval, the signer only relays it.

        Raises: RegistryRefused when the registry would revert.
        """

    def sign_night(self, issuer_id: IssuerId, night: int, sequence: int, nonce: int) -> Signed:
        """Sign, without sending, that a night had nothing to anchor after `sequence`. Raises: RegistryRefused."""

    def sign_status(self, change: StatusChange, nonce: int) -> Signed:
        """Sign, without sending. Raises: RegistryRefused when the registry would revert."""

    def sign_replacement(self, raw: bytes) -> Signed | None:
        """The same call and nonce, at fees that a pool takes in its place; nothing on a chain without fees."""

    def send(self, raw: bytes) -> None:
        """Hand signed bytes to the chain; sending them again, or too late, is no error.

        Returning says that the node has taken them or had no more use for them, and nothing more.
        Raises: FeeTooLow when the chain wants more than they offer.
        """
