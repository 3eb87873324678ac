"""`jangkar serve`: the institute's API."""

import socket
from typing import Annotated

import typer

from anchor_service.bootstrap import build_reader
from anchor_service.cli.context import UsageError, now, remark, settings, show, the_services
from anchor_service.core.errors import RegistryUnavailable

commands = typer.Typer()

# Each may hold a body of 2 MiB; more are told to come again.
MAX_CONNECTIONS = 128
# What the kernel keeps of one connection's body: several of these are in the process at a time.
RECEIVE_BYTES = 32 * 1024


@commands.command()
def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one")] = 8000,
) -> None:
    """Serve the institute's API until interrupted.

    It first compares the chain with the database, so that a restored old one takes nothing in twice. A node
    that does not answer does not keep it from serving: the workers compare again and again.
    """
    import uvicorn

    from anchor_service.pipeline import holds
    from anchor_service.web.app import create_app

    try:
        holds.update_holds(the_services().store, build_reader(settings()), now=now())
    except RegistryUnavailable as error:
        remark(f"chain and database are not compared: {error}", "yellow")
    app = create_app(the_services())
    # Named as TCP, asyncio sends small answers at once; else each waits 40 ms for the other side's acknowledgement.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise UsageError(f"{host}:{port}: {error.strerror}; choose another with --port") from None
    listener.listen()
    show(f"Listening on http://{host}:{listener.getsockname()[1]}")
    config = uvicorn.Config(app, log_level="warning", access_log=False, limit_concurrency=MAX_CONNECTIONS)
    uvicorn.Server(config).run(sockets=[listener])
