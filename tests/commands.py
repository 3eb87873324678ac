"""The product's commands as processes that begin with everything imported: forked, where starting Python takes seconds.

Run as a program it is a server: one process without threads that imports the commands of one kind, and forks for
each request. Used as a module it is the client, which starts a server of a kind for its own process.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, NamedTuple, TextIO

TIMEOUT_SECONDS = 300
MAX_REQUEST_BYTES = 1 << 17
# Which server makes a command: py-evm changes the whole interpreter's recursion limit, and stays apart.
KINDS = {"jangkar": "product", "jangkar-verify": "product", "jangkar-verify-web": "product", "jangkar-devnet": "devnet"}
PACKAGES = {"product": ("anchor_service", "verifier"), "devnet": ("jangkar_devnet",)}
# What a command imports in the middle of its work, as its libraries do: each fork would import it again.
BY_SERVERS = (
    "encodings.idna", "uvicorn.lifespan.on", "uvicorn.loops.auto", "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
)  # fmt: skip
IMPORTED_LATE = {
    "product": (
        *BY_SERVERS, "alembic.command", "alembic.ddl.postgresql", "alembic.ddl.sqlite", "alembic.runtime.migration",
        "_strptime", "psycopg", "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite",
        "typer.rich_utils",
    ),
    "devnet": BY_SERVERS,
}  # fmt: skip
# Their modules do something when they are imported.
NOT_IMPORTED = ("anchor_service.store.migrations", "verifier.__main__", "jangkar_devnet.__main__")
_SERVERS: dict[tuple[int, str], str] = {}


class Identity(NamedTuple):
    """Whom a command runs as, where that is not who runs the tests: user, only group, and mask of new files."""

    user: int
    group: int
    mask: int


class Process:
    """A running command. `returncode` is negative where a signal ended it, as that of subprocess.Popen."""

    def __init__(
        self,
        command: list[str],
        cwd: Path,
        environment: Mapping[str, str],
        out: IO,
        errors: IO,
        identity: Identity | None = None,
    ) -> None:
        self.pid = 0
        self.returncode: int | None = None
        self.stdout: TextIO | None = None
        self._asked = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._asked.connect(_server(KINDS[command[0]]))
        asked = {"command": command, "cwd": str(cwd), "environment": dict(environment), "identity": identity}
        request = json.dumps(asked).encode()
        socket.send_fds(self._asked, [request], [out.fileno(), errors.fileno()])
        self.pid = self._number(TIMEOUT_SECONDS)

    def wait(self, timeout: float = TIMEOUT_SECONDS) -> int:
        """Its exit code. Raises: TimeoutExpired."""
        if self.returncode is None:
            self.returncode = self._number(timeout)
            self._asked.close()
        return self.returncode

    def poll(self) -> int | None:
        """Its exit code, or nothing while it runs."""
        if self.returncode is None and select.select([self._asked], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def _number(self, timeout: float) -> int:
        """The server's next answer."""
        if not select.select([self._asked], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        return int(self._asked.recv(32))

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def start(
    command: list[str],
    cwd: Path,
    environment: Mapping[str, str],
    errors: IO | None = None,
    identity: Identity | None = None,
) -> Process:
    """Start a command; its output is read from `stdout`, with its errors unless they go to a file."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as out:
        process = Process(command, cwd, environment, out, errors or out, identity)
    process.stdout = os.fdopen(reading)
    return process


def run(
    command: list[str], cwd: Path, environment: Mapping[str, str], identity: Identity | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, in a folder and an environment of its own."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        code = Process(command, cwd, environment, out, errors, identity).wait()
        out.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(command, code, out.read(), errors.read())


def _server(kind: str) -> str:
    """The address of this process's server of a kind, which ends with this process."""
    if (os.getpid(), kind) not in _SERVERS:
        folder = tempfile.mkdtemp(prefix="jangkar-commands-")
        address = str(Path(folder) / "socket")
        program = [sys.executable, "-W", "ignore", __file__, kind, address]
        path = {"PYTHONPATH": str(Path(__file__).parents[1] / "hardhat-free-devnet")}
        server = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | path
        )
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
        atexit.register(server.kill)
        _SERVERS[os.getpid(), kind] = address
    return _SERVERS[os.getpid(), kind]


def _mains(kind: str) -> dict[str, Callable[[], int | None]]:
    """Each command's function, with all that it may ever import."""
    for package in PACKAGES[kind]:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not module.name.startswith(NOT_IMPORTED):
                importlib.import_module(module.name)
    for name in IMPORTED_LATE[kind]:
        importlib.import_module(name)
    if kind == "devnet":
        return {"jangkar-devnet": importlib.import_module("jangkar_devnet.cli").main}
    return {
        "jangkar": importlib.import_module("anchor_service.cli").main,
        "jangkar-verify": importlib.import_module("verifier.cli").main,
        "jangkar-verify-web": importlib.import_module("verifier.web.serve").main,
    }


def _serve(kind: str, address: str) -> None:
    mains = _mains(kind)
    # What the collector never visits is never copied by a fork.
    gc.collect()
    gc.freeze()
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "a fork takes no other threads along"
    woken, waking = socket.socketpair()
    waking.setblocking(False)
    signal.set_wakeup_fd(waking.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(address)
        listening.listen(64)
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([listening, woken, sys.stdin], [], [])
            if sys.stdin in ready:
                for pid in running:
                    os.kill(pid, signal.SIGKILL)
                return
            if woken in ready:
                woken.recv(1 << 10)
                _tell_ends(running)
            if listening in ready:
                asked, _ = listening.accept()
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    _be(asked, mains)
                running[pid] = asked
                asked.sendall(str(pid).encode())


def _tell_ends(running: dict[int, socket.socket]) -> None:
    """Tell whoever asked the exit code of each process that has ended."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        asked = running.pop(pid)
        with contextlib.suppress(OSError):  # nobody may wait for it any more
            asked.sendall(str(os.waitstatus_to_exitcode(status)).encode())
        asked.close()


def _be(asked: socket.socket, mains: dict[str, Callable[[], int | None]]) -> None:
    """Be the command: its arguments, folder, environment and outputs, and its exit code."""
    data, files, _, _ = socket.recv_fds(asked, MAX_REQUEST_BYTES, 2)
    request = json.loads(data)
    for number, file in enumerate(files, start=1):
        os.dup2(file, number)
    # As the interpreter makes them, for these files and not for the server's own.
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.closerange(3, 1 << 12)
    os.chdir(request["cwd"])
    if request["identity"]:
        user, group, mask = request["identity"]
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
        os.umask(mask)
    os.environ.clear()
    os.environ.update(request["environment"])
    name, *arguments = request["command"]
    sys.argv = [str(Path(sys.prefix) / "bin" / name), *arguments]
    try:
        code = mains[name]()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) or ended.code is None else 1
    except BaseException:  # noqa: BLE001  (as the interpreter ends: a trace and exit code 1)
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2])
