"""`jangkar doctor`: everything that has to be right before the night, with the remedy beside what is not."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import typer

from anchor_service.bootstrap import Services, build, build_inspection, build_writer
from anchor_service.cli.context import now, settings, show
from anchor_service.core.errors import AnchorServiceError, Damaged

commands = typer.Typer()

MAX_SKEW_SECONDS = 60
MAX_HEAD_AGE_SECONDS = 900
MIN_FREE_BYTES = 1 << 30
# Three of the hourly runs.
MAX_BACKUP_AGE_MINUTES = 180
_BACK_UP = "`jangkar backup`; why the hourly one did not: `journalctl -u jangkar-backup`"


class Check(NamedTuple):
    """One thing that was looked at. `remedy` is empty where it is as it has to be."""

    name: str
    detail: str
    remedy: str = ""


@commands.command()
def doctor() -> None:
    """Look at settings, database, folders, backup, node, registry, signer, institutes and what is late.

    Exit codes: 0 all is well; 1 something is not, with its remedy.
    """
    from sqlalchemy.exc import SQLAlchemyError

    services = build(settings())
    failed = 0
    looks: tuple[tuple[str, Callable[[Services], Iterator[Check]]], ...] = (
        ("database", _database),
        ("folders", _folders),
        ("backup", _backup),
        ("registry", _registry),
        ("institutes", _institutes),
        ("nights", _nights),
    )
    for name, look in looks:
        try:
            for check in look(services):
                failed += bool(check.remedy)
                show(f"{'NOT OK' if check.remedy else 'ok':6}  {check.name}: {check.detail}")
                if check.remedy:
                    show(f"        {check.remedy}")
        except (AnchorServiceError, SQLAlchemyError, OSError) as error:
            failed += 1
            show(f"NOT OK  {name}: {error}")
    show(f"not ok: {failed}")
    if failed:
        raise typer.Exit(1)


def _database(services: Services) -> Iterator[Check]:
    from anchor_service.pipeline import home

    kind = services.store.engine.dialect.name
    if not services.store.is_there():
        there_is_none = "`jangkar db upgrade` makes an empty one; where there was one, bring its backup back"
        yield Check("database", f"there is none at {services.settings.database_url}", there_is_none)
        return
    newest = services.store.is_current()
    yield Check("database", f"{kind} answers", "" if newest else "its tables are not the newest: `jangkar db upgrade`")
    home.require(services.store, services.filing.chain_id, services.filing.registry)


def _folders(services: Services) -> Iterator[Check]:
    for name, path in (("manifests", services.settings.manifests), ("entries", services.settings.entries)):
        there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
        free = shutil.disk_usage(there).free
        few = f"only {free >> 20} MiB are free on its disk" if free < MIN_FREE_BYTES else ""
        yield Check(name, f"{path}, {free >> 30} GiB free", few)
    same = _device(services.settings.manifests) == _device(services.settings.entries)
    yield Check("two disks", "manifests and entries share one" if same else "manifests and entries stand apart")
    for name, secret in (("keystore", services.settings.keystore), ("password file", services.settings.password_file)):
        if secret is not None and secret.exists() and secret.stat().st_mode & 0o077:
            yield Check(name, f"{secret} may be read by others", f"chmod 600 {secret}")


def _backup(services: Services) -> Iterator[Check]:
    from anchor_service.pipeline.backups import Backups
    from anchor_service.store import copies

    folder = services.settings.backups
    if folder is None:
        yield Check("backup", "`backups` names no folder: whether there is one, nobody looks")
        return
    newest = Backups(folder).newest()
    if newest is None:
        yield Check("backup", f"{folder} holds none", _BACK_UP)
        return
    time, path = newest
    try:
        copies.check(path)
    except Damaged as error:
        yield Check("backup", str(error), "remove it; `jangkar backup` makes another. Look at that disk")
    minutes = (now() - time) // 60
    is_new = 0 <= minutes <= MAX_BACKUP_AGE_MINUTES
    yield Check("backup", f"{path}, {minutes} minutes old", "" if is_new else _BACK_UP)


def _registry(services: Services) -> Iterator[Check]:

    registry = build_writer(services.settings)
    head = registry.head()
    # The head first: it says whether the node follows the right chain at all.
    age = now() - head.time
    yield Check("node", f"chain {registry.chain_id}, block {head.number}, {age} seconds old", _age_remedy(age))
    inspection = build_inspection(services.settings)
    depth = services.settings.finality_depth
    if not depth and inspection.is_sealed_by_clique():
        goes_back = (
            "Clique's blocks go back: set finality_depth, and a policy of that depth, to more than half its sealers"
        )
        yield Check("finality", "a block counts as final at once", goes_back)
    found = inspection.registry()
    yield _code(found)
    paused = f"it is paused until {found['paused_until']}: docs/runbook.md" if found["paused_until"] else ""
    yield Check("pause", "paused" if paused else "none", paused)
    succeeded = (
        f"{found['successor']} carries on, with a service of its own: docs/runbook.md" if found["successor"] else ""
    )
    yield Check("successor", found["successor"] or "none", succeeded)
    yield Check("signer", registry.signer)


def _code(found: dict[str, Any]) -> Check:
    """Whose code stands at the registry's address. A registry is never changed, so that an old one is no fault."""
    if found["version"] is None:
        return Check("registry", found["registry"], "its code is of no version that we know: is the address right?")
    newer = "" if found["code_is_this_release's"] else ", and there is a newer one: docs/runbook.md"
    return Check("registry", f"{found['registry']}, version {found['version']} of the contract{newer}")


