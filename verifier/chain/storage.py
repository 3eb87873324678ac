"""Where the registry keeps what a verdict needs, and what the words there say. Source: docs/spec/storage.md."""

from collections.abc import Sequence

from verifier.chain.facts import LAST_TIME, Anchor, Custody, Key, Status, StatusRecord, Window
from verifier.errors import SourceUnavailable
from verifier.proofs.keccak import keccak256

# Variables and their slots; tests/contracts/ compares the page with the artifact, tests/verifier/ these with the page.
LOG_SIZE = 3
FRONTIER = 4
SUCCESSOR = 68
WINDOWS = 70
KEYS = 71
PROGRESS = 74
ANCHORS = 75
REATTESTATIONS = 76
HISTORIES = 77

ANCHOR_WORDS, WINDOW_WORDS, RECORD_WORDS = 3, 3, 2

_ADDRESS_BYTES = 20
_TIME_BYTES = 8


def mapping_slot(slot: int, *keys: bytes) -> int:
    """The slot of a value in a mapping of mappings: Keccak-256(key || slot), from the outer key to the inner one."""
    for key in keys:
        slot = int.from_bytes(keccak256(key.rjust(32, b"\0") + slot.to_bytes(32, "big")), "big")
    return slot


def first_item_slot(slot: int) -> int:
    """The slot of the first item of a dynamic array whose length stands in `slot`."""
    return int.from_bytes(keccak256(slot.to_bytes(32, "big")), "big")


def integer_key(value: int) -> bytes:
    """An integer as the key of a mapping."""
    return value.to_bytes(32, "big")


def address_key(address: str) -> bytes:
    """An address as the key of a mapping."""
    return bytes.fromhex(address[2:])


def address_at(word: int, offset: int = 0) -> str:
    """The address that stands in a word."""
    return f"0x{_part(word, offset, _ADDRESS_BYTES):040x}"


def uint64_at(word: int, offset: int) -> int:
    """The uint64 that stands in a word."""
    return _part(word, offset, _TIME_BYTES)


def block_time_at(word: int, offset: int) -> int:
    """The block time that stands in a word. Raises: SourceUnavailable for one that is no date."""
    time = uint64_at(word, offset)
    if time > LAST_TIME:
        raise SourceUnavailable(f"the registry holds a block time {time}, which is no date")
    return time


def read_anchor(words: Sequence[int]) -> Anchor | None:
    """The anchor in its three words, or nothing where they are empty. Raises: SourceUnavailable."""
    root, packed, key = words
    size, block, window = (uint64_at(packed, offset) for offset in (0, 16, 24))
    time = block_time_at(packed, 8)
    return Anchor(root.to_bytes(32, "big"), size, time, block, window, address_at(key)) if size else None


def read_window(words: Sequence[int]) -> Window:
    """The window in its three words."""
    span, scope, profile = words
    return Window(uint64_at(span, 0), uint64_at(span, 8), scope, profile.to_bytes(32, "big"))


def read_key(word: int) -> Key:
    """The key in its word. Raises: SourceUnavailable for a custody that there is not."""
    custody = _part(word, 25, 1)
    if custody >= len(Custody):
        raise SourceUnavailable(f"the registry holds a key of custody {custody}, which this verifier does not know")
    return Key(uint64_at(word, 0), uint64_at(word, 8), uint64_at(word, 16), _part(word, 24, 1), Custody(custody))


def read_record(words: Sequence[int]) -> tuple[StatusRecord, str]:
    """A status record in its two words, and its writer. Raises: SourceUnavailable for a status or time that is none."""
    packed, successor = words
    status = _part(packed, 0, 1)
    if status >= len(Status):
        raise SourceUnavailable(f"the registry holds a status {status}, which this verifier does not know")
    said = StatusRecord(
        status=Status(status),
        from_beginning=bool(_part(packed, 1, 1)),
        by_regulator=bool(_part(packed, 2, 1)),
        reason=_part(packed, 3, 1),
        block_time=block_time_at(packed, 4),
        successor=successor.to_bytes(32, "big"),
    )
    return said, address_at(packed, 12)


def _part(word: int, offset: int, length: int) -> int:
    return word >> 8 * offset & (1 << 8 * length) - 1
