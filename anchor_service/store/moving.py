"""Moving: every row of one database into another, empty one, on SQLite or PostgreSQL; proved by counts and digests."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, Integer, Table, func, select, text

from anchor_service.core.errors import BackupRejected
from anchor_service.store import bulk
from anchor_service.store.engine import Store
from anchor_service.store.tables import metadata

AT_ONCE = 5_000
# Tables whose rows may be deleted while what was signed for them stays, as an attempt names them.
_NUMBERED = {"status_acts": "status", "night_closings": "night"}


class Copied(NamedTuple):
    """A table that was copied: how many rows, and the SHA-256 of all of them in order of their key."""

    table: str
    rows: int
    digest: bytes


def copy(source: Store, target: Store, say: Callable[[str], None] = lambda _: None) -> list[Copied]:
    """Copy every row into an empty database, whose tables are made. What is copied is read again and compared.

    Nobody writes to the source meanwhile, where it is SQLite; on PostgreSQL what is written meanwhile is not copied.
    Raises: BackupRejected where the source's tables are not the newest, the target holds rows, or what arrived is not
    what was read; then the target is as it was, but for empty tables. StoreBusy; StoreUnavailable.
    """
    if not source.is_current():
        raise BackupRejected("the tables are not the newest: run `jangkar db upgrade` first")
    target.upgrade()
    tables = metadata().sorted_tables
    with source.writing() as reading, target.writing() as writing:
        if reading.dialect.name == "postgresql":
            reading.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        held = [table.name for table in tables if writing.execute(select(table).limit(1)).first() is not None]
        if held:
            raise BackupRejected(f"the database to copy to holds rows already, in {', '.join(held)}: name an empty one")
        copied = []
        for table in tables:
            read = _Reading(reading, table)
            bulk.insert_rows(writing, table.name, [column.name for column in table.columns], read)
            copied.append(read.copied)
            again = _Reading(writing, table)
            for _ in again:
                pass
            if again.copied != read.copied:
                raise BackupRejected(f"what arrived in {table.name} is not what was read: nothing was copied")
            _go_on_after(writing, table)
            say(f"{table.name}: {read.copied.rows} rows, SHA-256 {read.copied.digest.hex()}")
    return copied


class _Reading:
    """A table's rows in order of their key; `copied` is true of what was read so far."""

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection = connection
        self._table = table
        self._state = hashlib.sha256()
        self._rows = 0

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        query = select(self._table).order_by(*self._table.primary_key.columns)
        with self._connection.execute(query, execution_options={"yield_per": AT_ONCE}) as found:
            for row in found:
                values = tuple(row)
                self._state.update(repr(values).encode())
                self._rows += 1
                yield values

    @property
    def copied(self) -> Copied:
        return Copied(self._table.name, self._rows, self._state.digest())


def _go_on_after(connection: Connection, table: Table) -> None:
    """Let the database number new rows behind every number that was ever given."""
    key = table.primary_key.columns.values()
    if len(key) != 1 or not isinstance(key[0].type, Integer) or key[0].autoincrement is False:
        return
    last = connection.execute(select(func.max(key[0]))).scalar_one() or 0
    if table.name in _NUMBERED:
        attempts = metadata().tables["attempts"]
        signed = select(func.max(attempts.c.subject_id)).where(attempts.c.subject == _NUMBERED[table.name])
        last = max(last, connection.execute(signed).scalar_one() or 0)
    if connection.dialect.name == "postgresql":
        next_one = {"table": table.name, "key": key[0].name, "next": last + 1}
        connection.execute(text("SELECT setval(pg_get_serial_sequence(:table, :key), :next, false)"), next_one)
    elif table.name in _NUMBERED:
        row = {"name": table.name, "last": last}
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), row)
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), row)
