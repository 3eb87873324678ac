"""`jangkar ingest`, `withdraw`, `code`, `status`: what an institute does by day."""

import csv
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, Self

import typer

from anchor_service.cli.context import (
    ColumnOption,
    IssuerOption,
    LeaveOutOption,
    UsageError,
    columns_of,
    defaults_of,
    digest_of,
    listing_of,
    name_of,
    now,
    progress,
    remark,
    requeue,
    settings,
    show,
    the_issuer,
    the_services,
    the_subject,
    this_user,
)
from anchor_service.core import certificate_code, doubts
from anchor_service.core.errors import Rejected
from anchor_service.core.states import MAX_REASON, RequestedStatus, Status

if TYPE_CHECKING:
    from anchor_service.pipeline.augmenting import LaterForm
    from anchor_service.pipeline.folder import Item
    from anchor_service.pipeline.table import Columns

# Bounds one transaction.
_LATER_FORMS_AT_ONCE = 100

commands = typer.Typer()
code = typer.Typer(no_args_is_help=True, help="Certificate codes, for the QR on the paper.")
status = typer.Typer(no_args_is_help=True, help="Revoke, suspend, reinstate or supersede a certificate.")
commands.add_typer(code, name="code")
commands.add_typer(status, name="status")


@commands.command()
def ingest(
    folder: Annotated[
        Path | None,
        typer.Argument(help="folder of PDFs; folders in it are taken in too. Without it, the CSV gives digests"),
    ] = None,
    given: IssuerOption = None,
    table: Annotated[
        Path | None,
        typer.Option(
            "--table",
            "--csv",
            help="CSV with the columns file (or document_digest), number, kind, issued_on, ...",
        ),
    ] = None,
    kind: Annotated[str | None, typer.Option(help="kind of training, where the CSV has no such column")] = None,
    issued_on: Annotated[str | None, typer.Option(help="date of issue, where the CSV has no such column")] = None,
    column: ColumnOption = None,
    leave_out: LeaveOutOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="check everything but what is there already, take nothing in")
    ] = False,
    errors: Annotated[Path | None, typer.Option(help="write the refused rows to this CSV")] = None,
) -> None:
    """Take certificates in: a folder of PDFs, or the SHA-256 of PDFs that stay where they are.

    Safe to repeat, and to go on with after it was stopped: what is known already stays as it is. Without a CSV, a
    certificate's number is its file's name without .pdf. Exit code 1 says that some were refused, each with its row,
    reason and remedy; the others are in.
    """
    from anchor_service.pipeline import intake
    from anchor_service.pipeline.folder import in_pieces

    source = _source(folder, table, kind, issued_on, columns_of(column, leave_out))
    issuer = the_issuer(given)
    check = intake.checker(the_services().store, issuer, intake.nonces(), doubts.last_date(now()))
    if source.ignored:
        remark(f"Columns that are not taken in: {', '.join(source.ignored)}")
    # As they come: what is checked while the last files are hashed need not wait for the last transaction.
    checked = ((item, check(item.submission)) for item in source.items)
    sound = accepted = done = 0
    with _Refusals(errors) as refusals, progress("Taking in") as step:
        for piece in in_pieces(checked, source.at_once):
            handed_in = [submission for _, submission in piece]
            if dry_run:
                refused = [submission if isinstance(submission, Rejected) else None for submission in handed_in]
            else:
                outcomes = intake.submit(the_services().store, issuer, handed_in, actor=this_user(), now=now())
                refused = [outcome.refused for outcome in outcomes]
                accepted += sum(outcome.is_new for outcome in outcomes)
            sound += refused.count(None)
            for (item, _), problem in zip(piece, refused, strict=True):
                if problem:
                    refusals.tell(item, problem)
            done += len(piece)
            step("Taking in", done, source.total)
    if dry_run:
        show(f"dry run: {sound} would be handed in, refused {refusals.count}")
    else:
        show(f"accepted {accepted}, known already {sound - accepted}, refused {refusals.count}")
    if refusals.count:
        raise typer.Exit(1)


