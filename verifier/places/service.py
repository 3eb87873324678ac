"""Look-ups at an institute's service, whose answers are claims like any other.

Source: docs/spec/verification.md 5.
"""

import json
import time
import urllib.parse
from typing import NamedTuple

from verifier.chain.rpc import TIMEOUT_SECONDS, fetch
from verifier.errors import MalformedText, ServiceUnavailable, SourceUnavailable
from verifier.formats.fingerprint import Fingerprint
from verifier.formats.strictjson import read

FORMAT = "jangkar-lookup-v1"
MAX_BYTES = 1 << 20
# A service takes the file itself and so many more.
REVISIONS_AT_ONCE = 64


class LookUpAnswer(NamedTuple):
    """All receipts that a service holds for a file or a code, and how many more of that file wait to be anchored."""

    receipts: tuple[bytes, ...]
    pending: int


def look_up_file(service: str, file: Fingerprint) -> LookUpAnswer:
    """Every anchor of a file and of its earlier forms, by any issuer, in ten seconds at most.

    Raises: ServiceUnavailable.
    """
    until = time.monotonic() + TIMEOUT_SECONDS
    receipts: dict[bytes, None] = {}
    pending = 0
    for first in range(0, max(1, len(file.revisions)), REVISIONS_AT_ONCE):
        digests = [digest.hex() for digest in (file.digest, *file.revisions[first : first + REVISIONS_AT_ONCE])]
        found = _look_up(service, "documents", json.dumps({"document_digests": digests}).encode(), until)
        receipts |= dict.fromkeys(found.receipts)
        pending = found.pending
    return LookUpAnswer(tuple(receipts), pending)


def look_up_code(service: str, code: str) -> LookUpAnswer:
    """The anchor of a certificate code. Raises: ServiceUnavailable."""
    until = time.monotonic() + TIMEOUT_SECONDS
    return _look_up(service, f"codes/{urllib.parse.quote(code, safe='')}", None, until)


def _look_up(service: str, path: str, body: bytes | None, until: float) -> LookUpAnswer:
    # Absence is said in a 200: the 404 of a wrong address must not read as "no such certificate".
    url = f"{service.rstrip('/')}/v1/{path}"
    try:
        return read_answer(fetch(url, body, until - time.monotonic(), MAX_BYTES), url)
    except SourceUnavailable as error:
        raise ServiceUnavailable(str(error)) from None


def read_answer(answer: bytes, url: str) -> LookUpAnswer:
    """What a service's answer holds. Raises: ServiceUnavailable."""
    try:
        fields = read(answer, what=f"answer of {url}", max_bytes=MAX_BYTES)
    except MalformedText as error:
        raise ServiceUnavailable(str(error)) from None
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise ServiceUnavailable(f"{url} did not answer with {FORMAT}")
    receipts, pending = fields.get("receipts"), fields.get("pending")
    if not (
        isinstance(receipts, list) and all(isinstance(receipt, str) for receipt in receipts) and type(pending) is int
    ):
        raise ServiceUnavailable(f"{url} answered with something else than receipts")
    try:
        return LookUpAnswer(tuple(receipt.encode() for receipt in receipts), pending)
    except UnicodeEncodeError:
        raise ServiceUnavailable(f"{url} answered with a lone surrogate") from None
