"""Queries of what is on its way to the chain: batches, status acts, nights and their signed transactions."""

from typing import TypedDict, TypeVar, Unpack

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, tuple_, update
from sqlmodel import col

from anchor_service.core.errors import StoreBusy
from anchor_service.core.states import ON_THE_WAY, OnChainState, check_transition
from anchor_service.store import rows
from anchor_service.store.tables import (
    Attempt,
    Batch,
    NewNightClosing,
    NewStatusAct,
    NightClosing,
    StatusAct,
    StoredApproval,
)

Subject = Batch | StatusAct | NightClosing
SubjectT = TypeVar("SubjectT", bound=Subject)


class Changes(TypedDict, total=False):
    """What may change of a subject together with its state; `sequence` is a batch's, `carried_by` a status act's."""

    sequence: int
    carried_by: bytes | None
    problem: str | None
    block_number: int | None
    transaction_hash: bytes | None


# What an attempt calls its subject.
_NAMES: dict[type[Subject], str] = {Batch: "batch", StatusAct: "status", NightClosing: "night"}


def subject_type(subject: Subject) -> str:
    """What an attempt calls its subject."""
    return _NAMES[type(subject)]


def on_the_way(connection: Connection) -> list[Subject]:
    """All that is recorded, not on chain and not quarantined: batches, then status acts, then nights, each in order."""
    found: list[Subject] = []
    for kind in _NAMES:
        table = rows.table(kind)
        query = select(table).where(table.c.state.in_(ON_THE_WAY)).order_by(table.c.id)
        found += rows.many(connection, kind, query)
    return found


def batches(connection: Connection) -> list[Batch]:
    """All batches, newest first."""
    query = select(rows.table(Batch)).order_by(col(Batch.id).desc())
    return rows.many(connection, Batch, query)


def find(connection: Connection, kind: type[SubjectT], subject_id: int) -> SubjectT | None:
    """A batch, a status act or a closing by its id."""
    table = rows.table(kind)
    return rows.one(connection, kind, select(table).where(table.c.id == subject_id))


def batch_of(connection: Connection, issuer_id: bytes, sequence: int) -> Batch | None:
    """A batch by its issuer and sequence number."""
    query = select(rows.table(Batch)).where(col(Batch.issuer_id) == issuer_id, col(Batch.sequence) == sequence)
    return rows.one(connection, Batch, query)


def quarantined(connection: Connection) -> list[Subject]:
    """Batches and status acts that a person has to look at; a night that was missed is nobody's work."""
    found: list[Subject] = []
    for kind in (Batch, StatusAct):
        query = select(rows.table(kind)).where(rows.table(kind).c.state == OnChainState.QUARANTINED)
        found += rows.many(connection, kind, query)
    return found


def count_states(connection: Connection) -> dict[tuple[str, str], int]:
    """How many batches, status acts and closings there are in each state."""
    found: dict[tuple[str, str], int] = {}
    for kind, name in _NAMES.items():
        table = rows.table(kind)
        for state, count in connection.execute(select(table.c.state, func.count()).group_by(table.c.state)):
            found[name, state] = count
    return found


def put_approval(connection: Connection, approval: StoredApproval) -> None:
    """Store a batch's approval in the place of an earlier one."""
    forget_approval(connection, approval.batch_id)
    connection.execute(insert(StoredApproval).values(**approval.model_dump()))


def forget_approval(connection: Connection, batch_id: int) -> None:
    """Delete a batch's approval: it was given for another sequence number."""
    table = rows.table(StoredApproval)
    connection.execute(delete(table).where(table.c.batch_id == batch_id))


def approval_of(connection: Connection, batch_id: int) -> StoredApproval | None:
    """A batch's approval."""
    query = select(rows.table(StoredApproval)).where(col(StoredApproval.batch_id) == batch_id)
    return rows.one(connection, StoredApproval, query)


def insert_night(connection: Connection, closing: NewNightClosing) -> None:
    """Insert the closing of a night, unless that night's is there already."""
    table = rows.table(NightClosing)
    known = select(table.c.id).where(table.c.issuer_id == closing.issuer_id, table.c.night == closing.night)
    if connection.execute(known).first() is None:
        connection.execute(insert(NightClosing).values(**closing.model_dump()))


def forget_night(connection: Connection, closing: NightClosing) -> None:
    """Delete the closing of a night."""
    table = rows.table(NightClosing)
    connection.execute(delete(table).where(table.c.id == closing.id))


def last_sealed_at(connection: Connection, issuer_id: bytes) -> int:
    """When the issuer's last batch was sealed; zero before the first."""
    query = select(func.coalesce(func.max(col(Batch.sealed_at)), 0)).where(col(Batch.issuer_id) == issuer_id)
    return int(connection.execute(query).scalar_one())


