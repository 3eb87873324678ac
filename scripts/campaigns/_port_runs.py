"""Two-way faults of node, signer, database and files, in this process, over a simulated chain."""

import contextlib
import hashlib
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from _stage import Postgres
from _tally import Tally
from _tripwires import Faults
from world import TESTER, World

from anchor_service.core.errors import IllegalTransition, Unavailable
from anchor_service.core.states import RequestedStatus, Status
from anchor_service.pipeline import fsck, statuses
from anchor_service.store.engine import Store

RUNS_A_WORLD = 25
REGISTRY_METHODS = (
    "last_sequence", "last_night", "open_window", "anchor_of", "anchor_transaction", "mined", "next_nonce", "sign",
    "send",
)  # fmt: skip


class WrongWorld(Exception):
    """After a run, something is lost, doubled or wrong."""


def run(folder: Path, postgres: Postgres | None, runs: int, draw: random.Random, tally: Tally) -> None:
    """Break ports in this process; each run ends with everything derived again."""
    faults = Faults()
    world = _new_world(folder / "0", postgres, faults)
    for number in range(runs):
        was_broken = True
        if number and number % RUNS_A_WORLD == 0:
            world = _new_world(folder / str(number), postgres, faults)
        try:
            was_broken = _port_run(world, faults, number, draw)
        except WrongWorld as error:
            tally.blame(f"ports, run {number}: {error}")
            world = _new_world(folder / f"{number}-again", postgres, faults)
        tally.count("ports", runs, was_broken=was_broken)


def _new_world(folder: Path, postgres: Postgres | None, faults: Faults) -> World:
    folder.mkdir(parents=True)
    store = Store(postgres.new_database() if postgres else f"sqlite:///{folder / 'store.sqlite3'}")
    world = World(store, folder)
    faults.watch(store.engine, psycopg.OperationalError if postgres else sqlite3.OperationalError)
    return world


def _port_run(world: World, faults: Faults, number: int, draw: random.Random) -> bool:
    """One run. Returns whether something was really broken."""
    issuer = world.issuer if draw.random() < 0.8 else world.add_issuer(f"UJI-{number}")
    world.chain.fee = draw.choice((0, 0, 10, 1_000))
    world.chain.holds = draw.random() < 0.2
    names = [f"{number}-{place}" for place in range(draw.randint(1, 6))]
    _arm(world, faults, draw, commits=2)
    fired = _suffer(lambda: world.submit(*names, issuer=issuer))
    faults.disarm()
    world.submit(*names, issuer=issuer)
    for _ in range(draw.randint(1, 3)):
        _arm(world, faults, draw, commits=8)
        fired |= _suffer(world.night)
        fired |= not world.registry.faults and not faults.is_armed
        world.registry.faults.clear()
        faults.disarm()
        if draw.random() < 0.2:
            # The pool forgot everything.
            world.chain.pool.clear()
    world.chain.holds = False
    _until_done(world)
    if draw.random() < 0.3:
        _revoke(world, issuer, names[0], faults, draw)
    try:
        on_chain = world.audit()
    except AssertionError as error:
        raise WrongWorld(str(error)) from error
    if on_chain != len(world.accepted):
        raise WrongWorld(f"{len(world.accepted) - on_chain} accepted certificates are lost")
    for finding in fsck.check(world.store, world.filing, world.registry):
        raise WrongWorld(f"wrong: {finding}")
    return fired


def _arm(world: World, faults: Faults, draw: random.Random, commits: int) -> None:
    kind = draw.choice(("registry", "registry", "commit", "commit", "file"))
    if kind == "registry":
        world.registry.faults[draw.choice(REGISTRY_METHODS)] = draw.choice(("before", "after"))
    elif kind == "commit":
        faults.arm_commit(draw.choice(("before", "after")), draw.randint(1, commits))
    else:
        faults.arm_file(draw.choice(("open", "os.rename")), draw.randint(1, 2))


def _suffer(act: Callable[[], Any]) -> bool:
    try:
        act()
    except (Unavailable, OSError):
        return True
    return False


def _until_done(world: World) -> None:
    for _ in range(8):
        world.chain.mine()
        report = world.night()
        if not (report.on_the_way or report.waiting or report.quarantined):
            return
    raise WrongWorld(f"lost: {report.on_the_way or report.quarantined or report.waiting} never got through")


def _revoke(world: World, issuer: Any, name: str, faults: Faults, draw: random.Random) -> None:
    digest = hashlib.sha256(name.encode()).digest()

    def ask() -> None:
        with contextlib.suppress(IllegalTransition):
            statuses.request(
                world.store, issuer, world.accepted[issuer.id, digest], RequestedStatus(Status.REVOKED, 1),
                actor=TESTER, now=world.now,
            )  # fmt: skip

    _arm(world, faults, draw, commits=2)
    _suffer(ask)
    faults.disarm()
    world.registry.faults.clear()
    if world.chain.standing(issuer.id, world.accepted[issuer.id, digest]).status != "revoked":
        ask()
    _arm(world, faults, draw, commits=6)
    _suffer(world.night)
    faults.disarm()
    world.registry.faults.clear()
    _until_done(world)
    fact = world.chain.standing(issuer.id, world.accepted[issuer.id, digest])
    if fact.status is not Status.REVOKED:
        raise WrongWorld("a revocation is lost")
