"""`jangkar anchor run` and `jangkar batch`: what happens by night, and what a person decides after it."""

import time
from pathlib import Path
from typing import Annotated

import typer

from anchor_service.bootstrap import approval_as_signed, build_reader, build_writer, registry_address
from anchor_service.cli.context import (
    IssuerOption,
    UsageError,
    now,
    progress,
    remark,
    requeue,
    settings,
    show,
    the_issuer,
    the_services,
    this_user,
)
from anchor_service.core.errors import TextRejected
from anchor_service.core.states import OnChainState

commands = typer.Typer()
anchor = typer.Typer(no_args_is_help=True, help="The night.")
batch = typer.Typer(no_args_is_help=True, help="Sealed batches.")
commands.add_typer(anchor, name="anchor")
commands.add_typer(batch, name="batch")

POLL_SECONDS = 0.5


@anchor.command()
def run(
    wait: Annotated[int, typer.Option(min=0, help="seconds to wait for the chain")] = 120,
    cutoff: Annotated[
        int | None, typer.Option(help="leave what came in at or after this instant (seconds since 1970)")
    ] = None,
    close_night: Annotated[
        bool, typer.Option("--close-night", help="close today's night on chain for whoever has nothing to anchor")
    ] = False,
) -> None:
    """Do all that is due: finish what an earlier run left, seal what waits, anchor it, write statuses.

    Safe to repeat at any time, and after any crash. Exit codes: 0 nothing is left; 1 something is
    quarantined or damaged; 3 something is still on its way or waits for an approval; 4 the chain could not be read, or
    the node is behind what it showed before, so that nothing was sealed; or a batch's files could not be written.
    """
    from dataclasses import replace
    from itertools import chain

    from anchor_service.pipeline import nightly, nights
    from anchor_service.store import issuers as issuer_queries

    services = the_services()
    with services.store.reading() as connection:
        if not issuer_queries.all_issuers(connection):
            remark(
                "no institute is in this database: where there were some, it is another one or new: docs/runbook.md",
                "red",
            )
            raise typer.Exit(4)
    registry = build_writer(settings())
    night = nights.today(now(), settings().zone)
    if cutoff is not None:
        night = replace(night, cutoff=cutoff)
    with progress("Anchoring") as on_progress:
        report = nightly.NightlyRun(
            services.store,
            registry,
            replace(services.filing, on_progress=on_progress),
            now,
            say=remark,
            on_progress=on_progress,
        ).run(night, pause=lambda: time.sleep(POLL_SECONDS), wait_seconds=wait, close=close_night)
    troubles = (report.unsealed.values(), report.unfiled.values(), report.problems, report.stopped.values())
    for problem in (*report.missed, *chain.from_iterable(troubles)):
        remark(problem, "yellow")
    certificates = sum(batch.tree_size for batch in report.anchored)
    show(
        f"anchored {len(report.anchored)} batches of {certificates} certificates, "
        f"wrote {len(report.written)} statuses, closed {len(report.closed)} nights; "
        f"on the way {len(report.on_the_way)}, not approved {len(report.unapproved)}, "
        f"quarantined {len(report.quarantined)}, waiting {report.waiting}"
    )
    if report.quarantined or report.stopped:
        raise typer.Exit(1)
    if report.unsealed or report.unfiled:
        raise typer.Exit(4)
    if report.on_the_way or report.unapproved:
        raise typer.Exit(3)


@batch.command("list")
def list_batches() -> None:
    """List the batches, newest first."""
    from anchor_service.store import anchoring as queries

    with the_services().store.reading() as connection:
        for row in queries.batches(connection):
            where = f"block {row.block_number}" if row.state == OnChainState.ANCHORED else row.problem or ""
            issuer = row.issuer_id.hex()[:8]
            show(f"{row.id}  {issuer}  {row.sequence}  {row.tree_size} leaves  {row.state}  {where}".rstrip())


@batch.command()
def approve(
    file: Annotated[Path, typer.Argument(help="the approval, as `jangkar approve` wrote it")],
) -> None:
    """Take an institute's approval in; the next run relays it."""
    from anchor_service.core import approval as approval_format
    from anchor_service.pipeline import approval

    try:
        given = approval_format.parse(file.read_bytes()[: approval_format.MAX_BYTES + 1])
    except TextRejected as error:
        raise UsageError(f"{file}: {error}") from None
    services = the_services()
    configured = services.settings
    accepted = approval.accept(
        services.store,
        approval_as_signed(configured, given),
        chain_id=configured.chain_id,
        registry=registry_address(configured),
        actor=this_user(),
        now=now(),
    )
    show(f"batch {accepted.id} is approved by {given.approver}; the next run anchors it")


@batch.command("requeue")
def requeue_batch(batch_id: Annotated[int, typer.Argument(help="number of the quarantined batch")]) -> None:
    """Let a quarantined batch try again, after its cause was mended; or send one again that the chain lost."""
    from anchor_service.store.tables import Batch

    requeue(Batch, batch_id, "batch")


@batch.command()
def disown(
    sequence: Annotated[int, typer.Argument(help="the sequence number on chain that this service never sealed")],
    given: IssuerOption = None,
) -> None:
    """Record that an anchor of an issuer is not this service's, after its key was found in strange hands.

    Its leaves have no manifest here, so nothing of it can be shown or restored. Without this the issuer
    stays read-only: what the chain knows and the database does not could be certificates of a lost database.
    """
    from anchor_service.core.hashing import IssuerId
    from anchor_service.pipeline import deciding, holds

    issuer, services = the_issuer(given), the_services()
    registry = build_reader(settings())
    issuer_id = IssuerId(issuer.id)
    deciding.disown(services.store, registry, services.filing, issuer_id, sequence, actor=this_user(), now=now())
    holds.update_holds(services.store, registry, now=now())
    show(f"sequence {sequence} of {issuer.id.hex()} is recorded as foreign")
