"""Whole installations, one for each test."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from begun import Begun
from installation import Installation


@pytest.fixture(params=["sqlite", "postgres"])
def installation(request: pytest.FixtureRequest, begun: Begun, tmp_path: Path) -> Iterator[Installation]:
    """On each of the two databases."""
    url = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        name = f"e{uuid.uuid4().hex}"
        with psycopg.connect(server, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = f"postgresql://postgres@/{name}?host={server.split()[0].removeprefix('host=')}"
    with Installation(tmp_path / "institute", begun, url) as made:
        yield made


@pytest.fixture
def quick(begun: Begun, tmp_path: Path) -> Iterator[Installation]:
    """On SQLite alone, where the database is not the matter."""
    with Installation(tmp_path / "institute", begun) as made:
        yield made
