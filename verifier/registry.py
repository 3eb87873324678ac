"""What the registry says, read from a node at one pinned block. Source: docs/spec/registry.md.

Selectors are constants; tests/conformance/ compares them with the committed ABI.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from verifier.errors import NodeUnavailable
from verifier.keccak import keccak256
from verifier.policy import Policy, RegistryPin
from verifier.rpc import Node, data, quantity

ANCHOR_OF = bytes.fromhex("3a9e2f73")
WINDOW_OF = bytes.fromhex("4d5c8f2e")
KEY_OF = bytes.fromhex("ae894a6f")
STATUS_OF = bytes.fromhex("24a816c6")
REATTESTATION_OF = bytes.fromhex("4662a842")
SUCCESSOR = bytes.fromhex("6ff968c3")
CHECKPOINT = bytes.fromhex("c2c4c5c1")

PURPOSE_ANCHOR = 1

_WORD = 32
_UINT64 = 2**64
_NO_ADDRESS = "0x" + "00" * 20


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
    """An issuer's key, active in [from_, until). From `compromised_since` on its acts weigh nothing; 0 is never."""

    from_: int
    until: int
    compromised_since: int
    purposes: int
    custody: Custody


@dataclass(frozen=True)
class Reattestation:
    """When another key of the issuer put its weight behind an anchor, and that key."""

    block_time: int
    key: Key


@dataclass(frozen=True)
class StatusRecord:
    """What stands for a leaf: the last record that carries weight. `block_time` 0 says that there is none."""

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
    """All that one receipt is judged by, read at one block.

    `status` comes from the anchor's registry and those that succeed it. `unlisted_successor` is one
    that the policy does not list: what was written there is not known.
    """

    head: Head
    anchor: Anchor | None
    window: Window | None
    key: Key | None
    reattestation: Reattestation | None
    status: StatusRecord
    unlisted_successor: str | None

    @property
    def key_was_sound(self) -> bool:
        """Whether the anchor was made before any declared compromise of its key."""
        return self.anchor is not None and self.key is not None and _was_sound(self.key, self.anchor.block_time)

    @property
    def carries_weight(self) -> bool:
        """Whether the anchor's key was sound at its time, or a key that re-attested it was at that time."""
        again = self.reattestation
        return self.key_was_sound or (again is not None and _was_sound(again.key, again.block_time))


@dataclass(frozen=True)
class Checkpoint:
    """Size and root of the registry's log."""

    size: int
    root: bytes


