"""Recursive length prefix, in which Ethereum writes headers and tries. Source: Ethereum yellow paper, appendix B."""

from collections.abc import Sequence
from typing import TypeAlias

from verifier.errors import MalformedProof

Item: TypeAlias = bytes | list["Item"]

# A header's extra data nests three deep, a trie's node two.
MAX_DEPTH = 8


def encode(item: bytes | Sequence[Item]) -> bytes:
    """The bytes of a byte string or of a list of such items."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _prefix(len(item), 0x80) + item
    inner = b"".join(encode(member) for member in item)
    return _prefix(len(inner), 0xC0) + inner


def encode_integer(value: int) -> bytes:
    """The byte string of an integer: big-endian, without leading zeros."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def decode(data: bytes) -> Item:
    """The one item that these bytes are. Raises: MalformedProof."""
    item, end = _item(data, 0, len(data), 0)
    if end != len(data):
        raise MalformedProof("there is something behind an RLP item")
    return item


def _prefix(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    size = encode_integer(length)
    return bytes([offset + 55 + len(size)]) + size


def _item(data: bytes, start: int, limit: int, depth: int) -> tuple[Item, int]:
    """The item that begins at `start` and ends at or before `limit`, and where it ends."""
    if depth > MAX_DEPTH or start >= limit:
        raise MalformedProof("an RLP item is cut off or too deep")
    first = data[start]
    if first < 0x80:
        return data[start : start + 1], start + 1
    begin, end = _span(data, start, limit, 0xC0 if first >= 0xC0 else 0x80)
    if first < 0xC0:
        return data[begin:end], end
    items: list[Item] = []
    while begin < end:
        item, begin = _item(data, begin, end, depth + 1)
        items.append(item)
    return items, end


def _span(data: bytes, start: int, limit: int, offset: int) -> tuple[int, int]:
    """Where an item's content begins and ends."""
    begin, length = start + 1, data[start] - offset
    if length > 55:
        begin += length - 55
        length = int.from_bytes(data[start + 1 : min(begin, limit)], "big")
    if begin + length > limit:
        raise MalformedProof("an RLP item is cut off")
    return begin, begin + length
