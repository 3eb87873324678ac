"""Queries about issuers, their API keys and their codes."""

from collections.abc import Iterable

from sqlalchemy import Connection, insert, select, update
from sqlmodel import col

from anchor_service.store import rows
from anchor_service.store.tables import ApiKey, Code, Issuer


def add_issuer(connection: Connection, issuer: Issuer) -> None:
    """Insert an issuer."""
    connection.execute(insert(Issuer).values(**issuer.model_dump()))


def update_issuer(connection: Connection, issuer: Issuer) -> None:
    """Take over what a new window says of an issuer."""
    connection.execute(
        update(Issuer).where(col(Issuer.id) == issuer.id).values(profile=issuer.profile, scope=issuer.scope)
    )


def find_issuer(connection: Connection, issuer_id: bytes) -> Issuer | None:
    """An issuer by id."""
    return rows.one(connection, Issuer, select(rows.table(Issuer)).where(col(Issuer.id) == issuer_id))


def all_issuers(connection: Connection) -> list[Issuer]:
    """All issuers, by when they were added."""
    return rows.many(connection, Issuer, select(rows.table(Issuer)).order_by(col(Issuer.created_at), col(Issuer.id)))


def lock_issuer(connection: Connection, issuer_id: bytes) -> None:
    """Let nobody else change what belongs to this issuer until this transaction ends: they wait here.

    What is read after it stays true until then: sealing, status requests, closings of nights, rebuilding, erasing and
    a person's decisions all begin with it. SQLite's writers wait for each other anyway.
    """
    connection.execute(select(col(Issuer.id)).where(col(Issuer.id) == issuer_id).with_for_update())


def add_api_key(connection: Connection, key: ApiKey) -> None:
    """Insert a key."""
    connection.execute(insert(ApiKey).values(**key.model_dump()))


def find_api_key(connection: Connection, key_id: str) -> ApiKey | None:
    """A key by its public id."""
    return rows.one(connection, ApiKey, select(rows.table(ApiKey)).where(col(ApiKey.id) == key_id))


def revoke_api_key(connection: Connection, key_id: str, now: int) -> bool:
    """Revoke a key. Returns whether there was a live one."""
    query = update(ApiKey).where(col(ApiKey.id) == key_id, col(ApiKey.revoked_at).is_(None)).values(revoked_at=now)
    return connection.execute(query).rowcount == 1


def api_keys(connection: Connection) -> list[ApiKey]:
    """All keys, by when they were made."""
    return rows.many(connection, ApiKey, select(rows.table(ApiKey)).order_by(col(ApiKey.created_at)))


def add_codes(connection: Connection, issuer_id: bytes, codes: Iterable[str], actor_id: int, now: int) -> None:
    """Give codes out to an issuer."""
    values = {"issuer_id": issuer_id, "created_at": now, "actor_id": actor_id}
    connection.execute(insert(Code), [{"code": code, **values} for code in codes])


def owners_of(connection: Connection, codes: Iterable[str]) -> dict[str, bytes]:
    """The issuer that each of these codes was given out to, where it was."""
    query = select(col(Code.code), col(Code.issuer_id)).where(col(Code.code).in_(list(codes)))
    return {row.code: row.issuer_id for row in connection.execute(query)}


def codes_of(connection: Connection, issuer_id: bytes, codes: Iterable[str]) -> set[str]:
    """Which of these codes were given out to this issuer."""
    query = select(col(Code.code)).where(col(Code.issuer_id) == issuer_id, col(Code.code).in_(list(codes)))
    return set(connection.execute(query).scalars())
