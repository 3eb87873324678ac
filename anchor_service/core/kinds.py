"""The kinds of training that a window's scope can hold. Source: docs/spec/registry.md 4.

A scope is a set of kinds in 256 bits. The table only grows; a number never changes its meaning.
"""

from collections.abc import Iterable

from anchor_service.core.errors import FieldRejected

KIND_NUMBERS = {
    "latsar": 0,
    "pkp": 1,
    "pka": 2,
    "pkn-2": 3,
    "pkn-1": 4,
    "manajerial": 5,
    "fungsional": 6,
    "teknis": 7,
    "sosial-kultural": 8,
    "sertifikasi-kompetensi": 9,
    "penjenjangan": 10,
    "workshop": 11,
    "seminar": 12,
    "bimtek": 13,
    "magang": 14,
    "e-learning": 15,
    "lainnya": 255,
}


def scope_of(kinds: Iterable[str]) -> int:
    """The scope, a 256-bit set, of these kinds. Raises: FieldRejected for an unknown kind."""
    scope = 0
    for kind in kinds:
        if kind not in KIND_NUMBERS:
            raise FieldRejected("kind", f"{kind!r} is not in the table of kinds: {', '.join(KIND_NUMBERS)}")
        scope |= 1 << KIND_NUMBERS[kind]
    return scope


def kinds_of(scope: int) -> tuple[str, ...]:
    """The known kinds of a scope, in the table's order."""
    return tuple(kind for kind, number in KIND_NUMBERS.items() if scope >> number & 1)
