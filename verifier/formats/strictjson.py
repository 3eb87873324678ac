"""One strict JSON reader for everything that is handed to the verifier, and one for the members of an object."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NoReturn

from verifier.errors import Malformed, MalformedText

MAX_DEPTH = 8
MAX_INTEGER_DIGITS = 20

_HASH = re.compile("[0-9a-f]{64}")
_HASH_0X = re.compile("0x[0-9a-f]{64}")
_ADDRESS = re.compile("0x[0-9a-f]{40}")
_BYTES = re.compile("(?:[0-9a-f]{2})*+")

# A string ends at its quote or with the text: what begins with a quote always matches, so that no letter is looked at
# from two beginnings. Possessive, so that nothing is kept to go back to either.
_BRACKET_OR_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)


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
    if _is_too_deep(text):
        raise MalformedText(f"{what} is nested more than {MAX_DEPTH} deep")
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_float=_number, parse_constant=_number, parse_int=_integer
        )
    except ValueError as error:
        raise MalformedText(f"{what} is not JSON: {error}") from None


def is_hash(value: Any) -> bool:
    """Whether this is a hash as every format writes one: 64 lowercase hexadecimal digits."""
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def require_names(
    given: Mapping[str, Any], required: AbstractSet[str], optional: AbstractSet[str] = frozenset(), *, what: str
) -> None:
    """Refuse an object that has other members than it may, or fewer than it must.

    Raises: MalformedText, named by the first of them.
    """
    if unknown := set(given) - required - optional:
        raise MalformedText(f"{what} has an unknown field {min(unknown)!r}")
    if missing := required - set(given):
        raise MalformedText(f"{what} lacks {min(missing)!r}")


def require(kind: type[Malformed], holds: bool, defect: str) -> None:  # noqa: FBT001  (a condition, as assert has one)
    """Refuse what does not hold. Raises: an error of this kind, which says the defect."""
    if not holds:
        raise kind(defect)


class Fields:
    """The members of an object that are known to be there, each read as what its format says that it is.

    `defect` makes the format's own error from a member's name and from what the member should have been, so that each
    format says in its words what is wrong. Every reader raises that error.
    """

    def __init__(self, members: Mapping[str, Any], defect: Callable[[str, str], Malformed]) -> None:
        self._members = members
        self._defect = defect

    def integer(self, name: str, least: int = 0, most: int | None = None) -> int:
        """A whole number from `least` to `most`, both of them included."""
        value = self._members[name]
        if type(value) is not int or value < least or (most is not None and value > most):
            raise self._defect(name, f"a whole number from {least}" + (f" to {most}" if most is not None else ""))
        return value

    def text(self, name: str) -> str:
        """Any text."""
        value = self._members[name]
        if not isinstance(value, str):
            raise self._defect(name, "a text")
        return value

    def hash(self, name: str) -> bytes:
        """The 32 bytes of 64 hexadecimal digits."""
        return bytes.fromhex(self._match(name, _HASH, "lowercase hexadecimal of its length"))

    def hash_0x(self, name: str) -> bytes:
        """The 32 bytes of 64 hexadecimal digits behind 0x, as nodes write them."""
        return bytes.fromhex(self._match(name, _HASH_0X, "lowercase 0x hexadecimal of its length")[2:])

    def address(self, name: str) -> str:
        """The text of an address: 40 lowercase hexadecimal digits behind 0x."""
        return self._match(name, _ADDRESS, "lowercase 0x hexadecimal of its length")

    def octets(self, name: str) -> bytes:
        """Any number of bytes in hexadecimal."""
        return bytes.fromhex(self._match(name, _BYTES, "lowercase hexadecimal of its length"))

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of any texts."""
        value = self._members[name]
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self._defect(name, "a list of texts")
        return tuple(value)

    def hashes(self, name: str) -> tuple[bytes, ...]:
        """A list of hashes."""
        value = self._members[name]
        if not isinstance(value, list) or not all(map(is_hash, value)):
            raise self._defect(name, "a list of texts of 64 hexadecimal digits")
        return tuple(map(bytes.fromhex, value))

    def _match(self, name: str, pattern: re.Pattern[str], expected: str) -> str:
        value = self._members[name]
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self._defect(name, expected)
        return value


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
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"key {twice!r} stands twice")
    return found


def _number(given: str) -> NoReturn:
    raise ValueError(f"{given} is not an integer")


def _integer(given: str) -> int:
    if len(given) > MAX_INTEGER_DIGITS:
        raise ValueError("an integer is too long")
    return int(given)


def _is_too_deep(text: str) -> bool:
    """Whether the brackets outside strings go deeper than they may."""
    depth = 0
    for match in _BRACKET_OR_STRING.finditer(text):
        if match[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif match[0] in "]}":
            depth -= 1
    return False
