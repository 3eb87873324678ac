"""Fixtures that more than one folder uses. In CI (CI=true) a missing tool fails instead of skipping."""

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from _pytest.nodeid import NodeId
from begun import Begun
from devnet import Devnet
from hypothesis import settings
from tools import missing
from world import World

from anchor_service.store.engine import Store

settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile("ci", deadline=None, max_examples=200, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


# What every worker has for itself: quickly made, or copied.
OF_EACH_WORKER = {"begun", "deployed", "postgres_server", "shared_devnet", "shared_registry", "worker_id"}
# Where a test takes longest: these begin first, so that no worker is left with a long one at the end.
LONGEST_FIRST = ("e2e", "devnet", "network", "browser", "conformance", "page", "repo", "chain", "contracts")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests that share something costly go to one worker, and every other to whichever is free."""
    folders = {name: rank for rank, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: folders.get(item.path.parent.name, len(folders)))
    for item in items:
        if shared := _costly(item):
            # What `--dist loadgroup` reads: pytest-xdist 3.8 writes it where pytest 9.2 keeps no test's id any more.
            item._id = NodeId.parse(f"{item.nodeid}@{shared}")


def _costly(item: pytest.Item) -> str | None:
    """The name of what a test shares with the others of its file, where that is made for a whole file or run."""
    assert isinstance(item, pytest.Function)
    for name, definitions in item._fixtureinfo.name2fixturedefs.items():
        is_ours = definitions[-1].func.__code__.co_filename.startswith(str(Path(__file__).parent))
        if is_ours and definitions[-1].scope != "function" and name not in OF_EACH_WORKER:
            parameter = item.callspec.params.get(name, "") if hasattr(item, "callspec") else ""
            return f"{item.path.name} {name} {parameter}".strip()
    return None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL of this session's own, on a socket in its own folder."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found or (os.geteuid() == 0 and shutil.which("runuser") is None):
        missing("PostgreSQL")
    binaries = found[-1].parent
    folder = Path("/tmp") / f"jangkar-pg-{uuid.uuid4().hex[:8]}"  # noqa: S108  (a socket's path has to be short)
    folder.mkdir(mode=0o700)
    # PostgreSQL refuses to run as root.
    prefix = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        prefix = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"
    run = [*prefix, str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8"]
    subprocess.run(run, check=True, capture_output=True, cwd=folder)
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    control = [*prefix, str(binaries / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log")]
    subprocess.run([*control, "-o", options, "start"], check=True, capture_output=True, cwd=folder)
    yield f"host={folder} user=postgres"
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=folder)
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty database without tables, on each of the two."""
    if request.param == "sqlite":
        made = Store(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    else:
        server = request.getfixturevalue("postgres_server")
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(server, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        host = server.split()[0].removeprefix("host=")
        made = Store(f"postgresql://postgres@/{name}?host={host}")
    yield made
    made.engine.dispose()


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    """A service with one issuer over a simulated chain."""
    return World(store, tmp_path)


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Begun:
    """What each installation begins with; the workers of a run make it once."""
    own = tmp_path_factory.getbasetemp()
    return Begun.of(own if worker_id == "master" else own.parent)


@pytest.fixture(scope="session")
def shared_devnet(begun: Begun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    """One real devnet for all tests that do not damage it."""
    folder = tmp_path_factory.mktemp("shared") / "devnet"
    begun.copy_to(folder)
    with Devnet(folder) as devnet:
        yield devnet


@pytest.fixture(scope="session")
def shared_registry(begun: Begun) -> str:
    """One registry on it; every test brings issuers of its own."""
    return begun.registry


@pytest.fixture
def devnet(tmp_path: Path) -> Iterator[Devnet]:
    """A real devnet of the test's own."""
    with Devnet(tmp_path / "devnet") as made:
        yield made


@pytest.fixture
def clock() -> int:
    return int(time.time())
