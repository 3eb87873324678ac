"""Throw generated requests, giant and slow bodies, uploads and held connections at page and API, and watch them.

    python3 scripts/campaigns/flood.py --requests 20000 --seed 1
    python3 scripts/campaigns/flood.py --requests 0 --held 1000 --seconds 60 --report docs/campaigns/flood.md

Real processes on this machine, asked through real sockets. schemathesis makes the requests from the API's own
description and from one of the page's routes, half each. Then each server gets a body of 1 GB, bodies that come byte by
byte, and 200 uploads at once, after a crowd of small ones. Then visitors ask it, alone and beside held connections: so
many idle, dripping and half-sent ones each. Ends with `requests N, server errors 0, uploads N, grown N MiB, visits N,
unanswered 0, p99 N times, grown N MiB`. Exits 1 where there was a server error, where nobody else was served in the
meantime, where a process grew by more than 96 MiB, or by more than 64 MiB beside what is held, or where a visitor was
not answered. What held connections cost a visitor in time depends on the machine, and is only said.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

sys.path[:0] = [str(_bootstrap.ROOT), str(_bootstrap.ROOT / "tests")]

import argparse  # noqa: E402  (the environment comes first)
import contextlib  # noqa: E402
import hashlib  # noqa: E402
import http.client  # noqa: E402
import json  # noqa: E402
import re  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from typing import Any  # noqa: E402
from urllib.parse import urlsplit  # noqa: E402

import httpx  # noqa: E402
from _held import Plan, last_of, visited, write  # noqa: E402
from _tally import revision  # noqa: E402
from begun import Begun  # noqa: E402
from installation import Installation  # noqa: E402

MIB = 1 << 20
GIANT = 1 << 30
UPLOADS = 200
UPLOAD_BYTES = 10 * MIB
SLOW_BODIES = 50
SLOW_SECONDS = 15
MAY_GROW = 96 * MIB
CHUNK = bytes(64 * 1024)
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="x.pdf"\r\n\r\n'
HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


@dataclass
class Server:
    """A process under attack, by its address, and what it said."""

    name: str
    url: str
    pid: int
    upload_path: str
    headers: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    @property
    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000, help="generated ones, page and API together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--held", type=int, default=200, help="connections of each kind that are held (default: 200)")
    parser.add_argument("--visitors", type=int, default=50, help="who ask beside them (default: 50)")
    parser.add_argument("--seconds", type=float, default=5, help="of asking, alone and beside them (default: 5)")
    parser.add_argument("--report", type=Path, help="Markdown file to be written")
    options = parser.parse_args()
    commit = revision()
    tool = _bootstrap.tools("attack") / "schemathesis" if options.requests else None
    wrong: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="jangkar-flood-") as folder,
        standing(Path(folder)) as (servers, token, codes),
    ):
        for server in servers if tool else ():
            generated(tool, Path(folder), server, options.requests // 2, options.seed, token, codes)
            print(f"{server.name}: {server.requests} generated requests, {dict(server.statuses)}", flush=True)
        grown = 0
        uploads = 0
        for server in servers:
            # Threads and buffers that the first crowd makes are there for good; what counts is what bytes do.
            at_once(server, size=len(CHUNK))
            before = server.memory
            with watched(server) as peak:
                wrong += giant(server) + slow(server)
                sent, problems = at_once(server)
                uploads += sent
                wrong += problems
            grew = max(peak) - before
            grown = max(grown, grew)
            print(f"{server.name}: {before / MIB:.0f} MiB before, {max(peak) / MIB:.0f} MiB at most", flush=True)
            wrong += [f"{server.name} grew by {grew / MIB:.0f} MiB"] * (grew > MAY_GROW)
        plan = Plan(options.held, options.visitors, options.seconds)
        beside = []
        for server in servers:
            with watched(server) as seen:
                beside.append(visited(server.name, server.url, codes, plan, seen))
            print(beside[-1].line(plan), flush=True)
            wrong += beside[-1].wrong
        errors = [f"{server.name}: {one}" for server in servers for one in server.errors]
    for one in (errors + wrong)[:20]:
        print(f"WRONG: {one}")
    total = sum(server.requests for server in servers)
    last = f"requests {total}, server errors {len(errors)}, uploads {uploads}, grown {grown / MIB:.0f} MiB, " + last_of(
        beside
    )
    print(last)
    if options.report:
        write(options.report, commit, plan, beside, last)
    return 1 if errors or wrong or total < options.requests else 0


@contextlib.contextmanager
def standing(folder: Path) -> Iterator[tuple[list[Server], str, dict[str, str]]]:
    """An installation with anchored certificates, its API and its page."""
    with Installation(folder, Begun.make(folder / "begun")) as made:
        with (folder / "jangkar.toml").open("a") as settings:
            settings.write("public_requests_per_minute = 1000000000\nkey_requests_per_minute = 1000000000\n")
        names = [f"c{number}" for number in range(20)]
        certificates = made.certificates(*names)
        made.jangkar("ingest", str(certificates), "--csv", str(made.table))
        made.jangkar("anchor", "run")
        token = made.jangkar("key", "new").split()[-1]
        api = Server(
            "api", made.start("jangkar", "serve", "--port", "0"), made.last_pid, "/v1/certificates", bearer(token)
        )
        page_url = made.start_page("--service", api.url, "--requests-per-minute", "1000000000")
        page = Server("page", page_url, made.last_pid, "/check")
        digests = {name: hashlib.sha256((certificates / f"{name}.pdf").read_bytes()).hexdigest() for name in names}
        yield [page, api], token, made.codes | digests


def bearer(token: str) -> dict[str, str]:
    """What says who asks: without it, no body is read."""
    return {"Authorization": f"Bearer {token}"}


def generated(
    tool: Path, folder: Path, server: Server, wanted: int, seed: int, token: str, known: dict[str, str]
) -> None:
    """At least `wanted` requests, in rounds of other seeds; every status is counted."""
    description = folder / f"{server.name}.json"
    schema = page_schema(known) if server.name == "page" else httpx.get(f"{server.url}/openapi.json").json()
    description.write_text(json.dumps(schema))
    examples = min(400, max(1, wanted // 25))
    while server.requests < wanted:
        report = folder / "report.ndjson"
        command = [
            str(tool), "run", str(description), "--url", server.url, "--checks", "not_a_server_error",
            "--phases", "coverage,fuzzing,stateful", "--max-examples", str(examples), "--seed", str(seed),
            "--workers", "2", "--generation-database", "none", "--report", "ndjson",
            "--report-ndjson-path", str(report),
            "--header", f"Authorization: Bearer {token}", "--continue-on-failure", "--no-color",
            "--suppress-health-check", "all", "--warnings", "off",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        before = server.requests
        for status in re.findall(r'"status_code": ?(\d+)', report.read_text()):
            server.requests += 1
            server.statuses[status] += 1
            if status.startswith("5"):
                server.errors.append(f"a status {status}, see above")
        if server.requests == before or (done.returncode and "Server error" in done.stdout):
            print(done.stdout[-4000:] + done.stderr[-2000:], file=sys.stderr)
            server.errors.append("schemathesis found a server error, or asked nothing")
            return
        seed += 1


def page_schema(known: dict[str, str]) -> dict[str, Any]:
    """The page's routes as OpenAPI. Some values are those of real certificates, so that answers are long ones too."""
    digests = sorted(value for value in known.values() if len(value) == 64)
    codes = sorted(value for value in known.values() if len(value) != 64)
    language = {"name": "lang", "in": "query", "schema": {"type": "string", "enum": ["id", "en", "x"]}}

    def post(content: str, schema: dict[str, Any]) -> dict[str, Any]:
        body = {"required": True, "content": {content: {"schema": schema}}}
        return {"post": {"parameters": [language], "requestBody": body, "responses": {"200": {"description": "ok"}}}}

    def get(*parameters: dict[str, Any]) -> dict[str, Any]:
        return {"get": {"parameters": [language, *parameters], "responses": {"200": {"description": "ok"}}}}

    text = {"type": "string"}
    file = {"type": "string", "format": "binary"}
    digest = {"anyOf": [{"enum": digests}, HASH]}
    upload = {"type": "object", "properties": {"file": file, "receipt": file, "issuer": text}, "required": ["file"]}
    question = {
        "type": "object",
        "properties": {
            "digests": {"type": "array", "items": digest, "minItems": 1, "maxItems": 65}, "receipt": text,
            "issuer": {"anyOf": [HASH, {"enum": [""]}]},
        },
        "required": ["digests", "receipt", "issuer"], "additionalProperties": False,
    }  # fmt: skip
    receipt = {"type": "object", "properties": {"receipt": text}, "required": ["receipt"]}
    code = {"anyOf": [{"enum": codes}, {"type": "string", "minLength": 1}]}
    return {
        "openapi": "3.1.0", "info": {"title": "page", "version": "1"},
        "paths": {
            "/": get({"name": "code", "in": "query", "schema": code}),
            "/v/{code}": get({"name": "code", "in": "path", "required": True, "schema": code}),
            "/check": post("multipart/form-data", upload), "/ask": post("application/json", question),
            "/path": post("application/x-www-form-urlencoded", receipt),
            "/ots": post("application/x-www-form-urlencoded", receipt),
            "/export/opentimestamps": post("application/x-www-form-urlencoded", receipt),
            "/healthz": get(), "/favicon.ico": get(),
        },
    }  # fmt: skip


