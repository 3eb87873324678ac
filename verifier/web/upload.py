"""What a visitor hands over: an upload that is hashed as it streams, or digests that the browser computed.

A document is never parsed and never stored. Bodies are bounded in size, and in how slowly they may come.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote_to_bytes

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from verifier.errors import MalformedText
from verifier.formats.fingerprint import MAX_FORMS, Fingerprint, FingerprintBuilder
from verifier.formats.receipt import MAX_BYTES as MAX_RECEIPT
from verifier.formats.strictjson import is_hash, read
from verifier.web.doorkeeper import BODY_SECONDS, LEAST_BYTES_A_SECOND

DOCUMENT_FIELD = "file"
RECEIPT_FIELD = "receipt"
ISSUER_FIELD = "issuer"
MAX_PARTS = 4
MAX_HEADER = 4096
MAX_ISSUER = 64
# Digests, a receipt with its quotes escaped, an issuer; or a receipt that is percent-encoded twice.
MAX_QUESTION = 6 * MAX_RECEIPT
# Boundaries and part headers come on top of what the parts hold.
FORM_OVERHEAD = 64 * 1024


class UploadRefused(Exception):
    """The request is not one of this form. `reason` is a name of verifier/web/phrases.py."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def status(self) -> HTTPStatus:
        """What HTTP calls it."""
        return _STATUSES.get(self.reason, HTTPStatus.UNPROCESSABLE_ENTITY)


_STATUSES = {
    "too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "receipt-too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "too-slow": HTTPStatus.REQUEST_TIMEOUT,
}


@dataclass
class Upload:
    """What was uploaded: the file's fingerprint, the receipt's bytes, and the issuer that was named."""

    file: Fingerprint
    receipt: bytes
    issuer: str


class _Form:
    """The callbacks of a streaming multipart parser."""

    def __init__(self, max_document: int) -> None:
        self.document = FingerprintBuilder()
        self.small = {RECEIPT_FIELD: bytearray(), ISSUER_FIELD: bytearray()}
        self._limits = {RECEIPT_FIELD: MAX_RECEIPT, ISSUER_FIELD: MAX_ISSUER}
        self._max_document = max_document
        self._parts = 0
        self._field = ""
        self._header_name = bytearray()
        self._header_value = bytearray()

    def part_begin(self) -> None:
        self._parts += 1
        self._field = ""
        if self._parts > MAX_PARTS:
            raise UploadRefused("bad-form")

    def header_begin(self) -> None:
        self._header_name.clear()
        self._header_value.clear()

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._grow(self._header_name, data[start:end])

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._grow(self._header_value, data[start:end])

    def header_end(self) -> None:
        if bytes(self._header_name).lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._header_value))
            self._field = options.get(b"name", b"").decode("latin-1")

    def part_data(self, data: bytes, start: int, end: int) -> None:
        if self._field == DOCUMENT_FIELD:
            self.document.update(data[start:end])
            if self.document.length > self._max_document:
                raise UploadRefused("too-large")
        elif self._field in self.small:
            part = self.small[self._field]
            part += data[start:end]
            if len(part) > self._limits[self._field]:
                raise UploadRefused("receipt-too-large" if self._field == RECEIPT_FIELD else "bad-form")

    @staticmethod
    def _grow(buffer: bytearray, more: bytes) -> None:
        buffer += more
        if len(buffer) > MAX_HEADER:
            raise UploadRefused("bad-form")


async def read_upload(content_type: str, stream: AsyncIterator[bytes], max_document: int) -> Upload:
    """Read a multipart form in constant memory. Raises: UploadRefused."""
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise UploadRefused("bad-form")
    form = _Form(max_document)
    total = 0
    try:
        parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": form.part_begin,
                "on_part_data": form.part_data,
                "on_header_begin": form.header_begin,
                "on_header_field": form.header_field,
                "on_header_value": form.header_value,
                "on_header_end": form.header_end,
            },
            max_size=max_document + MAX_RECEIPT + FORM_OVERHEAD,
        )
        async for chunk in patient(stream):
            total += len(chunk)
            if total > max_document + MAX_RECEIPT + FORM_OVERHEAD:
                raise UploadRefused("too-large")
            parser.write(chunk)
        parser.finalize()
    except FormParserError:
        raise UploadRefused("bad-form") from None
    if form.document.length == 0:
        raise UploadRefused("no-file")
    issuer = form.small[ISSUER_FIELD].decode("ascii", "replace")
    return Upload(form.document.finish(), bytes(form.small[RECEIPT_FIELD]), _issuer(issuer))


async def read_question(stream: AsyncIterator[bytes]) -> Upload:
    """Read the digests that a browser computed, with the receipt that it read. Raises: UploadRefused."""
    try:
        fields = read(await _whole(stream), what="question", max_bytes=MAX_QUESTION)
    except MalformedText:
        raise UploadRefused("bad-form") from None
    if not isinstance(fields, dict) or set(fields) != {"digests", "receipt", "issuer"}:
        raise UploadRefused("bad-form")
    digests, receipt = fields["digests"], fields["receipt"]
    if not (isinstance(digests, list) and 1 <= len(digests) <= MAX_FORMS + 1 and isinstance(receipt, str)):
        raise UploadRefused("bad-form")
    if not all(map(is_hash, digests)):
        raise UploadRefused("bad-form")
    digest, *revisions = map(bytes.fromhex, digests)
    # A lone surrogate is no text, and so no receipt either: the reader of receipts says so.
    data = receipt.encode("utf-8", "surrogatepass")
    return Upload(Fingerprint(digest, revisions=tuple(revisions)), data, _issuer(fields["issuer"]))


async def read_receipt(stream: AsyncIterator[bytes]) -> bytes:
    """Read a receipt that the page put into a form itself. Raises: UploadRefused."""
    try:
        form = parse_qs(await _whole(stream), max_num_fields=1)
        return unquote_to_bytes(form[b"receipt"][0])
    except (ValueError, KeyError):
        raise UploadRefused("bad-form") from None


async def patient(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A body as it comes. Raises: UploadRefused when it comes too slowly; ClientDisconnect."""
    loop = asyncio.get_running_loop()
    until = loop.time() + BODY_SECONDS
    while True:
        try:
            async with asyncio.timeout_at(until):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise UploadRefused("too-slow") from None
        # No more than at the beginning, however much came fast.
        until = min(until + len(chunk) / LEAST_BYTES_A_SECOND, loop.time() + BODY_SECONDS)
        yield chunk


async def _whole(stream: AsyncIterator[bytes]) -> bytes:
    body = bytearray()
    async for chunk in patient(stream):
        body += chunk
        if len(body) > MAX_QUESTION:
            raise UploadRefused("receipt-too-large")
    return bytes(body)


def _issuer(given: Any) -> str:
    if not isinstance(given, str) or not (given == "" or is_hash(given)):
        raise UploadRefused("bad-issuer")
    return given
