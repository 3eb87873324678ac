"""What a registry holds, as values: anchors, windows, keys, statuses. Source: docs/spec/registry.md."""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple, TypeVar

Read = TypeVar("Read")

# The last second of the year 9999 in UTC+9: a block's time is a date in every zone of Indonesia.
LAST_TIME = 253_402_268_399

PURPOSE_ANCHOR = 1
PURPOSE_STATUS = 2
PURPOSE_CLOSE = 4


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


class Anchor(NamedTuple):
    """One anchored batch. Times are seconds since 1970."""

    root_hash: bytes
    tree_size: int
    block_time: int
    block_number: int
    window: int
    key: str


class Window(NamedTuple):
    """A span [from_, until) of accreditation. `scope` has a bit for each of 256 kinds."""

    from_: int
    until: int
    scope: int
    profile_digest: bytes


class Key(NamedTuple):
    """An issuer's key, active in [from_, until). From `compromised_since` on its acts weigh nothing; 0 is never."""

    from_: int
    until: int
    compromised_since: int
    purposes: int
    custody: Custody


class Reattestation(NamedTuple):
    """When another key of the issuer put its weight behind an anchor, and that key."""

    block_time: int
    key: Key


class StatusRecord(NamedTuple):
    """What stands for a leaf: the last record that carries weight. `block_time` 0 says that there is none."""

    status: Status
    from_beginning: bool
    by_regulator: bool
    reason: int
    block_time: int
    successor: bytes


NO_RECORD = StatusRecord(Status.ACTIVE, False, False, 0, 0, bytes(32))


class Head(NamedTuple):
    """The block that everything was read at. `final` is the highest final block's number."""

    number: int
    hash: bytes
    time: int
    final: int


class Remark(NamedTuple):
    """What is said beside the checks: a name in verdict/words.py or web/phrases.py, and what fills its blanks."""

    name: str
    values: dict[str, Any]


class LeftOut(NamedTuple):
    """A node of the policy that an answer does not stand on, and why.

    `silent` did not answer as it should; `resting` was not asked, since it failed a moment ago; `behind` follows the
    same chain and has no newer final block than `block`; `elsewhere` shows another block of that number; `same` calls
    itself by the name of another.
    """

    node: str
    why: str
    block: int | None = None


class Facts(NamedTuple):
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
        return self.anchor is not None and self.key is not None and was_sound(self.key, self.anchor.block_time)

    @property
    def carries_weight(self) -> bool:
        """Whether the anchor's key was sound at its time, or a key that re-attested it was at that time."""
        again = self.reattestation
        return self.key_was_sound or (again is not None and was_sound(again.key, again.block_time))


class Checkpoint(NamedTuple):
    """Size and root of the registry's log."""

    size: int
    root: bytes


def walk_successors(
    registries: Sequence[str], first: int, read: Callable[[int], tuple[Read, str | None]]
) -> tuple[list[Read], str | None]:
    """What stands in a registry and in each that succeeds it, and the address of a successor that is not listed.

    `registries` are the listed addresses, oldest first, `first` is where the walk begins, and `read` answers for
    one of them, with the address of what succeeds it. Source: docs/spec/verification.md 6.
    """
    found: list[Read] = []
    successor: str | None = registries[first]
    for index, registry in enumerate(registries[first:], start=first):
        if successor != registry:
            break
        here, successor = read(index)
        found.append(here)
    return found, successor


def standing_record(statuses: Sequence[StatusRecord]) -> StatusRecord:
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


def was_sound(key: Key, time: int) -> bool:
    """Whether an act of a key at a time lies before any declared compromise of it."""
    return key.compromised_since == 0 or time < key.compromised_since
