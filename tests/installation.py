"""A whole installation as a user has it: the devnet, the commands, the servers, each a process of its own."""

import csv
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import commands
from begun import CODE, NAME, Begun
from devnet import CHAIN_ID, Devnet

from anchor_service.core import profile

PDF = b"%%PDF-1.7\n%s\n%%%%EOF\n"


class Installation:
    """One institute, accredited, in a folder of its own."""

    def __init__(
        self, folder: Path, begun: Begun, database_url: str | None = None, devnet_options: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.name = NAME
        self.devnet = Devnet(folder / "devnet", *devnet_options)
        self.table = folder / "certificates.csv"
        self.policy = folder / "jangkar-policy.json"
        self.codes: dict[str, str] = {}
        self._begun = begun
        self._processes: list[commands.Process] = []
        self._database_url = database_url

    def __enter__(self) -> Self:
        self._begun.copy_to(self.devnet.folder)
        self.registry, self.issuer = self._begun.registry, self._begun.issuer
        self.devnet.start()
        self.configure(self.devnet.url)
        self.jangkar("db", "upgrade")
        self.jangkar("issuer", "add", "--id", self.issuer, "--code", CODE, "--name", self.name)
        self.policy.write_text(self.jangkar("registry", "policy", "--operators", "1"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.terminate()
            process.wait(20)
            if process.stdout:
                process.stdout.close()
        self.devnet.__exit__(kind, error, trace)

    def configure(self, rpc_url: str) -> None:
        settings = {
            "rpc_url": rpc_url,
            "registry": self.registry,
            "keystore": str(self.devnet.folder / "keystore" / "institute.json"),
            "password_file": str(self.devnet.folder / "password"),
        } | ({"database_url": self._database_url} if self._database_url else {})
        text = f"chain_id = {CHAIN_ID}\n" + "".join(
            f"{name} = {json.dumps(value)}\n" for name, value in settings.items()
        )
        (self.folder / "jangkar.toml").write_text(text)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return commands.run(list(command), self.folder, self._environment())

    def jangkar(self, *arguments: str, exit_code: int = 0) -> str:
        done = self.run("jangkar", *arguments)
        assert done.returncode == exit_code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def popen(self, *command: str) -> commands.Process:
        return commands.start(list(command), self.folder, self._environment())

    def start(self, *command: str) -> str:
        """Start a server; returns its address."""
        process = self.popen(*command)
        self._processes.append(process)
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("Listening on "):
                return line.split()[-1]
        raise AssertionError(f"{command} did not start: {''.join(said)}")

    @property
    def last_pid(self) -> int:
        """The process that was started last."""
        return self._processes[-1].pid

    def start_page(self, *options: str) -> str:
        return self.start("jangkar-verify-web", "--policy", str(self.policy), "--port", "0", *options)

    def verify(self, *arguments: str) -> tuple[int, dict]:
        done = self.run("jangkar-verify", "check", *arguments, "--policy", str(self.policy), "--json")
        return done.returncode, json.loads(done.stdout) if done.stdout else {"stderr": done.stderr}

    def certificates(self, *names: str) -> Path:
        """A folder with these PDFs, their codes and their table."""
        folder = self.folder / "certificates"
        folder.mkdir(exist_ok=True)
        codes = self.jangkar("code", "new", "-n", str(len(names)), "--issuer", self.issuer).split()
        with self.table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("file", "number", "kind", "issued_on", "jp", "title", "code"))
            for name, code in zip(names, codes, strict=True):
                (folder / f"{name}.pdf").write_bytes(PDF % name.encode())
                writer.writerow((f"{name}.pdf", f"{name}/2026", "latsar", "2026-11-20", 40, f"Pelatihan {name}", code))
                self.codes[name] = code
        return folder

    def accredit_another(self, code: str, name: str) -> str:
        """A second accredited issuer, whose certificates the same service takes in. Returns its id."""
        self.other = os.urandom(32).hex()
        text = profile.from_fields(code, name)
        key = self.devnet.account("institute").address
        self.devnet.accredit(self.registry, bytes.fromhex(self.other), key, text)
        self.jangkar("issuer", "add", "--id", self.other, "--code", code, "--name", name)
        return self.other

    def ingest_as(self, issuer: str, *names: str) -> None:
        """Hand the same files in for another issuer."""
        folder = self.folder / f"as-{issuer[:8]}"
        folder.mkdir()
        for name in names:
            (folder / f"{name}.pdf").write_bytes((self.folder / "certificates" / f"{name}.pdf").read_bytes())
        options = ("--kind", "latsar", "--issued-on", "2026-11-20", "--issuer", issuer)
        self.jangkar("ingest", str(folder), *options)

    def restart_as_new_issuer(self, code: str, name: str, *names: str) -> None:
        """A third issuer that hands the same files in, in the database that is configured now."""
        path = self.folder / "jangkar.toml"
        path.write_text(path.read_text().replace("theirs.sqlite3", "third.sqlite3"))
        self.jangkar("db", "upgrade")
        self.ingest_as(self.accredit_another(code, name), *names)
        self.jangkar("anchor", "run")

    def receipt_of(self, issuer: str, path: Path) -> bytes:
        return (self.jangkar("receipt", "show", str(path), "--issuer", issuer) + "\n").encode()

    def _environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith("JANGKAR_")}