@commands.command()
def augment(
    source: Annotated[Path, typer.Argument(help="a later PDF, or a folder of them; folders in it are taken in too")],
    given: IssuerOption = None,
    errors: Annotated[Path | None, typer.Option(help="write the refused files to this CSV")] = None,
) -> None:
    """Take later forms of issued PDFs in, such as with long-term validation added: as the same certificates.

    Each has to begin with a file that was handed in, byte for byte; it gets that one's number and facts, and from then
    on each change of status is written for all forms. Safe to repeat. Exit code 1 says that some were refused.
    """
    from anchor_service.pipeline import augmenting, intake
    from anchor_service.pipeline.folder import Item, in_pieces, pdf_names

    issuer, store = the_issuer(given), the_services().store
    paths = [source / name for name in pdf_names(source)] if source.is_dir() else [source]
    check = intake.checker(store, issuer, intake.nonces(), doubts.last_date(now()))
    accepted = known = done = 0
    with _Refusals(errors) as refusals, progress("Taking in") as step:
        for piece in in_pieces(paths, _LATER_FORMS_AT_ONCE):
            forms = [_later_form(path) for path in piece]
            outcomes = augmenting.submit(store, issuer, forms, check, actor=this_user(), now=now())
            for path, outcome in zip(piece, outcomes, strict=True):
                accepted += outcome.is_new
                known += not outcome.is_new and outcome.refused is None
                if outcome.refused:
                    refusals.tell(Item(str(path), None, outcome.refused), outcome.refused)
            done += len(piece)
            step("Taking in", done, len(paths))
    show(f"accepted {accepted}, known already {known}, refused {refusals.count}")
    if refusals.count:
        raise typer.Exit(1)


def _later_form(path: Path) -> "LaterForm | Rejected":
    from anchor_service.pipeline import augmenting

    try:
        return augmenting.read(path)
    except Rejected as refused:
        return refused.as_value()


@commands.command()
def withdraw(
    certificate: Annotated[str, typer.Argument(help="the PDF, or its SHA-256")], given: IssuerOption = None
) -> None:
    """Take a certificate back before the night's sealing."""
    from anchor_service.pipeline import intake

    digest = digest_of(certificate)
    intake.withdraw(the_services().store, the_issuer(given), digest, actor=this_user(), now=now())
    show(f"{digest.hex()} is withdrawn")


@commands.command()
def who(
    certificate: Annotated[str, typer.Argument(help="the PDF, or its SHA-256")], given: IssuerOption = None
) -> None:
    """Say who handed a certificate in, withdrew it, asked for its statuses or had it tried again, and when.

    An actor is key: with an API key's id, or user: with the account that ran the command on this machine.
    """
    from anchor_service.pipeline import deeds

    for when, actor, what in deeds.of_file(the_services().store, the_issuer(given), digest_of(certificate)):
        day = datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        show(f"{day}  {actor or 'not recorded'}  {what}")


@code.command()
def new(
    given: IssuerOption = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=certificate_code.MAX_CODES, help="how many")] = 1,
) -> None:
    """Give out certificate codes, one a line."""
    from anchor_service.pipeline import access

    codes = access.new_codes(the_services().store, the_issuer(given), count, actor=this_user(), now=now())
    for new_code in codes:
        show(new_code)


@code.command()
def adopt(
    codes: Annotated[Path, typer.Argument(help="file of codes, one a line, or - for standard input")],
    given: IssuerOption = None,
) -> None:
    """Take codes over that are printed on paper, and whose record was lost with a database.

    Each has to be sound and given to no other institute. All of them are taken over, or none.
    """
    from anchor_service.pipeline import access

    text = sys.stdin.read() if str(codes) == "-" else codes.read_text("utf-8-sig")
    lines = [line for line in text.splitlines() if line.strip()]
    if not 1 <= len(lines) <= certificate_code.MAX_CODES:
        raise UsageError(f"{codes}: name 1 to {certificate_code.MAX_CODES} codes, one a line")
    new = access.adopt_codes(the_services().store, the_issuer(given), lines, actor=this_user(), now=now())
    show(f"took {len(new)} codes over, knew {len(set(lines)) - len(new)} already")


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
    import segno

    if out.suffix.lower() not in (".svg", ".png"):
        raise UsageError(f"{out}: name a file that ends in .svg or .png")
    segno.make(qr_payload(base_url, certificate_code.parse(given)), error="m", micro=False).save(
        str(out), scale=8, border=4
    )
    show(out)


