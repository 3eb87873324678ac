"""The page's routes. It works without JavaScript, and there is none yet."""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from verifier import certificate_code, service
from verifier.ask import Question, ask
from verifier.errors import MalformedCode, ServiceUnavailable
from verifier.policy import Policy
from verifier.service import Found
from verifier.web.phrases import PHRASES
from verifier.web.upload import Upload, UploadRefused, read_upload
from verifier.web.view import TONES, view
from verifier.words import EXPLANATIONS, VERDICTS, Language

TEMPLATES = Path(__file__).parent / "templates"
MIB = 1 << 20

_ISSUER = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class PageSettings:
    """What a page is run with: its own policy, the services that it asks, and its limits."""

    policy: Policy
    services: tuple[str, ...]
    max_upload: int = 20 * MIB
    requests_per_minute: int = 60


class Page:
    """The pages of one policy."""

    def __init__(self, settings: PageSettings) -> None:
        self._settings = settings
        self._templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
        style = (TEMPLATES / "page.css").read_text()
        self._style = style
        style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        self._headers = {
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'sha256-{style_hash}'; form-action 'self'; base-uri 'none'; "
                "frame-ancestors 'none'"
            ),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }

    async def form(self, request: Request) -> Response:
        """The form."""
        code = request.query_params.get("code")
        if code:
            try:
                path = f"/v/{certificate_code.normalise(code)}?lang={language_of(request)}"
            except MalformedCode:
                return self.show(request, HTTPStatus.UNPROCESSABLE_ENTITY, problem="mistyped")
            return RedirectResponse(path, HTTPStatus.SEE_OTHER)
        return self.show(request)

    async def check(self, request: Request) -> Response:
        """The answer to an upload."""
        try:
            upload = await read_upload(
                request.headers.get("content-type", ""), request.stream(), self._settings.max_upload
            )
        except UploadRefused as refused:
            too_large = refused.reason in ("too-large", "receipt-too-large")
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if too_large else HTTPStatus.UNPROCESSABLE_ENTITY
            return self.show(request, status, problem=refused.reason)
        if upload.issuer and not _ISSUER.fullmatch(upload.issuer):
            return self.show(request, HTTPStatus.UNPROCESSABLE_ENTITY, problem="bad-issuer")
        return await run_in_threadpool(self._answer_upload, request, upload)

    async def code(self, request: Request) -> Response:
        """What is recorded under a code: a QR leads here."""
        try:
            code = certificate_code.normalise(request.path_params["code"])
        except MalformedCode:
            return self.show(request, HTTPStatus.UNPROCESSABLE_ENTITY, problem="mistyped")
        return await run_in_threadpool(self._answer_code, request, code)

    def show(
        self, request: Request, status: HTTPStatus = HTTPStatus.OK, *, problem: str = "", **values: Any
    ) -> Response:
        """The page in the visitor's language."""
        language = language_of(request)
        limit = {"limit": self._settings.max_upload // MIB}
        context = {
            "language": language,
            "other": "en" if language == "id" else "id",
            "say": lambda name: PHRASES[name].in_(language),
            "problem": PHRASES[problem].in_(language, limit) if problem else "",
            "style": self._style,
            "answer": None,
            "verdicts": [
                (TONES[verdict], title.in_(language), EXPLANATIONS[verdict].in_(language, {"issuer": "…", "time": "…"}))
                for verdict, title in VERDICTS.items()
            ],
            # Only our own pages: //stranger.example is a path too, and would lead away.
            "path": request.url.path if request.url.path.lower().startswith("/v/") else "/",
            **values,
        }
        html = self._templates.get_template("page.html").render(context)
        return HTMLResponse(html, status, headers=self._headers)

    def _answer_upload(self, request: Request, upload: Upload) -> Response:
        found, all_answered = self._ask_services(lambda url: service.look_up_file(url, upload.file))
        receipts = [upload.receipt] if upload.receipt else []
        receipts += [receipt for receipt in found.receipts if receipt not in receipts]
        issuers = [bytes.fromhex(upload.issuer)] if upload.issuer else []
        question = Question(upload.file, receipts, issuers, looked_up=all_answered, pending=found.pending > 0)
        return self._answer(request, question, all_answered=all_answered)

    def _answer_code(self, request: Request, code: str) -> Response:
        found, all_answered = self._ask_services(lambda url: service.look_up_code(url, code))
        question = Question(None, found.receipts, looked_up=all_answered, pending=found.pending > 0, code=code)
        return self._answer(request, question, all_answered=all_answered)

    def _answer(self, request: Request, question: Question, *, all_answered: bool) -> Response:
        result = ask(question, self._settings.policy)
        answer = view(result, self._settings.policy, language_of(request), looked_up=all_answered)
        return self.show(request, answer=answer, problem="" if all_answered else "service-down")

    def _ask_services(self, look_up: Callable[[str], Found]) -> tuple[Found, bool]:
        receipts: list[bytes] = []
        pending, all_answered = 0, bool(self._settings.services)
        for url in self._settings.services:
            try:
                found = look_up(url)
            except ServiceUnavailable:
                all_answered = False
                continue
            receipts += [receipt for receipt in found.receipts if receipt not in receipts]
            pending += found.pending
        return Found(tuple(receipts), pending), all_answered


def language_of(request: Request) -> Language:
    """Indonesian, unless the visitor asks for English."""
    return "en" if request.query_params.get("lang") == "en" else "id"


def create_app(settings: PageSettings) -> FastAPI:
    """The application of one page."""
    page = Page(settings)
    limiter = MovingWindowRateLimiter(MemoryStorage())
    per_minute = RateLimitItemPerMinute(settings.requests_per_minute)
    app = FastAPI(title="Jangkar", docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def limit_rate(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        caller = request.client.host if request.client else "unknown"
        if request.url.path != "/healthz" and not limiter.hit(per_minute, caller):
            return page.show(request, HTTPStatus.TOO_MANY_REQUESTS, problem="too-often")
        return await go_on(request)

    @app.exception_handler(HTTPStatus.NOT_FOUND)
    async def missing(request: Request, _error: Exception) -> Response:
        return page.show(request, HTTPStatus.NOT_FOUND, problem="nothing-here")

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        """Whether the process answers."""
        return {"status": "ok"}

    app.router.add_route("/", page.form)
    app.router.add_route("/check", page.check, methods=["POST"])
    # The QR holds capitals only, which keeps it coarse.
    app.router.add_route("/v/{code}", page.code)
    app.router.add_route("/V/{code}", page.code)
    return app
