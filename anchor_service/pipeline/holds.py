"""Holds: where the chain knows more of an issuer than this database, nothing new of that issuer is taken in.

An old backup was restored, or a stolen key anchored, and what comes in again may stand on chain already.
"""

from contextlib import suppress

from anchor_service.core.errors import ChainAhead
from anchor_service.core.hashing import IssuerId
from anchor_service.ports import RegistryReader
from anchor_service.store import issuers as issuer_queries
from anchor_service.store import operations as queries
from anchor_service.store import sealing as sealing_queries
from anchor_service.store.engine import AlreadyThere, Connection, Store
from anchor_service.store.tables import Hold


def update_holds(store: Store, registry: RegistryReader, *, now: int) -> list[Hold]:
    """Hold every issuer of whom the chain knows more than this database, lift what is mended. Returns the holds.

    Repeating it changes nothing. Raises: RegistryUnavailable.
    """
    with store.reading() as connection:
        issuers = issuer_queries.all_issuers(connection)
    for issuer in issuers:
        # The chain first: a batch that is sealed and anchored meanwhile only puts the database further ahead.
        on_chain = registry.last_sequence(IssuerId(issuer.id))
        with store.reading() as connection:
            known = sealing_queries.last_sequence(connection, issuer.id)
            held = queries.hold_of(connection, issuer.id)
        if on_chain > known:
            hold = Hold(
                issuer_id=issuer.id,
                detail=f"the chain holds {on_chain} batches of it and the database knows {known}",
                since=now,
            )
            # Where another process holds it at the same moment, it is held.
            with suppress(AlreadyThere), store.writing() as connection:
                queries.put_hold(connection, hold)
        elif held is not None:
            with store.writing() as connection:
                queries.lift_hold(connection, issuer.id)
    with store.reading() as connection:
        return queries.holds(connection)


def require_no_hold(connection: Connection, issuer_id: bytes) -> None:
    """Raises: ChainAhead while nothing new of this issuer may be taken in."""
    hold = queries.hold_of(connection, issuer_id)
    if hold is not None:
        raise ChainAhead(issuer_id, hold.detail)
