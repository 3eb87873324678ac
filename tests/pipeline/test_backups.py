"""What is kept for some days: a disk that was full empties, nothing outlives what was promised, copies are read."""

import fcntl
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools import missing
from world import TESTER, World, digest

from anchor_service.core.errors import BackupRejected, Damaged, StoreUnavailable
from anchor_service.pipeline import erasing
from anchor_service.pipeline.backups import DAY, HOUR, Backups, outdated
from anchor_service.store import copies
from anchor_service.store.engine import Store

DISK_BYTES = 1 << 20
NOT_TO_BE_SEEN = "not to be seen"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        missing("a disk that may be mounted")
    yield folder
    # Lazily: what a failed test left open keeps no folder.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, name: str) -> Path:
    """Write a file until its disk is full."""
    path = folder / name
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert shutil.disk_usage(folder).free == 0
    return path


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def held(world: World, copy: Path) -> list[bytes]:
    """The digests in a copy of the database, as its own tools restore it."""
    if copy.suffix == copies.SQLITE:
        with closing(sqlite3.connect(copy)) as database:
            return sorted(row[0] for row in database.execute("SELECT document_digest FROM certificates"))
    server = f"user=postgres host={world.store.engine.url.query['host']}"
    name = f"r{os.urandom(8).hex()}"
    with psycopg.connect(server, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    subprocess.run(["pg_restore", f"--dbname={server} dbname={name}", str(copy)], check=True)
    with psycopg.connect(server, dbname=name) as database:
        return sorted(bytes(row[0]) for row in database.execute("SELECT document_digest FROM certificates"))


def test_a_copy_holds_what_the_database_did_and_nobody_else_reads_it(world, tmp_path):
    world.submit("a", "b")
    world.night()
    found = Backups(tmp_path / "kept").run(world.store, world.filing, world.now)
    assert (found.added, found.set_aside, found.deleted) == (2, 0, 0)
    assert held(world, found.copy) == sorted([digest("a"), digest("b")])
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "kept").rglob("*") if path.is_file()} == {0}
    for source in (world.filing.manifests, world.filing.entries):
        for name in names(source):
            assert (tmp_path / "kept" / source.name / name).read_bytes() == (source / name).read_bytes()
    copies.check(found.copy)
    again = Backups(tmp_path / "kept").run(world.store, world.filing, world.now + HOUR)
    assert (again.added, again.set_aside, again.deleted) == (0, 0, 0)


def test_a_full_disk_empties_and_what_fails_leaves_nothing(world, disk):
    backups = Backups(disk)
    world.submit("a")
    world.night()
    old = disk / "jangkar-20261003T000000Z.sqlite3"
    (disk / "entries").mkdir()
    left = [disk / f"{old.name}{ending}" for ending in copies.UNFINISHED] + [disk / "entries" / "x.entries.host-1.new"]
    for path in (old, *left):
        path.write_bytes(bytes(4096))
    fill(disk, "jangkar-20261002T000000Z.dump")
    first = backups.run(world.store, world.filing, world.now)
    assert first.deleted == 2, "room was made before it was needed"
    kept = names(disk)
    assert [name for name in kept if "." in name and not name.startswith(("manifests", "entries"))] == [first.copy.name]
    filler = fill(disk, "a strangers file")
    world.submit("b")
    world.night()
    for hour in range(1, 4):
        with pytest.raises((StoreUnavailable, OSError), match=r"full|No space"):
            backups.run(world.store, world.filing, world.now + hour * HOUR)
        assert names(disk) == sorted([*kept, filler.name])
    filler.unlink()
    last = backups.run(world.store, world.filing, world.now + 4 * HOUR)
    assert held(world, last.copy) == sorted([digest("a"), digest("b")])
    assert last.added == 2


def test_where_the_database_cannot_be_copied_the_files_are(world, tmp_path):
    world.submit("a")
    world.night()
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / f"jangkar-20270115T080001Z{copies.suffix(world.store)}").touch()
    with pytest.raises(BackupRejected, match="exists already"):
        Backups(tmp_path / "kept").run(world.store, world.filing, 1_800_000_001)
    assert len(names(tmp_path / "kept")) == 3


