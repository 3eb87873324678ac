"""`jangkar worker`, `backup`, `reconcile`, `rebuild`, `fsck`, `erase`: what keeps a service running, and mends it."""

import signal
import sys
import threading
from typing import Annotated

import typer

from anchor_service.bootstrap import build, build_reader, build_writer
from anchor_service.cli.context import (
    IssuerOption,
    UsageError,
    digest_of,
    now,
    remark,
    settings,
    show,
    the_issuer,
    the_services,
    this_user,
    worker_name,
    working,
)
from anchor_service.core.errors import SettingMissing

commands = typer.Typer()


@commands.command()
def worker(
    metrics_host: Annotated[str, typer.Option(help="address that the metrics listen on")] = "127.0.0.1",
    metrics_port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one")] = 9464,
) -> None:
    """Take what is due to the chain until interrupted: by day statuses, from the cut-off on the night.

    Any number of them may run beside each other. Logs are lines of JSON on standard error; metrics are
    Prometheus's, at /metrics.
    """
    import structlog

    from anchor_service import metrics
    from anchor_service.worker import Worker

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    made = Worker(the_services(), build_writer(settings()), worker_name(), now)
    try:
        port = metrics.serve(the_services(), made.pulse, now, metrics_host, metrics_port)
    except OSError as error:
        raise UsageError(f"{metrics_host}:{metrics_port}: {error.strerror}; choose another --metrics-port") from None
    show(f"Listening on http://{metrics_host}:{port}/metrics")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    made.run(stop)


@commands.command()
def backup(
    hourly: Annotated[int, typer.Option(min=1, help="hours of which the newest copy is kept")] = 24,
    daily: Annotated[
        int, typer.Option(min=1, help="days of which the newest copy is kept; older ones are deleted")
    ] = 30,
) -> None:
    """Copy database, manifests and entries into the folder `backups` of the settings; what is over goes first.

    A manifest or entries file that was changed or is gone is kept for as many days as the copies of the database.
    """
    from anchor_service.pipeline.backups import Backups

    services = build(settings())
    if services.settings.backups is None:
        raise SettingMissing("backups")
    found = Backups(services.settings.backups, hourly, daily).run(services.store, services.filing, now())
    show(f"copied to {found.copy}, files {found.added}, set aside {found.set_aside}, copies deleted {found.deleted}")


@commands.command()
def reconcile(
    given: IssuerOption = None,
    everybody: Annotated[bool, typer.Option("--all", help="every institute of this service")] = False,
) -> None:
    """Compare what was accepted with the leaves and with the sizes on chain, and name every exception.

    Where the chain holds an anchor in another block than it did, that is written down: receipts name the new one.

    Exit codes: 0 all agree; 1 exceptions were named; 4 the chain could not be read.
    """
    from anchor_service.pipeline import reconcile
    from anchor_service.store import issuers as issuer_queries

    services = the_services()
    if everybody:
        with services.store.reading() as connection:
            issuers = issuer_queries.all_issuers(connection)
    else:
        issuers = [the_issuer(given)]
    registry = build_reader(settings())
    for line in reconcile.follow_moved_anchors(services.store, registry):
        show(line)
    overdue_before = now() - settings().anchor_within_hours * 3_600
    exceptions = 0
    for issuer in issuers:
        found = reconcile.balance(services.store, registry, issuer, overdue_before=overdue_before)
        for line in found.exceptions:
            show(f"{issuer.id.hex()[:8]}  {line}")
        exceptions += len(found.exceptions)
        show(
            f"{issuer.id.hex()[:8]}  accepted {found.accepted} = waiting {found.waiting} + on the way "
            f"{found.on_the_way} + anchored {found.anchored}; on chain {found.on_chain}, erased {found.erased}, "
            f"exceptions {len(found.exceptions)}"
        )
    if exceptions:
        raise typer.Exit(1)


@commands.command()
def rebuild() -> None:
    """Bring back from chain, manifests and entries what the database lost. Safe to repeat.

    API keys, codes that stand on no certificate, certificates that were never sealed and other status changes
    that were not on chain yet are in no file: make them, or hand them in, again. Exit code 1 says that
    something did not come back, and why.
    """
    from anchor_service.pipeline import holds, rebuild

    services, registry = the_services(), build_reader(settings())
    with working("Rebuilding") as say:
        found = rebuild.rebuild(services.store, registry, services.filing, now=now(), say=say)
    holds.update_holds(services.store, registry, now=now())
    for line in found.exceptions:
        remark(line, "red")
    show(
        f"rebuilt {found.batches} batches of {found.certificates} certificates, sealed again {found.sealed}, erased "
        f"before {found.erased}, handed in again {found.known_again}, trees mended {found.trees}, "
        f"statuses {found.statuses}, exceptions {len(found.exceptions)}"
    )
    if found.exceptions:
        raise typer.Exit(1)


@commands.command()
def fsck(
    offline: Annotated[
        bool, typer.Option("--offline", help="without the chain: believe the batches' own roots")
    ] = False,
) -> None:
    """Re-derive every root from rows and files, compare with the chain, and name each row or line that lies.

    Exit codes: 0 everything holds; 1 something was named; 4 the chain could not be read.
    """
    from anchor_service.pipeline import fsck

    services = the_services()
    registry = None if offline else build_reader(settings())
    count = 0
    with working("Checking"):
        for finding in fsck.check(services.store, services.filing, registry):
            show(finding)
            count += 1
    show(f"findings {count}")
    if count:
        raise typer.Exit(1)


@commands.command()
def erase(
    certificate: Annotated[str, typer.Argument(help="the PDF, or its SHA-256")],
    given: IssuerOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Erase a person's certificate from database and entries, for good. Nothing can verify it any more.

    Every other certificate goes on verifying. Backups, receipts and copies that were given away are not
    reached: docs/runbook.md says what to do with them.
    """
    from anchor_service.pipeline import erasing

    digest = digest_of(certificate)
    if not yes and not typer.confirm(f"Erase {digest.hex()} for good?"):
        raise typer.Exit(1)
    services = the_services()
    count = erasing.erase(services.store, services.filing, the_issuer(given), digest, actor=this_user(), now=now())
    show(f"erased {count}")
