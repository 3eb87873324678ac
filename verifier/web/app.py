"""The page's routes. With JavaScript the file stays in the browser; without it an upload works as well."""

import base64
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response

from verifier.errors import MalformedCode
from verifier.exports import EXPORTS, OPENTIMESTAMPS, Export
from verifier.formats import certificate_code
from verifier.formats.policy import Policy
from verifier.places import service
from verifier.verdict.ask import Question
from verifier.verdict.words import EXPLANATIONS, VERDICTS, Language
from verifier.web.asking import Asking, Found
from verifier.web.doorkeeper import counted_as
from verifier.web.phrases import CONTRADICTIONS, DAYS, LABELS, PHRASES, SCRIPT_WORDS, SHOWN_FIELDS
from verifier.web.spelling import name_only, spell_out, texts
from verifier.web.upload import Upload, UploadRefused, read_question, read_receipt, read_upload
from verifier.web.view import TONES, view

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"
STANDALONE = "jangkar-verify.html"
MIB = 1 << 20
PARTS = ("answer.html", "path.html")
PART_HEADERS = {
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
# What a balancer or a browser asks by itself.
FREE = ("/healthz", "/favicon.ico")


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
        self._asking = Asking(settings.policy, settings.services)
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._style = (TEMPLATES / "page.css").read_text()
        self._script = (STATIC / "page.js").read_text()
        self._headers = {
            "Content-Security-Policy": (
                f"default-src 'none'; style-src '{_csp_hash(self._style)}'; script-src '{_csp_hash(self._script)}'; "
                "img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
                "require-trusted-types-for 'script'; trusted-types jangkar"
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
            return self.show(request, refused.status, problem=refused.reason)
        return await self._answer_upload(request, upload)

    async def ask(self, request: Request) -> Response:
        """The answer to the digests that a browser computed: as `check`, and only the answer's part of the page."""
        try:
            upload = await read_question(request.stream())
        except UploadRefused as refused:
            return self.show(request, refused.status, problem=refused.reason)
        return await self._answer_upload(request, upload)

    async def code(self, request: Request) -> Response:
        """What is recorded under a code: a QR leads here."""
        try:
            code = certificate_code.normalise(request.path_params["code"])
        except MalformedCode:
            return self.show(request, HTTPStatus.UNPROCESSABLE_ENTITY, problem="mistyped")
        found = await self._asking.services(lambda url: service.look_up_code(url, code))
        answer, all_answered = found.answer, found.all_answered
        question = Question(None, answer.receipts, looked_up=all_answered, pending=answer.pending > 0, code=code)
        return await self._judged(request, lambda: self._answer(request, question, found))

    async def path(self, request: Request) -> Response:
        """The picture of a receipt's path, for a script that shows it when it is wanted."""
        try:
            receipt = await read_receipt(request.stream())
        except UploadRefused as refused:
            return Response(status_code=refused.status)
        return await self._judged(request, lambda: self._answer_path(request, receipt))

    async def export(self, request: Request) -> Response:
        """A receipt of an answer in another form; the old address of the one form names none."""
        form = request.path_params.get("form", OPENTIMESTAMPS)
        if form not in EXPORTS:
            return self.show(request, HTTPStatus.NOT_FOUND, problem="nothing-here")
        try:
            receipt = await read_receipt(request.stream())
        except UploadRefused as refused:
            return self.show(request, refused.status, problem=refused.reason)
        return await self._judged(request, lambda: self._answer_export(request, receipt, EXPORTS[form]))

    def show(
        self, request: Request, status: HTTPStatus = HTTPStatus.OK, *, problem: str = "", **values: Any
    ) -> Response:
        """The page in the visitor's language, or the answer alone where a script asked for it."""
        language = language_of(request)
        limit = {"limit": self._settings.max_upload // MIB}
        context = {
            "language": language,
            "say": lambda name: PHRASES[name].in_(language),
            "problem": PHRASES[problem].in_(language, limit) if problem else "",
            "answer": None,
            **values,
        }
        # A script has most words already, and fetches the path when somebody opens it.
        context["for_script"] = request.url.path == "/ask"
        context["said"] = partial(name_only if context["for_script"] else spell_out, language)
        template = "answer.html" if context["for_script"] else "page.html"
        if not context["for_script"]:
            context |= self._around(request, language)
        return self._html(template, context, status)

    def _html(self, template: str, context: dict[str, Any], status: HTTPStatus) -> Response:
        html = self._templates.get_template(template).render(context)
        # A part of a page is worth nothing by itself, and its headers weigh as much as its words.
        headers = PART_HEADERS if template in PARTS else self._headers
        if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
            headers = headers | {"Retry-After": "60"}
        return HTMLResponse(html, status, headers=headers)

    def _around(self, request: Request, language: Language) -> dict[str, Any]:
        """What stands around an answer."""
        titles = {verdict: title.in_(language) for verdict, title in VERDICTS.items()}
        blank = {"issuer": "…", "time": "…"}
        return {
            "other": "en" if language == "id" else "id",
            "style": self._style,
            "script": self._script,
            "words": {name: PHRASES[name].template(language) for name in SCRIPT_WORDS}
            | {"contradictions": {name: PHRASES[f"contradiction-{name}"].in_(language) for name in CONTRADICTIONS}}
            | {
                "titles": titles,
                "texts": texts(language),
                "days": DAYS,
                "fields": [(name, PHRASES[LABELS.get(name, name)].in_(language)) for name in ("issuer", *SHOWN_FIELDS)],
            },
            "verdicts": [
                (TONES[verdict], titles[verdict], EXPLANATIONS[verdict].in_(language, blank)) for verdict in VERDICTS
            ],
            # Only our own pages: //stranger.example is a path too, and would lead away.
            "path": request.url.path if request.url.path.lower().startswith("/v/") else "/",
        }

    async def _answer_upload(self, request: Request, upload: Upload) -> Response:
        found = await self._asking.services(lambda url: service.look_up_file(url, upload.file))
        receipts = [upload.receipt] if upload.receipt else []
        receipts += [receipt for receipt in found.answer.receipts if receipt not in receipts]
        issuers = [bytes.fromhex(upload.issuer)] if upload.issuer else []
        is_pending = found.answer.pending > 0
        question = Question(upload.file, receipts, issuers, looked_up=found.all_answered, pending=is_pending)
        return await self._judged(request, lambda: self._answer(request, question, found))

    async def _judged(self, request: Request, work: Callable[[], Response]) -> Response:
        try:
            return await self._asking.judging(work)
        except TimeoutError:
            return self.show(request, HTTPStatus.SERVICE_UNAVAILABLE, problem="busy")

    def _answer(self, request: Request, question: Question, found: Found) -> Response:
        result = self._asking.ask(question)
        answer = view(result, self._settings.policy, language_of(request), looked_up=found.all_answered)
        return self.show(request, answer=answer, problem=f"service-{found.missing}" if found.missing else "")

    def _answer_path(self, request: Request, receipt: bytes) -> Response:
        language = language_of(request)
        result = self._asking.ask(Question(None, [receipt]))
        answer = view(result, self._settings.policy, language, looked_up=False)
        if not answer.claims:
            return Response(status_code=HTTPStatus.UNPROCESSABLE_ENTITY)
        say = lambda name: PHRASES[name].in_(language)  # noqa: E731  (a template calls it)
        return self._html("path.html", {"claim": answer.claims[0], "language": language, "say": say}, HTTPStatus.OK)

    def _answer_export(self, request: Request, receipt: bytes, export: Export) -> Response:
        result = self._asking.ask(Question(None, [receipt]))
        for claim in result.answer.claims:
            if anchor := claim.proven_anchor:
                name = f"sertifikat.pdf{export.suffix}"
                headers = self._headers | {"Content-Disposition": f'attachment; filename="{name}"'}
                return Response(export.encode(claim.receipt, anchor), media_type=export.media_type, headers=headers)
        return self.show(request, HTTPStatus.UNPROCESSABLE_ENTITY, problem="no-ots")


def _csp_hash(text: str) -> str:
    """An inline style or script as a content security policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def language_of(request: Request) -> Language:
    """Indonesian, unless the visitor asks for English."""
    return "en" if request.query_params.get("lang") == "en" else "id"


def caller(request: Request) -> str:
    """Who is counted as one."""
    return counted_as(request.client.host) if request.client else "unknown"


def create_app(settings: PageSettings) -> FastAPI:
    """The application of one page."""
    page = Page(settings)
    limiter = MovingWindowRateLimiter(MemoryStorage())
    per_minute = RateLimitItemPerMinute(settings.requests_per_minute)
    app = FastAPI(title="Jangkar", docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def limit_rate(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        if request.url.path not in FREE and not limiter.hit(per_minute, caller(request)):
            return page.show(request, HTTPStatus.TOO_MANY_REQUESTS, problem="too-often")
        return await go_on(request)

    app.add_middleware(GZipMiddleware)

    @app.exception_handler(HTTPStatus.NOT_FOUND)
    async def missing(request: Request, _error: Exception) -> Response:
        return page.show(request, HTTPStatus.NOT_FOUND, problem="nothing-here")

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: Exception) -> Response:
        # Nobody reads a page; a crowd that is cut off in the middle of its bodies must not cost one each.
        return Response(status_code=HTTPStatus.BAD_REQUEST)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Whether the process answers."""
        return {"status": "ok"}

    async def nothing(_request: Request) -> Response:
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Cache-Control": "max-age=31536000"})

    async def standalone(_request: Request) -> Response:
        # Saved and opened from disk; under our own address our policy would stop its script.
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
        return FileResponse(STATIC / STANDALONE, filename=STANDALONE, headers=headers)

    app.router.add_route("/", page.form)
    app.router.add_route(f"/{STANDALONE}", standalone)
    app.router.add_route("/favicon.ico", nothing)
    app.router.add_route("/check", page.check, methods=["POST"])
    app.router.add_route("/ask", page.ask, methods=["POST"])
    app.router.add_route("/path", page.path, methods=["POST"])
    app.router.add_route("/export/{form}", page.export, methods=["POST"])
    app.router.add_route("/ots", page.export, methods=["POST"])
    # The QR holds capitals only, which keeps it coarse.
    app.router.add_route("/v/{code}", page.code)
    app.router.add_route("/V/{code}", page.code)
    return app
