"""A slow second implementation, straight from the specification's sentences. For tests and vectors only.

It shares no code with the service or the verifier, and prefers the shape of the text to speed.
"""

import hashlib
import json


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def leaf_input(issuer_id: bytes, document_digest: bytes, metadata: str) -> bytes:
    return b"\x01" + issuer_id + document_digest + sha256(metadata.encode())


def leaf(data: bytes) -> bytes:
    return sha256(b"\x00" + data)


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right)


def largest_power_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162 2.1.1, over leaf hashes."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = largest_power_below(len(leaves))
    return node(root(leaves[:k]), root(leaves[k:]))


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162 2.1.3.1, over leaf hashes."""
    if len(leaves) == 1:
        return []
    k = largest_power_below(len(leaves))
    if index < k:
        return [*path(index, leaves[:k]), root(leaves[k:])]
    return [*path(index - k, leaves[k:]), root(leaves[:k])]


def canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def iso7064_mod_33_32(digits: list[int]) -> int:
    """The check value of ISO 7064's hybrid system, in the textbook's own steps."""
    p = 32
    for digit in digits:
        s = p + digit
        if s > 32:
            s -= 32
        p = 2 * s
        if p > 32:
            p -= 33
    return (33 - p) % 32
