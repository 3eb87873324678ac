"""From recorded logs to what a receipt is judged by: at their last block, or on a day of the past.

Source: docs/spec/bundle.md.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from verifier.chain.facts import (
    Anchor,
    Checkpoint,
    Facts,
    Head,
    LeftOut,
    Remark,
    StatusRecord,
    standing_record,
    walk_successors,
)
from verifier.chain.nodes import Chain
from verifier.errors import LogDiffers, MalformedProof, NodeUnavailable, SourceUnavailable
from verifier.formats.policy import Policy
from verifier.formats.receipt import Receipt
from verifier.history.events import read_event
from verifier.history.log import LogEntry, OnProgress, checkpoint_of, read_log
from verifier.history.state import History, Issuer, replay
from verifier.verdict.ask import Question, Result, ask
from verifier.verdict.verdict import Answer, Verdict


class RecordedHistory(NamedTuple):
    """The logs of the policy's registries up to a block, oldest registry first, and what stands behind them.

    `on`, where it is not nothing, is the instant that is asked about, by what is known at the block.
    """

    policy: Policy
    head: Head
    logs: tuple[tuple[LogEntry, ...], ...]
    histories: tuple[History, ...]
    grounds: Remark
    on: int | None = None
    left_out: tuple[LeftOut, ...] = ()

    def facts(self, registry: str, issuer_id: bytes, sequence: int, leaf_hash: bytes) -> Facts:
        """What one receipt is judged by: docs/spec/verification.md 6 and 8.

        Raises: SourceUnavailable where the log of that registry was not written down.
        """
        registry_index = self._index_of(registry)
        issuer = self.histories[registry_index].issuer(issuer_id)
        anchor = self._anchor(issuer, sequence)
        statuses, unlisted = self._statuses(registry_index, issuer_id, leaf_hash)
        return Facts(
            head=self.head if self.on is None else self.head._replace(time=self.on),
            anchor=anchor,
            window=issuer.windows[anchor.window] if anchor and anchor.window < len(issuer.windows) else None,
            key=issuer.key_at(anchor.key) if anchor else None,
            reattestation=issuer.reattestation(sequence) if anchor else None,
            status=standing_record(statuses),
            unlisted_successor=unlisted,
        )

    def status(self, registry: str, issuer_id: bytes, leaf_hash: bytes) -> StatusRecord:
        """What stands for a leaf of a registry: docs/spec/verification.md 6.

        Raises: SourceUnavailable where the log of that registry was not written down.
        """
        return standing_record(self._statuses(self._index_of(registry), issuer_id, leaf_hash)[0])

    def was_accredited(self, registry: str, issuer_id: bytes, instant: int) -> bool | None:
        """Whether one of an issuer's windows held an instant; nothing where the registry's log was not written down."""
        issuer = self._issuer(registry, issuer_id)
        return None if issuer is None else any(issuer.is_open(at, instant) for at in range(len(issuer.windows)))

    def is_anchored_after(self, receipt: Receipt, instant: int) -> bool:
        """Whether a receipt's anchor is known to be there, and younger than an instant."""
        issuer = self._issuer(receipt.registry, receipt.issuer_id)
        anchor = issuer.anchors.get(receipt.sequence) if issuer else None
        return anchor is not None and anchor.block_time > instant

    @property
    def unlisted_successor(self) -> str | None:
        """The registry that succeeds the last one that was recorded: what was written there is not known."""
        return self.histories[-1].successor

    def begins_with(self, registry_index: int, checkpoint: Checkpoint) -> bool:
        """Whether the log of the registry at an index of the policy begins with what an earlier reader saw."""
        return checkpoint == checkpoint_of(entry.data for entry in self.logs[registry_index][: checkpoint.size])

    def until(self, instant: int) -> "RecordedHistory":
        """What was known at an instant: the same logs, cut off behind it."""
        logs = tuple(_until(log, instant) for log in self.logs)
        number = max((log[-1].block for log in logs if log), default=0)
        head = Head(number, bytes(32), instant, self.head.final)
        return RecordedHistory(self.policy, head, logs, tuple(replay(log) for log in logs), self.grounds)

    def _index_of(self, registry: str) -> int:
        """The index of a registry's log. Raises: SourceUnavailable where it was not written down."""
        registry_index = self.policy.index_of(registry)
        if registry_index is None:
            raise SourceUnavailable(f"registry {registry} is none of the policy's")
        if registry_index >= len(self.histories):
            raise SourceUnavailable(f"the log of registry {registry} is not among what was recorded")
        return registry_index

    def _issuer(self, registry: str, issuer_id: bytes) -> Issuer | None:
        """What a registry's log says of an issuer; nothing where the log was not written down."""
        try:
            return self.histories[self._index_of(registry)].issuer(issuer_id)
        except SourceUnavailable:
            return None

    def _anchor(self, issuer: Issuer, sequence: int) -> Anchor | None:
        anchor = issuer.anchors.get(sequence)
        return anchor if anchor and (self.on is None or anchor.block_time <= self.on) else None

    def _statuses(
        self, registry_index: int, issuer_id: bytes, leaf_hash: bytes
    ) -> tuple[list[StatusRecord], str | None]:
        def read(index: int) -> tuple[StatusRecord, str | None]:
            issuer = self.histories[index].issuer(issuer_id)
            record = issuer.status_of(leaf_hash) if self.on is None else issuer.status_on(leaf_hash, self.on)
            return record, self.histories[index].successor

        # A registry whose log was not written down is as good as not listed.
        read_ones = [pin.address for pin in self.policy.registries[: len(self.histories)]]
        return walk_successors(read_ones, registry_index, read)


