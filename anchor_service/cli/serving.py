"""`jangkar serve`: the institute's API."""

import socket
from typing import Annotated

import typer
import uvicorn

from anchor_service.bootstrap import create_web
from anchor_service.cli.context import UsageError, services, show


def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one")] = 8000,
) -> None:
    """Serve the institute's API until interrupted."""
    app = create_web(services())
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise UsageError(f"{host}:{port}: {error.strerror}; choose another with --port") from None
    listener.listen()
    show(f"Listening on http://{host}:{listener.getsockname()[1]}")
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])
