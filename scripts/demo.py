"""See Jangkar do what it exists for, on this machine, with real files.

    python3 scripts/demo.py               makes 100 certificates, anchors them, and verifies six cases
    python3 scripts/demo.py --pdfs DIR    the same with the PDFs of your own folder (they are copied)
    python3 scripts/demo.py --serve       leaves the public page up and prints its address

Everything it makes lies in `demo-output/`. It exits 0 when every verdict was the right one.
"""

import _bootstrap

_bootstrap.enter("run")

import argparse  # noqa: E402  (the environment comes first)
import json  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator, Sequence  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402

import _certificates  # noqa: E402

COUNT = 100
CHAIN_ID = 200_826
MADE_HERE = ".made-by-the-jangkar-demo"
COMMANDS = Path(sys.prefix) / "bin"


class DemoFailed(Exception):
    """A step did not do what it should have."""


class Demo:
    """One run in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificates = folder / "certificates"
        self.devnet = folder / "devnet"
        self.policy = folder / "jangkar-policy.json"
        self.processes: list[subprocess.Popen[str]] = []
        # The environment's own JANGKAR_ settings belong to another installation.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("JANGKAR_")}

    def run(self, *command: str, allowed: Sequence[int] = (0,), with_remarks: bool = False) -> str:
        """Run one command of Jangkar in the demo's folder and return what it printed.

        `with_remarks` adds standard error, where commands say what they refused and why.
        """
        done = subprocess.run(
            [str(COMMANDS / command[0]), *command[1:]],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in allowed:
            raise DemoFailed(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return (done.stderr * with_remarks + done.stdout).strip()

    def start(self, *command: str) -> str:
        """Start a server and return the address that it prints."""
        log = self.folder / f"{command[0]}.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [str(COMMANDS / command[0]), *command[1:]],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.processes.append(process)
        assert process.stdout is not None  # noqa: S101  (it was asked for above)
        for line in process.stdout:
            if line.startswith("Listening on "):
                return line.split()[-1]
        raise DemoFailed(f"{command[0]} did not start:\n{log.read_text()}")

    def stop(self) -> None:
        """Leave nothing running."""
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def act(self, account: str, *command: str) -> str:
        """A registry command by one of the devnet's accounts."""
        keystore, password = self.devnet / "keystore" / f"{account}.json", self.devnet / "password"
        return self.run("jangkar", "registry", *command, "--keystore", str(keystore), "--password-file", str(password))

    def address(self, account: str) -> str:
        """The address of one of the devnet's accounts."""
        return "0x" + str(json.loads((self.devnet / "keystore" / f"{account}.json").read_text())["address"])

    def configure(self, rpc_url: str, registry: str = "") -> None:
        """Write the service's settings."""
        lines = {
            "rpc_url": rpc_url,
            "keystore": str(self.devnet / "keystore" / "institute.json"),
            "password_file": str(self.devnet / "password"),
        } | ({"registry": registry} if registry else {})
        text = f"chain_id = {CHAIN_ID}\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())
        (self.folder / "jangkar.toml").write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pdfs", type=Path, help="folder of your own PDFs, instead of made ones")
    parser.add_argument("--serve", action="store_true", help="leave the public page up until interrupted")
    parser.add_argument("--out", type=Path, default=_bootstrap.ROOT / "demo-output", help="folder for what is made")
    options = parser.parse_args()
    started = time.monotonic()
    try:
        folder = fresh_folder(options.out.resolve())
        with running(folder) as demo:
            right = story(demo, options.pdfs, serve=options.serve)
            print(f"\nAll files are in {demo.folder}. That took {time.monotonic() - started:.0f} seconds.")
            if options.serve and right:
                wait_for_interrupt()
    except DemoFailed as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    print("demo: every verdict was right" if right else "demo: a verdict was WRONG")
    return 0 if right else 1


