"""What the registry says, read from a node at one pinned block. Source: docs/spec/registry.md.

Selectors are constants; tests/conformance/ compares them with the committed ABI.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from verifier.errors import NodeUnavailable
from verifier.keccak import keccak256
from verifier.policy import Policy
from verifier.rpc import Node, data, quantity

ANCHOR_OF = bytes.fromhex("3a9e2f73")
WINDOW_OF = bytes.fromhex("4d5c8f2e")
KEY_OF = bytes.fromhex("ae894a6f")
STATUS_OF = bytes.fromhex("24a816c6")
CHECKPOINT = bytes.fromhex("c2c4c5c1")

PURPOSE_ANCHOR = 1

_WORD = 32
_UINT64 = 2**64


class Status(IntEnum):
    """Where a certificate stands, numbered as in the contract."""

    ACTIVE = 0
    SUSPENDED = 1
    SUPERSEDED = 2
    REVOKED = 3


class Custody(IntEnum):
    """Who holds a key's secret, numbered as in the contract."""

    UNKNOWN = 0
    INSTITUTE = 1
    OPERATOR = 2


@dataclass(frozen=True)
class Anchor:
    """One anchored batch. Times are seconds since 1970."""

    root: bytes
    size: int
    block_time: int
    block_number: int
    window: int
    key: str


@dataclass(frozen=True)
class Window:
    """A span [from_, until) of accreditation. `scope` is a set of 256 kinds."""

    from_: int
    until: int
    scope: int
    profile_digest: bytes


@dataclass(frozen=True)
class Key:
    """An issuer's key, active in [from_, until)."""

    from_: int
    until: int
    purposes: int
    custody: Custody


@dataclass(frozen=True)
class StatusRecord:
    """The last status written for a leaf."""

    status: Status
    from_beginning: bool
    by_regulator: bool
    reason: int
    block_time: int
    successor: bytes


@dataclass(frozen=True)
class Head:
    """The block that everything was read at. `final` is the highest final block's number."""

    number: int
    hash: bytes
    time: int
    final: int


@dataclass(frozen=True)
class Facts:
    """All that one receipt is judged by, read at one block."""

    head: Head
    anchor: Anchor | None
    window: Window | None
    key: Key | None
    status: StatusRecord


@dataclass(frozen=True)
class Checkpoint:
    """Size and root of the registry's log."""

    size: int
    root: bytes


class RegistryReader:
    """Reads a policy's registry, after having made sure that it is that registry."""

    def __init__(self, node: Node, policy: Policy) -> None:
        self._node = node
        self._policy = policy

    def open(self) -> Head:
        """Pin the newest block.

        Raises: NodeUnavailable when the node's chain, genesis or registry is not the policy's.
        """
        chain_id = quantity(self._node.call("eth_chainId"))
        if chain_id != self._policy.chain_id:
            raise NodeUnavailable(
                f"{self._node.url} follows chain {chain_id}, the policy names {self._policy.chain_id}"
            )
        if self._block("0x0")[1] != self._policy.genesis:
            raise NodeUnavailable(f"{self._node.url} follows another chain of the same id: its first block differs")
        number, hash_, time = self._block("latest")
        code = data(self._node.call("eth_getCode", self._policy.registry, {"blockHash": "0x" + hash_.hex()}))
        if keccak256(code) != self._policy.code_hash:
            raise NodeUnavailable(
                f"{self._node.url} does not show the policy's registry code at {self._policy.registry}"
            )
        return Head(number, hash_, time, number - self._policy.depth)

    def facts(self, head: Head, issuer_id: bytes, sequence: int, leaf_hash: bytes) -> Facts:
        """Everything that one receipt is judged by. Raises: NodeUnavailable."""
        anchor = self.anchor_of(head, issuer_id, sequence)
        window = key = None
        if anchor is not None:
            window = self._window_of(head, issuer_id, anchor.window)
            key = self._key_of(head, issuer_id, anchor.key)
        return Facts(head, anchor, window, key, self._status_of(head, issuer_id, leaf_hash))

    def anchor_of(self, head: Head, issuer_id: bytes, sequence: int) -> Anchor | None:
        """The anchor of a sequence number, or nothing. Raises: NodeUnavailable."""
        words = self._view(head, ANCHOR_OF, [issuer_id, sequence.to_bytes(32, "big")], 6)
        size = _uint64(words[1])
        if size == 0:
            return None
        return Anchor(words[0], size, _uint64(words[2]), _uint64(words[3]), _uint64(words[4]), _address(words[5]))

    def checkpoint(self, head: Head) -> Checkpoint:
        """Size and root of the log. Raises: NodeUnavailable."""
        words = self._view(head, CHECKPOINT, [], 2)
        return Checkpoint(_uint64(words[0]), words[1])

    def _window_of(self, head: Head, issuer_id: bytes, window: int) -> Window:
        words = self._view(head, WINDOW_OF, [issuer_id, window.to_bytes(32, "big")], 4)
        return Window(_uint64(words[0]), _uint64(words[1]), int.from_bytes(words[2], "big"), words[3])

    def _key_of(self, head: Head, issuer_id: bytes, key: str) -> Key:
        words = self._view(head, KEY_OF, [issuer_id, bytes.fromhex(key[2:]).rjust(32, b"\0")], 4)
        return Key(_uint64(words[0]), _uint64(words[1]), _below(words[2], 4), Custody(_below(words[3], len(Custody))))

    def _status_of(self, head: Head, issuer_id: bytes, leaf_hash: bytes) -> StatusRecord:
        words = self._view(head, STATUS_OF, [issuer_id, leaf_hash], 7)
        return StatusRecord(
            status=Status(_below(words[0], len(Status))),
            from_beginning=bool(_below(words[1], 2)),
            by_regulator=bool(_below(words[2], 2)),
            reason=_below(words[3], 256),
            block_time=_uint64(words[4]),
            successor=words[6],
        )

    def _block(self, tag: str) -> tuple[int, bytes, int]:
        block = self._node.call("eth_getBlockByNumber", tag, False)
        if not isinstance(block, dict):
            raise NodeUnavailable(f"{self._node.url} sent no block")
        return quantity(block.get("number")), data(block.get("hash"), 32), quantity(block.get("timestamp"))

    def _view(self, head: Head, selector: bytes, words: Sequence[bytes], answer_words: int) -> list[bytes]:
        call = {"to": self._policy.registry, "data": "0x" + (selector + b"".join(words)).hex()}
        answer = data(self._node.call("eth_call", call, {"blockHash": "0x" + head.hash.hex()}), answer_words * _WORD)
        return [answer[start : start + _WORD] for start in range(0, len(answer), _WORD)]


def _uint64(word: bytes) -> int:
    return _below(word, _UINT64)


def _below(word: bytes, bound: int) -> int:
    value = int.from_bytes(word, "big")
    if value >= bound:
        raise NodeUnavailable(f"the node sent {value} where a number below {bound} belongs")
    return value


def _address(word: bytes) -> str:
    _below(word, 2**160)
    return "0x" + word[12:].hex()
