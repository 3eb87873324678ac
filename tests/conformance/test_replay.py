"""The replay of a log and the contract hold the same rules: what one takes in the other does, and nothing else.

Random acts by the right accounts. What the contract accepts must be no breach; what it refuses must be one, had it
been written all the same; and the storage must be what the replay leads to.
"""

import copy
import random
from collections.abc import Callable, Iterator

import pytest
from eth_tester.exceptions import TransactionFailed
from registry_contract import RELEASED, Registry

from verifier.audit.slots import expected_words
from verifier.chain.facts import Custody, Status
from verifier.history.events import (
    Act,
    Anchored,
    CompromiseDeclared,
    Event,
    KeyAdded,
    KeyRetired,
    NightClosed,
    Reattested,
    StatusChanged,
    WindowClosed,
    WindowOpened,
    read_event,
)
from verifier.history.log import LOGGED_EVENTS, LogEntry, entry_of
from verifier.history.state import DAY, History

ISSUERS = [b"\xaa" * 32, b"\xbb" * 32]
KEYS = ["key", "status_key", "other_key", "eighth", "ninth"]
FIRST_KEYS = 3
LEAVES = [bytes([number]) * 32 for number in range(1, 13)]
PROFILE = b"\x0f" * 32
ZERO = bytes(32)
ACTS = 260
NEWEST = max(RELEASED)