def story(demo: Demo, pdfs: Path | None, *, serve: bool) -> bool:
    """The whole path, told as it goes. Returns whether every verdict was the right one."""
    say("1. A local chain starts. One process seals its blocks: good for trying out, no proof against whoever runs it.")
    rpc_url = demo.start("jangkar-devnet", "--data", str(demo.devnet), "--port", "0", "--chain-id", str(CHAIN_ID))
    demo.configure(rpc_url)

    say("2. The registry contract is deployed, and an accreditor admits a training institute with its signing key.")
    registry = demo.act("institute", "deploy", "--admin", demo.address("admin"), "--admin-delay", "0")
    demo.configure(rpc_url, registry)
    demo.act("admin", "role", "grant", "ACCREDITOR", demo.address("accreditor"))
    kinds = [part for kind in _certificates.KINDS for part in ("--kind", kind)]
    named = ("--code", _certificates.INSTITUTE_CODE, "--name", _certificates.INSTITUTE)
    issuer = demo.act("accreditor", "issuer", "accredit", *named, *kinds)
    key = demo.address("institute")
    demo.act("accreditor", "key", "add", "--id", issuer, "--key", key, "--custody", "institute")
    demo.run("jangkar", "db", "upgrade")
    demo.run("jangkar", "issuer", "add", "--id", issuer, *named)
    demo.policy.write_text(demo.run("jangkar", "registry", "policy", "--operators", "1", "--issuer", issuer) + "\n")
    told(f"registry {registry}, institute {_certificates.INSTITUTE} ({issuer[:16]}...)")

    page_port = free_port()
    table = demo.folder / "certificates.csv"
    names = prepare(demo, pdfs, table, f"http://127.0.0.1:{page_port}")

    say(
        "4. The institute hands the folder in. Only SHA-256 digests and the facts of the CSV are taken, never the PDFs."
    )
    ingest = ("jangkar", "ingest", str(demo.certificates), "--table", str(table))
    told(demo.run(*ingest, allowed=(0, 1), with_remarks=True))

    say("5. Night: the batch is sealed into one Merkle tree, and its root and size are anchored in the registry.")
    told(demo.run("jangkar", "anchor", "run"))
    demo.run("jangkar", "receipt", "write", str(demo.certificates), allowed=(0, 1))
    receipts = sorted(demo.certificates.rglob("*.jangkar.json"))
    told(f"{len(receipts)} receipts stand beside their PDFs")
    if len(receipts) < 2:
        raise DemoFailed(f"of {len(names)} PDFs fewer than two were anchored; the demo needs two different ones")

    say("6. Anybody verifies, with a policy of their own and the standard library only:")
    service = demo.start("jangkar", "serve", "--port", "0")
    right = verify_cases(demo, receipts, service)

    page_command = ("jangkar-verify-web", "--policy", str(demo.policy), "--service", service, "--port", str(page_port))
    if serve:
        page = demo.start(*page_command)
        say(f"7. The public page is at {page} : upload a PDF from {demo.certificates}")
        told(f"or follow the QR of the first one: {page}/v/{first_code(table)}")
    else:
        say("7. The public page shows the same to everybody: run this again with --serve and open it.")
    return right


