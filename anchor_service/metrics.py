"""Prometheus metrics: read from the database when they are asked for, and from the worker itself.

No label names a certificate or a person.
"""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from anchor_service.bootstrap import Services
from anchor_service.store import anchoring as anchoring_queries
from anchor_service.store import operations
from anchor_service.store import receipts as receipt_queries
from anchor_service.worker import Pulse


class _Readings(Collector):
    def __init__(self, services: Services, pulse: Pulse, clock: Callable[[], int]) -> None:
        self._services = services
        self._pulse = pulse
        self._clock = clock

    def describe(self) -> list[Metric]:
        # Registering must not read the database.
        return []

    def collect(self) -> Iterator[Metric]:
        now, settings, pulse = self._clock(), self._services.settings, self._pulse
        with self._services.store.reading() as connection:
            waiting = receipt_queries.count_waiting(connection)
            oldest = receipt_queries.oldest_waiting(connection)
            overdue = len(receipt_queries.overdue(connection, now - settings.anchor_within_hours * 3_600))
            states = anchoring_queries.count_states(connection)
            holds = len(operations.holds(connection))
            night = operations.last_night_run(connection)
        yield _gauge("certificates_waiting", "Certificates that no batch holds yet.", waiting)
        yield _gauge("oldest_waiting_seconds", "Age of the oldest of them.", now - oldest if oldest else 0)
        yield _gauge("certificates_overdue", "Certificates past the hours within which they are anchored.", overdue)
        yield _gauge("issuers_held", "Issuers for whom nothing new is taken in.", holds)
        by_state = GaugeMetricFamily(
            "jangkar_subjects", "Batches, status acts and closed nights by state.", labels=("kind", "state")
        )
        for (kind, state), count in sorted(states.items()):
            by_state.add_metric((kind, state), count)
        yield by_state
        finished = night.finished_at if night else None
        yield _gauge("last_night_timestamp_seconds", "When the last night was done here; 0 is never.", finished or 0)
        yield CounterMetricFamily("jangkar_worker_ticks", "Ticks of this worker.", pulse.ticks)
        yield CounterMetricFamily(
            "jangkar_worker_failures", "Ticks of this worker that found node or database unavailable.", pulse.failures
        )
        yield _gauge("worker_last_tick_timestamp_seconds", "When this worker ticked last.", pulse.last_tick)
        yield _gauge("chain_timestamp_seconds", "Time of the newest final block that it saw.", pulse.chain_time)


def serve(services: Services, pulse: Pulse, clock: Callable[[], int], host: str, port: int) -> int:
    """Serve the metrics in a thread of their own. Returns the port. Raises: OSError when it is taken."""
    registry = CollectorRegistry()
    registry.register(_Readings(services, pulse, clock))
    server, _ = start_http_server(port, host, registry)
    return int(server.server_port)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"jangkar_{name}", text, value)