class Twins:
    """One contract and the replay of its log, side by side."""

    def __init__(self, seed: int, version: int = NEWEST) -> None:
        self.chance = random.Random(seed)
        self.version = version
        self.registry = Registry(version)
        self.registry.accounts |= dict(zip(KEYS[3:], self.registry.web3.eth.accounts[8:], strict=True))
        self.history = History()
        self.block = self.logged = 0
        self.accepted: dict[str, int] = {}
        self.refused: dict[str, int] = {}

    def do(self, who: str, call: object, act: Act) -> None:
        name = type(act).__name__
        try:
            self.registry.by(who, call)
        except TransactionFailed:
            time = self.registry.now() + 1
            would_be = copy.deepcopy(self.history)
            # A copy's methods have to be its own.
            would_be._apply = {kind: getattr(would_be, method.__name__) for kind, method in would_be._apply.items()}
            assert would_be.apply(Event(act, time, self.block, self.logged)), f"only the contract refused {act}"
            self.refused[name] = self.refused.get(name, 0) + 1
            return
        for entry in self.new_entries():
            assert self.history.apply(read_event(entry)) == [], act
        self.accepted[name] = self.accepted.get(name, 0) + 1

    def new_entries(self) -> Iterator[LogEntry]:
        logs = self.registry.web3.eth.get_logs(
            {"address": self.registry.contract.address, "fromBlock": self.block + 1, "toBlock": "latest"}
        )
        self.block = self.registry.web3.eth.block_number
        for log in logs:
            # Roles are OpenZeppelin's events, and no entries of the log.
            if "0x" + bytes(log["topics"][0]).hex() not in LOGGED_EVENTS:
                continue
            event = {
                "blockNumber": hex(log["blockNumber"]),
                "topics": ["0x" + bytes(topic).hex() for topic in log["topics"]],
                "data": "0x" + bytes(log["data"]).hex(),
            }
            self.logged += 1
            yield entry_of(event)

    def step(self) -> None:
        """One act, mostly of a kind that could be allowed now."""
        kinds: list[tuple[Callable[[], None], int]] = [
            (self.anchor, 12), (self.status, 14), (self.supersede, 5), (self.night, 2), (self.reattest, 4),
            (self.window, 2), (self.key, 3), (self.rarely, 3), (self.pause, 2),
        ]  # fmt: skip
        self.chance.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]()
        if self.chance.random() < 0.1:
            self.registry.travel(self.chance.choice([100, 10_000, 2 * DAY]))

    def rarely(self) -> None:
        """What ends something for good, so that something goes on."""
        if self.chance.random() < 0.4:
            self.chance.choice([self.close, self.retire, self.compromise, self.compromise])()

    def pick(self) -> tuple[bytes, str, str]:
        name = self.chance.choice(KEYS)
        return self.chance.choice(ISSUERS), name, self.registry.accounts[name].lower()

    def anchor(self) -> None:
        issuer, name, key = self.pick()
        held = self.history.issuer(issuer)
        sequence = held.sequence + self.chance.choice([1] * 8 + [0, 2])
        root, size = self.chance.choice([*LEAVES, ZERO]), self.chance.choice([1] * 9 + [0])
        now = self.registry.now() + 1
        window = next((place for place in range(len(held.windows)) if held.is_open(place, now)), len(held.windows))
        call = self.registry.f.anchor(issuer, sequence, root, size)
        self.do(name, call, Anchored(issuer, sequence, root, size, window, key, key))

    def status(self) -> None:
        issuer, name, key = self.pick()
        by_regulator = self.chance.random() < 0.3
        if by_regulator:
            name, key = "regulator", self.registry.accounts["regulator"].lower()
        leaf, wanted = self.chance.choice(LEAVES), self.chance.choice([Status.ACTIVE, Status.SUSPENDED, Status.REVOKED])
        if wanted is Status.REVOKED and self.chance.random() < 0.7:
            wanted = Status.SUSPENDED
        act = StatusChanged(issuer, leaf, wanted, 3, False, ZERO, by_regulator, key)
        self.do(name, self.registry.f.setStatus(issuer, [leaf], wanted, 3, False), act)

    def supersede(self) -> None:
        issuer, name, key = self.pick()
        leaf = self.chance.choice(LEAVES)
        # A batch of one certificate: its root is its leaf.
        whole = [
            (sequence, one.root_hash)
            for sequence, one in self.history.issuer(issuer).anchors.items()
            if one.tree_size == 1 and self.history.issuer(issuer).carries_weight(sequence)
        ]
        if not whole:
            return
        sequence, newer = self.chance.choice(whole)
        act = StatusChanged(issuer, leaf, Status.SUPERSEDED, 5, False, newer, False, key)
        self.do(name, self.registry.f.supersede(issuer, leaf, 5, False, (newer, sequence, 0, [])), act)

    def night(self) -> None:
        issuer, name, key = self.pick()
        night = self.registry.now() // DAY + self.chance.choice([0, 0, 1, -1, 3])
        sequence = self.history.issuer(issuer).sequence + self.chance.choice([0, 0, 0, 1])
        self.do(name, self.registry.f.closeNight(issuer, night, sequence), NightClosed(issuer, night, sequence, key))

    def reattest(self) -> None:
        issuer, name, key = self.pick()
        anchors = self.history.issuer(issuer).anchors
        if not anchors:
            return
        sequence = self.chance.choice(list(anchors))
        root = self.chance.choice([anchors[sequence].root_hash] * 3 + [LEAVES[0]])
        self.do(name, self.registry.f.reattest(issuer, [(sequence, root)]), Reattested(issuer, sequence, root, key))

    def window(self) -> None:
        begin = self.registry.now() + self.chance.choice([100, 5_000, -50])
        self.open_window(self.pick()[0], begin, begin + self.chance.choice([3 * DAY, 30 * DAY, -1]))

    def open_window(self, issuer: bytes, begin: int, until: int) -> None:
        held = self.history.issuer(issuer)
        place = len(held.windows)
        if self.version > 1 and held.has_taken_back(place - 1):
            place -= 1
        by = self.registry.accounts["accreditor"].lower()
        call = self.registry.f.openWindow(issuer, begin, until, 1, PROFILE)
        self.do("accreditor", call, WindowOpened(issuer, place, begin, until, 1, PROFILE, by))

    def close(self) -> None:
        until = self.registry.now() + self.chance.choice([50, DAY, -50, 90 * DAY])
        self.close_window(self.pick()[0], self.chance.randrange(3), until)

    def close_window(self, issuer: bytes, window: int, until: int) -> None:
        by = self.registry.accounts["accreditor"].lower()
        self.do(
            "accreditor", self.registry.f.closeWindow(issuer, window, until), WindowClosed(issuer, window, until, by)
        )

    def key(self) -> None:
        issuer, _, key = self.pick()
        purposes, custody = self.chance.choice([3, 7, 1, 2, 0, 8]), self.chance.choice([1, 2, 0])
        by = self.registry.accounts["accreditor"].lower()
        call = self.registry.f.addKey(issuer, self.registry.web3.to_checksum_address(key), purposes, custody)
        self.do("accreditor", call, KeyAdded(issuer, key, purposes, Custody(custody), by))

    def retire(self) -> None:
        issuer, _, key = self.pick()
        by = self.registry.accounts["accreditor"].lower()
        call = self.registry.f.retireKey(issuer, self.registry.web3.to_checksum_address(key))
        self.do("accreditor", call, KeyRetired(issuer, key, by))

    def compromise(self) -> None:
        issuer, _, key = self.pick()
        since = self.registry.now() - self.chance.choice([1, 1_000, DAY, -50])
        by = self.registry.accounts["accreditor"].lower()
        call = self.registry.f.declareCompromise(issuer, self.registry.web3.to_checksum_address(key), since)
        self.do("accreditor", call, CompromiseDeclared(issuer, key, since, by))

    def pause(self) -> None:
        """Pausing keeps no rule of the log; what is done while it lasts does."""
        if self.history.paused_until > self.registry.now() or self.chance.random() < 0.2:
            paused = self.history.paused_until > self.registry.now()
            who, call = ("admin", self.registry.f.unpause()) if paused else ("pauser", self.registry.f.pause())
            try:
                self.registry.by(who, call)
            except TransactionFailed:
                return
            for entry in self.new_entries():
                assert self.history.apply(read_event(entry)) == []

    def compare_storage(self) -> None:
        address = self.registry.contract.address
        for what, slot, word in expected_words(self.history):
            stored = int.from_bytes(bytes(self.registry.web3.eth.get_storage_at(address, slot)), "big")
            assert stored == word, what


