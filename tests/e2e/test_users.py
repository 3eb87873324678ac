"""Each process as the user that deploy/ gives it: what it needs it may, and what is another's it may not."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import commands
import pytest
from begun import CODE, NAME, Begun
from devnet import CHAIN_ID, Devnet
from tools import missing
from units import UNITS, Machine, Unit

API, WORKER, MIRROR, BACKUP = (Unit(f"jangkar-{name}") for name in ("api", "worker", "mirror", "backup"))
OWN = "/var/lib/jangkar"


class Deployed:
    """A machine's folders with the settings of deploy/README.md, and its commands as its units' users."""

    def __init__(self, root: Path, devnet: Devnet, begun: Begun) -> None:
        self.machine, self.begun = Machine(root), begun
        key = self.machine.path(f"{OWN}/key")
        for given, name in (("keystore/institute.json", "keystore.json"), ("password", "password")):
            shutil.copy(devnet.folder / given, key / name)
            os.chown(key / name, *self.machine.identity(WORKER)[:2])
            (key / name).chmod(0o600)
        settings = {
            "rpc_url": devnet.url,
            "registry": begun.registry,
            "database_url": "sqlite:///database/jangkar.sqlite3",
            "keystore": "key/keystore.json",
            "password_file": "key/password",
            "entries": str(self.machine.path("/srv/jangkar-entries")),
            "backups": str(self.machine.path("/srv/jangkar-backups")),
        }
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
        self.machine.path(f"{OWN}/jangkar.toml").write_text(f"chain_id = {CHAIN_ID}\n{''.join(lines)}")
        self.machine.set_owners()

    def run(self, unit: Unit, *arguments: str) -> str:
        identity = self.machine.identity(unit)
        done = commands.run(["jangkar", *arguments], self.machine.path(OWN), {"PATH": os.environ["PATH"]}, identity)
        assert done.returncode == 0, (unit.name, arguments, done)
        return done.stdout.strip()

    def run_unit(self, unit: Unit) -> str:
        """What its ExecStart says."""
        _, *arguments = unit.one("ExecStart").split()
        return self.run(unit, *(str(self.machine.path(one)) if one.startswith("/srv") else one for one in arguments))


@pytest.fixture
def deployed(begun: Begun, tmp_path: Path) -> Iterator[Deployed]:
    if os.geteuid() != 0:
        missing("root, who may become other users,")
    begun.copy_to(tmp_path / "devnet")
    # pytest's folders are its user's alone.
    root = Path(tempfile.mkdtemp(prefix="jangkar-"))
    root.chmod(0o755)
    with Devnet(tmp_path / "devnet") as devnet:
        yield Deployed(root, devnet, begun)
    shutil.rmtree(root)


def test_a_certificate_goes_from_the_api_to_chain_mirror_and_backup_by_four_processes(deployed):
    machine = deployed.machine
    # The tables' migrations are read from a checkout that may be root's alone.
    commands.run(["jangkar", "db", "upgrade"], machine.path(OWN), {"PATH": os.environ["PATH"]})
    deployed.run(WORKER, "issuer", "add", "--id", deployed.begun.issuer, "--code", CODE, "--name", NAME)
    key = deployed.run(WORKER, "key", "new").splitlines()[-1]
    api = commands.start(
        ["jangkar", "serve", "--port", "0"],
        machine.path(OWN),
        {"PATH": os.environ["PATH"]},
        identity=machine.identity(API),
    )
    try:
        address = api.stdout.readline().split()[-1]
        for number in (1, 2):
            assert hand_in(address, key, number) == "accepted"
            assert "waiting 0" in deployed.run(WORKER, "anchor", "run", "--close-night", "--wait", "60")
            manifest = f"{address}/v1/issuers/{deployed.begun.issuer}/manifests/{number}"
            assert urlopen(manifest, timeout=60).status == 200
            assert f"mirrored {number} batches" in deployed.run_unit(MIRROR)
            assert "files 2, set aside 0" in deployed.run_unit(BACKUP)
            # Names of copies are of a second.
            for copy in machine.path("/srv/jangkar-backups").glob("*.sqlite3"):
                copy.rename(copy.with_name("jangkar-20261120T220000Z.sqlite3"))
    finally:
        api.terminate()
        api.wait()
        api.stdout.close()
    made = [path for path in (*machine.path("/srv").rglob("*"), *machine.path(OWN).rglob("*")) if path.is_file()]
    for path in made:
        owner = path.stat().st_uid
        places = [
            place
            for unit in (API, WORKER, MIRROR, BACKUP)
            if machine.identity(unit).user == owner
            for place in unit.writes
        ]
        is_given = path.is_relative_to(machine.path(f"{OWN}/key"))
        assert owner == 0 or is_given or any(path.is_relative_to(machine.path(place)) for place in places), path
    for path in (OWN + "/key/keystore.json", OWN + "/key/password", "/srv/jangkar-entries", "/srv/jangkar-backups"):
        assert [unit.name for unit in (API, MIRROR, WORKER) if machine.may(unit, "-r", path)] == [WORKER.name]
    entries = next(machine.path("/srv/jangkar-entries").rglob("*.entries"))
    assert entries.stat().st_mode & 0o077 == 0
    assert not any(machine.may(unit, "-w", f"{OWN}/jangkar.toml") for unit in (API, MIRROR, WORKER))


def test_every_path_that_a_unit_writes_is_made_and_is_its_users(deployed):
    for unit in (Unit(name) for name in UNITS if name != "jangkar-page"):
        for path in unit.writes:
            assert deployed.machine.may(unit, "-w", path), (unit.name, path)
            assert deployed.machine.may(unit, "-x", path), (unit.name, path)


def hand_in(address: str, key: str, number: int) -> str:
    certificate = {"document_digest": f"{number:064x}", "kind": "latsar", "number": f"{number}/2026"}
    body = json.dumps({"certificates": [certificate | {"issued_on": "2026-11-20"}]}).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        with urlopen(Request(f"{address}/v1/certificates", body, headers), timeout=60) as answer:
            return json.load(answer)["results"][0]["result"]
    except HTTPError as error:
        return error.read().decode()
