"""Where a process is cut off: crash points, told by what it asks of the database, the files and the node.

Armed in the process that is to die, from outside of the product's code: by Python's audit events, by SQLAlchemy's
events and by the driver's commit. `kill` is SIGKILL to itself; `stop` is SIGSTOP, for zombies.
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event


@dataclass(frozen=True)
class Point:
    """One crash point: which command dies, and at which moment.

    `sql` is part of a statement whose transaction is meant, `rpc` part of a request to the node, `path` part of
    the name of a file that is being written; `after` means once that has taken effect, `at_once` in the middle of
    the transaction.
    """

    number: int
    name: str
    command: str
    sql: str = ""
    rpc: bytes = b""
    path: str = ""
    after: bool = False
    nth: int = 1
    at_once: bool = False


POINTS = (
    Point(0, "request read / INSERT", "ingest", sql="INSERT INTO certificates"),
    Point(1, "COMMIT / answer", "ingest", sql="INSERT INTO certificates", after=True),
    Point(2, "cut chosen / seal COMMIT", "run", sql="INSERT INTO batches"),
    Point(3, "seal COMMIT / manifest", "run", sql="INSERT INTO batches", after=True),
    Point(4, "manifest / entries", "run", path=".entries."),
    Point(5, "rename / directory fsync", "run", path=".manifest.", after=True),
    Point(6, "files / asking to sign", "run", rpc=b"eth_estimateGas"),
    Point(7, "estimate / signature", "run", rpc=b"eth_estimateGas", after=True),
    Point(8, "signature / COMMIT of the bytes", "run", sql="INSERT INTO attempts"),
    Point(9, "COMMIT of the bytes / send", "run", sql="INSERT INTO attempts", after=True),
    Point(10, "node accepted / answer seen", "run", rpc=b"eth_sendRawTransaction", after=True),
    Point(11, "mined / COMMIT", "run", sql="UPDATE batches SET state=anchored"),
    Point(12, "sent / block dropped", "run", rpc=b"eth_sendRawTransaction", after=True),
    Point(13, "fee bump stored / sent", "run", sql="INSERT INTO attempts", after=True),
    Point(14, "some receipts written", "receipt", path=".jangkar.json.", nth=3),
    Point(15, "anchored / night recorded", "run", sql="UPDATE night_runs"),
    Point(16, "status sent / mined", "run", rpc=b"eth_sendRawTransaction", after=True),
    Point(17, "migration half done", "upgrade", sql="CREATE TABLE", nth=6, at_once=True),
)


def arm(point: Point, act: int = signal.SIGKILL) -> None:
    """Let this process receive a signal when it comes to a crash point."""
    _Wire(point, act).install()


class Faults:
    """Failures of the ports of this process, once each: `arm` one, and it comes and is gone.

    A commit fails without effect or with its answer lost; so do writing, syncing and renaming a file.
    """

    def __init__(self) -> None:
        self._commit: tuple[str, int] | None = None
        self._file: tuple[str, int] | None = None
        sys.addaudithook(self._audit)

    def watch(self, engine: Engine, error: type[Exception]) -> None:
        """Let the commits of an engine fail when armed, with the driver's own kind of error."""
        dialect: Any = engine.dialect
        commit: Callable[[Any], None] = dialect.do_commit

        def do_commit(connection: Any) -> None:
            moment = self._due("_commit")
            if moment == "before":
                connection.rollback()
                raise error("the commit failed")
            commit(connection)
            if moment == "after":
                raise error("the answer to the commit was lost")

        dialect.do_commit = do_commit

    def arm_commit(self, moment: str, nth: int) -> None:
        """Let the n-th commit from now on fail, `before` or `after` it took effect."""
        self._commit = (moment, nth)

    def arm_file(self, event_name: str, nth: int) -> None:
        """Let the n-th `open` or `os.rename` of one of our files fail."""
        self._file = (event_name, nth)

    @property
    def is_armed(self) -> bool:
        """Whether a fault is still to come."""
        return self._commit is not None or self._file is not None

    def disarm(self) -> None:
        """No fault from now on."""
        self._commit = self._file = None

    def _audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        if self._file is not None and name == self._file[0] and ".new" in str(arguments[0]):
            moment = self._due("_file")
            if moment is not None:
                raise OSError(28, "No space left on device", str(arguments[0]))

    def _due(self, slot: str) -> str | None:
        armed: tuple[str, int] | None = getattr(self, slot)
        if armed is None:
            return None
        what, left = armed
        setattr(self, slot, None if left == 1 else (what, left - 1))
        return what if left == 1 else None


class _Wire:
    def __init__(self, point: Point, act: int) -> None:
        self._point = point
        self._act = act
        self._left = point.nth
        # Set once the moment itself has begun: the next thing that happens finds it over.
        self._is_over = False

    def install(self) -> None:
        sys.addaudithook(self._audit)
        event.listen(Engine, "before_cursor_execute", self._statement)
        event.listen(Engine, "commit", self._commit)
        event.listen(Engine, "checkin", self._checkin)

    def _fire(self) -> None:
        os.kill(os.getpid(), self._act)

    def _seen(self) -> bool:
        self._left -= 1
        return self._left == 0

    def _audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        point = self._point
        if self._is_over and (point.rpc or point.path) and name in ("open", "http.client.send", "os.rename"):
            self._is_over = False
            self._fire()
        if point.path and name == ("os.rename" if point.after else "open"):
            path = str(arguments[0])
            if point.path in path and path.endswith(".new"):
                self._meet()
        if point.rpc and name == "http.client.send" and point.rpc in bytes(arguments[1]):
            self._meet()

    def _meet(self) -> None:
        if self._seen():
            if self._point.after:
                self._is_over = True
            else:
                self._fire()

    def _statement(self, connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if self._is_over and (self._point.rpc or self._point.path):
            self._is_over = False
            self._fire()
        wanted, _, state = self._point.sql.partition(" SET state=")
        if (
            wanted
            and statement.lstrip().startswith(wanted)
            and (not state or state in str(parameters))
            and self._seen()
        ):
            if self._point.at_once:
                self._fire()
            connection.info["jangkar_trip"] = True

    def _commit(self, connection: Any) -> None:
        if connection.info.get("jangkar_trip") and not self._point.after:
            self._fire()

    def _checkin(self, _connection: Any, record: Any) -> None:
        if record.info.pop("jangkar_trip", False):
            self._fire()
