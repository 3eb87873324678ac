"""A whole service for campaigns: a real node, a real database, and the product's own commands to be killed.

A command runs in a fork of the campaign, which has imported everything already: the same `main`, without the seconds
that its imports take.
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import _contracts
import psycopg
from _tripwires import Point, arm
from eth_account import Account

from anchor_service import cli
from anchor_service.chain.administration import Administration, deploy, policy_pins
from anchor_service.chain.contract import connect
from anchor_service.chain.signer import KeystoreSigner
from anchor_service.chain.web3_registry import Web3Writer
from anchor_service.core import profile
from anchor_service.core.hashing import IssuerId
from anchor_service.core.kinds import KIND_NUMBERS, scope_of
from anchor_service.pipeline.filing import Filing
from anchor_service.pipeline.receipts import Receipts
from anchor_service.ports import FOREVER
from anchor_service.store import anchoring as queries
from anchor_service.store.engine import Store
from verifier.formats import policy
from verifier.formats.fingerprint import Fingerprint
from verifier.verdict.ask import Question, ask
from verifier.verdict.verdict import Verdict

CHAIN_ID = 31_337
ROLES = ("admin", "accreditor", "institute", "thief")
TIMEOUT_SECONDS = 120


class Postgres:
    """A PostgreSQL of the campaign's own, durable as in production, that may be stopped at any moment.

    `settings` are the server's, such as `shared_buffers=1GB`; without them it is as Debian installs it.
    """

    def __init__(self, *settings: str) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not found:
            raise SystemExit("PostgreSQL is not here: sudo apt-get install -y postgresql")
        self._folder = Path(tempfile.mkdtemp(prefix="jangkar-pg-", dir="/tmp"))
        # PostgreSQL refuses to run as root.
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(self._folder, "postgres")
        data = str(self._folder / "data")
        self._run(str(found[-1]), "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8")
        options = " ".join([f"-k {self._folder}", *(f"-c {one}" for one in ("listen_addresses=''", *settings))])
        self._control = (str(found[-1].with_name("pg_ctl")), "-D", data, "-w", "-l", str(self._folder / "log"))
        self._options = ("-o", options)
        self.start()

    def start(self) -> None:
        """Start it; it recovers what its log holds."""
        self._run(*self._control, *self._options, "start")

    def stop_immediately(self) -> None:
        """What a power cut does to it."""
        self._run(*self._control, "-m", "immediate", "stop")

    def new_database(self) -> str:
        """An empty database. Returns its URL."""
        name = f"j{uuid.uuid4().hex}"
        with psycopg.connect(f"host={self._folder} user=postgres dbname=postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql://postgres@/{name}?host={self._folder}"

    def close(self) -> None:
        """Stop it and remove its files."""
        with suppress(subprocess.CalledProcessError):
            self.stop_immediately()
        shutil.rmtree(self._folder)

    def _run(self, *command: str) -> None:
        subprocess.run([*self._as, *command], check=True, capture_output=True, cwd=self._folder)


@dataclass
class Child:
    """A command in a process of its own."""

    pid: int
    code: int | None = None

    def wait(self, seconds: float = TIMEOUT_SECONDS) -> int:
        """Its exit code; negative is the signal that ended it. Kills it after too long, and says so."""
        deadline = time.monotonic() + seconds
        while self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise TimeoutError(f"a command did not end in {seconds} seconds")
            else:
                time.sleep(0.002)
        return self.code

    def wait_stopped(self) -> bool:
        """Wait until it was stopped; returns whether it was, and did not end before."""
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            return True
        self.code = os.waitstatus_to_exitcode(status)
        return False

    def kill(self) -> None:
        """Kill -9; no error when it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


@dataclass
class Taken:
    """What a campaign's institute knows that it handed in: by issuer and digest, the file's name."""

    files: dict[tuple[bytes, bytes], str] = field(default_factory=dict)
    revoked: set[tuple[bytes, bytes]] = field(default_factory=set)


