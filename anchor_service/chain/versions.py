"""Which version of the registry contract stands at an address: told by its code, since a contract can say anything.

The constructor writes chain and address into the code (Solidity's immutables), so that the code hash that a policy pins
is another one at each address. A version is known by its code with zeros in those places.
Source: docs/spec/registry.md 7.
"""

from typing import NamedTuple

from eth_utils.crypto import keccak

_WORD = 32


class Version(NamedTuple):
    """A released version: its number, where the constructor writes a word each, and what the code then hashes to."""

    number: int
    immutables: tuple[int, ...]
    hash: bytes


# Each that was ever released: a registry is never changed, and goes on at its address.
VERSIONS = (
    Version(
        1,
        (11492, 11537, 16738, 16780, 16822, 16903, 16943),
        bytes.fromhex("3e9b753b73e993cc29c1ac0c4c15658d62ad3b5527fb526efd4815488636dd59"),
    ),
    Version(
        2,
        (11544, 11589, 17049, 17091, 17133, 17214, 17254),
        bytes.fromhex("9bbc1e2e9a1586566f23e6392481a02f378df4f8b002a8e7d190a399bfce9a6c"),
    ),
)
NEWEST = VERSIONS[-1].number


def version_of(code: bytes) -> int | None:
    """The version of the contract whose code this is; nothing where we know none."""
    for version in VERSIONS:
        if hash_of(code, version.immutables) == version.hash:
            return version.number
    return None


def hash_of(code: bytes, immutables: tuple[int, ...]) -> bytes:
    """Keccak-256 of a code with zeros for the words that the constructor wrote into it."""
    blank = bytearray(code)
    for start in immutables:
        blank[start : start + _WORD] = bytes(len(blank[start : start + _WORD]))
    return keccak(bytes(blank))