def test_an_erased_person_is_in_nothing_when_the_days_are_over(world, tmp_path):
    backups = Backups(tmp_path / "kept", hourly=2, daily=3)
    world.submit("gone", "stays")
    world.night()
    backups.run(world.store, world.filing, world.now)
    erasing.erase(world.store, world.filing, world.issuer, digest("gone"), actor=TESTER, now=world.now)
    assert backups.run(world.store, world.filing, world.now + HOUR).set_aside == 1
    person = digest("gone").hex().encode()
    holding = [path for path in (tmp_path / "kept").rglob("*.until-*") if person in path.read_bytes()]
    assert len(holding) == 1, "it can be brought back for three days"
    backups.run(world.store, world.filing, world.now + 3 * DAY + HOUR)
    everything = [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    assert [path for path in everything if ".until-" in path.name] == []
    assert digest("gone") not in held(world, backups.newest()[1])
    assert len(everything) == 3


def test_what_is_gone_from_the_service_is_kept_for_its_days(world, tmp_path):
    backups = Backups(tmp_path / "kept")
    world.submit("a")
    world.night()
    world.submit("b")
    world.night()
    backups.run(world.store, world.filing, world.now)
    lost = world.filing.entries_path(world.issuer.id, 1)
    data = lost.read_bytes()
    lost.unlink()
    assert backups.run(world.store, world.filing, world.now + HOUR).set_aside == 1
    (aside,) = (tmp_path / "kept").rglob("*.until-*")
    assert aside.read_bytes() == data
    shutil.rmtree(world.filing.entries)
    with pytest.raises(BackupRejected, match="is its disk there"):
        backups.run(world.store, world.filing, world.now + 2 * HOUR)
    assert len([name for name in names(tmp_path / "kept" / "entries") if ".until-" not in name]) == 1


def test_a_copy_that_is_cut_or_changed_is_told(world, tmp_path):
    world.submit("a")
    path = tmp_path / f"copy{copies.suffix(world.store)}"
    copies.write(world.store, path)
    whole = path.read_bytes()
    copies.check(path)
    for wrong in (b"", whole[: len(whole) // 2], whole[:-1], bytes(len(whole))):
        path.write_bytes(wrong)
        with pytest.raises(Damaged):
            copies.check(path)


def test_two_runs_and_a_folder_of_the_service_are_refused(world, tmp_path):
    with pytest.raises(BackupRejected, match="what is to be kept"):
        Backups(world.folder).run(world.store, world.filing, world.now)
    (tmp_path / "kept").mkdir()
    descriptor = os.open(tmp_path / "kept", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(BackupRejected, match="another run"):
        Backups(tmp_path / "kept").run(world.store, world.filing, world.now)
    os.close(descriptor)


def test_a_server_that_is_away_is_told_and_leaves_nothing(tmp_path):
    away = Store(f"postgresql://jangkar@/jangkar?host={tmp_path}")
    with pytest.raises(StoreUnavailable, match=r"pg_dump: error.*No such file"):
        copies.write(away, tmp_path / "copy.dump")
    assert names(tmp_path) == []


def test_a_database_that_is_missing_is_not_made(tmp_path):
    with pytest.raises(StoreUnavailable, match="there is no database"):
        copies.write(Store(f"sqlite:///{tmp_path / 'missing.sqlite3'}"), tmp_path / "copy.sqlite3")
    assert names(tmp_path) == []


def test_nobody_on_the_machine_reads_the_password(world, tmp_path, monkeypatch):
    if world.store.engine.dialect.name == "sqlite":
        return
    told = tmp_path / "told"
    tool = tmp_path / "bin" / "pg_dump"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\necho "$PGPASSWORD: $*" > {told}\nexec {shutil.which("pg_dump")} "$@"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    store = Store(world.store.engine.url.set(password=NOT_TO_BE_SEEN).render_as_string(hide_password=False))
    copies.write(store, tmp_path / "copy.dump")
    password, arguments = told.read_text().split(": ", 1)
    assert (password, NOT_TO_BE_SEEN in arguments, "--no-password" in arguments) == (NOT_TO_BE_SEEN, False, True)
    store.engine.dispose()


@given(st.sets(st.integers(-5 * DAY, 40 * DAY)), st.integers(1, 30), st.integers(1, 35))
def test_hours_and_days_are_kept_and_nothing_older(ages, hourly, daily):
    now = 1_800_000_000
    times = {now - age for age in ages}
    kept = times - outdated(times, now, hourly, daily)
    assert all(time > now - max(hourly * HOUR, daily * DAY) for time in kept - {max(times, default=0)})
    for unit, count in ((HOUR, hourly), (DAY, daily)):
        recent = {time for time in times if time > now - count * unit}
        assert {time // unit for time in recent} == {time // unit for time in kept & recent}
    past = {time for time in kept if time <= now}
    assert len(past) <= hourly + 1 + daily + 1


def test_a_run_each_hour_for_forty_days_keeps_a_day_of_hours_and_a_month_of_days():
    there: set[int] = set()
    for hour in range(40 * 24):
        now = 1_800_000_000 + hour * HOUR
        there -= outdated(there, now, 24, 30)
        there.add(now)
    ages = sorted((now - time) // HOUR for time in there)
    assert ages[:24] == list(range(24))
    assert 24 + 29 <= len(ages) <= 24 + 31
    assert 29 * 24 <= ages[-1] <= 30 * 24


def test_the_newest_copy_is_kept_however_old():
    assert outdated({5, 6 * DAY}, 400 * DAY, 24, 30) == {5}
    assert outdated(set(), 400 * DAY, 24, 30) == set()
