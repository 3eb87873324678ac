"""Nights: of which one an instant is, which were missed or done here, and closing one that had nothing to anchor.

A night with nothing to anchor is closed on chain, so that silence always means outage.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from anchor_service.core.hashing import IssuerId
from anchor_service.core.states import OnChainState
from anchor_service.ports import RegistryReader
from anchor_service.store import anchoring as queries
from anchor_service.store import issuers as issuer_queries
from anchor_service.store import operations
from anchor_service.store import receipts as receipt_queries
from anchor_service.store import sealing as sealing_queries
from anchor_service.store.engine import Store
from anchor_service.store.tables import Issuer, NewNightClosing

_FIRST_DAY = date(1970, 1, 1)
# Later than any instant that a clock could have shown, even a wrong one.
_NEVER = 2**62


@dataclass(frozen=True, slots=True)
class Night:
    """One night of a calendar: its date, as days since 1970-01-01, and the instant that it began.

    Instants are seconds since 1970. Certificates that were received at or after `cutoff` belong to the next one.
    """

    day: int
    began_at: int
    cutoff: int

    def __str__(self) -> str:
        return (_FIRST_DAY + timedelta(days=self.day)).isoformat()


def today(now: int, zone: tzinfo) -> Night:
    """The night of this date, for a run that a person or a timer starts: it takes all that there is."""
    midnight = datetime.fromtimestamp(now, UTC).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return Night((midnight.date() - _FIRST_DAY).days, int(midnight.timestamp()), _NEVER)


def due(now: int, zone: tzinfo, cutoff: str) -> Night:
    """The night whose cut-off, a time such as 22:00 in a zone, passed last."""
    hour, minute = (int(part) for part in cutoff.split(":"))
    local = datetime.fromtimestamp(now, UTC).astimezone(zone)
    began = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if began > local:
        began -= timedelta(days=1)
    instant = int(began.timestamp())
    return Night((began.date() - _FIRST_DAY).days, instant, instant)


def close_if_empty(store: Store, registry: RegistryReader, issuer: Issuer, night: Night, *, now: int) -> bool:
    """Record that an issuer's night is to be closed; the run writes it on chain, like a batch.

    Does nothing, and says so, where something waits for this night or is on its way, where a batch was
    sealed since it began, or where the chain has the night closed already.
    Raises: RegistryUnavailable.
    """
    if registry.last_night(IssuerId(issuer.id)) >= night.day:
        return False
    with store.writing() as connection:
        issuer_queries.lock_issuer(connection, issuer.id)
        if (
            sealing_queries.unfinished(connection, issuer.id)
            or receipt_queries.count_waiting(connection, issuer.id, night.cutoff)
            or queries.last_sealed_at(connection, issuer.id) >= night.began_at
        ):
            return False
        closing = NewNightClosing(
            issuer_id=issuer.id,
            night=night.day,
            sequence=sealing_queries.last_sequence(connection, issuer.id),
            state=OnChainState.SEALED,
            created_at=now,
        )
        queries.insert_night(connection, closing)
    return True


def missed(store: Store, night: Night) -> list[str]:
    """The dates of the nights before this one that were not done here, since the last one that was."""
    with store.reading() as connection:
        last = operations.last_night_run(connection)
    days = range(last.night + 1, night.day) if last else range(0)
    return [(_FIRST_DAY + timedelta(days=day)).isoformat() for day in days]


def is_done(store: Store, night: Night) -> bool:
    """Whether all of a night was done here since it began."""
    with store.reading() as connection:
        run = operations.night_run(connection, night.day)
    return run is not None and run.finished_at is not None and run.finished_at >= night.began_at
