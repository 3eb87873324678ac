"""Metadata v1 and profile v1, read from docs/spec/metadata.md and docs/spec/registry.md 3."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any, NamedTuple

from verifier.errors import MalformedCode, MalformedMetadata, MalformedProfile, MalformedText
from verifier.formats import certificate_code
from verifier.formats.strictjson import is_hash, read_canonical, require_names

MAX_METADATA_BYTES = 4096
MAX_PROFILE_BYTES = 1024

_NONCE = re.compile("[0-9a-f]{32}")
_KIND = re.compile("[a-z][a-z0-9-]{0,31}")
_PROFILE_CODE = re.compile("[A-Z0-9][A-Z0-9.-]{0,31}")
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_TEXT_LIMITS = {"number": 128, "title": 300, "grade": 100}
_MAX_JP = 10_000
_REQUIRED = {"nonce", "kind", "number", "issued_on"}
_OPTIONAL = {"code", "title", "jp", "grade", "starts_on", "ends_on", "valid_until", "supersedes"}
# Soft hyphen, zero-width, bidirectional and annotation characters, and line separators.
_HIDDEN = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


class Metadata(NamedTuple):
    """The proven facts of a certificate. `valid_until` is exclusive."""

    fields: dict[str, Any]
    valid_until: datetime | None

    @property
    def kind(self) -> str:
        """Scope code of the training."""
        return str(self.fields["kind"])


class Profile(NamedTuple):
    """Who an issuer is, as its accreditor wrote it."""

    code: str
    name: str


def parse_metadata(text: str) -> Metadata:
    """Read the exact metadata text of a receipt. Raises: MalformedMetadata."""
    try:
        fields = read_canonical(text, what="metadata", max_bytes=MAX_METADATA_BYTES)
        require_names(fields, _REQUIRED, _OPTIONAL, what="metadata")
    except MalformedText as error:
        raise MalformedMetadata(str(error)) from None
    for name, value in fields.items():
        if not _holds(name, value):
            raise MalformedMetadata(f"metadata field {name!r} does not hold what it must")
    if "starts_on" in fields and "ends_on" in fields and fields["ends_on"] < fields["starts_on"]:
        raise MalformedMetadata("metadata field 'ends_on' lies before 'starts_on'")
    until = _instant(fields["valid_until"]) if "valid_until" in fields else None
    return Metadata(fields, until)


def parse_profile(text: str) -> Profile:
    """Read the exact profile text of a receipt. Raises: MalformedProfile."""
    try:
        fields = read_canonical(text, what="profile", max_bytes=MAX_PROFILE_BYTES)
    except MalformedText as error:
        raise MalformedProfile(str(error)) from None
    if set(fields) != {"code", "name"}:
        raise MalformedProfile("a profile has a code and a name")
    if not (isinstance(fields["code"], str) and _PROFILE_CODE.fullmatch(fields["code"])):
        raise MalformedProfile("the profile's code is not a legal code")
    if not _visible(fields["name"], 200):
        raise MalformedProfile("the profile's name is not a visible text of at most 200 characters")
    return Profile(fields["code"], fields["name"])


def _holds(name: str, value: Any) -> bool:
    if name == "jp":
        return type(value) is int and 1 <= value <= _MAX_JP
    if not isinstance(value, str):
        return False
    match name:
        case "nonce":
            return _NONCE.fullmatch(value) is not None
        case "kind":
            return _KIND.fullmatch(value) is not None
        case "supersedes":
            return is_hash(value)
        case "valid_until":
            return _instant(value) is not None
        case "issued_on" | "starts_on" | "ends_on":
            return _is_day(value)
        case "code":
            return _is_code(value)
    return _visible(value, _TEXT_LIMITS[name])


def _visible(value: Any, limit: int) -> bool:
    return (
        isinstance(value, str)
        and 1 <= len(value) <= limit
        and value == value.strip()
        and not _HIDDEN.search(value)
        and all(unicodedata.category(character) not in ("Cc", "Cs") for character in value)
        and unicodedata.is_normalized("NFC", value)
    )


def _is_day(value: str) -> bool:
    if not _DAY.fullmatch(value):
        return False
    try:
        datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def _instant(value: str) -> datetime | None:
    if not _INSTANT.fullmatch(value):
        return None
    try:
        return datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _is_code(value: str) -> bool:
    try:
        return certificate_code.normalise(value) == value
    except MalformedCode:
        return False
