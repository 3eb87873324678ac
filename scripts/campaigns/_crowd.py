"""Connections that are held: idle, dripping and half-sent ones, beside visitors who ask and go.

As a program it is the crowd, a process of its own: `_crowd.py HOST PORT PATH N` holds N connections of each kind until
it is ended, and whoever is cut off comes again after some ten seconds. All have one address, as behind a proxy.
"""

import asyncio
import contextlib
import http.client
import random
import resource
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

AGAIN_SECONDS = 10
DRIP_SECONDS = 5
# A visitor asks, reads, and asks again.
PAUSE_SECONDS = 4
# A page that takes longer is none.
PATIENCE_SECONDS = 30
HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
BODY = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{"
# What the connections of a kind say at once, in turn, and then now and then.
SAID = {"idle": ((b"",), b""), "dripping": ((HEAD + b"X: ", BODY), b"x"), "half-sent": ((HEAD, BODY), b"")}

Question = tuple[str, str, bytes | None, dict[str, str]]


@dataclass
class Answers:
    """What visitors were told, and how long each answer took, in seconds."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    @property
    def bad(self) -> int:
        """Server errors and answers that never came."""
        return sum(count for status, count in self.statuses.items() if not "200" <= status < "500")

    def all_but(self, share: float) -> float:
        """The time within which all but this share were answered."""
        return sorted(self.seconds)[int(len(self.seconds) * (1 - share))]


def visit(url: str, questions: Sequence[Question], visitors: int, seconds: float) -> Answers:
    """Let so many visitors ask these questions in turn, each with a connection of its own and four seconds apart."""
    parts = urlsplit(url)
    answers, lock = Answers(), threading.Lock()
    until = time.monotonic() + seconds

    def one(number: int) -> None:
        time.sleep(PAUSE_SECONDS * number / visitors)
        while time.monotonic() < until:
            method, path, body, headers = questions[number % len(questions)]
            number += 1
            begun = time.monotonic()
            try:
                connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS)
                with contextlib.closing(connection):
                    connection.request(method, path, body, headers)
                    response = connection.getresponse()
                    response.read()
                status = str(response.status)
            except (OSError, http.client.HTTPException) as error:
                status = type(error).__name__
            took = time.monotonic() - begun
            with lock:
                answers.seconds.append(took)
                answers.statuses[status] += 1
            time.sleep(max(0.0, PAUSE_SECONDS - took))

    with ThreadPoolExecutor(visitors) as pool:
        list(pool.map(one, range(visitors)))
    return answers


@contextlib.contextmanager
def held(url: str, path: str, each: int) -> Iterator[None]:
    """That many connections of each kind, once all have come. `path` takes a body from anybody."""
    parts = urlsplit(url)
    command = [sys.executable, str(Path(__file__)), str(parts.hostname), str(parts.port), path, str(each)]
    crowd = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        if crowd.stdout is None or crowd.stdout.readline() != "all have come\n":
            raise RuntimeError("the crowd did not come")
        yield
    finally:
        crowd.terminate()
        crowd.communicate()


async def _hold(host: str, port: int, first: bytes, drip: bytes, come: asyncio.Semaphore) -> None:
    """Be one of the crowd, for ever."""
    is_first = True
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(first)
                if is_first:
                    come.release()
                    is_first = False
                while True:
                    with contextlib.suppress(TimeoutError):
                        if not await asyncio.wait_for(reader.read(1 << 12), DRIP_SECONDS):
                            break
                    writer.write(drip)
            finally:
                writer.close()
        await asyncio.sleep(AGAIN_SECONDS * (0.5 + random.random()))


async def _main(host: str, port: int, path: str, each: int) -> None:
    come = asyncio.Semaphore(0)
    said = [
        (firsts[number % len(firsts)].replace(b"%s", path.encode()), drip)
        for number in range(each)
        for firsts, drip in SAID.values()
    ]
    crowd = [asyncio.create_task(_hold(host, port, first, drip, come)) for first, drip in said]
    for _ in crowd:
        await come.acquire()
    print("all have come", flush=True)
    await asyncio.gather(*crowd)


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