def move(connection: Connection, subject: SubjectT, wanted: OnChainState, **changes: Unpack[Changes]) -> SubjectT:
    """Compare-and-swap: move a subject on, only from the state that the caller knows. Returns it as it is now.

    Raises: IllegalTransition; StoreBusy when another process has moved it meanwhile.
    """
    name = subject_type(subject)
    check_transition(f"{name} {subject.id}", OnChainState(subject.state), wanted)
    table = rows.table(type(subject))
    query = (
        update(table).where(table.c.id == subject.id, table.c.state == subject.state).values(state=wanted, **changes)
    )
    if connection.execute(query).rowcount != 1:
        raise StoreBusy(f"{name} {subject.id} is being worked on by another process")
    return rows.with_changes(subject, state=wanted, **changes)


def move_anchor(connection: Connection, batch: Batch, block_number: int, transaction_hash: bytes) -> None:
    """Write down that an anchored batch stands in another block, unless another process has done so."""
    table = rows.table(Batch)
    as_known = (table.c.id == batch.id, table.c.state == batch.state, table.c.block_number == batch.block_number)
    place = {"block_number": block_number, "transaction_hash": transaction_hash}
    connection.execute(update(table).where(*as_known).values(**place))


def next_free_nonce(connection: Connection, signer: str, chain_nonce: int) -> int:
    """The signer's next free nonce: after all that are stored, and none that the chain has used."""
    stored = connection.execute(select(func.max(col(Attempt.nonce))).where(col(Attempt.signer) == signer)).scalar_one()
    return chain_nonce if stored is None else max(chain_nonce, stored + 1)


def insert_attempt(connection: Connection, attempt: Attempt) -> None:
    """Store signed bytes."""
    connection.execute(insert(Attempt).values(**attempt.model_dump()))


def last_attempts(connection: Connection, subject: Subject) -> list[Attempt]:
    """The signed transactions of a subject under the nonce that it was signed with last: any of them may be the one.

    Of a status act that was signed with others, those that carry it. What replaced an earlier nonce's bytes since is no
    new signing.
    """
    table = rows.table(Attempt)
    own: tuple[ColumnElement[bool], ...] = (
        table.c.subject == subject_type(subject),
        table.c.subject_id == subject.id,
    )
    if isinstance(subject, StatusAct) and subject.carried_by is not None:
        carrier = select(table.c.signer, table.c.nonce).where(table.c.transaction_hash == subject.carried_by)
        own = (tuple_(table.c.signer, table.c.nonce).in_(carrier),)
    found = rows.many(connection, Attempt, select(table).where(*own).order_by(table.c.ordinal))
    first = [attempt for attempt in found if attempt.ordinal == 1]
    last = max(first, key=lambda attempt: (attempt.signed_at, attempt.nonce), default=None)
    return [attempt for attempt in found if last and (attempt.signer, attempt.nonce) == (last.signer, last.nonce)]


def unused_attempts(connection: Connection, signer: str, chain_nonce: int, last_nonce: int) -> list[Attempt]:
    """For each nonce that no final block has used, up to one: the newest bytes that the signer signed, in order."""
    query = (
        select(rows.table(Attempt))
        .where(col(Attempt.signer) == signer, col(Attempt.nonce) >= chain_nonce, col(Attempt.nonce) <= last_nonce)
        .order_by(col(Attempt.nonce), col(Attempt.ordinal))
    )
    return list({attempt.nonce: attempt for attempt in rows.many(connection, Attempt, query)}.values())


def queued_statuses(connection: Connection, signer: str) -> dict[bytes, int]:
    """How many transactions of a signer write statuses that are signed and not on chain yet, for each issuer."""
    acts, attempts = rows.table(StatusAct), rows.table(Attempt)
    on_the_way = acts.c.state.in_((OnChainState.SIGNED, OnChainState.SENT))
    carried = (attempts.c.subject == _NAMES[StatusAct], attempts.c.subject_id == acts.c.id, attempts.c.ordinal == 1)
    query = select(acts.c.issuer_id, func.count().label("queued")).where(
        on_the_way, *carried, attempts.c.signer == signer
    )
    return {row.issuer_id: row.queued for row in connection.execute(query.group_by(acts.c.issuer_id))}


def insert_status_act(connection: Connection, act: NewStatusAct) -> StatusAct:
    """Insert a status act. Returns it as it is stored."""
    return rows.insert_new(connection, StatusAct, act)


def forget_status_act(connection: Connection, act: StatusAct) -> None:
    """Delete a status act, unless another process has moved it on meanwhile."""
    table = rows.table(StatusAct)
    connection.execute(delete(table).where(table.c.id == act.id, table.c.state == act.state))


def pending_status_acts(connection: Connection, issuer_id: bytes, leaf_hash: bytes) -> list[StatusAct]:
    """The status acts of a leaf that are still on their way, in order."""
    return [act for act in status_acts_of(connection, issuer_id, leaf_hash) if act.state in ON_THE_WAY]


def status_acts_of(connection: Connection, issuer_id: bytes, leaf_hash: bytes) -> list[StatusAct]:
    """Every status act of a leaf, oldest first."""
    table = rows.table(StatusAct)
    query = select(table).where(table.c.issuer_id == issuer_id, table.c.leaf_hash == leaf_hash)
    return rows.many(connection, StatusAct, query.order_by(table.c.id))