class PastAnswer(NamedTuple):
    """The answer about an instant, by what is known now; what was known then; and who was accredited then."""

    instant: int
    result: Result
    known_then: Verdict
    accredited: bool | None


def record(
    chain: Chain, progress: OnProgress | None = None, known: Sequence[Sequence[LogEntry]] = ()
) -> RecordedHistory:
    """Read the logs of the policy's registries, as far as each is succeeded by the next.

    `known` is what was read before: nodes are asked for what follows. Where it is no beginning of the
    log any more, everything is read again.
    Raises: NodeUnavailable; of it LogDiffers when the events lead elsewhere than what the registry's storage holds, or
    are none of docs/spec/log.md.
    """

    def read(index: int) -> tuple[tuple[tuple[LogEntry, ...], History], str | None]:
        log = tuple(_read(chain, index, known[index] if index < len(known) else (), progress))
        try:
            history = replay(log)
        except MalformedProof as error:
            raise LogDiffers(str(error)) from None
        return (log, history), history.successor

    found, _ = walk_successors([pin.address for pin in chain.policy.registries], 0, read)
    logs, histories = zip(*found, strict=True)
    return RecordedHistory(chain.policy, chain.head, logs, histories, chain.grounds, left_out=chain.left_out)


def _read(chain: Chain, registry_index: int, known: Sequence[LogEntry], progress: OnProgress | None) -> list[LogEntry]:
    if known:
        try:
            return read_log(chain, registry_index, known, progress)
        except NodeUnavailable:
            pass
    return read_log(chain, registry_index, progress=progress)


def ask_about(
    question: Question, recorded: RecordedHistory, instant: int, clock: Callable[[], float] = time.time
) -> PastAnswer:
    """Judge every receipt as of an instant, which lies at or before the recorded block's time."""
    result = ask(question, recorded.policy, recorded._replace(on=instant), clock=lambda: instant)
    then = ask(question, recorded.policy, recorded.until(instant), clock=lambda: instant).answer
    if (claims := result.answer.claims) and all(recorded.is_anchored_after(claim.receipt, instant) for claim in claims):
        then = Answer(Verdict.NOT_FOUND, "anchored-later", claims)
        result = result._replace(answer=then)
    result = result._replace(now=int(clock()))
    receipts = [claim.receipt for claim in claims]
    accredited = recorded.was_accredited(receipts[0].registry, receipts[0].issuer_id, instant) if receipts else None
    return PastAnswer(instant, result, then.verdict, accredited)


def _until(log: Sequence[LogEntry], instant: int) -> tuple[LogEntry, ...]:
    """The beginning of a log that was written at or before an instant."""
    return tuple(itertools.takewhile(lambda entry: read_event(entry).time <= instant, log))
