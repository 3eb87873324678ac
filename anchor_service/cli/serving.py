"""`jangkar serve`: the institute's API."""

from typing import Annotated

import typer

from anchor_service.bootstrap import build_reader
from anchor_service.cli.context import UsageError, now, remark, settings, show, the_services
from anchor_service.core.errors import RegistryUnavailable

commands = typer.Typer()

# Each of those that a key opens may hold a body of 2 MiB.
MAX_CONNECTIONS = 256


@commands.command()
def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one")] = 8000,
) -> None:
    """Serve the institute's API until interrupted.

    It first compares the chain with the database, so that a restored old one takes nothing in twice. A node
    that does not answer does not keep it from serving: the workers compare again and again.
    """
    from anchor_service.pipeline import holds
    from anchor_service.web.app import create_app
    from verifier.web import doorkeeper

    try:
        holds.update_holds(the_services().store, build_reader(settings()), now=now())
    except RegistryUnavailable as error:
        remark(f"chain and database are not compared: {error}", "yellow")
    app = create_app(the_services())
    try:
        listener = doorkeeper.listen(host, port)
    except OSError as error:
        raise UsageError(f"{host}:{port}: {error.strerror}; choose another with --port") from None
    show(f"Listening on http://{host}:{listener.getsockname()[1]}")
    doorkeeper.serve(doorkeeper.configuration(app, MAX_CONNECTIONS, settings().proxy), listener)