class RegistryReader:
    """Reads a policy's registries, after having made sure that they are those."""

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
        head = Head(number, hash_, time, number - self._policy.depth)
        self._require_code(head, self._policy.registries[0])
        return head

    def facts(self, head: Head, registry: str, issuer_id: bytes, sequence: int, leaf_hash: bytes) -> Facts:
        """Everything that one receipt of a registry is judged by; of the policy's first where it is none of them.

        Raises: NodeUnavailable.
        """
        places = [place for place, pin in enumerate(self._policy.registries) if pin.address == registry]
        at = self._policy.registries[places[0] if places else 0]
        self._require_code(head, at)
        anchor = self.anchor_of(head, at.address, issuer_id, sequence)
        window = key = again = None
        if anchor is not None:
            window = self._window_of(head, at.address, issuer_id, anchor.window)
            key = self._key_of(head, at.address, issuer_id, anchor.key)
            again = self._reattestation_of(head, at.address, issuer_id, sequence)
        statuses, unlisted = self._statuses(head, places[0] if places else 0, issuer_id, leaf_hash)
        return Facts(head, anchor, window, key, again, standing(statuses), unlisted)

    def anchor_of(self, head: Head, registry: str, issuer_id: bytes, sequence: int) -> Anchor | None:
        """The anchor of a sequence number, or nothing. Raises: NodeUnavailable."""
        words = self._view(head, registry, ANCHOR_OF, [issuer_id, sequence.to_bytes(32, "big")], 6)
        size = _uint64(words[1])
        if size == 0:
            return None
        return Anchor(words[0], size, _uint64(words[2]), _uint64(words[3]), _uint64(words[4]), _address(words[5]))

    def checkpoint(self, head: Head, registry: str) -> Checkpoint:
        """Size and root of a registry's log. Raises: NodeUnavailable."""
        words = self._view(head, registry, CHECKPOINT, [], 2)
        return Checkpoint(_uint64(words[0]), words[1])

    def _statuses(
        self, head: Head, place: int, issuer_id: bytes, leaf_hash: bytes
    ) -> tuple[list[StatusRecord], str | None]:
        """What stands in the registry at a place of the policy and in each that succeeds it, and who is unlisted."""
        found = []
        pins = self._policy.registries
        while True:
            found.append(self._status_of(head, pins[place].address, issuer_id, leaf_hash))
            successor = _address(self._view(head, pins[place].address, SUCCESSOR, [], 1)[0])
            if successor == _NO_ADDRESS:
                return found, None
            place += 1
            if place == len(pins) or pins[place].address != successor:
                return found, successor
            self._require_code(head, pins[place])

    def _require_code(self, head: Head, pin: RegistryPin) -> None:
        code = data(self._node.call("eth_getCode", pin.address, {"blockHash": "0x" + head.hash.hex()}))
        if keccak256(code) != pin.code_hash:
            raise NodeUnavailable(f"{self._node.url} does not show the policy's registry code at {pin.address}")

    def _window_of(self, head: Head, registry: str, issuer_id: bytes, window: int) -> Window:
        words = self._view(head, registry, WINDOW_OF, [issuer_id, window.to_bytes(32, "big")], 4)
        return Window(_uint64(words[0]), _uint64(words[1]), int.from_bytes(words[2], "big"), words[3])

    def _key_of(self, head: Head, registry: str, issuer_id: bytes, key: str) -> Key:
        words = self._view(head, registry, KEY_OF, [issuer_id, bytes.fromhex(key[2:]).rjust(32, b"\0")], 5)
        return Key(
            from_=_uint64(words[0]),
            until=_uint64(words[1]),
            compromised_since=_uint64(words[2]),
            purposes=_below(words[3], 8),
            custody=Custody(_below(words[4], len(Custody))),
        )

    def _reattestation_of(self, head: Head, registry: str, issuer_id: bytes, sequence: int) -> Reattestation | None:
        words = self._view(head, registry, REATTESTATION_OF, [issuer_id, sequence.to_bytes(32, "big")], 2)
        time = _uint64(words[1])
        return Reattestation(time, self._key_of(head, registry, issuer_id, _address(words[0]))) if time else None

    def _status_of(self, head: Head, registry: str, issuer_id: bytes, leaf_hash: bytes) -> StatusRecord:
        words = self._view(head, registry, STATUS_OF, [issuer_id, leaf_hash], 7)
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

    def _view(
        self, head: Head, registry: str, selector: bytes, words: Sequence[bytes], answer_words: int
    ) -> list[bytes]:
        call = {"to": registry, "data": "0x" + (selector + b"".join(words)).hex()}
        answer = data(self._node.call("eth_call", call, {"blockHash": "0x" + head.hash.hex()}), answer_words * _WORD)
        return [answer[start : start + _WORD] for start in range(0, len(answer), _WORD)]


def standing(statuses: Sequence[StatusRecord]) -> StatusRecord:
    """What stands for a leaf over a registry and those that succeed it, oldest first.

    Revoked and superseded do not heal, in whichever registry they were written; else the newest
    registry in which anything was written decides. Source: docs/spec/verification.md 6.
    """
    written = [record for record in statuses if record.block_time] or statuses[:1]
    newest = written[-1]
    revoked = [record for record in written if record.status is Status.REVOKED]
    superseded = [record for record in written if record.status is Status.SUPERSEDED]
    if revoked or newest.status is Status.SUSPENDED:
        return (revoked or [newest])[0]
    return (superseded or [newest])[0]


def _was_sound(key: Key, time: int) -> bool:
    return key.compromised_since == 0 or time < key.compromised_since


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
