"""`jangkar receipt`: the files that stand beside the PDFs."""

import errno
from pathlib import Path
from typing import Annotated

import typer

from anchor_service.cli.context import IssuerOption, digest_of, remark, show, the_issuer, the_services
from anchor_service.core.errors import DocumentRejected, UnknownCertificate
from anchor_service.core.receipt import SUFFIX

# What stops every file alike.
_DISK_FAILS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)

commands = typer.Typer()
app = typer.Typer(no_args_is_help=True, help="Receipts: what anybody needs beside a PDF to verify it.")
commands.add_typer(app, name="receipt")


@app.command()
def write(
    folder: Annotated[Path, typer.Argument(help="folder of the PDFs")],
    given: IssuerOption = None,
) -> None:
    """Write NAME.pdf.jangkar.json beside each PDF, after hashing that PDF again.

    Exit code 3 says that some are not anchored yet; 1 that a PDF is unknown or a file stands in the way.
    """
    from anchor_service.pipeline import durable
    from anchor_service.pipeline.folder import document_digest, pdf_names

    issuer, services = the_issuer(given), the_services()
    written = pending = refused = 0
    folders: set[Path] = set()
    for name in pdf_names(folder):
        path = folder / name
        try:
            digest = document_digest(path)
            data = services.receipts.of_issuer(issuer.id, digest)
            if data is None and not services.receipts.is_pending(issuer.id, digest):
                raise UnknownCertificate(name)
        except (DocumentRejected, UnknownCertificate) as error:
            remark(f"refused: {error}", "red")
            refused += 1
            continue
        if data is None:
            pending += 1
            continue
        beside = path.with_name(path.name + SUFFIX)
        try:
            if beside.exists() and beside.read_bytes() != data:
                remark(f"refused: {beside} is another file; move it away and run this again", "red")
                refused += 1
                continue
            durable.replace_unsynced(beside, [data], 0o666)
        except OSError as error:
            if error.errno in _DISK_FAILS:
                raise
            remark(f"refused: {beside}: {error.strerror}; give the PDF a shorter name, or its folder a way in", "red")
            refused += 1
            continue
        folders.add(beside.parent)
        written += 1
    for written_to in folders:
        durable.sync_folder(written_to)
    show(f"written {written}, not anchored yet {pending}, refused {refused}")
    if refused or pending:
        raise typer.Exit(1 if refused else 3)


@app.command("show")
def show_receipt(
    certificate: Annotated[str, typer.Argument(help="the PDF, or its SHA-256")], given: IssuerOption = None
) -> None:
    """Print a certificate's receipt."""
    digest = digest_of(certificate)
    data = the_services().receipts.of_issuer(the_issuer(given).id, digest)
    if data is None:
        raise UnknownCertificate(f"{digest.hex()} that is anchored")
    typer.echo(data.decode(), nl=False)
