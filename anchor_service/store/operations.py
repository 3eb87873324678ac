"""Queries of what keeps several workers and many nights in order: home, leases, holds, nights that ran."""

from sqlalchemy import Connection, delete, insert, select, update
from sqlmodel import col

from anchor_service.store import rows
from anchor_service.store.tables import Hold, Home, Lease, NightRun


def home_of(connection: Connection) -> Home | None:
    """The registry that this database's batches are anchored in."""
    return rows.one(connection, Home, select(rows.table(Home)))


def insert_home(connection: Connection, chain_id: int, registry: str) -> None:
    """Write down which registry this database's batches are anchored in; there is one."""
    connection.execute(insert(Home).values(id=1, chain_id=chain_id, registry_address=registry))


def take_lease(connection: Connection, name: str, holder: str, *, now: int, until: int) -> bool:
    """Take or prolong a lease. Returns whether it is this holder's now."""
    table = rows.table(Lease)
    values = {"holder": holder, "expires_at": until}
    query = update(table).where(table.c.name == name, (table.c.holder == holder) | (table.c.expires_at <= now))
    if connection.execute(query.values(**values)).rowcount == 1:
        return True
    if connection.execute(select(table.c.name).where(table.c.name == name)).first() is not None:
        return False
    connection.execute(insert(table).values(name=name, **values))
    return True


def give_leases_back(connection: Connection, holder: str) -> None:
    """End every lease of a holder."""
    connection.execute(delete(rows.table(Lease)).where(col(Lease.holder) == holder))


def hold_of(connection: Connection, issuer_id: bytes) -> Hold | None:
    """Why nothing new is taken in for an issuer, if that is so."""
    return rows.one(connection, Hold, select(rows.table(Hold)).where(col(Hold.issuer_id) == issuer_id))


def holds(connection: Connection) -> list[Hold]:
    """All holds, oldest first."""
    return rows.many(connection, Hold, select(rows.table(Hold)).order_by(col(Hold.since)))


def put_hold(connection: Connection, hold: Hold) -> None:
    """Hold an issuer; a hold that is there already keeps its beginning."""
    known = hold_of(connection, hold.issuer_id)
    if known is None:
        connection.execute(insert(Hold).values(**hold.model_dump()))
    elif known.detail != hold.detail:
        connection.execute(update(Hold).where(col(Hold.issuer_id) == hold.issuer_id).values(detail=hold.detail))


def lift_hold(connection: Connection, issuer_id: bytes) -> None:
    """Take a hold away."""
    connection.execute(delete(rows.table(Hold)).where(col(Hold.issuer_id) == issuer_id))


def night_run(connection: Connection, night: int) -> NightRun | None:
    """What is known of a night here."""
    return rows.one(connection, NightRun, select(rows.table(NightRun)).where(col(NightRun.night) == night))


def last_night_run(connection: Connection) -> NightRun | None:
    """The last night that was done here."""
    query = select(rows.table(NightRun)).where(col(NightRun.finished_at).is_not(None))
    return rows.one(connection, NightRun, query.order_by(col(NightRun.night).desc()).limit(1))


def begin_night(connection: Connection, night: int, now: int) -> None:
    """Record that a night was begun; beginning it again changes nothing."""
    if night_run(connection, night) is None:
        connection.execute(insert(NightRun).values(night=night, started_at=now))


def finish_night(connection: Connection, night: int, now: int) -> None:
    """Record that all of a night is done, for now."""
    connection.execute(update(NightRun).where(col(NightRun.night) == night).values(finished_at=now))
