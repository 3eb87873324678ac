"""Log entries as what they say: one value for each logged event. Source: docs/spec/log.md, docs/spec/registry.md."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from verifier.chain.facts import LAST_TIME, Custody, Status
from verifier.errors import MalformedProof
from verifier.history.log import LOGGED_EVENTS, LogEntry

_WORD = 32
_DAY = 86_400


class WindowOpened(NamedTuple):
    """An issuer may anchor in [from_, until), trainings of the kinds in `scope`, under a profile."""

    issuer: bytes
    window: int
    from_: int
    until: int
    scope: int
    profile_digest: bytes
    by: str


class WindowClosed(NamedTuple):
    """A window ends at `until`, earlier than it was to."""

    issuer: bytes
    window: int
    until: int
    by: str


class KeyAdded(NamedTuple):
    """A key acts for an issuer from now on."""

    issuer: bytes
    key: str
    purposes: int
    custody: Custody
    by: str


class KeyRetired(NamedTuple):
    """A key acts no more from the next second on."""

    issuer: bytes
    key: str
    by: str


class CompromiseDeclared(NamedTuple):
    """What a key did since an instant carries no weight."""

    issuer: bytes
    key: str
    since: int
    by: str


class Anchored(NamedTuple):
    """A batch's root and size, by a key; `sender` sent the transaction: that key, or whoever relays it."""

    issuer: bytes
    sequence: int
    root_hash: bytes
    tree_size: int
    window: int
    key: str
    sender: str


class Reattested(NamedTuple):
    """Another key puts its weight behind an anchor."""

    issuer: bytes
    sequence: int
    root_hash: bytes
    key: str


class NightClosed(NamedTuple):
    """An issuer had nothing to anchor in a night, in days since 1970-01-01."""

    issuer: bytes
    night: int
    sequence: int
    key: str


class StatusChanged(NamedTuple):
    """A leaf's status from now on, or from the beginning."""

    issuer: bytes
    leaf_hash: bytes
    status: Status
    reason: int
    from_beginning: bool
    successor: bytes
    by_regulator: bool
    writer: str


class Paused(NamedTuple):
    """No anchors and accreditations until an instant."""

    by: str
    until: int


class Unpaused(NamedTuple):
    """The pause is over."""

    by: str


class SuccessorSet(NamedTuple):
    """Another registry carries on."""

    successor: str
    by: str


Act: TypeAlias = (
    WindowOpened
    | WindowClosed
    | KeyAdded
    | KeyRetired
    | CompromiseDeclared
    | Anchored
    | Reattested
    | NightClosed
    | StatusChanged
    | Paused
    | Unpaused
    | SuccessorSet
)


class Event(NamedTuple):
    """One entry of the log, read: what happened, when in seconds since 1970, in which block, and its index."""

    act: Act
    time: int
    block: int
    index: int  # type: ignore[assignment]  # hides a method of tuples that nobody needs

    @property
    def issuer(self) -> str:
        """The issuer whose act it is, in hexadecimal digits; empty where it is the registry's own."""
        issuer = getattr(self.act, "issuer", None)
        return issuer.hex() if isinstance(issuer, bytes) else ""


def read_event(entry: LogEntry) -> Event:
    """What an entry says. Raises: MalformedProof for one that is none of docs/spec/log.md."""
    words = [entry.data[start : start + _WORD] for start in range(0, len(entry.data), _WORD)]
    name = LOGGED_EVENTS.get("0x" + words[0].hex()) if words else None
    if name is None:
        raise MalformedProof("an entry of the log is of no known kind")
    kind, shape = _SHAPES[name]
    if len(words) != len(shape) + 3 or len(words[-1]) != _WORD:
        raise MalformedProof(f"an entry {name} has {len(entry.data)} bytes, which is not its length")
    act = kind(*(read(word) for read, word in zip(shape, words[1:-2], strict=True)))
    return Event(act, _time(words[-2]), entry.block, _uint64(words[-1]))


def _bytes(word: bytes) -> bytes:
    return word


def _integer(word: bytes) -> int:
    return int.from_bytes(word, "big")


def _address(word: bytes) -> str:
    if any(word[:12]):
        raise MalformedProof("an entry of the log has something else where an address belongs")
    return "0x" + word[12:].hex()


def _uint8(word: bytes) -> int:
    return _below(word, 2**8)


def _uint64(word: bytes) -> int:
    return _below(word, 2**64)


def _time(word: bytes) -> int:
    """A block's time, in seconds since 1970."""
    return _below(word, LAST_TIME + 1)


def _night(word: bytes) -> int:
    """A date, in days since 1970-01-01."""
    return _below(word, LAST_TIME // _DAY + 1)


def _boolean(word: bytes) -> bool:
    return bool(_below(word, 2))


def _custody(word: bytes) -> Custody:
    return Custody(_below(word, len(Custody)))


def _status(word: bytes) -> Status:
    return Status(_below(word, len(Status)))


def _below(word: bytes, bound: int) -> int:
    value = _integer(word)
    if value >= bound:
        raise MalformedProof(f"an entry of the log has {value} where a number below {bound} belongs")
    return value


_SHAPES: dict[str, tuple[Callable[..., Act], tuple[Callable[[bytes], object], ...]]] = {
    "WindowOpened": (WindowOpened, (_bytes, _uint64, _uint64, _uint64, _integer, _bytes, _address)),
    "WindowClosed": (WindowClosed, (_bytes, _uint64, _uint64, _address)),
    "KeyAdded": (KeyAdded, (_bytes, _address, _uint8, _custody, _address)),
    "KeyRetired": (KeyRetired, (_bytes, _address, _address)),
    "CompromiseDeclared": (CompromiseDeclared, (_bytes, _address, _uint64, _address)),
    "Anchored": (Anchored, (_bytes, _uint64, _bytes, _uint64, _uint64, _address, _address)),
    "Reattested": (Reattested, (_bytes, _uint64, _bytes, _address)),
    "NightClosed": (NightClosed, (_bytes, _night, _uint64, _address)),
    "StatusChanged": (StatusChanged, (_bytes, _bytes, _status, _uint8, _boolean, _bytes, _boolean, _address)),
    "Paused": (Paused, (_address, _uint64)),
    "Unpaused": (Unpaused, (_address,)),
    "SuccessorSet": (SuccessorSet, (_address, _address)),
}
