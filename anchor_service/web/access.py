"""The issuer of a request comes from its key, never from its body."""

import time
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from anchor_service.bootstrap import Services
from anchor_service.pipeline import access
from anchor_service.store.tables import Issuer

_BEARER = HTTPBearer(auto_error=False, description="an issuer's API key, as `jangkar key new` prints it once")


def services_of(request: Request) -> Services:
    """The parts that the application was made with."""
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(services_of)]
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]


def _with_scope(scope: str) -> object:
    def authorise(services: ServicesDep, credentials: _Credentials) -> Issuer:
        token = credentials.credentials if credentials else None
        return access.authorise(services.store, token, scope, now=int(time.time()))

    return Depends(authorise)


CertificatesIssuer = Annotated[Issuer, _with_scope("certificates:write")]
StatusesIssuer = Annotated[Issuer, _with_scope("statuses:write")]
