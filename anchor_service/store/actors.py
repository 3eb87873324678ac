"""Queries of who did what."""

from typing import Literal

from sqlalchemy import Connection, insert, select, text
from sqlmodel import col

from anchor_service.core.actor import Actor
from anchor_service.store import rows
from anchor_service.store.tables import Intervention, NamedActor

Verb = Literal["disown", "drop a status", "requeue", "revoke", "update", "withdraw"]


def id_of(connection: Connection, actor: Actor) -> int:
    """The number that rows know an actor by; it is given with their first act."""
    query = select(col(NamedActor.id)).where(col(NamedActor.name) == actor)
    if connection.execute(query).first() is None:
        # Another process may be writing the same one.
        connection.execute(text("INSERT INTO actors (name) VALUES (:name) ON CONFLICT DO NOTHING"), {"name": actor})
    return int(connection.execute(query).scalar_one())


def record_intervention(
    connection: Connection, actor: Actor, verb: Verb, subject: str, subject_id: str, now: int
) -> None:
    """Record what an actor did to a row that was there already. `subject` says what kind of row it is."""
    values = {"verb": verb, "subject": subject, "subject_id": subject_id, "done_at": now}
    connection.execute(insert(rows.table(Intervention)).values(actor_id=id_of(connection, actor), **values))


def interventions_on(connection: Connection, subject: str, subject_id: str) -> list[tuple[int, Actor, str]]:
    """What was done to a row, in order: when, by whom, and the verb."""
    interventions, actors = rows.table(Intervention), rows.table(NamedActor)
    query = (
        select(interventions.c.done_at, actors.c.name, interventions.c.verb)
        .join(actors, actors.c.id == interventions.c.actor_id)
        .where(interventions.c.subject == subject, interventions.c.subject_id == subject_id)
    )
    return [(when, Actor(name), verb) for when, name, verb in connection.execute(query.order_by(interventions.c.id))]


def names(connection: Connection) -> dict[int, Actor]:
    """Everybody who ever acted, by the number that rows know them by."""
    table = rows.table(NamedActor)
    return {number: Actor(name) for number, name in connection.execute(select(table.c.id, table.c.name))}
