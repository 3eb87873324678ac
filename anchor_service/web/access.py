"""Who calls, and the issuer of a request, come from its key, never from its body."""

import time
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from anchor_service.bootstrap import Services
from anchor_service.pipeline import access
from anchor_service.pipeline.access import Caller

_BEARER = HTTPBearer(auto_error=False, description="an issuer's API key, as `jangkar key new` prints it once")


def services_of(request: Request) -> Services:
    """The parts that the application was made with."""
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(services_of)]
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]


def _with_scope(scope: str) -> object:
    def authorise(services: ServicesDep, credentials: _Credentials) -> Caller:
        token = credentials.credentials if credentials else None
        return access.authorise(services.store, token, scope, now=int(time.time()))

    return Depends(authorise)


CertificatesCaller = Annotated[Caller, _with_scope("certificates:write")]
StatusesCaller = Annotated[Caller, _with_scope("statuses:write")]
