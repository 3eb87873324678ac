"""The product's commands as processes that begin with everything imported: forked, where starting Python takes seconds.

Run as a program it is the server: one process without threads that imports the commands once, and forks for each
request. Used as a module it is the client, which starts one server for its own process.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

NAMES = ("jangkar", "jangkar-verify")
TIMEOUT_SECONDS = 300
_SERVERS: dict[int, str] = {}


def run(command: list[str], cwd: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, in a folder and an environment of its own."""
    with (
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as errors,
        socket.socket(socket.AF_UNIX) as asked,
    ):
        asked.settimeout(TIMEOUT_SECONDS)
        asked.connect(_server())
        request = json.dumps({"command": command, "cwd": str(cwd), "environment": environment}).encode() + b"\n"
        socket.send_fds(asked, [request], [out.fileno(), errors.fileno()])
        code = asked.makefile().readline()
        out.seek(0)
        errors.seek(0)
        # A command that died on the way answers nothing.
        return subprocess.CompletedProcess(command, int(code) if code else -1, out.read(), errors.read())


def _server() -> str:
    """The address of this process's server, which ends with this process."""
    if os.getpid() not in _SERVERS:
        folder = tempfile.mkdtemp(prefix="jangkar-commands-")
        place = str(Path(folder) / "socket")
        program = [sys.executable, __file__, place]
        server = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
        atexit.register(server.kill)
        _SERVERS[os.getpid()] = place
    return _SERVERS[os.getpid()]


def _serve(place: str) -> None:
    from anchor_service.cli import main as jangkar  # noqa: PLC0415  (imported once, by the server alone)
    from verifier.cli import main as verify  # noqa: PLC0415

    mains = {"jangkar": jangkar, "jangkar-verify": verify}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place)
        listening.listen()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([listening, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            asked, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _answer(asked, mains)
            asked.close()


def _answer(asked: socket.socket, mains: dict[str, Callable[[], int | None]]) -> None:
    """Be the command: its arguments, folder, environment and outputs, and its exit code to whoever asked."""
    data, files, _, _ = socket.recv_fds(asked, 1 << 20, 2)
    while not data.endswith(b"\n"):
        data += asked.recv(1 << 20)
    request = json.loads(data)
    for number, file in enumerate(files, start=1):
        os.dup2(file, number)
    os.chdir(request["cwd"])
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
    asked.sendall(f"{code or 0}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1])
