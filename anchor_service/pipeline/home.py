"""What goes in: the registry that the settings name. What comes out: whether this database is of that one.

One database is of one registry: sequence numbers begin anew in another, and a receipt names the one that holds its
batch.
"""

from contextlib import suppress

from anchor_service.core.errors import OtherRegistry
from anchor_service.store import operations as queries
from anchor_service.store.engine import AlreadyThere, Store


def settle(store: Store, chain_id: int, registry: str) -> None:
    """Write down that this database is of a registry, which holds a batch of it; what is written stays."""
    with store.reading() as connection:
        known = queries.home_of(connection)
    if known is None:
        # Where another process settles it at the same moment, it is settled.
        with suppress(AlreadyThere), store.writing() as connection:
            queries.insert_home(connection, chain_id, registry)


def require(store: Store, chain_id: int, registry: str) -> None:
    """Raises: OtherRegistry where this database is of another registry, or of another chain."""
    with store.reading() as connection:
        known = queries.home_of(connection)
    if known is not None and (known.chain_id, known.registry_address) != (chain_id, registry):
        raise OtherRegistry(known.chain_id, known.registry_address, chain_id, registry)
