"""`jangkar ingest`, `withdraw`, `code`, `status`: what an institute does by day."""

import csv
import secrets
from pathlib import Path
from typing import Annotated

import segno
import typer
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from anchor_service.cli.context import (
    IssuerOption,
    UsageError,
    digest_of,
    hex_hash,
    listing_of,
    now,
    requeue,
    services,
    show,
    stderr,
    the_issuer,
)
from anchor_service.core import certificate_code
from anchor_service.core.batch import Status
from anchor_service.core.errors import Rejected
from anchor_service.pipeline import access, intake, statuses
from anchor_service.pipeline.folder import Item, read_items
from anchor_service.pipeline.intake import Submission
from anchor_service.store.tables import StatusAct

code = typer.Typer(no_args_is_help=True, help="Certificate codes, for the QR on the paper.")
status = typer.Typer(no_args_is_help=True, help="Revoke, suspend, reinstate or supersede a certificate.")


def ingest(
    folder: Annotated[Path, typer.Argument(help="folder of PDFs; folders in it are taken in too")],
    given: IssuerOption = None,
    manifest: Annotated[
        Path | None, typer.Option("--csv", help="CSV with the columns file, number, kind, issued_on, ...")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="kind of training, where the CSV has no such column")] = None,
    issued_on: Annotated[str | None, typer.Option(help="date of issue, where the CSV has no such column")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="check everything that needs no database, take nothing in")
    ] = False,
    errors: Annotated[Path | None, typer.Option(help="write the refused rows to this CSV")] = None,
) -> None:
    """Take a folder of certificate PDFs in. Safe to repeat: what is known already stays as it is.

    Without a CSV, a certificate's number is its file's name without .pdf. Exit code 1 says that some
    were refused, each with its row, reason and remedy; the others are in.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    listing = listing_of(folder, manifest, kind, issued_on)
    issuer = the_issuer(given)
    if listing.ignored:
        stderr.print(f"Columns that are not taken in: {', '.join(listing.ignored)}")
    items: list[Item] = []
    columns = (TextColumn("Hashing"), BarColumn(), MofNCompleteColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True) as progress:
        task = progress.add_task("", total=len(listing.entries))
        for item in read_items(folder, listing):
            items.append(item)
            progress.advance(task)
    refused = [(item, item.refused) for item in items if item.refused]
    ready = [(item, item.submission) for item in items if item.submission]
    counts = {"accepted": 0, "known": 0}
    if not dry_run:
        submissions: list[Submission] = [submission for _, submission in ready]
        outcomes = intake.submit(
            services().store, issuer, submissions, now=now(), new_nonce=lambda: secrets.token_hex(16)
        )
        for (item, _), outcome in zip(ready, outcomes, strict=True):
            if outcome.refused:
                refused.append((item, outcome.refused))
            else:
                counts["accepted" if outcome.is_new else "known"] += 1
    _tell_refused(refused, errors)
    if dry_run:
        show(f"dry run: {len(ready)} would be handed in, refused {len(refused)}")
    else:
        show(f"accepted {counts['accepted']}, known already {counts['known']}, refused {len(refused)}")
    if refused:
        raise typer.Exit(1)


def withdraw(
    certificate: Annotated[str, typer.Argument(help="the PDF, or its SHA-256")], given: IssuerOption = None
) -> None:
    """Take a certificate back before the night's sealing."""
    digest = digest_of(certificate)
    intake.withdraw(services().store, the_issuer(given), digest)
    show(f"{digest.hex()} is withdrawn")


@code.command()
def new(
    given: IssuerOption = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=access.MAX_CODES, help="how many")] = 1,
) -> None:
    """Give out certificate codes, one a line."""
    for one in access.new_codes(services().store, the_issuer(given), count, now=now()):
        show(one)


@code.command()
def check(given: Annotated[str, typer.Argument(metavar="CODE", help="a code as somebody typed it")]) -> None:
    """Say whether a code was typed right, and print it as it is recorded."""
    show(certificate_code.parse(given))


@code.command()
def qr(
    given: Annotated[str, typer.Argument(metavar="CODE", help="the code")],
    base_url: Annotated[str, typer.Option(help="address of the public page")],
    out: Annotated[Path, typer.Option(help="SVG or PNG file to be written")],
) -> None:
    """Write the QR of a code: capitals only, so that it stays coarse enough for a bad printer."""
    segno.make(qr_payload(base_url, certificate_code.parse(given)), error="m", micro=False).save(
        str(out), scale=8, border=4
    )
    show(out)


def qr_payload(base_url: str, canonical_code: str) -> str:
    """The address that a certificate's QR holds."""
    return f"{base_url.rstrip('/')}/v/{canonical_code}".upper()


@status.command("set")
def set_status(
    certificate: Annotated[str, typer.Argument(help="the PDF, or its SHA-256")],
    wanted: Annotated[Status, typer.Argument(metavar="STATUS", help="active, suspended, superseded or revoked")],
    given: IssuerOption = None,
    reason: Annotated[
        int, typer.Option(min=0, max=statuses.MAX_REASON, help="reason code, see docs/spec/registry.md")
    ] = 0,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="it was never right, not only from now on")
    ] = False,
    successor: Annotated[str | None, typer.Option(help="leaf hash of the newer certificate, when superseded")] = None,
) -> None:
    """Record a change of status; `jangkar anchor run` writes it on chain."""
    act = statuses.request(
        services().store,
        the_issuer(given),
        digest_of(certificate),
        wanted,
        reason=reason,
        from_beginning=from_beginning,
        successor=hex_hash("successor", successor) if successor else None,
        now=now(),
    )
    show(f"status {act.id}: {act.leaf_hash.hex()} to {wanted}, {act.state}")


@status.command("requeue")
def requeue_status(act_id: Annotated[int, typer.Argument(help="number of the quarantined change")]) -> None:
    """Let a change of status that was refused try again, after its cause was mended."""
    requeue(StatusAct, act_id, "change of status")


def _tell_refused(refused: list[tuple[Item, Rejected]], errors: Path | None) -> None:
    for item, reason in refused:
        place = f"row {item.row}, " if item.row else ""
        stderr.print(f"refused: {place}{item.file}: {reason}", style="red", markup=False)
    if errors is not None:
        with errors.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("row", "file", "code", "reason"))
            writer.writerows(
                (item.row or "", _inert(item.file), reason.code, _inert(str(reason))) for item, reason in refused
            )


def _inert(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