def giant(server: Server) -> list[str]:
    """A body of 1 GB, with its length and in chunks: refused, or cut off, and no server error."""
    wrong = []
    for has_length in (True, False):
        status = upload(server, GIANT, has_length=has_length)
        print(f"{server.name}: 1 GB {'with its length' if has_length else 'in chunks'}: {status}", flush=True)
        wrong += [f"{server.name}: 1 GB: {status}"] * (status not in ("413", "cut off"))
    return wrong


def slow(server: Server) -> list[str]:
    """Bodies that come byte by byte, while others are served."""
    parts = urlsplit(server.url)
    connections = []
    for _ in range(SLOW_BODIES):
        one = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        one.putrequest("POST", server.upload_path)
        one.putheader("Content-Type", "multipart/form-data; boundary=x")
        one.putheader("Content-Length", "100000")
        for name, value in server.headers.items():
            one.putheader(name, value)
        one.endheaders(PART)
        connections.append(one)
    until, longest = time.monotonic() + SLOW_SECONDS, 0.0
    while time.monotonic() < until:
        for one in connections:
            with contextlib.suppress(OSError):  # who was answered already, and goes on, is cut off
                one.send(b"-")
        started = time.monotonic()
        httpx.get(f"{server.url}/healthz", timeout=10)
        longest = max(longest, time.monotonic() - started)
        time.sleep(0.5)
    for one in connections:
        one.close()
    print(f"{server.name}: {SLOW_BODIES} slow bodies, others waited {longest:.2f} s at most", flush=True)
    return [f"{server.name}: others waited {longest:.1f} s"] * (longest > 5)


