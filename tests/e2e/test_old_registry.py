"""A registry of version 1, deployed from its released artifact, under today's commands.

A registry is never changed: they work on it, or refuse by name, and what was anchored there stays good afterwards.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from begun import Begun
from installation import Installation
from scene import as_account

from anchor_service.chain.versions import NEWEST
from anchor_service.ports import FOREVER

PROFILE = b"\x0f" * 32


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Installation]:
    begun = Begun.make(tmp_path / "begun", version=1)
    with Installation(tmp_path / "institute", begun) as made:
        yield made


def test_every_command_on_a_registry_of_version_1(old):
    accreditor, regulator, admin = (as_account(old, name) for name in ("accreditor", "regulator", "admin"))
    issuer, key = ("--id", old.issuer), old.devnet.account("institute").address
    info = json.loads(old.jangkar("registry", "info"))
    assert (info["version"], info["code_is_this_release's"]) == (1, False)
    said = old.jangkar("doctor")
    assert f"{old.registry}, version 1 of the contract, and there is a newer one: docs/runbook.md" in said
    assert "not ok: 0" in said

    # A night, statuses, receipts.
    folder = old.certificates("satu", "dua")
    old.jangkar("ingest", str(folder), "--csv", str(old.table))
    old.jangkar("anchor", "run")
    old.jangkar("receipt", "write", str(folder))
    satu, dua = str(folder / "satu.pdf"), str(folder / "dua.pdf")
    code, answer = old.verify(satu, "--issuer", old.issuer)
    assert (code, answer["verdict"]) == (0, "valid")
    leaf = old.verify(dua, "--issuer", old.issuer)[1]["claims"][0]["leaf_hash"]
    old.jangkar("status", "set", dua, "revoked", "--reason", "4")
    assert "closed 0 nights" in old.jangkar("anchor", "run", "--close-night")
    old.jangkar("registry", "status", "set", "revoked", *issuer, "--leaf", leaf, "--reason", "4", *regulator)
    assert json.loads(old.jangkar("registry", "status", "show", *issuer, "--leaf", leaf))["records"]
    assert json.loads(old.jangkar("registry", "anchor", *issuer, "--sequence", "1"))["carries_weight"]
    assert "rebuilt from events: the same" in old.jangkar("registry", "log")
    for command in ("reconcile", "fsck"):
        old.jangkar(command)

    # Governance, by the same commands.
    named = ("--code", "LAIN-1", "--name", "Balai Lain", "--kind", "latsar", *accreditor)
    other = old.jangkar("registry", "issuer", "accredit", *named)
    stranger = old.jangkar(
        "keystore", "new", str(old.folder / "new.json"), "--password-file", str(old.devnet.folder / "password")
    )
    old.jangkar("registry", "key", "add", "--id", other, "--key", stranger, "--custody", "institute", *accreditor)
    old.jangkar("registry", "key", "retire", "--id", other, "--key", stranger, *accreditor)
    assert json.loads(old.jangkar("registry", "key", "show", *issuer, "--key", key))["purposes"] == ["anchor", "status"]
    old.jangkar("registry", "issuer", "close", "--id", other, "--window", "0", *accreditor)
    old.jangkar("registry", "pause", *as_account(old, "pauser"))
    old.jangkar("registry", "unpause", *admin)
    old.jangkar("registry", "admin", "begin", "0x" + "77" * 20, *admin)
    old.jangkar("registry", "admin", "cancel", *admin)

    # What only a newer version allows is refused by its name, and the audit agrees with the old rules.
    acting = old.devnet.administration("accreditor", old.registry)
    ahead, soon = bytes.fromhex(other), int(time.time()) + 100
    acting._send(acting._functions.openWindow(ahead, soon * 1_000, FOREVER, 1, PROFILE))
    old.jangkar("registry", "issuer", "close", "--id", other, "--window", "1", *accreditor)
    done = old.run("jangkar", "registry", "issuer", "accredit", "--id", other, *named)
    assert "RegistryBadWindow" in done.stderr
    assert done.returncode != 0
    old.jangkar("registry", "admin", "begin", "0x" + "78" * 20, *admin)
    acting.add_key(ahead, "0x" + "78" * 20, 1, "institute")
    assert old.run("jangkar", "registry", "role", "grant", "REGULATOR", "0x" + "78" * 20, *admin).returncode != 0
    trusted = ("--policy", str(old.policy))
    files = ("--manifests", "manifests", "--entries", "entries")
    done = old.run("jangkar-verify", "audit", *files, "--out", "audit", *trusted)
    assert done.returncode == 0, done.stdout + done.stderr
    for command in (("bundle", "log.bundle"), ("log",)):
        done = old.run("jangkar-verify", *command, *trusted)
        assert done.returncode == 0, done.stdout + done.stderr
    told = old.run("jangkar-verify", "watch", "--once", "--state", "watch.json", *trusted).stdout
    assert [line.split()[2] for line in told.splitlines() if " alarm: " in line] == ["paused:"]
    old.jangkar("mirror", "mirror")


def test_a_registry_of_version_1_is_succeeded_by_the_newest(old):
    """The runbook's way: deploy, accredit, publish a policy of both, succeed. Old receipts stay where they stand."""
    folder = old.certificates("lama")
    old.jangkar("ingest", str(folder), "--csv", str(old.table))
    old.jangkar("anchor", "run")
    old.jangkar("receipt", "write", str(folder))
    lama = (str(folder / "lama.pdf"), "--issuer", old.issuer)
    kept = old.policy.read_text()

    newer = old.jangkar(
        "registry", "deploy", "--admin", old.devnet.account("admin").address, "--admin-delay", "0",
        *as_account(old, "regulator"),
    )  # fmt: skip
    old.devnet.with_roles(newer)
    old.devnet.accredit(newer, bytes.fromhex(old.issuer), old.devnet.account("institute").address)
    both = old.jangkar("registry", "policy", "--operators", "1", "--successor", newer)
    first, second = json.loads(kept)["code_hash"], json.loads(both)["successors"][0]["code_hash"]
    assert json.loads(both)["code_hash"] == first != second
    old.policy.write_text(both)
    old.jangkar("registry", "succeed", newer, "--yes", *as_account(old, "admin"))
    assert old.verify(*lama)[1]["verdict"] == "valid"

    # Sequence numbers begin anew there: the new registry's batches have a database and folders of their own.
    path = old.folder / "jangkar.toml"
    own = 'database_url = "sqlite:///newer.sqlite3"\nmanifests = "newer/manifests"\nentries = "newer/entries"\n'
    path.write_text(path.read_text().replace(old.registry, newer) + own)
    old.jangkar("db", "upgrade")
    old.jangkar("issuer", "add", "--id", old.issuer, "--code", "BPSDM-UJI", "--name", old.name)
    assert json.loads(old.jangkar("registry", "info"))["version"] == NEWEST
    folder.rename(old.folder / "old")
    folder = old.certificates("baru")
    old.jangkar("ingest", str(folder), "--csv", str(old.table))
    old.jangkar("anchor", "run")
    old.jangkar("receipt", "write", str(folder))
    lama = (str(old.folder / "old" / "lama.pdf"), "--issuer", old.issuer)
    baru = (str(folder / "baru.pdf"), "--issuer", old.issuer)
    assert [old.verify(*one)[1]["verdict"] for one in (lama, baru)] == ["valid", "valid"]
    # A policy of before the succession does not know what the newer registry holds.
    old.policy.write_text(kept)
    assert old.verify(*lama)[1]["verdict"] == "undetermined"
