"""What goes in: database, manifests and entries. What comes out: a folder that holds what they held, for some days.

    jangkar-20261127T220000Z.sqlite3    the database of that second (UTC); .dump from PostgreSQL
    manifests/, entries/                the newest form of each file
    entries/.../00000001.entries.until-20261127T220000Z     what it held until then, where it was changed or is gone

Everything else than the newest goes when its days are over, and before anything new is written: a disk that was full
empties, and no copy outlives what was promised to a person who was erased.
"""

import fcntl
import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from anchor_service.core.errors import BackupRejected
from anchor_service.pipeline import durable
from anchor_service.pipeline.filing import Filing
from anchor_service.store import copies
from anchor_service.store.engine import Store

HOUR, DAY = 3_600, 86_400
COARSE_NS = 2 * 10**9
PIECE_BYTES = 1 << 20
_STAMP = "%Y%m%dT%H%M%SZ"
# Without a Z: a name that was given by hand, or by an earlier release in local time.
_COPY = re.compile(r"jangkar-(\d{8}T\d{6})Z?\.(sqlite3|dump)", re.ASCII)
_EARLIER = re.compile(r".+\.until-(\d{8}T\d{6})Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """What a run did: the copy that it made, copies that it deleted, files that are new, and that were set aside."""

    copy: Path
    deleted: int
    added: int
    set_aside: int


@dataclass(frozen=True, slots=True)
class Backups:
    """A folder of backups: the newest copy of each of the last `hourly` hours and of each of the last `daily` days."""

    folder: Path
    hourly: int = 24
    daily: int = 30

    def run(self, store: Store, filing: Filing, now: int) -> Found:
        """Delete what is over, then copy what is there. The files are copied where the database cannot be, too.

        Raises: BackupRejected where another run is at it, the folder is the service's own, or a folder of the service
        is empty that was not; else as `copies.write` and `durable.replace`.
        """
        durable.make_folder(self.folder)
        copy = self.folder / f"jangkar-{_stamp(now)}{copies.suffix(store)}"
        kept = [(filing.manifests, self.folder / "manifests"), (filing.entries, self.folder / "entries")]
        for source, target in kept:
            if source.resolve() == target.resolve():
                raise BackupRejected(f"{target} is what is to be kept: name another folder for backups")
        with _alone(self.folder):
            deleted = self._clear(now)
            try:
                copies.write(store, copy)
                # The one that was the last until now.
                deleted += self._drop(now)
            finally:
                counts = [_keep(source, target, now) for source, target in kept]
        added, set_aside = map(sum, zip(*counts, strict=True))
        return Found(copy, deleted, added, set_aside)

    def newest(self) -> tuple[int, Path] | None:
        """The newest copy of the database, and its time in seconds since 1970."""
        return max(self._copies().items(), default=None) if self.folder.is_dir() else None

    def _copies(self) -> dict[int, Path]:
        timed = ((_time(_COPY, path.name), path) for path in self.folder.iterdir())
        return {time: path for time, path in timed if time is not None}

    def _clear(self, now: int) -> int:
        for ending in copies.UNFINISHED:
            for left in self.folder.glob(f"jangkar-*{ending}"):
                left.unlink()
        for path in _files(self.folder / "manifests") + _files(self.folder / "entries"):
            until = _time(_EARLIER, path.name)
            if path.name.endswith(durable.UNFINISHED) or (until is not None and until <= now - self.daily * DAY):
                path.unlink()
        return self._drop(now)

    def _drop(self, now: int) -> int:
        there = self._copies()
        over = outdated(there, now, self.hourly, self.daily)
        for time in over:
            there[time].unlink()
        durable.sync_folder(self.folder)
        return len(over)


def outdated(times: Collection[int], now: int, hourly: int, daily: int) -> set[int]:
    """Of copies made at these seconds: those that are not the newest of an hour or a day that is kept.

    The newest of all is kept, however old: where nothing can be copied any more it is the last one.
    """
    kept = {max(times)} if times else set()
    for unit, count in ((HOUR, hourly), (DAY, daily)):
        recent = (time for time in sorted(times) if time > now - count * unit)
        kept |= set({time // unit: time for time in recent}.values())
    return set(times) - kept


def _keep(source: Path, target: Path, now: int) -> tuple[int, int]:
    """Copy what is new in a folder, and set aside what is another there or gone. Returns how many of each."""
    there = {path.relative_to(source) for path in _files(source) if not path.name.endswith(durable.UNFINISHED)}
    kept = {path.relative_to(target) for path in _files(target) if _time(_EARLIER, path.name) is None}
    if kept and not there:
        raise BackupRejected(f"{source} holds nothing, and its backup {target} does: is its disk there?")
    added = set_aside = 0
    for name in sorted(there | kept):
        path = target / name
        is_same = name in there and name in kept and _is_same(source / name, path)
        if is_same:
            continue
        if name in kept:
            path.rename(path.with_name(f"{name.name}.until-{_stamp(now)}"))
            set_aside += 1
        if name in there:
            _copy_file(source / name, path)
            added += 1
    return added, set_aside


def _copy_file(source: Path, target: Path) -> None:
    durable.make_folder(target.parent)
    with source.open("rb") as file:
        durable.replace(target, iter(lambda: file.read(PIECE_BYTES), b""), 0o600)
        written = os.fstat(file.fileno()).st_mtime_ns
    os.utime(target, ns=(written, written))


def _is_same(source: Path, target: Path) -> bool:
    """Whether nobody wrote a file since it was kept: by size and time, which some disks keep to two seconds."""
    one, other = source.stat(), target.stat()
    return one.st_size == other.st_size and abs(one.st_mtime_ns - other.st_mtime_ns) <= COARSE_NS


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise BackupRejected(f"another run writes into {folder}") from None
    finally:
        os.close(descriptor)


def _stamp(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime(_STAMP)


def _time(form: re.Pattern[str], name: str) -> int | None:
    """The time in a name of this form."""
    match = form.fullmatch(name)
    if match is None:
        return None
    try:
        return int(datetime.strptime(f"{match[1]}Z", _STAMP).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None