def at_once(server: Server, size: int = UPLOAD_BYTES) -> tuple[int, list[str]]:
    """Two hundred uploads at the same time."""
    with ThreadPoolExecutor(UPLOADS) as pool:
        ended = Counter(pool.map(lambda _: upload(server, size, has_length=True), range(UPLOADS)))
    print(f"{server.name}: {UPLOADS} uploads of {size / MIB:.2f} MiB at once: {dict(ended)}", flush=True)
    # 503 is what more than the process takes are told.
    bad = [status for status in ended if status.startswith("5") and status != "503"]
    return UPLOADS, [f"{server.name}: uploads at once: {status}" for status in bad]


def upload(server: Server, size: int, *, has_length: bool) -> str:
    """Send a form with a file of `size` bytes. Returns the status, or that the server hung up first."""
    tail = b"\r\n--x--\r\n"
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
    headers = {"Content-Type": "multipart/form-data; boundary=x"} | server.headers
    if has_length:
        headers["Content-Length"] = str(len(PART) + size + len(tail))

    def body() -> Iterator[bytes]:
        yield PART
        for _ in range(size // len(CHUNK)):
            yield CHUNK
        yield tail

    try:
        connection.request("POST", server.upload_path, body(), headers, encode_chunked=not has_length)
        return str(connection.getresponse().status)
    except (BrokenPipeError, ConnectionResetError):
        return "cut off"
    finally:
        connection.close()


@contextlib.contextmanager
def watched(server: Server) -> Iterator[list[int]]:
    """The process's memory, looked at ten times a second."""
    seen = [server.memory]
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.1):
            seen.append(server.memory)

    watcher = threading.Thread(target=look)
    watcher.start()
    yield seen
    stop.set()
    watcher.join()


if __name__ == "__main__":
    raise SystemExit(main())
