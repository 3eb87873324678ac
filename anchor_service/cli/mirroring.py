"""`jangkar mirror`: what anybody may serve, as plain files."""

from pathlib import Path
from typing import Annotated

import typer

from anchor_service.bootstrap import read_history
from anchor_service.cli.context import progress, services, settings, show
from anchor_service.pipeline.mirror import Mirror


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
    parts = services()
    history = read_history(settings(), after or [])
    with progress() as bar:
        task = bar.add_task("Mirroring", total=None)

        def step(doing: str, done: int, total: int) -> None:
            bar.update(task, description=doing, completed=done, total=total)

        made = Mirror(folder, whole, step)
        found = made.add_batches(parts.store, parts.filing)
        written = found.written + made.add_history(history)
    entries = sum(len(one.log.entries) for one in history.logs)
    show(
        f"mirrored {found.batches} batches of {found.certificates} certificates, {entries} entries of the log, "
        f"new files {written}"
    )
    show(f"bundle {history.digest.hex()}, block {history.block.number}, 0x{history.block.hash.hex()}")
