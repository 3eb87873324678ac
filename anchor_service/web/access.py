"""Who calls, and the issuer of a request, come from its key, never from its body, and before its body is read."""

import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from anchor_service.bootstrap import Services
from anchor_service.pipeline import access
from anchor_service.pipeline.access import Caller
from anchor_service.web.limits import RateLimit

_BEARER = HTTPBearer(auto_error=False, description="an issuer's API key, as `jangkar key new` prints it once")


def services_of(request: Request) -> Services:
    """The parts that the application was made with."""
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(services_of)]
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]


class _Scoped:
    """Who calls a route, whose key has to have a scope. `KeyFirst` has found it out."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    def __call__(self, request: Request, _credentials: _Credentials) -> Caller:
        # The credentials are named for the API's description alone.
        caller: Caller = request.state.caller
        return caller


class KeyFirst(APIRoute):
    """A writing route: its key is looked at and counted before a byte of the body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As FastAPI's own, once the caller is known. Source: FastAPI, "Custom Request and APIRoute class"."""
        handle = super().get_route_handler()
        [scope] = [one.call.scope for one in self.dependant.dependencies if isinstance(one.call, _Scoped)]

        async def handle_known(request: Request) -> Response:
            credentials = await _BEARER(request)
            token = credentials.credentials if credentials else None
            store, now = services_of(request).store, int(time.time())
            caller = await run_in_threadpool(access.authorise, store, token, scope, now=now)
            request.state.caller = caller
            limit: RateLimit = request.app.state.key_limit
            return limit.refuse(caller.actor) or await handle(request)

        return handle_known


CertificatesCaller = Annotated[Caller, Depends(_Scoped("certificates:write"))]
StatusesCaller = Annotated[Caller, Depends(_Scoped("statuses:write"))]
