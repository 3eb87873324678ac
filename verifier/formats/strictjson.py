"""One strict JSON reader for everything that is handed to the verifier."""

import json
import re
from typing import Any, NoReturn

from verifier.errors import MalformedText

MAX_DEPTH = 8
MAX_INTEGER_DIGITS = 20

_BRACKET_OR_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


def read(data: bytes, *, what: str, max_bytes: int) -> Any:
    """The value of a JSON text in UTF-8, with unique keys, no floats, and bounded depth and size.

    Raises: MalformedText, named by the defect.
    """
    if len(data) > max_bytes:
        raise MalformedText(f"{what} has more than {max_bytes} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise MalformedText(f"{what} is not UTF-8") from None
    # Looked at before parsing: a program that embeds this may have raised Python's recursion limit so far that
    # brackets alone overflow the C stack.
    if _nesting(text) > MAX_DEPTH:
        raise MalformedText(f"{what} is nested more than {MAX_DEPTH} deep")
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_float=_number, parse_constant=_number, parse_int=_integer
        )
    except ValueError as error:
        raise MalformedText(f"{what} is not JSON: {error}") from None


def canonical(value: Any) -> str:
    """RFC 8785 text of objects with ASCII keys, strings, and integers below 2^53."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def read_canonical(text: str, *, what: str, max_bytes: int) -> dict[str, Any]:
    """The object of a text that is byte-equal to its canonical form.

    Raises: MalformedText.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise MalformedText(f"{what} holds a lone surrogate") from None
    value = read(data, what=what, max_bytes=max_bytes)
    if not isinstance(value, dict):
        raise MalformedText(f"{what} is not a JSON object")
    if canonical(value) != text:
        raise MalformedText(f"{what} is not in canonical form (RFC 8785)")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {twice!r} stands twice")
    return dict(pairs)


def _number(given: str) -> NoReturn:
    raise ValueError(f"{given} is not an integer")


def _integer(given: str) -> int:
    if len(given) > MAX_INTEGER_DIGITS:
        raise ValueError("an integer is too long")
    return int(given)


def _nesting(text: str) -> int:
    """How deep the brackets outside strings go."""
    deepest = depth = 0
    for match in _BRACKET_OR_STRING.finditer(text):
        if match[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif match[0] in "]}":
            depth -= 1
    return deepest
