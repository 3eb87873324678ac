"""The registry's state, rebuilt from its log alone, with each act judged by the rules at its own time.

Source: docs/spec/registry.md 1, 2 and 5. The registry itself refuses every breach that is named here: one that stands
in a log all the same was let through by a changed contract, or written by whoever holds the chain.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from verifier.chain.facts import (
    NO_RECORD,
    PURPOSE_ANCHOR,
    PURPOSE_CLOSE,
    PURPOSE_STATUS,
    Anchor,
    Custody,
    Key,
    Reattestation,
    Status,
    StatusRecord,
    Window,
    was_sound,
)
from verifier.history.events import (
    Act,
    Anchored,
    CompromiseDeclared,
    Event,
    KeyAdded,
    KeyRetired,
    NightClosed,
    Paused,
    Reattested,
    StatusChanged,
    SuccessorSet,
    Unpaused,
    WindowClosed,
    WindowOpened,
    read_event,
)
from verifier.history.log import LogEntry

DAY = 86_400
FOREVER = 2**64 - 1
MAX_REVERSIBLE_RECORDS = 64
_NOTHING = bytes(32)


class Breach(NamedTuple):
    """An act against the rules: the rule's name, the event that broke it, and what it should have been."""

    name: str
    event: Event
    detail: str


class StatusWriting(NamedTuple):
    """One status record with its writer, in the order of the log."""

    record: StatusRecord
    writer: str


class Issuer:
    """What the log says of one issuer. `anchors` are by sequence number, `statuses` by leaf hash.

    `kept` are the records that the registry still holds: those without weight are dropped with the next writing.
    `closed_nights` are by day, each with the time of its closing; `last_night` is the latest of them, 0 before it.
    """

    def __init__(self) -> None:
        self.windows: list[Window] = []
        self.keys: dict[str, Key] = {}
        self.anchors: dict[int, Anchor] = {}
        self.reattestations: dict[int, tuple[int, str]] = {}
        self.statuses: dict[bytes, list[StatusWriting]] = {}
        self.kept: dict[bytes, list[StatusWriting]] = {}
        self.sequence = 0
        self.closed_nights: dict[int, int] = {}
        self.last_night = 0

    def key_at(self, address: str) -> Key:
        """A key; one that never acts where there is none."""
        return self.keys.get(address, Key(0, 0, 0, 0, Custody.UNKNOWN))

    def is_active(self, address: str, time: int, purposes: int) -> bool:
        """Whether a key may do one of these things at a time, as the registry knew it then."""
        key = self.key_at(address)
        return key.from_ <= time < key.until and not key.compromised_since and bool(key.purposes & purposes)

    def is_open(self, window: int, time: int) -> bool:
        """Whether a window holds a time."""
        return window < len(self.windows) and self.windows[window].from_ <= time < self.windows[window].until

    def has_taken_back(self, window: int) -> bool:
        """Whether a window is the last one and was closed before it began: it is empty, and its place is free.

        The registry's version 2 gives that place to the next window. Version 1 never does: there the next one follows.
        """
        return window == len(self.windows) - 1 and self.windows[window].until <= self.windows[window].from_

    def reattestation(self, sequence: int) -> Reattestation | None:
        """When and by which key an anchor was re-attested last."""
        if sequence not in self.reattestations:
            return None
        time, address = self.reattestations[sequence]
        return Reattestation(time, self.key_at(address))

    def carries_weight(self, sequence: int) -> bool:
        """Whether an anchor is by a sound key, or was re-attested by one."""
        anchor, again = self.anchors[sequence], self.reattestation(sequence)
        if was_sound(self.key_at(anchor.key), anchor.block_time):
            return True
        return again is not None and was_sound(again.key, again.block_time)

    def carrying_weight(self, leaf_hash: bytes) -> Iterator[StatusWriting]:
        """A leaf's status records that carry weight, the last one first."""
        return filter(self.weighs, reversed(self.statuses.get(leaf_hash, ())))

    def standing_records(self, leaf_hash: bytes) -> list[StatusWriting]:
        """The records that the registry holds of a leaf, where the next is added: those without weight are dropped.

        Each is dropped once, so that writing many costs by their number.
        """
        kept = self.kept.setdefault(leaf_hash, [])
        while kept and not self.weighs(kept[-1]):
            kept.pop()
        return kept

    def weighs(self, writing: StatusWriting) -> bool:
        """Whether a status record is a regulator's, or by a key that was sound."""
        return writing.record.by_regulator or was_sound(self.key_at(writing.writer), writing.record.block_time)

    def status_of(self, leaf_hash: bytes) -> StatusRecord:
        """What stands for a leaf."""
        return next((writing.record for writing in self.carrying_weight(leaf_hash)), NO_RECORD)

    def status_on(self, leaf_hash: bytes, time: int) -> StatusRecord:
        """What stood for a leaf at a time, by what is known now: what holds from the beginning held then."""
        last = self.status_of(leaf_hash)
        if last.from_beginning and last.status is not Status.ACTIVE:
            return last
        found = (writing.record for writing in self.carrying_weight(leaf_hash))
        return next((record for record in found if record.block_time <= time), NO_RECORD)


