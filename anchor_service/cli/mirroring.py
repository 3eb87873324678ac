"""`jangkar mirror`: what anybody may serve, as plain files."""

import re
from pathlib import Path
from typing import Annotated

import typer

from anchor_service.bootstrap import read_recorded
from anchor_service.cli.context import UsageError, progress, settings, show, the_services

commands = typer.Typer()

_ADDRESS = re.compile("0x[0-9a-fA-F]{40}")


@commands.command()
def mirror(
    folder: Annotated[Path, typer.Argument(help="where the files go; made where it is not there")],
    after: Annotated[
        list[str] | None, typer.Option(help="registry that this one succeeds, repeated, oldest first")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="compare every file that is there, and not only the newest")
    ] = False,
) -> None:
    """Write what verifiers need of the batches and the log as plain files, for any web server, CDN or USB stick.

    Manifests, tree tiles, checkpoints and the log; never a digest, metadata or a receipt. Safe to repeat: run it after
    every night. Files never change, so that they may be cached for good; only `logs/REGISTRY/checkpoint` moves on.
    Exit code 1 says that a file in the folder is another than it has to be.
    """
    from anchor_service.pipeline.mirror import Mirror

    services = the_services()
    for address in after or []:
        if not _ADDRESS.fullmatch(address):
            raise UsageError(f"--after {address} is no address: write 0x and 40 hexadecimal digits")
    recorded = read_recorded(settings(), after or [])
    with progress("Mirroring") as step:
        made = Mirror(folder, whole, step)
        found = made.add_batches(services.store, services.filing)
        written = found.written + made.add_logs(recorded)
    entries = sum(len(recorded_log.log.entries) for recorded_log in recorded.logs)
    show(
        f"mirrored {found.batches} batches of {found.certificates} certificates, {entries} entries of the log, "
        f"new files {written}"
    )
    show(f"bundle {recorded.digest.hex()}, block {recorded.block.number}, 0x{recorded.block.hash.hex()}")
