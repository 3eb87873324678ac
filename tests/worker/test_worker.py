"""The worker by its own clock: when the night begins, what it says, and what it shows to whoever watches."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from anchor_service import metrics
from anchor_service.bootstrap import Services
from anchor_service.settings import Settings
from anchor_service.store import operations
from anchor_service.worker import CHECK_SECONDS, Worker

HOUR, DAY = 3_600, 86_400
# 22:00 in Jakarta.
CUTOFF = 20_000 * DAY + 15 * HOUR


class Watch:
    """A worker over a world, its clock in the test's hand, and what it says."""

    def __init__(self, world) -> None:
        self.world = world
        world.now = CUTOFF - HOUR
        settings = Settings(registry=world.chain.address)
        self.services = Services(settings, world.store, world.receipts, world.filing)
        self.worker = Worker(self.services, world.registry, "w", lambda: world.now)

    def tick(self, seconds=0, ticks=1):
        self.world.now += seconds
        with capture_logs() as said:
            for _ in range(ticks):
                self.worker.tick()
        return [(one["event"], one.get("detail") or one.get("night") or one.get("subject")) for one in said]

    def gauges(self):
        registry = CollectorRegistry()
        registry.register(metrics._Readings(self.services, self.worker.pulse, lambda: self.world.now))
        lines = generate_latest(registry).decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


@pytest.fixture
def watch(world):
    made = Watch(world)
    made.tick(ticks=3)
    return made


def test_the_night_begins_at_its_cutoff_and_takes_what_came_before(watch):
    watch.world.submit("before")
    assert watch.tick(HOUR - 1) == []
    assert watch.gauges()["jangkar_certificates_waiting"] == 1
    watch.world.now += 1
    watch.world.submit("after")
    said = watch.tick(ticks=2)
    assert said[0] == ("night begins", "2024-10-04")
    assert ("on chain", "batch") in said
    assert ("night done", "2024-10-04") in said
    found = watch.gauges()
    assert found["jangkar_certificates_waiting"] == 1
    assert found['jangkar_subjects{kind="batch",state="anchored"}'] == 1
    assert found["jangkar_last_night_timestamp_seconds"] == CUTOFF
    assert watch.tick(60) == []
    said = watch.tick(DAY, ticks=2)
    assert ("on chain", "batch") in said
    assert watch.world.audit() == 2


def test_nights_that_were_missed_are_told_once(watch):
    said = watch.tick(3 * DAY)
    assert [night for event, night in said if event == "night missed"] == ["2024-10-04", "2024-10-05"]
    assert not [event for event, _ in watch.tick(5) if event == "night missed"]


def test_an_alarm_is_told_when_it_begins_and_when_it_ends(watch):
    world = watch.world
    world.chain.anchor_as_stranger(world.issuer.id, 1)
    name = f"hold {world.issuer.id.hex()}"
    assert [event for event, _ in watch.tick(CHECK_SECONDS)] == [name]
    assert watch.gauges()["jangkar_issuers_held"] == 1
    assert watch.tick(CHECK_SECONDS) == []
    world.chain.last[world.issuer.id] = 0
    assert watch.tick(CHECK_SECONDS) == [(name, "ended")]


def test_what_is_late_is_an_alarm(watch):
    watch.world.submit("a", "b")
    watch.world.chain.paused = True
    watch.tick(DAY)
    assert watch.gauges()["jangkar_certificates_overdue"] == 0
    said = watch.tick(13 * HOUR)
    assert ("overdue", "2 certificates") in said
    assert watch.gauges()["jangkar_certificates_overdue"] == 2
    assert watch.gauges()["jangkar_oldest_waiting_seconds"] == 0, "they are sealed, and do not wait"
    watch.world.chain.paused = False
    watch.tick(60, ticks=2)
    assert ("overdue", "ended") in watch.tick(60)


def test_what_is_quarantined_is_an_alarm(watch):
    watch.world.submit("a")
    watch.world.renamed_on_chain()
    watch.tick(HOUR)
    said = watch.tick(CHECK_SECONDS)
    assert said[0][0] == "quarantined batch 1"
    assert watch.gauges()['jangkar_subjects{kind="batch",state="quarantined"}'] == 1


def test_a_chain_that_does_not_answer_is_told_and_waited_for(watch):
    watch.world.submit("a")
    watch.world.registry.fail("last_sequence", "before")
    assert watch.tick(HOUR)[-1][0] == "unavailable"
    assert watch.gauges()["jangkar_worker_failures_total"] == 1
    assert ("unavailable", "ended") in watch.tick(ticks=2)
    assert watch.world.audit() == 1


def test_two_workers_share_what_is_to_do(world):
    first, second = Watch(world), Watch(world)
    second.worker._holder = "other"
    world.submit("a")
    world.chain.holds = True
    first.tick(HOUR)
    world.chain.mine()
    second.tick()
    with world.store.reading() as connection:
        assert operations.last_night_run(connection) is None, "the first has the lease, and is not done"
    first.tick(ticks=2)
    assert len(world.chain.anchors) == 1
    assert world.audit() == 1
