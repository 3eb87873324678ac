"""The rows. Times are seconds since 1970 UTC; hashes and ids of issuers are 32 bytes.

A row says what the database held when it was read, and nobody writes to it: what changes a row gives the new one
(`rows.with_changes`). What the database numbers is a `New...` until it is stored, so that a stored row is sure of its
id.

`actor_id` is who caused a row: nothing where no person did, or where it was written before anybody was recorded. What a
person did to a row that was there already is an `Intervention`.
"""

from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

# The migration that leaves the tables as they are here.
REVISION = "0006"

_BIG = BigInteger().with_variant(Integer, "sqlite")

# The number of a row that is deleted is never given again: its signed bytes stay.
_NEVER_AGAIN = {"sqlite_autoincrement": True}


def _hash(*, nullable: bool = False) -> Column[bytes]:
    return Column(LargeBinary(32), nullable=nullable)


class _Frozen(SQLModel):
    """A row whose columns are set once, as it is made. SQLModel's own `frozen` knows no tables."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__ and name in type(self).model_fields:
            raise AttributeError(f"{name} of a row that was read: `rows.with_changes` gives another")
        super().__setattr__(name, value)


class NamedActor(_Frozen, table=True):
    """Somebody who acted, as core/actor.py names them: the one place where an account of a person is named."""

    __tablename__ = "actors"

    id: int = Field(sa_column=Column(_BIG, primary_key=True))
    name: str = Field(sa_column=Column(Text, nullable=False, unique=True))


class Intervention(_Frozen, table=True):
    """What an actor did to a row that was there already, such as the withdrawal of a certificate. Only added to."""

    __tablename__ = "interventions"
    __table_args__ = (Index("ix_interventions_subject", "subject", "subject_id"),)

    id: int = Field(sa_column=Column(_BIG, primary_key=True))
    actor_id: int = Field(sa_type=_BIG)
    verb: str
    subject: str
    subject_id: str
    done_at: int = Field(sa_type=_BIG)


class Issuer(_Frozen, table=True):
    """An institute whose certificates this service takes in. `scope` is the kinds it may issue, space-separated."""

    __tablename__ = "issuers"

    id: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    profile: str = Field(sa_type=Text)
    scope: str = Field(sa_type=Text)
    created_at: int = Field(sa_type=_BIG)
    actor_id: int | None = Field(default=None, sa_type=_BIG)


class ApiKey(_Frozen, table=True):
    """A key to the writing routes of one issuer. Only the SHA-256 of its secret is kept."""

    __tablename__ = "api_keys"

    id: str = Field(primary_key=True)
    issuer_id: bytes = Field(sa_type=LargeBinary, foreign_key="issuers.id", index=True)
    secret_digest: bytes = Field(sa_column=_hash())
    scopes: str
    created_at: int = Field(sa_type=_BIG)
    expires_at: int | None = Field(default=None, sa_type=_BIG)
    revoked_at: int | None = Field(default=None, sa_type=_BIG)
    actor_id: int | None = Field(default=None, sa_type=_BIG)


class Code(_Frozen, table=True):
    """A certificate code that was given out to an issuer, to be printed before there is a file."""

    __tablename__ = "codes"

    code: str = Field(primary_key=True)
    issuer_id: bytes = Field(sa_type=LargeBinary, foreign_key="issuers.id")
    created_at: int = Field(sa_type=_BIG)
    actor_id: int | None = Field(default=None, sa_type=_BIG)


class Home(_Frozen, table=True):
    """The registry that this database's batches are anchored in: one row, once there is a batch."""

    __tablename__ = "home"

    id: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    chain_id: int = Field(sa_type=_BIG)
    registry_address: str


class NewBatch(_Frozen):
    """A sealed set of leaves that the database has not numbered yet. `profile` is the issuer's text at sealing."""

    issuer_id: bytes = Field(sa_type=LargeBinary, foreign_key="issuers.id")
    sequence: int = Field(sa_type=_BIG)
    tree_size: int = Field(sa_type=_BIG)
    root_hash: bytes = Field(sa_column=_hash())
    profile: str = Field(sa_type=Text)
    state: str
    sealed_at: int = Field(sa_type=_BIG)
    problem: str | None = Field(default=None, sa_type=Text)
    block_number: int | None = Field(default=None, sa_type=_BIG)
    transaction_hash: bytes | None = Field(default=None, sa_column=_hash(nullable=True))


