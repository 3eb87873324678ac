"""Connections and transactions, alike on SQLite and PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError

from anchor_service.core.errors import StoreBusy, StoreUnavailable
from anchor_service.store.tables import REVISION

BUSY_TIMEOUT_MS = 30_000
WRITERS_CACHE_KB = 64 * 1024
PAGE_BYTES = 4096
LOG_PAGES = 16 * 1024
_WRITES = "jangkar_writes"

# What a database calls a key, or a set of columns, that a row has already: SQLSTATE, and SQLite's names.
_UNIQUE_VIOLATION = "23505"
_UNIQUE_VIOLATIONS = ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_ROWID")

# `Connection` is a transaction of the store, for those who hand it on to its queries.
__all__ = ("BUSY_TIMEOUT_MS", "AlreadyThere", "Connection", "Store")


class AlreadyThere(Exception):
    """Another process has written a row that must be the only one of its kind: look again.

    Whoever writes such a row expects this and says what it means; it is no answer to anybody, and so of no family of
    core/errors.py.
    """


class Store:
    """One database. Every change happens inside `writing()`, all or nothing."""

    def __init__(self, url: str) -> None:
        """Connects when first used. `url` is SQLAlchemy's; `postgresql://` means psycopg 3."""
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        # A connection that a restarted server has closed is noticed before it is used.
        self.engine: Engine = create_engine(parsed, pool_pre_ping=True)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self._writer = self.engine.execution_options(**{_WRITES: True})

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that changes nothing. Raises: as `writing`."""
        with _translating_errors(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: durable when the block is left, or as if it never was.

        Raises: AlreadyThere when what was written may be there once only, and is; StoreBusy when another process
        holds the database for too long; StoreUnavailable when it does not answer, cannot write, or went away: then
        nobody knows whether the transaction took effect.
        """
        with _translating_errors(), self._writer.begin() as connection:
            yield connection

    def scrub(self) -> None:
        """Let what was deleted leave the disk too, as far as the database's own files go.

        Raises: StoreBusy while others read what is being overwritten.
        """
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if self.engine.dialect.name != "sqlite":
                connection.exec_driver_sql("VACUUM certificates")
                return
            # With secure_delete the pages are overwritten; the log still holds the old ones until it is emptied.
            busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        if busy:
            raise StoreBusy(
                "what was erased is still in the database's log while others read: `jangkar db scrub` later"
            )

    def upgrade(self, revision: str = "head") -> None:
        """Bring the tables to a revision; `head` is the newest."""
        with self.writing() as connection:
            _migrate(connection, "upgrade", revision)

    def downgrade(self, revision: str) -> None:
        """Take the tables back to a revision; `base` is none at all."""
        with self.writing() as connection:
            _migrate(connection, "downgrade", revision)

    def is_there(self) -> bool:
        """Whether there is a database: asking SQLite for a file that is missing would make it."""
        file = self.engine.url.database
        if self.engine.dialect.name != "sqlite" or not file or file == ":memory:":
            return True
        # An empty file is what SQLite, or whoever prepared a place, makes of none.
        return Path(file).is_file() and Path(file).stat().st_size > 0

    def is_current(self) -> bool:
        """Whether the tables are at the newest revision."""
        with self.reading() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return False
            current = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
        return bool(current == REVISION)


@contextmanager
def _translating_errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        sqlstate, sqlite_name = getattr(error.orig, "sqlstate", None), getattr(error.orig, "sqlite_errorname", None)
        if sqlstate == _UNIQUE_VIOLATION or sqlite_name in _UNIQUE_VIOLATIONS:
            raise AlreadyThere(str(error.orig)) from error
        raise
    except (OperationalError, InterfaceError) as error:
        if "locked" in str(error) or "deadlock" in str(error):
            raise StoreBusy("another process holds the database; try again") from error
        if "no such" in str(error):
            # SQLite's word for a wrong statement, which trying again does not mend.
            raise
        raise StoreUnavailable(f"the database does not do its work: {error.orig}") from error


def _migrate(connection: Connection, direction: Literal["upgrade", "downgrade"], revision: str) -> None:
    # Few commands change tables, and all of them would wait for this import.
    from alembic import command  # noqa: PLC0415  (slow to import)
    from alembic.config import Config  # noqa: PLC0415  (slow to import)

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    getattr(command, direction)(config, revision)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # SQLAlchemy begins transactions itself, below: the driver's own habit would begin them too late.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    # WAL with NORMAL may lose the last commits in a power cut.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    # What is erased is overwritten, and not merely unlinked.
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    # Copied into the database so late, a page of an index is copied once for many transactions.
    connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
    # After a large night the log gives its disk back.
    connection.execute(f"PRAGMA journal_size_limit={LOG_PAGES * PAGE_BYTES}")


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql("BEGIN")
        return
    # Digests fall anywhere in an index: with too few of its pages at hand, each insert would write one to the log.
    connection.exec_driver_sql(f"PRAGMA cache_size=-{WRITERS_CACHE_KB}")
    # A writer takes its lock at once: taking it halfway fails where waiting would have done.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
