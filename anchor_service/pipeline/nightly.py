"""The one nightly run: everything that is due, safe to repeat at any time and to run several times at once."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import zip_longest

from anchor_service.core.errors import ChainAhead, Damaged, NightMissed, NotApproved, SignerRejected, Unavailable
from anchor_service.core.hashing import IssuerId
from anchor_service.core.states import OnChainState, RequestedStatus
from anchor_service.pipeline import anchoring, holds, home, nights, reconcile, sealing, statuses
from anchor_service.pipeline.filing import Filing
from anchor_service.pipeline.nights import Night
from anchor_service.pipeline.outbox import Outbox
from anchor_service.ports import RegistryWriter
from anchor_service.store import anchoring as anchoring_queries
from anchor_service.store import issuers as issuer_queries
from anchor_service.store import operations
from anchor_service.store import receipts as receipt_queries
from anchor_service.store.anchoring import Subject
from anchor_service.store.engine import AlreadyThere, Store
from anchor_service.store.tables import Batch, NightClosing, StatusAct

# A worker that does not come back for so long is taken to be gone; others go on with its work.
LEASE_SECONDS = 30
# For so long after its sealing each night looks whether a batch's anchor moved to another block; `jangkar reconcile`
# looks at all of them.
FOLLOWED_SECONDS = 14 * 86_400
# Leaves of one status that one transaction writes: about six million gas. And statuses of one issuer that may be on
# their way at once.
STATUSES_A_TRANSACTION = 100
STATUSES_OF_AN_ISSUER = 200


@dataclass(slots=True)
class NightReport:
    """What one run did, and what it left: `waiting` counts certificates of all issuers.

    `on_the_way`, `unapproved` and `problems` are of its last pass, what is `done`, `missed` or `stopped` of all passes.
    `unsealed` says of each issuer for whom nothing could be sealed why: what waits is left to the next run. `unfiled`
    does so of the last pass, of each issuer whose files could not be written: nothing of theirs was signed.
    """

    done: list[Subject] = field(default_factory=list)
    quarantined: list[Subject] = field(default_factory=list)
    on_the_way: list[Subject] = field(default_factory=list)
    unapproved: list[Subject] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    waiting: int = 0
    problems: list[str] = field(default_factory=list)
    unsealed: dict[bytes, str] = field(default_factory=dict)
    unfiled: dict[bytes, str] = field(default_factory=dict)
    # What stands still until a person has looked, an issuer each: the others went on.
    stopped: dict[bytes, str] = field(default_factory=dict)

    @property
    def anchored(self) -> list[Batch]:
        """The batches that are on chain since this run."""
        return [subject for subject in self.done if isinstance(subject, Batch)]

    @property
    def written(self) -> list[StatusAct]:
        """The status acts that are on chain since this run."""
        return [subject for subject in self.done if isinstance(subject, StatusAct)]

    @property
    def closed(self) -> list[NightClosing]:
        """The nights that are closed on chain since this run."""
        return [subject for subject in self.done if isinstance(subject, NightClosing)]


@dataclass(frozen=True, slots=True)
class NightlyRun:
    """One run: its parts, its clock, and where it tells what it does.

    A worker has a name, `holder`, and leaves alone what another works on. A run without a name does everything
    at once, as the person who starts it means it to: leases save work, and guard nothing.
    """

    store: Store
    registry: RegistryWriter
    filing: Filing
    clock: Callable[[], int]
    holder: str | None = None
    say: Callable[[str], None] = lambda _: None
    on_progress: sealing.OnProgress = lambda *_: None
    report: NightReport = field(default_factory=NightReport)
    outbox: Outbox = field(default_factory=Outbox)
    statuses_at_once: int = STATUSES_OF_AN_ISSUER

    def run(
        self, night: Night, *, close: bool, pause: Callable[[], None] | None = None, wait_seconds: int = 0
    ) -> NightReport:
        """Finish what an earlier run left, seal what waits, and see it anchored, for at most `wait_seconds`.

        Without a `pause` it waits for nothing; the caller comes again.
        `close` closes the night on chain for each issuer that had nothing to anchor, and keeps here that
        it was done, so that a night that was missed is seen. What cannot go on now stays where it is and is
        named in the report; what is damaged stops its issuer and no other.
        Raises: RegistryUnavailable when the chain cannot be read at all.
        """
        deadline = self.clock() + wait_seconds
        self.advance()
        if close:
            # Where another worker begins it at the same moment, it is begun.
            with suppress(AlreadyThere), self.store.writing() as connection:
                operations.begin_night(connection, night.day, self.clock())
        self.seal(night, close=close)
        while True:
            self.advance()
            if pause is None or not self.report.on_the_way or self.clock() >= deadline:
                break
            pause()
        if close and not self.report.on_the_way and not self.report.unsealed:
            self._follow_moved_anchors()
            with self.store.writing() as connection:
                operations.finish_night(connection, night.day, self.clock())
        with self.store.reading() as connection:
            self.report.waiting = receipt_queries.count_waiting(connection)
            self.report.quarantined = anchoring_queries.quarantined(connection)
        return self.report

    def seal(self, night: Night, *, close: bool) -> None:
        """Seal what each issuer has waiting for a night; one who has nothing has the night closed.

        Raises: RegistryUnavailable.
        """
        held = {hold.issuer_id: hold for hold in holds.update_holds(self.store, self.registry, now=self.clock())}
        with self.store.reading() as connection:
            issuers = issuer_queries.all_issuers(connection)
        for issuer in issuers:
            if issuer.id in held:
                self._stop(issuer.id, str(ChainAhead(issuer.id, held[issuer.id].detail)))
                continue
            on_chain = self.registry.last_sequence(IssuerId(issuer.id))
            now = self.clock()
            try:
                batch = sealing.seal(
                    self.store,
                    issuer,
                    last_on_chain=on_chain,
                    received_before=night.cutoff,
                    now=now,
                    on_progress=self.on_progress,
                )
                if batch is not None:
                    self.say(f"sealed batch {batch.sequence} of {issuer.id.hex()[:8]}: {batch.tree_size} certificates")
                elif close and nights.close_if_empty(self.store, self.registry, issuer, night, now=now):
                    self.say(f"nothing to anchor for {issuer.id.hex()[:8]}: its night is to be closed")
            except Damaged as error:
                self._stop(issuer.id, str(error))
            except Unavailable as error:
                self.report.unsealed[issuer.id] = f"nothing was sealed for {issuer.id.hex()[:8]}: {error}"

    def _follow_moved_anchors(self) -> None:
        since = self.clock() - FOLLOWED_SECONDS
        try:
            for line in reconcile.follow_moved_anchors(self.store, self.registry, since=since):
                self.say(line)
        except Unavailable as error:
            self.report.problems.append(f"whether anchors moved to other blocks is not known: {error}")

    def advance(self) -> None:
        """Take all that is on its way as far as it goes now."""
        with self.store.reading() as connection:
            subjects = anchoring_queries.on_the_way(connection)
        report = self.report
        report.on_the_way, report.unapproved, report.problems, report.unfiled = [], [], [], {}
        ours = {
            issuer_id
            for issuer_id in dict.fromkeys(subject.issuer_id for subject in subjects)
            if self._lease(issuer_id)
        }
        report.on_the_way += [subject for subject in subjects if subject.issuer_id not in ours]
        own = [subject for subject in subjects if subject.issuer_id in ours]
        with self.store.reading() as connection:
            queued = anchoring_queries.queued_statuses(connection, self.registry.signer)
        first, acts, later = _in_fair_order(own, queued, self.statuses_at_once)
        report.on_the_way += later
        for subject in first:
            self._advance(subject)
        for act in self._signed_together(acts):
            self._advance(act)

    def _signed_together(self, acts: Sequence[StatusAct]) -> list[StatusAct]:
        """The same status acts, after those that wait and ask for the same were signed in one transaction."""
        groups: dict[tuple[bytes, RequestedStatus], list[StatusAct]] = {}
        leaves: set[tuple[bytes, bytes]] = set()
        for act in acts:
            asked, leaf = statuses.as_requested(act), (act.issuer_id, act.leaf_hash)
            # Alone goes what was tried with others and reverted, what comes behind another act of its leaf, and what
            # has a proof of its own.
            is_free = act.state == OnChainState.SEALED and act.problem is None
            if is_free and leaf not in leaves and asked.successor is None:
                groups.setdefault((act.issuer_id, asked), []).append(act)
            leaves.add(leaf)
        signed: dict[int, StatusAct] = {}
        for group in groups.values():
            for start in range(0, len(group), STATUSES_A_TRANSACTION):
                some = group[start : start + STATUSES_A_TRANSACTION]
                if len(some) == 1:
                    continue
                # What fails is tried for each of them alone, and told then.
                with suppress(Unavailable, SignerRejected):
                    found = anchoring.sign_together(self.store, self.registry, some, now=self.clock())
                    signed |= {act.id: act for act in found}
        return [signed.get(act.id, act) for act in acts]

    def _advance(self, subject: Subject) -> None:
        report, before = self.report, subject.state
        name = f"{anchoring_queries.subject_type(subject)} {subject.id}"
        try:
            subject = anchoring.advance(self.store, self.registry, self.filing, subject, self.outbox, now=self.clock())
        except NotApproved as error:
            # Only a person can help: nothing is gained by asking again and again.
            report.problems.append(f"{name}: {error}")
            report.unapproved.append(self._as_stored(subject))
            return
        except NightMissed as error:
            report.missed.append(f"{name}: {error}")
            return
        except Damaged as error:
            self._stop(subject.issuer_id, f"{name}: {error}")
            return
        except OSError as error:
            report.unfiled[subject.issuer_id] = f"{name}: {error.filename}: {error.strerror}; nothing of it was signed"
            subject = self._as_stored(subject)
        except (Unavailable, SignerRejected) as error:
            # A signer that refuses, or signs something else, stops nobody's intake and no other's statuses.
            report.problems.append(f"{name}: {error}")
            subject = self._as_stored(subject)
        if subject.state == OnChainState.ANCHORED:
            place = "written by another key" if subject.block_number is None else f"in block {subject.block_number}"
            self.say(f"{name}: {place}")
            report.done.append(subject)
            if isinstance(subject, Batch):
                # A final block of this registry holds its root.
                home.settle(self.store, self.filing.chain_id, self.filing.registry)
        elif subject.state == OnChainState.QUARANTINED:
            self.say(f"{name}: QUARANTINED, {subject.problem}")
        else:
            report.on_the_way.append(subject)
            if subject.state != before:
                self.say(f"{name}: {subject.state}")

    def _as_stored(self, subject: Subject) -> Subject:
        """A subject that was stopped, perhaps after a step; as it was before where the database cannot be read."""
        with suppress(Unavailable), self.store.reading() as connection:
            return anchoring_queries.find(connection, type(subject), subject.id) or subject
        return subject

    def _stop(self, issuer_id: bytes, why: str) -> None:
        if self.report.stopped.get(issuer_id) != why:
            self.say(f"STOPPED for {issuer_id.hex()[:8]}: {why}")
        self.report.stopped[issuer_id] = why

    def _lease(self, issuer_id: bytes) -> bool:
        if self.holder is None:
            return True
        now = self.clock()
        try:
            with self.store.writing() as connection:
                return operations.take_lease(
                    connection, f"issuer {issuer_id.hex()}", self.holder, now=now, until=now + LEASE_SECONDS
                )
        except AlreadyThere:
            # Another worker took it first, between our look and our insert.
            return False


def _in_fair_order(
    subjects: Sequence[Subject], queued: Mapping[bytes, int], at_once: int
) -> tuple[list[Subject], list[StatusAct], list[StatusAct]]:
    """What is taken on now, batches and nights apart from statuses, and the statuses that wait for a later pass.

    Of statuses one of each issuer in turn, and of one issuer `at_once` in the signer's queue, which everybody's next
    batch shares; `queued` says how many there are. What is signed is always looked after. What names a successor, whose
    batch may wait for long, comes behind what does not.
    """
    acts: dict[bytes, list[StatusAct]] = {}
    first: list[Subject] = []
    for subject in subjects:
        if isinstance(subject, StatusAct):
            acts.setdefault(subject.issuer_id, []).append(subject)
        else:
            first.append(subject)
    due, later = [], []
    for issuer_id, own in acts.items():
        signed = [act for act in own if act.state != OnChainState.SEALED]
        waiting = sorted(
            (act for act in own if act.state == OnChainState.SEALED),
            key=lambda act: (act.successor is not None, act.id),
        )
        free = max(0, at_once - queued.get(issuer_id, 0))
        due.append([*signed, *waiting[:free]])
        later += waiting[free:]
    return first, [act for turn in zip_longest(*due) for act in turn if act is not None], later
