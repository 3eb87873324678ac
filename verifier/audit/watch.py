"""What is new on chain since the last look, and what of it is an alarm. Pure but for the reading of the chain.

Source: docs/spec/audit.md 5.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from verifier.audit import nights
from verifier.audit.findings import Finding, history_forked, of_breach
from verifier.chain.facts import Checkpoint
from verifier.chain.nodes import Chain, at_final
from verifier.errors import LogDiffers
from verifier.history.events import CompromiseDeclared, Event, KeyAdded, Paused, SuccessorSet, WindowOpened, read_event
from verifier.history.log import LogEntry, checkpoint_of
from verifier.history.recorded import RecordedHistory, record

FORMAT = "jangkar-watch-v1"
Findings: TypeAlias = Sequence[Finding]


@dataclass(frozen=True)
class WatchMemory:
    """What was told already: the log of each registry that was seen, and of each issuer the missed nights."""

    logs: dict[str, Checkpoint] = field(default_factory=dict)
    missed_nights: dict[str, list[str]] = field(default_factory=dict)

    def encode(self) -> str:
        """The state as a file holds it."""
        logs = {
            registry: {"size": checkpoint.size, "root": checkpoint.root.hex()}
            for registry, checkpoint in self.logs.items()
        }
        return json.dumps({"format": FORMAT, "logs": logs, "nights": self.missed_nights}, indent=1) + "\n"


def decode(text: str) -> WatchMemory:
    """The state of a file. Raises: ValueError, KeyError, TypeError, AttributeError for one that is none."""
    fields = json.loads(text)
    if fields["format"] != FORMAT:
        raise ValueError(FORMAT)
    logs = {
        registry: Checkpoint(int(checkpoint["size"]), bytes.fromhex(checkpoint["root"]))
        for registry, checkpoint in fields["logs"].items()
    }
    return WatchMemory(logs, {str(issuer): list(told) for issuer, told in fields["nights"].items()})


@dataclass(frozen=True)
class Look:
    """One look at the chain: what to tell, the state once it is told, and the logs, to be read no more."""

    block: int
    alarms: tuple[Finding, ...]
    news: tuple[Finding, ...]
    state: WatchMemory
    logs: tuple[tuple[LogEntry, ...], ...]


def look(
    chain: Chain, state: WatchMemory, expected: Sequence[str], now: int, known: Sequence[Sequence[LogEntry]] = ()
) -> Look:
    """Read what is new and final, and judge it. `expected` are keys that may be added; `known` is what was read before.

    A history that is forked or hidden leaves the state as it was, so that it is told again until a
    person has looked. Raises: NodeUnavailable.
    """
    stale = now - chain.head.time > chain.policy.max_head_age
    alarms = [Finding("head-stale", values={"time": chain.head.time})] if stale else []
    # Younger blocks may go back: whoever remembers one of them tells of a fork for ever.
    chain = at_final(chain)
    try:
        recorded = record(chain, known=known)
    except LogDiffers as error:
        alarms.append(Finding("log-differs", values={"detail": str(error)}))
        return Look(chain.head.number, tuple(alarms), (), state, ())
    forks = list(_forks(recorded, state))
    if forks:
        return Look(chain.head.number, (*alarms, *forks), (), state, recorded.logs)
    news: list[Finding] = []
    for registry_index, event in _new_events(recorded, state):
        registry, breaches = (
            recorded.policy.registries[registry_index].address,
            recorded.histories[registry_index].breaches,
        )
        alarms += [of_breach(breach, registry) for breach in breaches if breach.event == event]
        said = _news_of(event, registry, expected, is_first=not state.logs)
        if said is not None:
            (alarms if said.name in ALARMS else news).append(said)
    missed = [
        finding
        for finding in _missed(recorded)
        if finding.values["night"] not in state.missed_nights.get(finding.issuer, ())
    ]
    alarms += missed
    return Look(chain.head.number, tuple(alarms), tuple(news), _after(recorded, state, missed), recorded.logs)


ALARMS = ("unexpected-key", "compromise-declared", "paused", "succeeded")


def _news_of(event: Event, registry: str, expected: Sequence[str], *, is_first: bool) -> Finding | None:
    """What is said of an act that keeps the rules; keys that stood there at the first look are where it begins."""
    act = event.act
    if isinstance(act, KeyAdded):
        name = "key-added" if is_first or act.key in expected else "unexpected-key"
        values: dict[str, Any] = {"key": act.key, "custody": act.custody.name.lower()}
    elif isinstance(act, WindowOpened):
        name, values = "window-opened", {"from": act.from_, "until": act.until}
    elif isinstance(act, CompromiseDeclared):
        name, values = "compromise-declared", {"key": act.key, "since": act.since}
    elif isinstance(act, Paused):
        name, values = "paused", {"until": act.until}
    elif isinstance(act, SuccessorSet):
        name, values = "succeeded", {"registry": act.successor}
    else:
        return None
    return Finding(name, event.issuer, entry=event.index, values=values, registry=registry)


def _forks(recorded: RecordedHistory, state: WatchMemory) -> Iterator[Finding]:
    for registry_index, pin in enumerate(recorded.policy.registries[: len(recorded.logs)]):
        seen = state.logs.get(pin.address)
        if seen is not None and not recorded.begins_with(registry_index, seen):
            yield history_forked(seen, pin.address)


def _new_events(recorded: RecordedHistory, state: WatchMemory) -> Iterator[tuple[int, Event]]:
    for registry_index, (pin, log) in enumerate(zip(recorded.policy.registries, recorded.logs, strict=False)):
        seen = state.logs.get(pin.address)
        yield from ((registry_index, read_event(entry)) for entry in log[seen.size if seen else 0 :])


def _missed(recorded: RecordedHistory) -> Iterator[Finding]:
    for history in recorded.histories:
        if history.successor is None:
            for issuer_id, issuer in history.issuers.items():
                found = nights.missed(issuer_id, issuer, recorded.head.time)
                yield from (finding for finding in found if finding.name == "missed-night")


def _after(recorded: RecordedHistory, state: WatchMemory, missed: Sequence[Finding]) -> WatchMemory:
    logs = {
        pin.address: checkpoint_of(entry.data for entry in log)
        for pin, log in zip(recorded.policy.registries, recorded.logs, strict=False)
    }
    told = {issuer: list(days) for issuer, days in state.missed_nights.items()}
    for finding in missed:
        told.setdefault(finding.issuer, []).append(finding.values["night"])
    return WatchMemory(logs, told)