class History:
    """One registry, as its log tells it."""

    def __init__(self) -> None:
        """Begin with nothing, as the registry did."""
        self.issuers: dict[bytes, Issuer] = {}
        self.paused_until = 0
        self.successor: str | None = None
        self.time = 0
        self.breaches: list[Breach] = []
        self._event: Event
        self._apply: dict[type[Act], Callable[..., None]] = {
            WindowOpened: self._window_opened,
            WindowClosed: self._window_closed,
            KeyAdded: self._key_added,
            KeyRetired: self._key_retired,
            CompromiseDeclared: self._compromise_declared,
            Anchored: self._anchored,
            Reattested: self._reattested,
            NightClosed: self._night_closed,
            StatusChanged: self._status_changed,
            Paused: self._paused,
            Unpaused: self._unpaused,
            SuccessorSet: self._successor_set,
        }

    def issuer(self, issuer_id: bytes) -> Issuer:
        """What is known of an issuer: nothing, where the log never named it."""
        return self.issuers.get(issuer_id, Issuer())

    def apply(self, event: Event) -> list[Breach]:
        """Take the next event in, also where it breaks a rule: the chain did so too. Returns what it broke."""
        before = len(self.breaches)
        self._event = event
        self._require(event.time >= self.time, "time-goes-back", f"it follows an entry of {self.time}")
        self.time = max(self.time, event.time)
        self._apply[type(event.act)](event.act)
        return self.breaches[before:]

    def _require(self, holds: bool, name: str, detail: str) -> None:  # noqa: FBT001  (a condition, as assert has one)
        if not holds:
            self.breaches.append(Breach(name, self._event, detail))

    def _of(self, issuer_id: bytes) -> Issuer:
        self._require(issuer_id != _NOTHING, "no-issuer", "an issuer id is not zero")
        return self.issuers.setdefault(issuer_id, Issuer())

    def _require_running(self) -> None:
        self._require(self._event.time >= self.paused_until, "while-paused", f"paused until {self.paused_until}")

    def _require_current(self) -> None:
        self._require(self.successor is None, "after-the-successor", f"succeeded by {self.successor}")

    def _require_key(self, issuer: Issuer, address: str, purposes: int) -> None:
        self._require(
            issuer.is_active(address, self._event.time, purposes), "by-a-key-that-is-not-active", f"key {address}"
        )

    def _window_opened(self, act: WindowOpened) -> None:
        issuer, time = self._of(act.issuer), self._event.time
        self._require_running()
        if issuer.has_taken_back(act.window):
            issuer.windows.pop()
        last = issuer.windows[-1] if issuer.windows else None
        follows = last is None or (last.from_ <= time and act.from_ >= last.until)
        self._require(
            act.window == len(issuer.windows) and time <= act.from_ < act.until and follows and act.scope > 0,
            "a-window-that-may-not-be",
            f"window {act.window} from {act.from_} until {act.until}",
        )
        issuer.windows.append(Window(act.from_, act.until, act.scope, act.profile_digest))

    def _window_closed(self, act: WindowClosed) -> None:
        issuer = self._of(act.issuer)
        known = act.window < len(issuer.windows)
        self._require(
            known and self._event.time < act.until < issuer.windows[act.window].until,
            "a-window-closed-backwards",
            f"window {act.window} until {act.until}",
        )
        if known:
            issuer.windows[act.window] = issuer.windows[act.window]._replace(until=act.until)

    def _key_added(self, act: KeyAdded) -> None:
        issuer = self._of(act.issuer)
        self._require_running()
        self._require(
            act.key not in issuer.keys and 0 < act.purposes < 8 and act.custody is not Custody.UNKNOWN,
            "a-key-that-may-not-be",
            f"key {act.key}",
        )
        issuer.keys[act.key] = Key(self._event.time, FOREVER, 0, act.purposes, act.custody)

    def _key_retired(self, act: KeyRetired) -> None:
        issuer = self._of(act.issuer)
        self._require_key(issuer, act.key, PURPOSE_ANCHOR | PURPOSE_STATUS | PURPOSE_CLOSE)
        issuer.keys[act.key] = issuer.key_at(act.key)._replace(until=self._event.time + 1)

    def _compromise_declared(self, act: CompromiseDeclared) -> None:
        issuer = self._of(act.issuer)
        declared = issuer.key_at(act.key).compromised_since
        self._require(
            act.key in issuer.keys and 0 < act.since <= self._event.time and (not declared or act.since < declared),
            "a-compromise-moved-later",
            f"key {act.key}: {act.since} after {declared}",
        )
        issuer.keys[act.key] = issuer.key_at(act.key)._replace(compromised_since=act.since)

    def _anchored(self, act: Anchored) -> None:
        issuer, time = self._of(act.issuer), self._event.time
        self._require_running()
        self._require_current()
        self._require_key(issuer, act.key, PURPOSE_ANCHOR)
        self._require(issuer.is_open(act.window, time), "by-a-closed-window", f"window {act.window}")
        expected = issuer.sequence + 1
        name = "an-anchor-written-twice" if act.sequence in issuer.anchors else "a-gap-in-the-sequence"
        self._require(act.sequence == expected, name, f"number {act.sequence} where {expected} belongs")
        self._require(act.root_hash != _NOTHING and act.tree_size > 0, "an-empty-anchor", f"size {act.tree_size}")
        issuer.sequence = max(issuer.sequence, act.sequence)
        issuer.anchors[act.sequence] = Anchor(
            act.root_hash, act.tree_size, time, self._event.block, act.window, act.key
        )

    def _reattested(self, act: Reattested) -> None:
        issuer = self._of(act.issuer)
        self._require_running()
        self._require_key(issuer, act.key, PURPOSE_ANCHOR)
        known = act.sequence in issuer.anchors
        self._require(
            known
            and issuer.anchors[act.sequence].root_hash == act.root_hash
            and not issuer.carries_weight(act.sequence),
            "re-attested-without-need",
            f"anchor {act.sequence}",
        )
        issuer.reattestations[act.sequence] = (self._event.time, act.key)

    def _night_closed(self, act: NightClosed) -> None:
        issuer, time = self._of(act.issuer), self._event.time
        self._require_current()
        self._require_key(issuer, act.key, PURPOSE_ANCHOR | PURPOSE_CLOSE)
        last = issuer.last_night
        self._require(
            act.sequence == issuer.sequence and last < act.night <= time // DAY + 1,
            "a-night-that-may-not-be",
            f"night {act.night} after {last}, with sequence number {act.sequence}",
        )
        issuer.closed_nights[act.night] = time
        issuer.last_night = max(last, act.night)

    def _status_changed(self, act: StatusChanged) -> None:
        issuer, time = self._of(act.issuer), self._event.time
        self._require_current()
        if not act.by_regulator:
            self._require_key(issuer, act.writer, PURPOSE_STATUS)
        held = issuer.standing_records(act.leaf_hash)
        name = _forbidden(issuer, held, act)
        self._require(name is None, name or "", f"leaf {act.leaf_hash.hex()} to {act.status.name.lower()}")
        record = StatusRecord(act.status, act.from_beginning, act.by_regulator, act.reason, time, act.successor)
        held.append(StatusWriting(record, act.writer))
        issuer.statuses.setdefault(act.leaf_hash, []).append(StatusWriting(record, act.writer))

    def _paused(self, act: Paused) -> None:
        self.paused_until = act.until

    def _unpaused(self, _act: Unpaused) -> None:
        self.paused_until = self._event.time

    def _successor_set(self, act: SuccessorSet) -> None:
        self._require_current()
        self.successor = act.successor


