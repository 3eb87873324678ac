"""Metadata v1: the small closed set of facts that a leaf binds. Source: docs/spec/metadata.md."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from anchor_service.core import canonical, certificate_code
from anchor_service.core.errors import FieldRejected
from anchor_service.core.hashing import MetadataDigest, text_digest

MAX_BYTES = 4096
NONCE_BYTES = 16
MAX_NUMBER_LENGTH = 128
MAX_TITLE_LENGTH = 300
MAX_GRADE_LENGTH = 100
MAX_JP = 10_000

_NONCE = re.compile(f"[0-9a-f]{{{2 * NONCE_BYTES}}}", re.ASCII)
_KIND = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Metadata(NamedTuple):
    """One certificate's facts, checked. `text` is the exact text that is hashed."""

    text: str
    number: str
    kind: str
    code: str | None

    @property
    def digest(self) -> MetadataDigest:
        """SHA-256 of the exact UTF-8 text."""
        return MetadataDigest(text_digest(self.text))


def from_fields(fields: Mapping[str, Any]) -> Metadata:
    """Check the fields and write them in canonical form.

    Raises: FieldRejected, naming the field and what it must hold.
    """
    for name in fields:
        if name not in _CHECKS:
            raise FieldRejected(name, f"is not a field of metadata v1; known are {', '.join(_CHECKS)}")
    for name in _REQUIRED:
        if name not in fields:
            raise FieldRejected(name, "is required")
    for name, value in fields.items():
        _CHECKS[name](name, value)
    if "starts_on" in fields and "ends_on" in fields and fields["ends_on"] < fields["starts_on"]:
        raise FieldRejected("ends_on", f"{fields['ends_on']} lies before starts_on {fields['starts_on']}")
    text = canonical.encode(dict(fields))
    if len(text.encode()) > MAX_BYTES:
        raise FieldRejected("metadata", f"has more than {MAX_BYTES} bytes in all")
    return Metadata(text, fields["number"], fields["kind"], fields.get("code"))


def from_text(text: str) -> Metadata:
    """Check a stored or received text.

    Raises: TextRejected when it is not canonical; FieldRejected when a field is wrong.
    """
    return from_fields(canonical.decode_object(text, what="metadata", max_bytes=MAX_BYTES))


def facts(text: str) -> dict[str, Any]:
    """What an institute handed in for a stored text: its fields without the nonce, which the service draws."""
    fields: dict[str, Any] = json.loads(text)
    return {name: value for name, value in fields.items() if name != "nonce"}


def facts_of_later_form(text: str) -> dict[str, Any]:
    """What a later form of a certificate says: its facts, but for what it supersedes, which its issued file did."""
    return {name: value for name, value in facts(text).items() if name != "supersedes"}


def _matches(pattern: re.Pattern[str], description: str) -> Callable[[str, Any], None]:
    def check(field: str, value: Any) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise FieldRejected(field, f"must be {description}")

    return check


def _text(max_length: int) -> Callable[[str, Any], None]:
    def check(field: str, value: Any) -> None:
        canonical.check_text(field, value, max_length=max_length)

    return check


def _date(field: str, value: Any) -> None:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise FieldRejected(field, "must be a date such as 2026-11-20")
    try:
        date.fromisoformat(value)
    except ValueError:
        raise FieldRejected(field, f"{value} is not a day of the calendar") from None


def _instant(field: str, value: Any) -> None:
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise FieldRejected(field, "must be a UTC instant such as 2029-11-20T17:00:00Z")
    try:
        datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise FieldRejected(field, f"{value} is not an instant of the calendar") from None


def _jp(field: str, value: Any) -> None:
    # bool is an int in Python, and is no number of lesson hours.
    if type(value) is not int or not 1 <= value <= MAX_JP:
        raise FieldRejected(field, f"must be a whole number of lesson hours from 1 to {MAX_JP}")


def _code(field: str, value: Any) -> None:
    if not isinstance(value, str) or not certificate_code.is_canonical(value):
        raise FieldRejected(field, "must be a certificate code of 12 capital characters with a right check character")


_CHECKS: dict[str, Callable[[str, Any], None]] = {
    "nonce": _matches(_NONCE, "32 lowercase hexadecimal digits"),
    "kind": _matches(_KIND, "a scope code such as latsar: lowercase letters, digits and dashes, at most 32"),
    "number": _text(MAX_NUMBER_LENGTH),
    "issued_on": _date,
    "code": _code,
    "title": _text(MAX_TITLE_LENGTH),
    "jp": _jp,
    "grade": _text(MAX_GRADE_LENGTH),
    "starts_on": _date,
    "ends_on": _date,
    "valid_until": _instant,
    "supersedes": _matches(_HASH, "the leaf hash of the earlier certificate, 64 lowercase hexadecimal digits"),
}
_REQUIRED = ("nonce", "kind", "number", "issued_on")
