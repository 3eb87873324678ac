"""`jangkar approve`: what an institute runs on its own machine before its key stands behind a batch."""

from pathlib import Path
from typing import Annotated

import typer

from anchor_service.bootstrap import registry_address, sign_approval
from anchor_service.cli.context import (
    ColumnOption,
    KeystoreOption,
    LeaveOutOption,
    PasswordOption,
    columns_of,
    listing_of,
    now,
    remark,
    settings,
    show,
    working,
)
from anchor_service.core.approval import SUFFIX
from anchor_service.core.errors import ApprovalRejected, TextRejected

commands = typer.Typer()


@commands.command()
def approve(
    manifest: Annotated[Path, typer.Argument(help="the batch's manifest, from the host")],
    pdfs: Annotated[Path, typer.Option(help="folder of the institute's own PDFs of this batch")],
    keystore: KeystoreOption,
    password_file: PasswordOption = None,
    entries: Annotated[
        Path | None, typer.Option(help="the batch's entries, from the host; MANIFEST with .entries when left out")
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--table", "--csv", help="the CSV that was handed in with the PDFs")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="kind of training, where the CSV has no such column")] = None,
    issued_on: Annotated[str | None, typer.Option(help="date of issue, where the CSV has no such column")] = None,
    column: ColumnOption = None,
    leave_out: LeaveOutOption = None,
    days: Annotated[int, typer.Option(min=1, help="days until the approval runs out")] = 7,
    out: Annotated[Path | None, typer.Option(help=f"file to be written; MANIFEST{SUFFIX} when left out")] = None,
) -> None:
    """Rebuild every leaf of a batch from your own files, and only then sign its root.

    Names what is missing in the batch, extra in it, or altered. Exit codes: 0 signed; 1 something
    differs, nothing was signed; 2 usage.
    """
    from anchor_service.core.manifest import read_entries, read_manifest
    from anchor_service.pipeline import approval
    from anchor_service.pipeline.folder import read_items

    listing = listing_of(pdfs, table, kind, issued_on, columns_of(column, leave_out))
    beside = entries or manifest.with_suffix(".entries")
    try:
        with manifest.open(encoding="utf-8", newline="\n") as lines:
            header, leaves = read_manifest(lines)
        with beside.open(encoding="utf-8", newline="\n") as lines:
            entries_header, listed = read_entries(lines)
    except (TextRejected, UnicodeDecodeError) as error:
        raise ApprovalRejected(f"{manifest} and {beside}: {error}") from None
    configured = settings()
    pinned = (configured.chain_id, registry_address(configured))
    if (header.chain_id, header.registry) != pinned:
        raise ApprovalRejected(
            f"the manifest is for registry {header.registry} on chain {header.chain_id}; "
            f"your settings name {pinned[1]} on chain {pinned[0]}"
        )
    with working("Rebuilding the leaves"):
        findings = approval.compare(header, leaves, entries_header, listed, read_items(listing))
    for title, names in (("missing", findings.missing), ("extra", findings.extra), ("altered", findings.altered)):
        for name in names:
            remark(f"{title}: {name}", "red")
    if findings:
        counts = f"missing {len(findings.missing)}, extra {len(findings.extra)}, altered {len(findings.altered)}"
        show(f"not signed: {counts}")
        raise typer.Exit(1)
    signed = sign_approval(header, now() + days * 86_400, keystore, password_file)
    target = out or manifest.with_name(manifest.name + SUFFIX)
    target.write_bytes(signed.encode())
    show(f"signed {len(leaves)} certificates as sequence {header.sequence}, root {header.root_hash.hex()}: {target}")