class Batch(NewBatch, table=True):
    """A sealed set of leaves on its way to the chain."""

    __tablename__ = "batches"
    __table_args__ = (UniqueConstraint("issuer_id", "sequence"), Index("ix_batches_state", "state"))

    id: int = Field(sa_column=Column(_BIG, primary_key=True))


class TreeTile(_Frozen, table=True):
    """A piece of a batch's tree, as core/tiles.py cuts it. Those of level 0 hold the leaves: never erased.

    Every other proof of the batch needs them. `hashes` are up to 256 nodes, `inner` what stands above them.
    """

    __tablename__ = "tiles"

    batch_id: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    level: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    number: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    hashes: bytes = Field(sa_type=LargeBinary)
    inner: bytes = Field(sa_type=LargeBinary)


class Certificate(_Frozen, table=True):
    """What an institute handed in: a file's digest and its facts. Erasable.

    `live` is false for what was withdrawn or replaced; of what is live there is one for each digest
    and one for each number of an issuer, beside later forms of it: `form_of` is the leaf hash of the issued file that
    this one begins with. Its indexes: `metadata`.
    """

    __tablename__ = "certificates"
    id: int = Field(sa_column=Column(_BIG, primary_key=True))
    issuer_id: bytes = Field(sa_type=LargeBinary, foreign_key="issuers.id")
    document_digest: bytes = Field(sa_column=_hash())
    metadata_text: str = Field(sa_type=Text)
    number: str = Field(sa_type=Text)
    code: str | None = None
    leaf_hash: bytes = Field(sa_column=_hash())
    live: bool = True
    received_at: int = Field(sa_type=_BIG)
    batch_id: int | None = Field(default=None, sa_column=Column(_BIG, nullable=True))
    leaf_index: int | None = Field(default=None, sa_column=Column(_BIG, nullable=True))
    actor_id: int | None = Field(default=None, sa_type=_BIG)
    form_of: bytes | None = Field(default=None, sa_column=_hash(nullable=True))


class NewStatusAct(_Frozen):
    """A change of status that the database has not numbered yet."""

    issuer_id: bytes = Field(sa_type=LargeBinary, foreign_key="issuers.id")
    leaf_hash: bytes = Field(sa_column=_hash())
    status: str
    reason: int
    from_beginning: bool
    successor: bytes | None = Field(default=None, sa_column=_hash(nullable=True))
    state: str
    created_at: int = Field(sa_type=_BIG)
    problem: str | None = Field(default=None, sa_type=Text)
    block_number: int | None = Field(default=None, sa_type=_BIG)
    transaction_hash: bytes | None = Field(default=None, sa_column=_hash(nullable=True))
    actor_id: int | None = Field(default=None, sa_type=_BIG)
    carried_by: bytes | None = Field(default=None, sa_column=_hash(nullable=True))


class StatusAct(NewStatusAct, table=True):
    """A change of status on its way to the chain.

    `carried_by` is the first signed transaction of the nonce under which it was signed together with others.
    """

    __tablename__ = "status_acts"
    __table_args__ = (
        Index("ix_status_acts_state", "state"),
        Index("ix_status_acts_leaf", "issuer_id", "leaf_hash"),
        _NEVER_AGAIN,
    )

    id: int = Field(sa_column=Column(_BIG, primary_key=True))


class Attempt(_Frozen, table=True):
    """A signed transaction, stored before it was first sent, of one batch, one status act or one closed night."""

    __tablename__ = "attempts"
    __table_args__ = (
        UniqueConstraint("signer", "nonce", "ordinal"),
        Index("ix_attempts_subject", "subject", "subject_id"),
    )

    transaction_hash: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    subject: str
    subject_id: int = Field(sa_type=_BIG)
    signer: str
    nonce: int = Field(sa_type=_BIG)
    ordinal: int
    raw: bytes = Field(sa_type=LargeBinary)
    signed_at: int = Field(sa_type=_BIG)


