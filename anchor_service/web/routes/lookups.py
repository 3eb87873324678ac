"""Reading routes: anonymous, rate-limited, and without a verdict. Absence is an empty answer with status 200.

The hot ones are plain Starlette endpoints that answer with ready bytes.
"""

import json
import re
from collections.abc import Awaitable, Callable, Coroutine
from hashlib import sha256
from typing import Any, NamedTuple

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from anchor_service.bootstrap import Services
from anchor_service.core import certificate_code
from anchor_service.core.errors import FieldRejected, UnknownCertificate
from anchor_service.core.receipt import MEDIA_TYPE
from anchor_service.pipeline.receipts import LookUp
from anchor_service.web.limits import RateLimit, address_of
from anchor_service.web.schemas import FileIn, LookUpOut

LOOKUP_FORMAT = "jangkar-lookup-v1"

_HASH = re.compile("[0-9a-f]{64}", re.ASCII)
_SEQUENCE = re.compile("[1-9][0-9]{0,18}", re.ASCII)
_FILLED_IN = re.compile(r"\{(\w+)")

Endpoint = Callable[[Request], Awaitable[Response]]


def _document(services: Services, request: Request) -> Response:
    return _answer(services.receipts.by_digest(_hash(request, "document_digest")))


def _code(services: Services, request: Request) -> Response:
    return _answer(services.receipts.by_code(certificate_code.parse(request.path_params["code"])))


def _receipt(services: Services, request: Request) -> Response:
    digest = _hash(request, "document_digest")
    data = services.receipts.of_issuer(_hash(request, "issuer_id"), digest)
    if data is None:
        raise UnknownCertificate(f"{digest.hex()} of this issuer that is anchored")
    return _unless_known(request, data)


def _manifest(services: Services, request: Request) -> Response:
    issuer_id, sequence = _hash(request, "issuer_id"), request.path_params["sequence"]
    # Text until it is known to be short: Python refuses to make a number of very many digits.
    if not _SEQUENCE.fullmatch(sequence):
        raise UnknownCertificate("a batch of that number")
    path = services.filing.manifest_path(issuer_id, int(sequence))
    if not path.is_file():
        raise UnknownCertificate(f"batch {sequence} of this issuer")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return FileResponse(path, media_type="text/plain; charset=utf-8", headers=headers)


class _Reading(NamedTuple):
    """A plain Starlette route, and what the API's description says of it."""

    path: str
    endpoint: Callable[[Services, Request], Response]
    summary: str
    answer: dict[str, Any]


_FOUND_OR_NOT = {
    "description": "Found or not",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/LookUpOut"}}},
}
_READINGS = (
    _Reading("/v1/documents/{document_digest}", _document, "Every anchor of a file, by any issuer.", _FOUND_OR_NOT),
    _Reading("/v1/codes/{code}", _code, "The anchor of a certificate code.", _FOUND_OR_NOT),
    _Reading(
        "/v1/issuers/{issuer_id}/documents/{document_digest}/receipt",
        _receipt,
        "The receipt of an issuer's live certificate.",
        {"description": "The receipt's exact bytes"},
    ),
    _Reading(
        "/v1/issuers/{issuer_id}/manifests/{sequence}",
        _manifest,
        "The manifest of a batch.",
        {"description": "A header line and the ordered leaf hashes"},
    ),
)
# Each part of an address that is filled in, by its name.
_PARTS: dict[str, dict[str, Any]] = {
    "document_digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "issuer_id": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "code": {"type": "string"},
    "sequence": {"type": "integer", "minimum": 1},
}


def install(app: FastAPI, services: Services) -> None:
    """Add the reading routes to an application."""
    limit = RateLimit(services.settings.public_requests_per_minute, "too many look-ups from this address")

    def limited(endpoint: Callable[[Services, Request], Response]) -> Endpoint:
        async def serve(request: Request) -> Response:
            refusal = limit.refuse(address_of(request))
            return await run_in_threadpool(endpoint, services, request) if refusal is None else refusal

        return serve

    class Limited(APIRoute):
        """A route with a body, which is not read where the caller has asked too often."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handle_limited(request: Request) -> Response:
                return limit.refuse(address_of(request)) or await handle(request)

            return handle_limited

    router = APIRouter(route_class=Limited, tags=["look-ups"])

    @router.post("/v1/documents", response_model=LookUpOut)
    def file(wanted: FileIn) -> Response:
        """Every anchor of a file and of its earlier revisions, by any issuer."""
        return _answer(services.receipts.by_file([bytes.fromhex(digest) for digest in wanted.document_digests]))

    app.include_router(router)
    app.router.routes += [Route(one.path, limited(one.endpoint)) for one in _READINGS]


def describe(schema: dict[str, Any]) -> None:
    """Add the plain Starlette routes, which FastAPI's own description does not see."""
    schema["components"]["schemas"]["LookUpOut"] = LookUpOut.model_json_schema()
    for reading in _READINGS:
        parameters = [
            {"name": name, "in": "path", "required": True, "schema": _PARTS[name]}
            for name in _FILLED_IN.findall(reading.path)
        ]
        get = {"tags": ["look-ups"], "summary": reading.summary, "parameters": parameters}
        schema["paths"][reading.path] = {"get": get | {"responses": {"200": reading.answer}}}


def _answer(found: LookUp) -> Response:
    receipts = [receipt.decode() for receipt in found.receipts]
    body = json.dumps({"format": LOOKUP_FORMAT, "receipts": receipts, "pending": found.pending}, ensure_ascii=False)
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-cache"})


def _unless_known(request: Request, receipt: bytes) -> Response:
    etag = f'"{sha256(receipt).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "public, max-age=300"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(receipt, media_type=MEDIA_TYPE, headers=headers)


def _hash(request: Request, name: str) -> bytes:
    value = request.path_params[name]
    if not _HASH.fullmatch(value):
        raise FieldRejected(name, "must be 64 lowercase hexadecimal digits")
    return bytes.fromhex(value)
