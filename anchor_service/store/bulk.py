"""Many rows at once, by the fastest way that a database has: COPY on PostgreSQL, INSERTs of many rows on SQLite."""

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

# Of one INSERT, whose values SQLite bounds.
ROWS_AT_ONCE = 100


def insert_rows(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of these columns into a table of ours, taken from the stream as the database takes them.

    Raises: SQLAlchemy's IntegrityError when a row breaks a constraint: the transaction is at its end then, and says
    AlreadyThere when it is left.
    """
    driver: Any = connection.connection.driver_connection
    names = ", ".join(f'"{column}"' for column in columns)
    try:
        if connection.dialect.name == "sqlite":
            marks = f"({', '.join('?' * len(columns))})"
            following = iter(rows)
            while some := list(islice(following, ROWS_AT_ONCE)):
                values = ", ".join([marks] * len(some))
                statement = f"INSERT INTO {table} ({names}) VALUES {values}"  # noqa: S608  (our names)
                driver.execute(statement, list(chain.from_iterable(some)))
            return
        with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    except driver_error(connection) as error:
        # As SQLAlchemy tells the errors of its own statements.
        raise DBAPIError.instance(None, None, error, driver_error(connection)) from error


def driver_error(connection: Connection) -> type[Exception]:
    """The class of all errors that the database's driver raises."""
    dbapi = connection.dialect.dbapi
    if dbapi is None:
        raise TypeError("a connection without a driver")
    return dbapi.Error
