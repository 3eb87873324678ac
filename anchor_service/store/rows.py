"""From a query's columns to its row objects."""

from typing import Any, TypeVar

from sqlalchemy import CompoundSelect, Connection, Select, Table, insert
from sqlmodel import SQLModel

Model = TypeVar("Model", bound=SQLModel)


def many(connection: Connection, model: type[Model], query: Select[Any] | CompoundSelect[Any]) -> list[Model]:
    """All rows of a query over a whole table."""
    return [model(**row) for row in connection.execute(query).mappings()]


def one(connection: Connection, model: type[Model], query: Select[Any] | CompoundSelect[Any]) -> Model | None:
    """The only row of a query over a whole table, or nothing."""
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else model(**row)


def insert_new(connection: Connection, model: type[Model], new: SQLModel) -> Model:
    """Insert a row that the database numbers. Returns it as it is stored."""
    values = new.model_dump()
    number = connection.execute(insert(model).values(**values).returning(table(model).c.id)).scalar_one()
    return model(**values, id=number)


def with_changes(row: Model, **facts: object) -> Model:
    """The same row but for these columns."""
    return type(row)(**{**row.model_dump(), **facts})


def table(model: type[SQLModel]) -> Table:
    """The table of a row class, for queries over all of its columns."""
    return SQLModel.metadata.tables[str(model.__tablename__)]