def qr_payload(base_url: str, canonical_code: str) -> str:
    """The address that a certificate's QR holds."""
    return f"{base_url.rstrip('/')}/v/{canonical_code}".upper()


@status.command("set")
def set_status(
    certificate: Annotated[str, typer.Argument(help="the PDF, its SHA-256, or the certificate's number or code")],
    wanted: Annotated[Status, typer.Argument(metavar="STATUS", help="active, suspended, superseded or revoked")],
    given: IssuerOption = None,
    reason: Annotated[int, typer.Option(min=0, max=MAX_REASON, help="reason code, see docs/spec/registry.md")] = 0,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="it was never right, not only from now on")
    ] = False,
    successor: Annotated[
        str | None, typer.Option(help="the newer certificate, when superseded: PDF, SHA-256, number, code or leaf hash")
    ] = None,
) -> None:
    """Record a change of status, for all forms of the certificate; `jangkar anchor run` writes it on chain."""
    from anchor_service.pipeline import naming, statuses

    store, issuer = the_services().store, the_issuer(given)
    newer = naming.leaf_named(store, issuer, name_of(successor)) if successor else None
    acts = statuses.request(
        store,
        issuer,
        naming.leaf_named(store, issuer, name_of(certificate)),
        RequestedStatus(wanted, reason, from_beginning, newer),
        actor=this_user(),
        now=now(),
    )
    for act in acts:
        show(f"status {act.id}: {act.leaf_hash.hex()} to {wanted}, {act.state}")


@status.command("drop")
def drop_status(act_id: Annotated[int, typer.Argument(help="number of the change")]) -> None:
    """Give a change of status up that the registry refused, or that nothing was signed of: nobody wants it any more."""
    from anchor_service.pipeline import statuses
    from anchor_service.store.tables import StatusAct

    act = the_subject(StatusAct, act_id, "change of status")
    statuses.drop(the_services().store, act, actor=this_user(), now=now())
    show(f"status {act_id} is dropped")


@status.command("requeue")
def requeue_status(act_id: Annotated[int, typer.Argument(help="number of the quarantined change")]) -> None:
    """Let a change of status that was refused try again, after its cause was mended."""
    from anchor_service.store.tables import StatusAct

    requeue(StatusAct, act_id, "change of status")


class _Source(NamedTuple):
    """What is to be taken in: how many, the columns that are not, a stream, and how many of it at once."""

    total: int
    ignored: tuple[str, ...]
    items: "Iterator[Item]"
    at_once: int


def _source(
    folder: Path | None, table: Path | None, kind: str | None, issued_on: str | None, columns: "Columns"
) -> _Source:
    """A folder of PDFs, or a CSV of digests. Raises: UsageError, as `listing_of`."""
    from anchor_service.pipeline import intake
    from anchor_service.pipeline.folder import FILES_AT_ONCE, read_digests, read_items
    from anchor_service.pipeline.table import open_table

    if folder is not None:
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder")
        listing = listing_of(folder, table, kind, issued_on, columns)
        return _Source(listing.count, listing.ignored, read_items(listing), FILES_AT_ONCE)
    if table is None:
        raise UsageError("name a folder of PDFs, or a CSV of their digests with --table")
    digests = open_table(table, "document_digest", settings().zone, defaults_of(kind, issued_on), columns)
    return _Source(digests.count, digests.ignored, read_digests(digests), intake.CHUNK)


class _Refusals:
    """Tells each refused row at once, on the terminal and in a CSV where one is asked for."""

    def __init__(self, path: Path | None) -> None:
        self.count = 0
        # A file's name need not be UTF-8.
        self._file = path.open("w", newline="", encoding="utf-8", errors="backslashreplace") if path else None
        self._writer = csv.writer(self._file) if self._file else None

    def __enter__(self) -> Self:
        if self._writer:
            self._writer.writerow(("row", "file", "code", "reason"))
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def tell(self, item: "Item", reason: Rejected) -> None:
        self.count += 1
        place = f"row {item.row}, " if item.row else ""
        remark(f"refused: {place}{item.file}: {reason}", "red")
        if self._writer:
            self._writer.writerow((item.row or "", _inert(item.file), reason.code, _inert(str(reason))))


def _inert(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
