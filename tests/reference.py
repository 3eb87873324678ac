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


def consistency(old_size: int, leaves: list[bytes], *, complete: bool = True) -> list[bytes]:
    """PROOF and SUBPROOF of RFC 9162 2.1.4.1, over leaf hashes."""
    if old_size == len(leaves):
        return [] if complete else [root(leaves)]
    k = largest_power_below(len(leaves))
    if old_size <= k:
        return [*consistency(old_size, leaves[:k], complete=complete), root(leaves[k:])]
    return [*consistency(old_size - k, leaves[k:], complete=False), root(leaves[:k])]


def approval(
    chain_id: int, registry: str, issuer_id: bytes, sequence: int, root_hash: bytes, size: int, deadline: int
) -> dict:
    """The EIP-712 message of an approval, whole, as wallets take it."""
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Approval": [
                {"name": "issuerId", "type": "bytes32"},
                {"name": "sequence", "type": "uint64"},
                {"name": "root", "type": "bytes32"},
                {"name": "size", "type": "uint64"},
                {"name": "deadline", "type": "uint64"},
            ],
        },
        "primaryType": "Approval",
        "domain": {"name": "Jangkar", "version": "1", "chainId": chain_id, "verifyingContract": registry},
        "message": {
            "issuerId": issuer_id, "sequence": sequence, "root": root_hash, "size": size, "deadline": deadline,
        },
    }  # fmt: skip


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
