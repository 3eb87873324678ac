"""`jangkar worker`: a process that takes what is due to the chain, all day, beside as many others as there are."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from anchor_service.bootstrap import Services
from anchor_service.core.errors import Unavailable
from anchor_service.pipeline import holds, nightly, nights
from anchor_service.pipeline.nights import Night
from anchor_service.pipeline.outbox import Outbox
from anchor_service.ports import RegistryWriter
from anchor_service.store import anchoring as anchoring_queries
from anchor_service.store import operations
from anchor_service.store import receipts as receipt_queries

POLL_SECONDS = 5
# How often it compares the chain with the database, and looks for what is overdue.
CHECK_SECONDS = 60


@dataclass(slots=True)
class Pulse:
    """What a worker knows of itself, for whoever watches it. Times are in seconds since 1970; zero is never."""

    ticks: int = 0
    failures: int = 0
    last_tick: int = 0
    chain_time: int = 0


class Worker:
    """One of any number of workers of a database. Killed at any moment, it loses nothing and repeats nothing."""

    def __init__(self, services: Services, registry: RegistryWriter, holder: str, clock: Callable[[], int]) -> None:
        self.pulse = Pulse()
        self._services = services
        self._registry = registry
        self._holder = holder
        self._clock = clock
        self._log = structlog.get_logger().bind(worker=holder)
        self._said: dict[str, str] = {}
        self._alarms: set[str] = set()
        self._checked_at = 0
        self._night = -1
        self._outbox = Outbox()

    def run(self, stop: threading.Event) -> None:
        """Tick until told to stop."""
        self._log.info("started")
        while not stop.is_set():
            self.tick()
            stop.wait(POLL_SECONDS)
        with self._services.store.writing() as connection:
            operations.give_leases_back(connection, self._holder)
        self._log.info("stopped")

    def tick(self) -> None:
        """Do what is due now, as far as it goes."""
        now = self._clock()
        self.pulse.ticks += 1
        try:
            if now - self._checked_at >= CHECK_SECONDS:
                self._check(now)
                self._checked_at = now
            self._tell(self._work(now))
        except Unavailable as error:
            self.pulse.failures += 1
            self._change("unavailable", str(error), self._log.warning)
        else:
            self._change("unavailable", "", self._log.warning)
        self.pulse.last_tick = now

    def _work(self, now: int) -> nightly.NightReport:
        services = self._services
        night = nights.due(now, services.settings.zone, services.settings.cutoff)
        run = nightly.NightlyRun(
            services.store, self._registry, services.filing, self._clock, self._holder, outbox=self._outbox
        )
        if nights.is_done(services.store, night):
            run.advance()
            return run.report
        if night.day != self._night:
            self._begin(night, now)
        report = run.run(night, close=True)
        if nights.is_done(services.store, night):
            self._log.info("night done", night=str(night), waiting=report.waiting)
        return report

    def _begin(self, night: Night, now: int) -> None:
        self._night = night.day
        self._log.info("night begins", night=str(night), seconds_after_cutoff=now - night.began_at)
        for day in nights.missed(self._services.store, night):
            self._log.error("night missed", night=day)

    def _check(self, now: int) -> None:
        """Compare chain and database, and look for certificates that are late."""
        settings = self._services.settings
        self.pulse.chain_time = self._registry.head().time
        held = holds.update_holds(self._services.store, self._registry, now=now)
        with self._services.store.reading() as connection:
            late = receipt_queries.overdue(connection, now - settings.anchor_within_hours * 3_600)
            stuck = anchoring_queries.quarantined(connection)
        alarms = {f"hold {hold.issuer_id.hex()}": hold.detail for hold in held}
        for subject in stuck:
            alarms[f"quarantined {anchoring_queries.subject_type(subject)} {subject.id}"] = subject.problem or ""
        if late:
            alarms["overdue"] = f"{len(late)} certificates"
        for event in self._alarms | alarms.keys():
            self._change(event, alarms.get(event, ""), self._log.error)
        self._alarms = set(alarms)

    def _tell(self, report: nightly.NightReport) -> None:
        for subject in report.done:
            name, issuer = anchoring_queries.subject_type(subject), subject.issuer_id.hex()
            self._log.info("on chain", subject=name, id=subject.id, issuer=issuer, block=subject.block_number)
        for issuer_id, why in report.stopped.items():
            self._change(f"stopped {issuer_id.hex()}", why, self._log.error)
        problems = (*report.unsealed.values(), *report.unfiled.values(), *report.problems)
        self._change("problems", "; ".join(sorted(problems)), self._log.warning)
        for line in report.missed:
            self._log.warning("closing forgotten", detail=line)

    def _change(self, event: str, detail: str, log: Callable[..., object]) -> None:
        """Say something once, until it changes or ends."""
        if self._said.get(event, "") != detail:
            self._said[event] = detail
            log(event, detail=detail or "ended")
