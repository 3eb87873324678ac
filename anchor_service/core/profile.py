"""Profile v1: who an issuer is, as its accreditor wrote it. Source: docs/spec/registry.md 3."""

import re

from anchor_service.core import canonical
from anchor_service.core.errors import FieldRejected
from anchor_service.core.hashing import ProfileDigest, text_digest

MAX_BYTES = 1024
MAX_NAME_LENGTH = 200

_CODE = re.compile(r"[A-Z0-9][A-Z0-9.-]{0,31}", re.ASCII)


def from_fields(code: str, name: str) -> str:
    """The canonical profile text of a legal code and a legal name. Raises: FieldRejected."""
    if not _CODE.fullmatch(code):
        raise FieldRejected("code", "must be a legal code of capitals, digits, dots and dashes, at most 32")
    canonical.check_text("name", name, max_length=MAX_NAME_LENGTH)
    return canonical.encode({"code": code, "name": name})


def digest(text: str) -> ProfileDigest:
    """SHA-256 of the exact UTF-8 text, as the registry's window holds it."""
    return ProfileDigest(text_digest(text))