def replay(entries: Iterable[LogEntry]) -> History:
    """The state that a log leads to. Raises: MalformedProof for an entry that is none."""
    history = History()
    for entry in entries:
        history.apply(read_event(entry))
    return history


def _forbidden(issuer: Issuer, held: Sequence[StatusWriting], act: StatusChanged) -> str | None:
    """Which rule of docs/spec/registry.md 2 a status change breaks, if it breaks one. `held` are the leaf's records."""
    current = held[-1] if held else StatusWriting(NO_RECORD, "")
    status = current.record.status
    is_affirmed = act.status is status
    if act.leaf_hash == _NOTHING or (act.status is Status.SUPERSEDED) != (act.successor != _NOTHING):
        return "a-status-that-may-not-be"
    if is_affirmed and (
        status is Status.ACTIVE or act.writer == current.writer or act.successor != current.record.successor
    ):
        return "affirmed-without-need"
    if not is_affirmed and status is Status.REVOKED:
        return "a-revocation-reopened"
    if not is_affirmed and status is Status.SUPERSEDED and act.status is not Status.REVOKED:
        return "a-supersession-reopened"
    if act.status is Status.SUPERSEDED and (
        act.successor == act.leaf_hash or issuer.status_of(act.successor).status is not Status.ACTIVE
    ):
        return "superseded-by-nothing"
    if act.by_regulator:
        return None
    is_the_regulators = current.record.by_regulator and status is not Status.ACTIVE
    if is_the_regulators and (is_affirmed or act.status is not Status.REVOKED):
        return "over-the-regulator"
    is_final = act.status in (Status.SUPERSEDED, Status.REVOKED)
    if len(held) >= MAX_REVERSIBLE_RECORDS and (is_affirmed or not is_final):
        return "too-many-records"
    return None