class Stage:
    """Node, registry, institutes, database, folder. `proxy` stands between the commands and the node when it is set."""

    def __init__(self, folder: Path, postgres: Postgres | None, issuers: int) -> None:
        self.folder = folder
        self.postgres = postgres
        self.taken = Taken()
        self.log = folder / "commands.log"
        self._issuers = issuers
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.url = self._stack.enter_context(_contracts.anvil("--order", "fifo"))
        self.client = connect(self.url)
        self.accounts = {name: Account.create() for name in ROLES}
        for account in self.accounts.values():
            self.node("anvil_setBalance", account.address, hex(10**24))
        thief = KeystoreSigner(self.accounts["thief"])
        self.registry = deploy(self.client, thief, self.accounts["admin"].address, 0, CHAIN_ID)
        self._acts("admin").grant_role("ACCREDITOR", self.accounts["accreditor"].address)
        # Cheap to open: what is tested here is not scrypt.
        keystore = Account.encrypt(self.accounts["institute"].key, "x", kdf="pbkdf2", iterations=1)
        (self.folder / "keystore.json").write_text(json.dumps(keystore))
        (self.folder / "password").write_text("x")
        self.database_url = (
            self.postgres.new_database() if self.postgres else f"sqlite:///{self.folder / 'jangkar.sqlite3'}"
        )
        self.configure()
        self.must("db", "upgrade")
        self.issuers = [self._accredit(number) for number in range(self._issuers)]
        pins = policy_pins(self.client, self.registry)
        trusted = {"format": policy.FORMAT, **pins, "finality": "instant", "operators": 1, "nodes": [self.url]}
        self.policy = policy.parse(json.dumps(trusted).encode())
        (self.folder / "jangkar-policy.json").write_text(json.dumps(trusted))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def node(self, method: str, *params: Any) -> Any:
        """Ask the node itself."""
        answer = self.client.provider.make_request(method, list(params))  # type: ignore[arg-type]
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def configure(self, **changes: object) -> None:
        """Write the settings of the commands."""
        settings = {
            "rpc_url": self.url,
            "chain_id": CHAIN_ID,
            "registry": self.registry,
            "database_url": self.database_url,
            "keystore": "keystore.json",
            "password_file": "password",
        } | changes
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        (self.folder / "jangkar.toml").write_text(text)

    def start(
        self,
        *arguments: str,
        point: Point | None = None,
        act: int = signal.SIGKILL,
        clock: int = 0,
        max_file: int | None = None,
        held: int | None = None,
    ) -> Child:
        """Start a command. `clock` shifts what it takes for now, `max_file` bounds its files, `held` delays it."""
        sys.stdout.flush()
        pid = os.fork()
        if pid:
            return Child(pid)
        code = 70
        try:
            output = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.chdir(self.folder)
            if held is not None:
                os.read(held, 1)
            if clock:
                real = time.time
                time.time = lambda: real() + clock
            if max_file is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (max_file, max_file))
            if point is not None:
                arm(point, act)
            sys.argv = ["jangkar", *arguments]
            try:
                cli.main()
                code = 0
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 0
        except BaseException as error:  # noqa: BLE001  (the fork must end here, whatever happened)
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)

    def run(self, *arguments: str, **options: Any) -> int:
        """Run a command to its end. Returns its exit code."""
        return self.start(*arguments, **options).wait()

    def must(self, *arguments: str) -> None:
        """Run a command that has to succeed."""
        code = self.run(*arguments)
        if code:
            raise RuntimeError(f"jangkar {' '.join(arguments)}: exit code {code}\n{self.log.read_text()[-2_000:]}")

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The database, for reading what is there. Closed before anything is forked."""
        made = Store(self.database_url)
        try:
            yield made
        finally:
            made.engine.dispose()

    def port(self, signer: str = "institute") -> Web3Writer:
        """The registry, asked at the node itself, with the key of one of ROLES."""
        return Web3Writer(self.client, CHAIN_ID, self.registry, 0, KeystoreSigner(self.accounts[signer]))

    def accredit_key(self, issuer: bytes, name: str) -> None:
        """Give an institute's anchoring to the key of one of ROLES."""
        self._acts("accreditor").add_key(issuer, self.accounts[name].address, 7, "institute")

    def filing(self) -> Filing:
        """Where the commands file manifests and entries."""
        return Filing(self.folder / "manifests", self.folder / "entries", CHAIN_ID, self.registry)

    def wrong_receipt(self, store: Store, issuer: bytes, digest: bytes) -> str | None:
        """What is wrong with a certificate's receipt; nothing when the verifier says what it has to."""
        receipts = Receipts(store, CHAIN_ID, self.registry)
        data = receipts.of_issuer(issuer, digest)
        if data is None:
            return "there is none"
        if data != Receipts(store, CHAIN_ID, self.registry).of_issuer(issuer, digest):
            return "it differs from one request to the next"
        wanted = Verdict.REVOKED if (issuer, digest) in self.taken.revoked else Verdict.VALID
        answer = ask(Question(Fingerprint(digest), [data], [issuer]), self.policy).answer
        return None if answer.verdict is wanted else f"the verifier says {answer.verdict} and not {wanted}"

    def quarantined(self) -> list[tuple[str, int]]:
        """What waits for a person: its kind and number."""
        with self.store() as store, store.reading() as connection:
            return [(queries.subject_type(one), one.id) for one in queries.quarantined(connection)]

    def _acts(self, name: str) -> Administration:
        return Administration(self.client, KeystoreSigner(self.accounts[name]), self.registry, CHAIN_ID)

    def _accredit(self, number: int) -> bytes:
        issuer, code, name = os.urandom(32), f"UJI-{number}", f"Lembaga Uji {number}"
        text = profile.from_fields(code, name)
        accreditor = self._acts("accreditor")
        accreditor.open_window(issuer, FOREVER, scope_of(KIND_NUMBERS), profile.digest(text))
        self.accredit_key(issuer, "institute")
        self.must("issuer", "add", "--id", issuer.hex(), "--code", code, "--name", name)
        return IssuerId(issuer)
