"""The HTTP side: one route, on this machine only."""

import json
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from jangkar_devnet.rpc import JsonRpc
from jangkar_devnet.wire import PARSE_ERROR

MAX_BODY = 4 << 20
# py-evm raises Python's recursion limit so far that a body of brackets would overflow the C stack.
MAX_NESTING = 64

_BRACKET = re.compile(rb"[\[\]{}]")


def create_app(rpc: JsonRpc, *, any_origin: bool = False) -> Starlette:
    """The application; the sealer runs as long as it does. `any_origin` lets web pages ask."""

    async def serve(request: Request) -> Response:
        # A browser cannot send this type across origins without asking first, and is then refused.
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return PlainTextResponse("Content-Type must be application/json", status_code=415)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return PlainTextResponse(f"the body has more than {MAX_BODY} bytes", status_code=413)
        try:
            asked = json.loads(body) if _nesting(body) <= MAX_NESTING else None
        except ValueError:
            asked = None
        if asked is None:
            error = {"code": PARSE_ERROR, "message": "the body is not JSON, or is nested too deeply"}
            return JSONResponse({"jsonrpc": "2.0", "id": None, "error": error})
        return JSONResponse(await run_in_threadpool(rpc.answer, asked))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        stop = threading.Event()
        sealer = threading.Thread(target=rpc.chain.run_sealer, args=(stop,), name="sealer", daemon=True)
        sealer.start()
        yield
        stop.set()
        with rpc.chain.work:
            rpc.chain.work.notify_all()
        sealer.join()
        rpc.chain.file.close()

    # A name that a stranger's DNS points at 127.0.0.1 must not reach the chain.
    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])]
    if any_origin:
        middleware.append(
            Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["POST"], allow_headers=["content-type"])
        )
    return Starlette(
        routes=[Route("/", serve, methods=["POST"])],
        middleware=middleware,
        lifespan=lifespan,
    )


def _nesting(body: bytes | bytearray) -> int:
    """How deep the brackets of a body go. Those in strings count too: no request has many."""
    deepest = depth = 0
    for match in _BRACKET.finditer(body):
        depth += 1 if match[0] in (b"[", b"{") else -1
        deepest = max(deepest, depth)
    return deepest
