"""The one JSON form that Jangkar hashes and writes: RFC 8785, over a narrow set of values.

Keys are ASCII, values are NFC strings, integers below 2^53, and lists or objects of these. Within
this set Python's `json.dumps` with sorted keys is RFC 8785; the tests compare it with `rfc8785`.
"""

import json
import re
import unicodedata
from typing import Any

from anchor_service.core.errors import FieldRejected, TextRejected

# Zero-width and direction-changing characters make two different texts look the same.
_INVISIBLE = frozenset(
    {0x00AD, 0x061C, 0x180E, 0xFEFF}
    | set(range(0x200B, 0x2010))
    | set(range(0x2028, 0x202F))
    | set(range(0x2060, 0x2070))
    | set(range(0xFFF9, 0xFFFC))
)

# Nothing of ours nests deeper.
MAX_DEPTH = 8
# A string ends at its quote or with the text, so that no letter is looked at from two beginnings.
_BRACKET_OR_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def encode(value: Any) -> str:
    """The canonical text of a value that stays within the narrow set. Source: RFC 8785."""
    return _ENCODER.encode(value)


def decode_object(text: str, *, what: str, max_bytes: int) -> dict[str, Any]:
    """The object of a text that is byte-equal to its canonical form.

    Raises: TextRejected for anything else, named by its defect.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise TextRejected(f"{what} holds a lone surrogate") from None
    if size > max_bytes:
        raise TextRejected(f"{what} has {size} bytes; at most {max_bytes} are allowed")
    if is_deeper(text, MAX_DEPTH):
        raise TextRejected(f"{what} is nested more than {MAX_DEPTH} deep")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_float=_no_float, parse_constant=_no_float)
    except ValueError as error:
        raise TextRejected(f"{what} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise TextRejected(f"{what} is not a JSON object")
    if encode(value) != text:
        raise TextRejected(f"{what} is not in canonical form (RFC 8785)")
    return value


def is_deeper(text: str, most: int) -> bool:
    """Whether the brackets of a JSON text, outside of its strings, go deeper than they may.

    To be asked before a parser sees it: where a library has raised Python's recursion limit, as web3's do, brackets
    alone overflow the C stack, and the process is gone.
    """
    depth = 0
    for match in _BRACKET_OR_STRING.finditer(text):
        if match[0] in "[{":
            depth += 1
            if depth > most:
                return True
        elif match[0] in "]}":
            depth -= 1
    return False


def check_text(field: str, value: object, *, max_length: int) -> str:
    """A string that two people read alike: NFC, trimmed, of visible characters.

    Raises: FieldRejected. Length: 1 to `max_length` code points.
    """
    if not isinstance(value, str):
        raise FieldRejected(field, "must be a text")
    if not 1 <= len(value) <= max_length:
        raise FieldRejected(field, f"must have 1 to {max_length} characters, has {len(value)}")
    if value != value.strip():
        raise FieldRejected(field, "must not begin or end with a space")
    if value.isascii() and value.isprintable():
        return value
    for character in value:
        if unicodedata.category(character) in {"Cc", "Cs"} or ord(character) in _INVISIBLE:
            raise FieldRejected(field, f"holds the invisible character U+{ord(character):04X}")
    if not unicodedata.is_normalized("NFC", value):
        raise FieldRejected(field, "is not in Unicode form NFC")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {key!r} stands twice")
        found[key] = value
    return found


def _no_float(given: str) -> None:
    raise ValueError(f"{given} is not an integer")
