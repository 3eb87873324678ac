"""The readers of strangers' bytes in the service and in the public page's forms; more in _readers.py."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from pathlib import Path

from _readers import JSON_FAMILIES, Reader, Shape, inside, numbered
from pydantic import ValidationError
from starlette.types import Message, Receive, Scope, Send

from anchor_service.core import approval, manifest
from anchor_service.core.errors import Rejected, TableRejected
from anchor_service.pipeline.table import open_table
from anchor_service.web.limits import MAX_BODY, BodyLimit
from anchor_service.web.schemas import CertificatesIn
from verifier.web import upload
from verifier.web.upload import UploadRefused

_BOUNDARY = b"limit"
_FORM = f"multipart/form-data; boundary={_BOUNDARY.decode()}"
# As a server hands a body over.
_PIECE = 64 * 1024
_FILE = b'--limit\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
_RECEIPT = b'--limit\r\nContent-Disposition: form-data; name="receipt"\r\n\r\n'
_END = b"\r\n--limit--\r\n"
_DIGEST = b"ab" * 32


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), _PIECE):
        yield data[at : at + _PIECE]


def _run(reading: Coroutine[object, object, object]) -> object:
    """What comes of it, also where a browser's tests run an event loop in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, reading).result()


def _form(data: bytes) -> object:
    return _run(upload.read_upload(_FORM, _pieces(data), 1 << 30))


def _content_type(data: bytes) -> object:
    return _run(upload.read_upload(data.decode("latin-1"), _pieces(b""), 1 << 30))


def _question(data: bytes) -> object:
    return _run(upload.read_question(_pieces(data)))


def _saved_receipt(data: bytes) -> object:
    return _run(upload.read_receipt(_pieces(data)))


def _hand_in(data: bytes) -> None:
    """As FastAPI reads a body, behind the measure that the service takes of it."""

    async def receive() -> Message:
        return {"type": "http.request", "body": data}

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        CertificatesIn.model_validate(json.loads((await receive())["body"]))

    async def send(_: Message) -> None:
        pass

    _run(BodyLimit(app)({"type": "http", "path": "/v1/certificates", "headers": []}, receive, send))


