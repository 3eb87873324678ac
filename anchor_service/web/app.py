"""The application factory."""

from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.utils import get_openapi

from anchor_service.bootstrap import Services
from anchor_service.core.errors import Unavailable
from anchor_service.web import problems
from anchor_service.web.access import ServicesDep
from anchor_service.web.limits import BodyLimit, RateLimit
from anchor_service.web.routes import certificates, lookups
from anchor_service.web.schemas import HealthOut

VERSION = "0.1.0"


def create_app(services: Services) -> FastAPI:
    """The institute's API over these parts."""
    app = FastAPI(title="Jangkar", version=VERSION, docs_url=None, redoc_url=None)
    app.state.services = services
    app.state.key_limit = RateLimit(services.settings.key_requests_per_minute, "too many requests with this key")
    app.include_router(certificates.router)
    lookups.install(app, services)
    problems.install(app)
    app.add_middleware(BodyLimit)
    # Look-ups are for everybody, and so for the verifier in one file too; a key is never sent from another origin.
    app.add_middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "POST"], allow_headers=["content-type"]
    )

    @app.get("/healthz", tags=["health"])
    async def healthz() -> HealthOut:
        """Whether the process answers."""
        return HealthOut(status="ok")

    @app.get("/readyz", tags=["health"])
    def readyz(services: ServicesDep) -> HealthOut:
        """Whether the database answers and its tables are the newest."""
        if not services.store.is_current():
            raise Unavailable("the database's tables are not the newest: run `jangkar db upgrade`")
        return HealthOut(status="ok")

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
            lookups.describe(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the schema
    return app