def verify_cases(demo: Demo, receipts: Sequence[Path], service: str) -> bool:
    """The six cases, each on its line."""
    genuine, withdrawn = (path.with_name(path.name.removesuffix(".jangkar.json")) for path in receipts[:2])
    cases = demo.folder / "cases"
    cases.mkdir()
    altered = cases / "altered.pdf"
    data = bytearray(genuine.read_bytes())
    data[len(data) // 2] ^= 1
    altered.write_bytes(data)
    appended = cases / "appended.pdf"
    appended.write_bytes(genuine.read_bytes() + b"\n99 0 obj\n(JP: 400)\nendobj\n%%EOF\n")
    # A PDF of your own may end otherwise than PDFs do; then nobody can tell where it ended.
    ends = genuine.read_bytes().rstrip(b"\0\t\n\f\r ").endswith(b"%%EOF")
    forged = cases / "forged.jangkar.json"
    receipt = json.loads(receipts[0].read_text())
    metadata = json.loads(receipt["metadata"])
    metadata["jp"] = metadata.get("jp", 0) + 100
    receipt["metadata"] = canonical(metadata)
    forged.write_text(canonical(receipt) + "\n")
    demo.run("jangkar", "status", "set", str(withdrawn), "revoked", "--reason", "1")
    demo.run("jangkar", "anchor", "run")

    beside = str(receipts[0])
    return all(
        [
            expect(demo, "valid", f"{genuine.name} with its receipt", str(genuine), "--receipt", beside),
            expect(
                demo, "invalid", "a copy with one byte changed, with that receipt", str(altered), "--receipt", beside
            ),
            expect(demo, "not_found", "the same copy without a receipt", str(altered), "--service", service),
            expect(
                demo,
                "modified" if ends else "not_found",
                "a copy with something appended to it",
                str(appended),
                "--service",
                service,
            ),
            expect(
                demo,
                "invalid",
                "the file with a receipt forged to add 100 lesson hours",
                str(genuine),
                "--receipt",
                str(forged),
            ),
            expect(demo, "revoked", f"{withdrawn.name}, which the institute revoked", str(withdrawn)),
        ]
    )


def expect(demo: Demo, wanted: str, what: str, *arguments: str) -> bool:
    """Ask the verifier, print its verdict on a line, and say whether it is the wanted one."""
    answer = demo.run(
        "jangkar-verify", "check", *arguments, "--policy", str(demo.policy), "--json", allowed=(0, 1, 3, 4)
    )
    verdict = json.loads(answer)["verdict"]
    told(f"{verdict:<10} {what}" + ("" if verdict == wanted else f"   <- WRONG, should be {wanted}"))
    return bool(verdict == wanted)


def prepare(demo: Demo, pdfs: Path | None, table: Path, page_url: str) -> list[str]:
    """The folder of certificates and its table; returns the names of the PDFs."""
    if pdfs is None:
        say(f"3. {COUNT} certificates are made, each with its code and QR.")
        codes = demo.run("jangkar", "code", "new", "-n", str(COUNT)).split()
        _certificates.make(demo.certificates, table, codes, page_url)
        return [path.name for path in demo.certificates.iterdir()]
    if not pdfs.is_dir():
        raise DemoFailed(f"{pdfs} is not a folder")
    found = sorted(path for path in pdfs.rglob("*") if path.suffix.lower() == ".pdf" and path.is_file())
    if not found:
        raise DemoFailed(f"{pdfs} holds no PDF")
    say(f"3. {len(found)} PDFs are copied from {pdfs}.")
    names = [str(path.relative_to(pdfs)) for path in found]
    for path, name in zip(found, names, strict=True):
        (demo.certificates / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, demo.certificates / name)
    codes = demo.run("jangkar", "code", "new", "-n", str(len(found))).split()
    _certificates.list_own(demo.certificates, table, names, codes)
    return names


@contextmanager
def running(folder: Path) -> Iterator[Demo]:
    """A demo whose servers are stopped, whatever happens."""
    demo = Demo(folder)
    try:
        yield demo
    finally:
        demo.stop()


def fresh_folder(folder: Path) -> Path:
    """An empty folder; what an earlier demo made there is removed, and nothing else."""
    if folder.exists():
        if any(folder.iterdir()) and not (folder / MADE_HERE).exists():
            raise DemoFailed(f"{folder} holds other things; name another folder with --out")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MADE_HERE).touch()
    return folder


def canonical(value: object) -> str:
    """RFC 8785 text, so that the forgery is a well-formed one."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def first_code(table: Path) -> str:
    """The code of the table's first certificate."""
    header, first = table.read_text().splitlines()[:2]
    columns = header.split(",")
    return first.split(",")[columns.index("kode" if "kode" in columns else "code")]


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_interrupt() -> None:
    print("Press Ctrl-C to stop.", flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print()


def say(text: str) -> None:
    print(f"\n{text}", flush=True)


def told(text: str) -> None:
    for line in text.splitlines():
        print(f"   {line}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