class NewNightClosing(_Frozen):
    """The closing of a night that the database has not numbered yet. `night` is days since 1970-01-01."""

    issuer_id: bytes = Field(sa_type=LargeBinary, foreign_key="issuers.id")
    night: int = Field(sa_type=_BIG)
    sequence: int = Field(sa_type=_BIG)
    state: str
    created_at: int = Field(sa_type=_BIG)
    problem: str | None = Field(default=None, sa_type=Text)
    block_number: int | None = Field(default=None, sa_type=_BIG)
    transaction_hash: bytes | None = Field(default=None, sa_column=_hash(nullable=True))


class NightClosing(NewNightClosing, table=True):
    """A night on which an issuer had nothing to anchor, on its way to the chain."""

    __tablename__ = "night_closings"
    __table_args__ = (
        UniqueConstraint("issuer_id", "night"),
        Index("ix_night_closings_state", "state"),
        _NEVER_AGAIN,
    )

    id: int = Field(sa_column=Column(_BIG, primary_key=True))


class StoredApproval(_Frozen, table=True):
    """An institute's signature of a batch that waits. `deadline` is in seconds since 1970."""

    __tablename__ = "approvals"

    batch_id: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    approver: str
    deadline: int = Field(sa_type=_BIG)
    signature: bytes = Field(sa_type=LargeBinary)
    received_at: int = Field(sa_type=_BIG)
    actor_id: int | None = Field(default=None, sa_type=_BIG)


class Lease(_Frozen, table=True):
    """Who works on something until when, so that others leave it alone. It saves work and guards nothing."""

    __tablename__ = "leases"

    name: str = Field(primary_key=True)
    holder: str
    expires_at: int = Field(sa_type=_BIG)


class Hold(_Frozen, table=True):
    """An issuer for whom nothing new is taken in: the chain knows batches of it that this database does not."""

    __tablename__ = "holds"

    issuer_id: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    detail: str = Field(sa_type=Text)
    since: int = Field(sa_type=_BIG)


class NightRun(_Frozen, table=True):
    """A night that was begun here, and when all of it was done. `night` is days since 1970-01-01."""

    __tablename__ = "night_runs"

    night: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    started_at: int = Field(sa_type=_BIG)
    finished_at: int | None = Field(default=None, sa_type=_BIG)


class Erasure(_Frozen, table=True):
    """A leaf whose certificate was erased: it tells nothing of the person, and that nothing was lost."""

    __tablename__ = "erasures"

    batch_id: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    leaf_index: int = Field(sa_column=Column(_BIG, primary_key=True, autoincrement=False))
    erased_at: int = Field(sa_type=_BIG)
    actor_id: int | None = Field(default=None, sa_type=_BIG)


# An index of some rows only serves a query that names them in the very same words: SQLAlchemy's, which on SQLite
# compare a truth value with a number.
_LIVE, _RETIRED = "live = 1", "live = 0"
_ON_POSTGRESQL = {_LIVE: "live", _RETIRED: "NOT live"}


@cache
def metadata() -> MetaData:
    """All tables with all their indexes, for who makes or compares them.

    The indexes of some rows only are made here: naming an option of a database makes SQLAlchemy load all that it knows
    of that database, and no query needs that.
    """
    # Each look-up has its index; few rows are not live, so that theirs cost next to nothing.
    _partial("uq_live_digest", "document_digest", "issuer_id", where=_LIVE, unique=True)
    _partial("uq_live_number", "issuer_id", "number", where=f"{_LIVE} AND form_of IS NULL", unique=True)
    _partial("uq_live_code", "code", where=f"{_LIVE} AND code IS NOT NULL AND form_of IS NULL", unique=True)
    _partial("ix_forms", "issuer_id", "form_of", where="form_of IS NOT NULL")
    _partial("ix_retired_digest", "document_digest", where=_RETIRED)
    _partial("ix_retired_code", "code", where=f"{_RETIRED} AND code IS NOT NULL")
    _partial("ix_certificates_waiting", "issuer_id", where=f"{_LIVE} AND batch_id IS NULL")
    _partial("ix_certificates_place", "batch_id", "leaf_hash", where="batch_id IS NOT NULL")
    return SQLModel.metadata


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> None:
    said = where
    for ours, theirs in _ON_POSTGRESQL.items():
        said = said.replace(ours, theirs)
    certificates = SQLModel.metadata.tables[Certificate.__tablename__].c
    indexed = [certificates[column] for column in columns]
    Index(name, *indexed, unique=unique, sqlite_where=text(where), postgresql_where=text(said))
