"""Nights: one with nothing to anchor is closed on chain, so that silence always means outage."""

from datetime import UTC, date, datetime, tzinfo

from anchor_service.core.batch import OnChainState
from anchor_service.core.hashing import IssuerId
from anchor_service.ports import Registry
from anchor_service.store import anchoring as queries
from anchor_service.store import receipts as receipt_queries
from anchor_service.store import sealing as sealing_queries
from anchor_service.store.engine import Store
from anchor_service.store.tables import Issuer, NightClosing

_FIRST_DAY = date(1970, 1, 1)


def night_of(instant: int, zone: tzinfo) -> int:
    """The date of an instant (seconds since 1970) on a zone's calendar, as days since 1970-01-01."""
    return (datetime.fromtimestamp(instant, UTC).astimezone(zone).date() - _FIRST_DAY).days


def close_if_empty(store: Store, registry: Registry, issuer: Issuer, *, now: int, zone: tzinfo) -> bool:
    """Record that an issuer's night is to be closed; the run writes it on chain, like a batch.

    Does nothing, and says so, where something waits or is on its way, where a batch was sealed on
    this date, or where the chain has the night closed already.
    Raises: RegistryUnavailable.
    """
    night = night_of(now, zone)
    if registry.last_night(IssuerId(issuer.id)) >= night:
        return False
    with store.writing() as connection:
        sealing_queries.lock_issuer(connection, issuer.id)
        sealed_at = queries.last_sealed_at(connection, issuer.id)
        if (
            sealing_queries.unfinished(connection, issuer.id)
            or receipt_queries.count_waiting(connection, issuer.id)
            or (sealed_at and night_of(sealed_at, zone) >= night)
        ):
            return False
        closing = NightClosing(
            issuer_id=issuer.id,
            night=night,
            sequence=sealing_queries.last_sequence(connection, issuer.id),
            state=OnChainState.SEALED,
            created_at=now,
        )
        queries.insert_night(connection, closing)
    return True