@pytest.mark.parametrize(("seed", "version"), [(1, 2), (2, 2), (3, 1)])
def test_the_replay_and_the_contract_hold_the_same_rules(seed, version):
    twins = Twins(seed, version)
    for issuer in ISSUERS:
        for name in KEYS[:FIRST_KEYS]:
            twins.registry.by("accreditor", twins.registry.f.addKey(issuer, twins.registry.accounts[name], 7, 1))
        twins.registry.by("accreditor", twins.registry.f.openWindow(issuer, 0, 2**63, 1, PROFILE))
    for entry in twins.new_entries():
        assert twins.history.apply(read_event(entry)) == []
    for _ in range(ACTS):
        twins.step()
    assert sum(twins.accepted.values()) > ACTS / 8, twins.accepted
    assert sum(twins.refused.values()) > ACTS / 5, twins.refused
    twins.compare_storage()


@pytest.mark.parametrize("version", RELEASED)
def test_a_window_that_was_taken_back(version):
    """Two windows, of which the second was to begin in milliseconds: what each version makes of what follows."""
    twins, issuer = Twins(0, version), ISSUERS[0]
    twins.registry.by("accreditor", twins.registry.f.addKey(issuer, twins.registry.accounts["key"], 7, 1))
    twins.registry.by("accreditor", twins.registry.f.openWindow(issuer, 0, twins.registry.now() + DAY, 1, PROFILE))
    for entry in twins.new_entries():
        assert twins.history.apply(read_event(entry)) == []
    now = twins.history.issuer(issuer).windows[0].until - DAY
    twins.open_window(issuer, now + 2 * DAY, 2**63)
    # Only what ends no later than it begins is taken back.
    twins.close_window(issuer, 1, now + 2 * DAY + 1)
    twins.open_window(issuer, now + 3 * DAY, 2**63)
    twins.close_window(issuer, 1, now + 2 * DAY)
    assert (twins.accepted, twins.refused) == ({"WindowOpened": 1, "WindowClosed": 2}, {"WindowOpened": 1})
    # What would overlap the first one, then what does not, then what would lie ahead of it.
    twins.open_window(issuer, now + DAY - 1, 2**63)
    twins.open_window(issuer, now + DAY, now + 4 * DAY)
    twins.open_window(issuer, now + 4 * DAY, 2**63)
    is_free = version > 1
    assert twins.accepted["WindowOpened"] == (2 if is_free else 1)
    key = twins.registry.accounts["key"].lower()
    for sequence, window in ((1, 0), (2, 1)):
        call = twins.registry.f.anchor(issuer, sequence, LEAVES[0], 1)
        twins.do("key", call, Anchored(issuer, sequence, LEAVES[0], 1, window, key, key))
        twins.registry.travel(DAY)
    assert twins.accepted["Anchored"] == (2 if is_free else 1)
    # The old version lets another follow once the empty one would have begun, and counts on.
    twins.registry.travel(DAY)
    twins.open_window(issuer, now + 5 * DAY, 2**63)
    assert [window.from_ - now for window in twins.history.issuer(issuer).windows[1:]] == (
        [DAY, 5 * DAY] if is_free else [2 * DAY, 5 * DAY]
    )
    twins.compare_storage()


def test_void_records_below_a_sound_one_count_towards_the_bound():
    """An issuer's reversible changes of a leaf end at 64 records, those of a thief among them included."""
    twins = Twins(0)
    keys = [twins.registry.accounts[name].lower() for name in KEYS[:2]]
    for name in KEYS[:2]:
        twins.registry.by("accreditor", twins.registry.f.addKey(ISSUERS[0], twins.registry.accounts[name], 7, 1))
    for entry in twins.new_entries():
        assert twins.history.apply(read_event(entry)) == []

    def change(by: int) -> None:
        held = twins.history.issuer(ISSUERS[0]).status_of(LEAVES[0]).status
        wanted = Status.ACTIVE if held is Status.SUSPENDED else Status.SUSPENDED
        act = StatusChanged(ISSUERS[0], LEAVES[0], wanted, 3, False, ZERO, False, keys[by])
        twins.do(KEYS[by], twins.registry.f.setStatus(ISSUERS[0], [LEAVES[0]], wanted, 3, False), act)

    for _ in range(20):
        change(1)
    change(0)
    since = twins.registry.now() - 1_000
    act = CompromiseDeclared(ISSUERS[0], keys[1], since, twins.registry.accounts["accreditor"].lower())
    twins.do("accreditor", twins.registry.f.declareCompromise(ISSUERS[0], twins.registry.accounts[KEYS[1]], since), act)
    for _ in range(50):
        change(0)
    assert (twins.accepted["StatusChanged"], twins.refused["StatusChanged"]) == (64, 7)
