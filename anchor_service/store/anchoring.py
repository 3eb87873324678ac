"""Queries of what is on its way to the chain: batches, status acts and their signed transactions."""

from sqlalchemy import Connection, func, insert, select, update
from sqlmodel import col

from anchor_service.core.batch import OnChainState, check_transition
from anchor_service.core.errors import StoreBusy
from anchor_service.store import rows
from anchor_service.store.tables import Attempt, Batch, StatusAct

_ON_THE_WAY = (OnChainState.SEALED, OnChainState.SIGNED, OnChainState.SENT)

Subject = Batch | StatusAct


def subject_name(subject: Subject) -> str:
    """What an attempt calls its subject."""
    return "batch" if isinstance(subject, Batch) else "status"


def batches_on_the_way(connection: Connection) -> list[Batch]:
    """Batches that are sealed, not anchored and not quarantined, in order of sealing."""
    query = select(rows.table(Batch)).where(col(Batch.state).in_(_ON_THE_WAY)).order_by(col(Batch.id))
    return rows.many(connection, Batch, query)


def status_acts_on_the_way(connection: Connection) -> list[StatusAct]:
    """Status acts that are recorded, not written on chain and not quarantined, in order."""
    query = select(rows.table(StatusAct)).where(col(StatusAct.state).in_(_ON_THE_WAY)).order_by(col(StatusAct.id))
    return rows.many(connection, StatusAct, query)


def batches(connection: Connection) -> list[Batch]:
    """All batches, newest first."""
    query = select(rows.table(Batch)).order_by(col(Batch.id).desc())
    return rows.many(connection, Batch, query)


def find_batch(connection: Connection, batch_id: int) -> Batch | None:
    """A batch by its id."""
    return rows.one(connection, Batch, select(rows.table(Batch)).where(col(Batch.id) == batch_id))


def quarantined_status_acts(connection: Connection) -> list[StatusAct]:
    """Status acts that a person has to look at."""
    query = select(rows.table(StatusAct)).where(col(StatusAct.state) == OnChainState.QUARANTINED)
    return rows.many(connection, StatusAct, query)


def move(connection: Connection, subject: Subject, wanted: OnChainState, **facts: object) -> None:
    """Compare-and-swap: move a subject on, only from the state that the caller knows.

    Raises: IllegalTransition; StoreBusy when another process has moved it meanwhile.
    """
    name = subject_name(subject)
    check_transition(f"{name} {subject.id}", OnChainState(subject.state), wanted)
    table = rows.table(type(subject))
    query = update(table).where(table.c.id == subject.id, table.c.state == subject.state).values(state=wanted, **facts)
    if connection.execute(query).rowcount != 1:
        raise StoreBusy(f"{name} {subject.id} is being worked on by another process")


def lease_nonce(connection: Connection, signer: str, chain_nonce: int) -> int:
    """The signer's next free nonce: after all that are stored, and none that the chain has used."""
    stored = connection.execute(select(func.max(col(Attempt.nonce))).where(col(Attempt.signer) == signer)).scalar_one()
    return chain_nonce if stored is None else max(chain_nonce, stored + 1)


def insert_attempt(connection: Connection, attempt: Attempt) -> None:
    """Store signed bytes."""
    connection.execute(insert(Attempt).values(**attempt.model_dump()))


def last_attempt(connection: Connection, subject: Subject) -> Attempt | None:
    """The newest signed transaction of a subject."""
    query = (
        select(rows.table(Attempt))
        .where(col(Attempt.subject) == subject_name(subject), col(Attempt.subject_id) == subject.id)
        .order_by(col(Attempt.nonce).desc(), col(Attempt.ordinal).desc())
        .limit(1)
    )
    return rows.one(connection, Attempt, query)


def unused_attempts(connection: Connection, signer: str, chain_nonce: int, last_nonce: int) -> list[Attempt]:
    """Signed transactions of a signer whose nonce no final block has used, up to a nonce, in order."""
    query = (
        select(rows.table(Attempt))
        .where(col(Attempt.signer) == signer, col(Attempt.nonce) >= chain_nonce, col(Attempt.nonce) <= last_nonce)
        .order_by(col(Attempt.nonce), col(Attempt.ordinal))
    )
    return rows.many(connection, Attempt, query)


def insert_status_act(connection: Connection, act: StatusAct) -> int:
    """Insert a status act. Returns its id."""
    query = insert(StatusAct).values(**act.model_dump(exclude={"id"})).returning(rows.table(StatusAct).c.id)
    return int(connection.execute(query).scalar_one())


def pending_status_act(connection: Connection, issuer_id: bytes, leaf_hash: bytes) -> StatusAct | None:
    """The status act of a leaf that is still on its way."""
    query = select(rows.table(StatusAct)).where(
        col(StatusAct.issuer_id) == issuer_id,
        col(StatusAct.leaf_hash) == leaf_hash,
        col(StatusAct.state).in_(_ON_THE_WAY),
    )
    return rows.one(connection, StatusAct, query)