def _institutes(services: Services) -> Iterator[Check]:
    from anchor_service.core import profile
    from anchor_service.core.hashing import IssuerId
    from anchor_service.pipeline import holds
    from anchor_service.store import issuers as issuer_queries
    from anchor_service.store import sealing as sealing_queries

    registry, inspection = build_writer(services.settings), build_inspection(services.settings)
    with services.store.reading() as connection:
        issuers = issuer_queries.all_issuers(connection)
    yield Check("institutes", str(len(issuers)), "" if issuers else "add one with `jangkar issuer add`")
    for issuer in issuers:
        name = f"institute {issuer.id.hex()[:8]}"
        window = registry.open_window(IssuerId(issuer.id))
        if window is None:
            yield Check(name, "no window is open", "the accreditor opens one: `jangkar registry issuer accredit`")
        elif window.profile_digest != profile.digest(issuer.profile):
            yield Check(name, "it is accredited under another profile", "take it over with `jangkar issuer add`")
        with services.store.reading() as connection:
            known = sealing_queries.last_anchored(connection, issuer.id)
        shown = registry.last_sequence(IssuerId(issuer.id))
        if shown < known:
            behind = f"{known} are anchored: the node is behind, or was rolled back. Wait for it, or ask another"
            yield Check(name, f"the node shows {shown} batches", behind)
        key = inspection.key(issuer.id, registry.signer)
        active = key["from"] and (key["until"] or 0) > now() and not key["compromised_since"]
        may = ", ".join(key["purposes"]) if active else "nothing"
        remedy = "" if "anchor" in may or "close" in may else "the accreditor adds the key: `jangkar registry key add`"
        yield Check(name, f"the signer may {may}", remedy)
    yield from _waiting_for_another_signer(services, registry.signer)
    for hold in holds.update_holds(services.store, registry, now=now()):
        yield Check(f"institute {hold.issuer_id.hex()[:8]}", "read-only", f"{hold.detail}: docs/runbook.md")


def _waiting_for_another_signer(services: Services, signer: str) -> Iterator[Check]:
    from anchor_service.core.states import OnChainState
    from anchor_service.store import anchoring as anchoring_queries

    with services.store.reading() as connection:
        for subject in anchoring_queries.on_the_way(connection):
            attempts = anchoring_queries.last_attempts(connection, subject)
            if attempts and subject.state != OnChainState.SEALED and attempts[-1].signer != signer:
                name = f"{anchoring_queries.subject_type(subject)} {subject.id}"
                remedy = "`jangkar anchor run` signs it anew, or says what it waits for: docs/runbook.md"
                yield Check(name, f"{attempts[-1].signer} signed it, and this service signs with {signer}", remedy)


def _nights(services: Services) -> Iterator[Check]:
    from anchor_service.pipeline import nights
    from anchor_service.store import anchoring as anchoring_queries
    from anchor_service.store import receipts as receipt_queries

    night = nights.due(now(), services.settings.zone, services.settings.cutoff)
    missed = nights.missed(services.store, night)
    remedy = f"not done: {', '.join(missed)}: docs/runbook.md" if missed else ""
    yield Check("nights", f"the last cut-off was that of {night}", remedy)
    with services.store.reading() as connection:
        late = receipt_queries.overdue(connection, now() - services.settings.anchor_within_hours * 3_600)
        stuck = anchoring_queries.quarantined(connection)
    yield Check("overdue", f"{len(late)} certificates", "`jangkar reconcile` names them" if late else "")
    for subject in stuck:
        name = f"{anchoring_queries.subject_type(subject)} {subject.id}"
        yield Check(name, "quarantined", f"{subject.problem}: docs/runbook.md")


def _age_remedy(age: int) -> str:
    if age < -MAX_SKEW_SECONDS:
        return f"this machine's clock is {-age} seconds behind the chain's: set it, and keep it by NTP"
    if age > MAX_HEAD_AGE_SECONDS:
        return "the chain stands still, the node lags, or this machine's clock is ahead"
    return ""


def _device(path: Path) -> int:
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists()).stat().st_dev
