"""One upload, hashed as it streams: never parsed as a document, never stored."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from verifier.fingerprint import Fingerprint, Fingerprinting
from verifier.receipt import MAX_BYTES as MAX_RECEIPT

DOCUMENT_FIELD = "file"
RECEIPT_FIELD = "receipt"
ISSUER_FIELD = "issuer"
MAX_PARTS = 4
MAX_HEADER = 4096
MAX_ISSUER = 64
# Boundaries and part headers come on top of what the parts hold.
FORM_OVERHEAD = 64 * 1024


class UploadRefused(Exception):
    """The request is not one upload of this form. `reason` is a name of verifier/web/phrases.py."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Upload:
    """What was uploaded: the file's fingerprint, the receipt's bytes, and the issuer that was named."""

    file: Fingerprint
    receipt: bytes
    issuer: str


class _Form:
    """The callbacks of a streaming multipart parser."""

    def __init__(self, max_document: int) -> None:
        self.document = Fingerprinting()
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
    total = 0
    try:
        async for chunk in stream:
            total += len(chunk)
            if total > max_document + MAX_RECEIPT + FORM_OVERHEAD:
                raise UploadRefused("too-large")
            parser.write(chunk)
        parser.finalize()
    except FormParserError:
        raise UploadRefused("bad-form") from None
    if form.document.length == 0:
        raise UploadRefused("no-file")
    return Upload(
        form.document.finish(),
        bytes(form.small[RECEIPT_FIELD]),
        form.small[ISSUER_FIELD].decode("ascii", "replace"),
    )
