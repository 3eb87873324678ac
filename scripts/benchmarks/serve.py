"""Measure receipts over HTTP beside bare endpoints that read one row, over a large database.

    python3 scripts/benchmarks/serve.py --certificates 1000000 10000000            prints the table
    python3 scripts/benchmarks/serve.py --certificates 1000000 10000000 --write    writes docs/benchmarks.md

`jangkar serve` answers with receipts of certificates that are drawn at random; each is one query, and proved against
its batch's root before it leaves. Beside it, over the same database: a bare FastAPI endpoint, and a bare Starlette
route in a FastAPI application, which read one column of one row and answer with it. One process each, on the same
server; wrk asks them in turn, with the same connections; medians of the rounds. Databases are made in --folder, and
reused where they are there: a million certificates take 20 s and 600 MB. Ends with the ratios. Needs wrk.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

import argparse  # noqa: E402  (the environment comes first)
import json  # noqa: E402
import random  # noqa: E402
import re  # noqa: E402
import shutil  # noqa: E402
import socket  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import urllib.request  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from dataclasses import dataclass  # noqa: E402

sys.path.insert(0, str(_bootstrap.ROOT))

import _large  # noqa: E402
import _report  # noqa: E402
import uvicorn  # noqa: E402
from fastapi import FastAPI  # noqa: E402
from sqlalchemy import bindparam, select  # noqa: E402
from starlette.concurrency import run_in_threadpool  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import Response  # noqa: E402
from starlette.routing import Route  # noqa: E402

from anchor_service.store import rows  # noqa: E402
from anchor_service.store.engine import Store  # noqa: E402
from anchor_service.store.tables import Certificate  # noqa: E402
from verifier.formats.receipt import parse  # noqa: E402
from verifier.proofs.merkle import root_from_path  # noqa: E402

CONNECTIONS = 8
PATHS = 20_000
ADDRESS = "0x" + "11" * 20
NAMES = ("receipt", "bare FastAPI", "bare Starlette")
ASK = """local paths = {}
for line in io.lines("%s") do paths[#paths + 1] = line end
math.randomseed(os.time())
request = function() return wrk.format("GET", "%s" .. paths[math.random(#paths)] .. "%s") end
"""

TABLE = """`python3 scripts/benchmarks/serve.py --certificates {sizes} --write`, on {machine}.

`jangkar serve` on SQLite, one process: certificates drawn at random, each receipt one query and proved against its
batch's root. The bare endpoints read one column of one row of the same database, by the same index, with the same
server. wrk with {connections} connections; medians of {rounds} rounds of {seconds} s, in turn.

| certificates | endpoint | requests/s | of bare FastAPI | p50, ms | p99, ms |
| ---: | --- | ---: | ---: | ---: | ---: |
{lines}

Bytes on disk a certificate: {bytes}.

{ends}
"""


@dataclass(frozen=True)
class Measured:
    """Requests a second, and milliseconds of the median and of the 99th in a hundred."""

    rate: float
    p50: float
    p99: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--certificates", type=int, nargs="+", default=[1_000_000], help="(default: 1000000)")
    parser.add_argument("--folder", type=Path, help="where the databases stand, and stay (default: a temporary one)")
    parser.add_argument("--rounds", type=int, default=5, help="of each endpoint (default: 5)")
    parser.add_argument("--seconds", type=int, default=10, help="of each round (default: 10)")
    parser.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md")
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        serve_bare(options.bare)
        return 0
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not here: sudo apt-get install -y wrk")
    with tempfile.TemporaryDirectory(prefix="jangkar-serve-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = {size: measure(folder, size, options) for size in options.certificates}
        disk = {size: database(folder, size).stat().st_size / size for size in options.certificates}
    lines = [
        f"| {size:,} | {name} | {one.rate:,.0f} | {one.rate / each['bare FastAPI'].rate:.2f} "
        f"| {one.p50:.1f} | {one.p99:.1f} |"
        for size, each in found.items()
        for name, one in each.items()
    ]
    ends = "; ".join(
        f"at {size:,}: {each['receipt'].rate / each['bare FastAPI'].rate:.2f} of bare FastAPI, "
        f"{each['receipt'].rate / each['bare Starlette'].rate:.2f} of bare Starlette"
        for size, each in found.items()
    )
    first = found[options.certificates[0]]["receipt"].p99
    for size in options.certificates[1:]:
        ends += f"; p99 at {size:,} {found[size]['receipt'].p99 / first:.2f} times that at {options.certificates[0]:,}"
    text = TABLE.format(
        sizes=" ".join(map(str, options.certificates)),
        machine=_report.machine("fastapi", "starlette", "uvicorn", "sqlalchemy"),
        connections=CONNECTIONS,
        rounds=options.rounds,
        seconds=options.seconds,
        lines="\n".join(lines),
        bytes=", ".join(f"{each:.0f} with {size:,} in the database" for size, each in disk.items()),
        ends=ends,
    )
    if options.write:
        _report.write("Serving receipts", text)
    print(text)
    print(ends)
    return 0


def database(folder: Path, size: int) -> Path:
    """The file of a database of this size."""
    return folder / f"certificates-{size}.sqlite3"


def measure(folder: Path, size: int, options: argparse.Namespace) -> dict[str, Measured]:
    """Requests of each endpoint, in turn. Exits where a receipt does not lead to its batch's root."""
    path = database(folder, size)
    if not path.exists():
        unfinished = path.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        _large.fill(f"sqlite:///{unfinished}", size)
        unfinished.rename(path)
    url = f"sqlite:///{path}"
    runs: dict[str, list[Measured]] = {name: [] for name in NAMES}
    with tempfile.TemporaryDirectory(prefix="jangkar-serve-") as name, served(Path(name), url) as servers:
        chance = random.Random(size)  # noqa: S311  (no secret)
        digests = [_large.digest(chance.randrange(size)).hex() for _ in range(PATHS)]
        (Path(name) / "digests").write_text("\n".join(digests) + "\n")
        check(url, servers["receipt"] % digests[0])
        for turn in range(-1, options.rounds):
            for endpoint, address in servers.items():
                # The first turn warms up, and is not counted.
                one = ask(Path(name), address, 3 if turn < 0 else options.seconds)
                if turn >= 0:
                    runs[endpoint].append(one)
                    print(f"{size:,}, round {turn + 1}, {endpoint}: {one}", file=sys.stderr, flush=True)
    return {
        name: Measured(*(statistics.median(getattr(one, what) for one in found) for what in ("rate", "p50", "p99")))
        for name, found in runs.items()
    }


@contextmanager
def served(folder: Path, url: str) -> Iterator[dict[str, str]]:
    """Both servers, each a process; for each endpoint the address that a digest is put behind."""
    settings = {
        "database_url": url,
        "chain_id": 1,
        "registry": ADDRESS,
        "rpc_url": "http://127.0.0.1:9",
        "public_requests_per_minute": 10**9,
    }
    (folder / "jangkar.toml").write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    commands = (
        [str(Path(sys.executable).with_name("jangkar")), "serve", "--port", "0"],
        [sys.executable, __file__, "--bare", url],
    )
    started = [
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for command in commands
    ]
    try:
        ours, bare = (listening(one) for one in started)
        yield {
            "receipt": f"{ours}/v1/issuers/{_large.ISSUER.hex()}/documents/%s/receipt",
            "bare FastAPI": f"{bare}/fastapi/%s",
            "bare Starlette": f"{bare}/starlette/%s",
        }
    finally:
        for one in started:
            one.terminate()
            one.wait(20)


def listening(process: "subprocess.Popen[str]") -> str:
    """The address that a server says it listens on."""
    for line in process.stdout or ():
        if line.startswith("Listening on "):
            return line.split()[-1]
    raise SystemExit("a server did not start")


def ask(folder: Path, address: str, seconds: int) -> Measured:
    """What wrk says of one endpoint. Exits where one answer was an error."""
    host, path = re.fullmatch(r"(http://[^/]+)(/.*)", address).groups()  # type: ignore[union-attr]
    begin, end = path.split("%s")
    (folder / "ask.lua").write_text(ASK % (folder / "digests", begin, end))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--latency", "-s", str(folder / "ask.lua"), host]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"{address}: {said}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])  # type: ignore[index]
    return Measured(rate, *(_milliseconds(said, percent) for percent in ("50%", "99%")))


def check(url: str, address: str) -> None:
    """Whether an endpoint's receipt leads to the root of its batch."""
    with urllib.request.urlopen(address) as answer:  # noqa: S310  (our own server)
        receipt = parse(answer.read())
    with Store(url).reading() as connection:
        query = "SELECT tree_size, root_hash FROM batches WHERE sequence = ?"
        size, root = connection.exec_driver_sql(query, (receipt.sequence,)).one()
    if root_from_path(receipt.leaf_hash, receipt.leaf_index, size, receipt.path) != root:
        raise SystemExit("a receipt does not lead to its batch's root")


def serve_bare(url: str) -> None:
    """The bare endpoints, until stopped: one column of one row by the index of live digests."""
    store, table = Store(url), rows.table(Certificate)
    wanted = table.c.document_digest == bindparam("digest")
    query = select(table.c.metadata_text).where(wanted, table.c.live)
    app = FastAPI()

    @app.get("/fastapi/{digest}")
    def fastapi(digest: str) -> dict[str, str]:
        with store.reading() as connection:
            return {"metadata": connection.execute(query, {"digest": bytes.fromhex(digest)}).scalar_one()}

    def read(request: Request) -> Response:
        with store.reading() as connection:
            values = {"digest": bytes.fromhex(request.path_params["digest"])}
            return Response(connection.execute(query, values).scalar_one(), media_type="application/json")

    async def starlette(request: Request) -> Response:
        return await run_in_threadpool(read, request)

    app.router.routes.append(Route("/starlette/{digest}", starlette))
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print(f"Listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listener])


def _milliseconds(said: str, percent: str) -> float:
    number, unit = re.search(rf"{percent}\s+([\d.]+)(us|ms|s)\b", said).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]


if __name__ == "__main__":
    raise SystemExit(main())