def _table(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        path = Path(file.name)
        path.write_bytes(data)
        for _ in open_table(path, "file", UTC, {}).rows():
            pass


def _by_lines(read: Callable[[list[str]], object]) -> Callable[[bytes], object]:
    return lambda data: read(data.decode("utf-8", "replace").splitlines(keepends=True))


def _readers() -> dict[str, Reader]:
    header = {"format": manifest.MANIFEST_FORMAT, "chain_id": 7, "registry": "0x" + "11" * 20, "issuer_id": "aa" * 32,
              "issuer_profile": "", "sequence": 1, "tree_size": 10**9, "root_hash": "00" * 32}  # fmt: skip
    header_line = (json.dumps(header, sort_keys=True, separators=(",", ":")) + "\n").encode()
    entries_line = header_line.replace(b"jangkar-manifest-v1", b"jangkar-entries-v1")
    entry = b'{"document_digest":"' + _DIGEST + b'","leaf_index":%d,"metadata":"{}"}\n'
    approved = {"format": approval.FORMAT, "chain_id": 7, "registry": "0x" + "11" * 20, "issuer_id": "aa" * 32,
                "sequence": 1, "root_hash": "00" * 32, "tree_size": 1, "deadline": 1, "approver": "0x" + "22" * 20,
                "signature": "@"}  # fmt: skip
    before, after = json.dumps(approved, sort_keys=True, separators=(",", ":")).encode().split(b"@")
    asked = b'{"digests":["' + _DIGEST + b'"],"issuer":"","receipt":"@"}'
    certificate = b'{"document_digest":"' + _DIGEST + b'","number":"%d","kind":"latsar","issued_on":"2026-11-20"}'
    columns = b"berkas,nomor,jenis,tanggal_terbit\n"
    texts = JSON_FAMILIES
    form = {
        name: inside(Shape(b"", unit), _FILE, _END)
        for name, unit in {
            "line ends": b"\r\n", "carriage returns": b"\r", "dashes": b"-", "beginnings of a boundary": b"\r\n--limi",
            "zeros": b"\0", "ends of a revision": b"%%EOF",
        }.items()
    }  # fmt: skip
    return {
        "approval": Reader(approval.parse, approval.MAX_BYTES, [before + b"00" + after], texts | {
            "a signature": Shape(before, b"00", after),
            "half a byte": Shape(before, b"00", b"0" + after),
        }, (Rejected,)),
        "manifest of a batch": Reader(_by_lines(manifest.read_manifest), 1 << 40, [header_line], {
            "leaves": Shape(header_line, _DIGEST + b"\n"),
        }, (Rejected,)),
        "entries of a batch": Reader(_by_lines(manifest.read_entries), 1 << 40, [entries_line + entry % 0], {
            "entries": numbered(entries_line, entry),
        }, (Rejected,)),
        "hand-in": Reader(_hand_in, MAX_BODY, [b'{"certificates":[' + certificate % 0 + b"]}"], texts | {
            "certificates": inside(numbered(b"", certificate + b",", certificate % 0), b'{"certificates":[', b"]}"),
            "one number": inside(Shape(b"", b"\\u0041"), b'{"certificates":[{"number":"', b'"}]}'),
        }, (ValidationError, ValueError)),
        "table": Reader(_table, 1 << 40, [columns + b"a.pdf,1,latsar,2026-11-20\n"], {
            "rows": numbered(columns, b"a%d.pdf,1,latsar,2026-11-20\n"),
            "columns": numbered(b"berkas", b",x%d"),
            "columns of one name": Shape(b"berkas", b",nomor"),
            "a long name of a column": Shape(b"", b"tanggal_"),
            "columns nearly of a known name": numbered(b"berkas,nomor,jenis,tanggal_terbit", b",nomor%d"),
            "quotes": Shape(columns, b'"'),
            "quotes in pairs": Shape(columns + b'"', b'""', b'"\n'),
            "empty rows": Shape(columns, b"\n"),
            "commas": Shape(columns, b","),
        }, (Rejected, TableRejected)),
        "form": Reader(_form, 1 << 40, [_FILE + b"%PDF-1.7\n%%EOF\n" + _END], form | {
            "headers": Shape(b"--limit\r\n", b"a: b\r\n"),
            "one header": Shape(b"--limit\r\nA: ", b"b"),
            "a receipt": inside(Shape(b"", b"\\"), _RECEIPT, _END),
            "parts": Shape(b"", b"--limit\r\n\r\n\r\n"),
            "no form": Shape(b"", b"-"),
        }, (UploadRefused,)),
        "content type": Reader(_content_type, 64 * 1024, [_FORM.encode()], {
            "semicolons in quotes": Shape(b'multipart/form-data; boundary="', b";"),
            "escaped quotes": Shape(b'multipart/form-data; boundary="', b'\\";'),
            "options": Shape(b"multipart/form-data", b";a=b"),
            "pieces of one option": numbered(b"multipart/form-data", b";a*%d=b"),
        }, (UploadRefused,)),
        "question": Reader(_question, upload.MAX_QUESTION, [asked.replace(b"@", b"")], JSON_FAMILIES | {
            "a receipt": Shape(asked.split(b"@")[0], b'\\"', asked.split(b"@")[1]),
        }, (UploadRefused,)),
        "saved receipt": Reader(_saved_receipt, upload.MAX_QUESTION, [b"receipt=%257B%257D"], {
            "percents": Shape(b"receipt=", b"%"),
            "escaped twice": Shape(b"receipt=", b"%2541"),
            "fields": Shape(b"receipt=a", b"&"),
            "plus": Shape(b"receipt=", b"+"),
        }, (UploadRefused,)),
    }  # fmt: skip


MORE_READERS = _readers()
