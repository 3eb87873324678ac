"""The one nightly command: everything that is due, safe to repeat at any time."""

from collections.abc import Callable
from dataclasses import dataclass, field

from anchor_service.core.batch import OnChainState
from anchor_service.core.errors import Unavailable
from anchor_service.core.hashing import IssuerId
from anchor_service.pipeline import anchoring, sealing
from anchor_service.pipeline.filing import Filing
from anchor_service.ports import Registry
from anchor_service.store import anchoring as anchoring_queries
from anchor_service.store import issuers as issuer_queries
from anchor_service.store import receipts as receipt_queries
from anchor_service.store.engine import Store
from anchor_service.store.tables import Batch, StatusAct


@dataclass(slots=True)
class NightReport:
    """What one run did, and what it left."""

    anchored: list[Batch] = field(default_factory=list)
    written: list[StatusAct] = field(default_factory=list)
    quarantined: list[Batch | StatusAct] = field(default_factory=list)
    on_the_way: list[Batch | StatusAct] = field(default_factory=list)
    waiting: int = 0
    problems: list[str] = field(default_factory=list)


def run(
    store: Store,
    registry: Registry,
    filing: Filing,
    *,
    clock: Callable[[], int],
    pause: Callable[[], None],
    wait_seconds: int,
    cutoff: int | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> NightReport:
    """Finish what an earlier run left, seal what waits, and see it anchored, for at most `wait_seconds`.

    `cutoff` leaves what came in at or after that instant for the next night.
    Raises: Damaged, and leaves everything as it is; RegistryUnavailable when the chain cannot be read
    at all. A batch or act that cannot go on now stays where it is and is named in the report.
    """
    report = NightReport()
    deadline = clock() + wait_seconds
    _advance_all(store, registry, filing, report, clock, say)
    _seal_all(store, registry, cutoff, clock, say)
    while True:
        _advance_all(store, registry, filing, report, clock, say)
        if not report.on_the_way or clock() >= deadline:
            break
        pause()
    with store.reading() as connection:
        report.waiting = receipt_queries.count_waiting(connection)
        batches = anchoring_queries.batches(connection)
        report.quarantined = [
            *(batch for batch in batches if batch.state == OnChainState.QUARANTINED),
            *anchoring_queries.quarantined_status_acts(connection),
        ]
    return report


def _seal_all(
    store: Store, registry: Registry, cutoff: int | None, clock: Callable[[], int], say: Callable[[str], None]
) -> None:
    with store.reading() as connection:
        issuers = issuer_queries.all_issuers(connection)
    for issuer in issuers:
        before = clock() + 1 if cutoff is None else cutoff
        last_on_chain = registry.last_sequence(IssuerId(issuer.id))
        batch = sealing.seal(store, issuer, last_on_chain=last_on_chain, received_before=before, now=clock())
        if batch is not None:
            say(f"sealed batch {batch.sequence} of {issuer.id.hex()[:8]}: {batch.tree_size} certificates")


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
    report.on_the_way, report.problems = [], []
    subjects: list[Batch | StatusAct] = [*batches, *acts]
    for subject in subjects:
        before = subject.state
        name = anchoring_queries.subject_name(subject)
        try:
            if isinstance(subject, Batch):
                anchoring.advance_batch(store, registry, filing, subject, now=clock())
            else:
                anchoring.advance_status(store, registry, subject, now=clock())
        except Unavailable as error:
            report.problems.append(f"{name} {subject.id}: {error}")
        if subject.state == OnChainState.ANCHORED:
            say(f"{name} {subject.id}: in block {subject.block_number}")
            if isinstance(subject, Batch):
                report.anchored.append(subject)
            else:
                report.written.append(subject)
        elif subject.state == OnChainState.QUARANTINED:
            say(f"{name} {subject.id}: QUARANTINED, {subject.problem}")
        else:
            report.on_the_way.append(subject)
            if subject.state != before:
                say(f"{name} {subject.id}: {subject.state}")
