"""From an error to its RFC 9457 answer. Every error of the service has its status here."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from anchor_service.core import errors

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5

# The nearest class in an error's ancestry decides.
STATUS: dict[type[errors.AnchorServiceError], HTTPStatus] = {
    errors.Rejected: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.DigestConflict: HTTPStatus.CONFLICT,
    errors.NumberConflict: HTTPStatus.CONFLICT,
    errors.CertificateSealed: HTTPStatus.CONFLICT,
    errors.IllegalTransition: HTTPStatus.CONFLICT,
    errors.RegistryRefused: HTTPStatus.CONFLICT,
    errors.UnknownCertificate: HTTPStatus.NOT_FOUND,
    errors.UnknownIssuer: HTTPStatus.NOT_FOUND,
    errors.NotAuthorised: HTTPStatus.UNAUTHORIZED,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Damaged: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def status_of(error: errors.AnchorServiceError) -> HTTPStatus:
    """The HTTP status of an error."""
    if isinstance(error, errors.NotAuthorised) and error.key_is_sound:
        return HTTPStatus.FORBIDDEN
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def body(status: HTTPStatus, code: str, detail: str, **more: Any) -> dict[str, Any]:
    """The members of a problem."""
    return {
        "type": f"urn:jangkar:problem:{code}",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
        **more,
    }


def answer(status: HTTPStatus, code: str, detail: str, **more: Any) -> JSONResponse:
    """A problem as a response, with the header that tells what to do."""
    headers = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers["Retry-After"] = str(more.get("retry_after", RETRY_AFTER_SECONDS))
    return JSONResponse(body(status, code, detail, **more), status, headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let every error of an application answer in this form."""
    app.add_exception_handler(errors.AnchorServiceError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def _ours(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.AnchorServiceError)  # noqa: S101  (registered for these alone)
    # Where the database is, and what it says, is the operator's matter.
    detail = "the database does not answer; try again" if isinstance(error, errors.StoreUnavailable) else str(error)
    return answer(status_of(error), error.code, detail)


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (registered for these alone)
    found = [
        {"pointer": "/" + "/".join(str(part) for part in one["loc"][1:]), "message": one["msg"]}
        for one in error.errors()
    ]
    detail = f"{len(found)} field(s) do not hold what they must"
    return answer(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", detail, errors=found)


def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for these alone)
    status = HTTPStatus(error.status_code)
    return answer(status, status.phrase.lower().replace(" ", "-"), str(error.detail))
