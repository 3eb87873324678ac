"""The one nightly command: everything that is due, safe to repeat at any time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo

from anchor_service.core.batch import OnChainState
from anchor_service.core.errors import NightMissed, NotApproved, Unavailable
from anchor_service.core.hashing import IssuerId
from anchor_service.pipeline import anchoring, nights, sealing
from anchor_service.pipeline.filing import Filing
from anchor_service.ports import Registry
from anchor_service.store import anchoring as anchoring_queries
from anchor_service.store import issuers as issuer_queries
from anchor_service.store import receipts as receipt_queries
from anchor_service.store.anchoring import Subject
from anchor_service.store.engine import Store
from anchor_service.store.tables import Batch, NightClosing, StatusAct


@dataclass(slots=True)
class NightReport:
    """What one run did, and what it left."""

    done: list[Subject] = field(default_factory=list)
    quarantined: list[Subject] = field(default_factory=list)
    on_the_way: list[Subject] = field(default_factory=list)
    unapproved: list[Subject] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    waiting: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def anchored(self) -> list[Batch]:
        """The batches that are on chain since this run."""
        return [one for one in self.done if isinstance(one, Batch)]

    @property
    def written(self) -> list[StatusAct]:
        """The status acts that are on chain since this run."""
        return [one for one in self.done if isinstance(one, StatusAct)]

    @property
    def closed(self) -> list[NightClosing]:
        """The nights that are closed on chain since this run."""
        return [one for one in self.done if isinstance(one, NightClosing)]


def run(
    store: Store,
    registry: Registry,
    filing: Filing,
    *,
    clock: Callable[[], int],
    pause: Callable[[], None],
    wait_seconds: int,
    cutoff: int | None = None,
    close_in: tzinfo | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> NightReport:
    """Finish what an earlier run left, seal what waits, and see it anchored, for at most `wait_seconds`.

    `cutoff` leaves what came in at or after that instant for the next night. `close_in` closes the
    night of this zone's calendar for each issuer that had nothing to anchor.
    Raises: Damaged, and leaves everything as it is; RegistryUnavailable when the chain cannot be read
    at all. A batch or act that cannot go on now stays where it is and is named in the report.
    """
    report = NightReport()
    deadline = clock() + wait_seconds
    _advance_all(store, registry, filing, report, clock, say)
    _seal_all(store, registry, cutoff, close_in, clock, say)
    while True:
        _advance_all(store, registry, filing, report, clock, say)
        if not report.on_the_way or clock() >= deadline:
            break
        pause()
    with store.reading() as connection:
        report.waiting = receipt_queries.count_waiting(connection)
        report.quarantined = anchoring_queries.quarantined(connection)
    return report


def _seal_all(
    store: Store,
    registry: Registry,
    cutoff: int | None,
    close_in: tzinfo | None,
    clock: Callable[[], int],
    say: Callable[[str], None],
) -> None:
    with store.reading() as connection:
        issuers = issuer_queries.all_issuers(connection)
    for issuer in issuers:
        before = clock() + 1 if cutoff is None else cutoff
        last_on_chain = registry.last_sequence(IssuerId(issuer.id))
        batch = sealing.seal(store, issuer, last_on_chain=last_on_chain, received_before=before, now=clock())
        if batch is not None:
            say(f"sealed batch {batch.sequence} of {issuer.id.hex()[:8]}: {batch.tree_size} certificates")
        elif close_in and nights.close_if_empty(store, registry, issuer, now=clock(), zone=close_in):
            say(f"nothing to anchor for {issuer.id.hex()[:8]}: its night is to be closed")


def _advance_all(
    store: Store,
    registry: Registry,
    filing: Filing,
    report: NightReport,
    clock: Callable[[], int],
    say: Callable[[str], None],
) -> None:
    with store.reading() as connection:
        batches = anchoring_queries.batches_on_the_way(connection)
        acts = anchoring_queries.status_acts_on_the_way(connection)
        closings = anchoring_queries.nights_on_the_way(connection)
    report.on_the_way, report.unapproved, report.problems = [], [], []
    subjects: list[Subject] = [*batches, *acts, *closings]
    for subject in subjects:
        before = subject.state
        name = anchoring_queries.subject_name(subject)
        try:
            anchoring.advance(store, registry, filing, subject, now=clock())
        except NotApproved as error:
            # Only a person can help: nothing is gained by asking again and again.
            report.problems.append(f"{name} {subject.id}: {error}")
            report.unapproved.append(subject)
            continue
        except NightMissed as error:
            report.missed.append(f"{name} {subject.id}: {error}")
            continue
        except Unavailable as error:
            report.problems.append(f"{name} {subject.id}: {error}")
        if subject.state == OnChainState.ANCHORED:
            say(f"{name} {subject.id}: in block {subject.block_number}")
            report.done.append(subject)
        elif subject.state == OnChainState.QUARANTINED:
            say(f"{name} {subject.id}: QUARANTINED, {subject.problem}")
        else:
            report.on_the_way.append(subject)
            if subject.state != before:
                say(f"{name} {subject.id}: {subject.state}")
