"""Copies of a whole database, made while others go on writing, and read back.

SQLite's own backup, and PostgreSQL's own `pg_dump` in its custom format, which `pg_restore` takes.
"""

import os
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from psycopg.conninfo import make_conninfo

from anchor_service.core.errors import BackupRejected, Damaged, StoreUnavailable
from anchor_service.store.engine import Store

SQLITE, POSTGRESQL = ".sqlite3", ".dump"
# What a copy's name ends in until it is whole, and what SQLite keeps beside it for as long.
UNFINISHED = (".new", ".new-journal")


def suffix(store: Store) -> str:
    """What the name of a copy of this database ends in."""
    return SQLITE if store.engine.dialect.name == "sqlite" else POSTGRESQL


def write(store: Store, path: Path) -> None:
    """Copy a database as it is at one instant into a new file of mode 0600. What fails leaves nothing behind.

    Raises: BackupRejected where the file exists, or `pg_dump` is not here; StoreUnavailable where the database cannot
    be read or the copy cannot be written; OSError.
    """
    if path.exists():
        raise BackupRejected(f"{path} exists already")
    if not store.is_there():
        raise StoreUnavailable(
            f"there is no database at {store.engine.url.database}, and an empty one is no copy of it"
        )
    temporary = path.with_name(path.name + UNFINISHED[0])
    try:
        # Both write into a file that is there, and leave its mode as it is.
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        if suffix(store) == SQLITE:
            _copy_sqlite(store, temporary)
        else:
            _dump_postgresql(store, temporary)
        _sync(temporary)
        if problem := _problem_of(temporary, suffix(store)):
            raise StoreUnavailable(f"what was copied cannot be read again: {problem}")
        temporary.rename(path)
    finally:
        for ending in UNFINISHED:
            path.with_name(path.name + ending).unlink(missing_ok=True)
    _sync(path.parent)


def check(path: Path) -> None:
    """Read a copy from its first byte to its last. Raises: Damaged; BackupRejected where `pg_restore` is not here."""
    if problem := _problem_of(path, path.suffix):
        raise Damaged(str(path), problem)


def _problem_of(path: Path, kind: str) -> str:
    return _read_sqlite(path) if kind == SQLITE else _read_dump(path)


def _copy_sqlite(store: Store, target: Path) -> None:
    with store.reading() as connection, closing(sqlite3.connect(target)) as copy:
        source: Any = connection.connection.driver_connection
        try:
            source.backup(copy)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the database was not copied to {target}: {error}") from error


def _read_sqlite(path: Path) -> str:
    # Immutable: nothing is made beside it, and it may lie where nobody may write.
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)) as copy:
            (said,) = copy.execute("PRAGMA quick_check(1)").fetchone()
            pages, size = (copy.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
            copy.execute("SELECT version_num FROM alembic_version")
    except sqlite3.Error as error:
        return str(error)
    if path.stat().st_size != pages * size:
        # SQLite reads zeros where the last page ends too early.
        return "it does not end where its last page does"
    return "" if said == "ok" else str(said)


def _dump_postgresql(store: Store, target: Path) -> None:
    _, parameters = store.engine.dialect.create_connect_args(store.engine.url)
    # As the URL names the server, and not as a connection tells it: the driver's library may be newer than pg_dump,
    # and tells options that an older one refuses.
    del parameters["context"]
    # A command's arguments can be read by everybody on the machine.
    password = parameters.pop("password", None)
    environment = os.environ | ({"PGPASSWORD": password} if password else {})
    server = make_conninfo(**parameters)
    command = ["pg_dump", "--format=custom", "--no-password", f"--file={target}", f"--dbname={server}"]
    if problem := _run(command, environment):
        raise StoreUnavailable(f"the database was not copied to {target}: {problem}")


def _read_dump(path: Path) -> str:
    return _run(["pg_restore", "--file=/dev/null", str(path)], os.environ)


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    """Run a tool of PostgreSQL's. Returns what it says where it fails, else nothing."""
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        raise BackupRejected(f"{command[0]} is not here: install the PostgreSQL server's own client tools") from None
    return (done.stderr.strip() or f"{command[0]} ended with {done.returncode}") if done.returncode else ""


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
