"""One parser under atheris, in the environment of requirements/attack.txt. Run by fuzz.py.

Its arguments are the parser's name and libFuzzer's own. Any exception that is not one of the verifier's ends it.
"""

import hashlib
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["verifier"]):
    from verifier.chain.header import read_header
    from verifier.chain.registry import _nodes
    from verifier.chain.rpc import result_of
    from verifier.errors import VerifierError
    from verifier.formats import metadata, policy, receipt
    from verifier.formats.policy import Policy
    from verifier.history import bundle
    from verifier.history.events import read_event
    from verifier.history.log import LogEntry
    from verifier.places import mirror, service
    from verifier.places.location import Location
    from verifier.proofs.keccak import keccak256
    from verifier.proofs.trie import pool, value_at

PINS = (
    b'{"chain_id":7,"code_hash":"0x' + b"00" * 32 + b'","finality":"instant","format":"jangkar-policy-v1","genesis":"0x'
    b"" + b"00" * 32 + b'","nodes":["http://127.0.0.1:1"],"operators":1,"registry":"0x' + b"11" * 20 + b'"}'
)
METADATA = f'{{"issued_on":"2026-11-20","kind":"latsar","nonce":"{"0" * 32}","number":"1"}}'
TRUSTED: Policy = policy.parse(PINS)


def read_node(data: bytes) -> None:
    """What a node sends of a block, and of a registry's storage at that block."""
    for read in (read_header, _nodes):
        with suppress(VerifierError):
            read(result_of(data, "http://127.0.0.1:1", "eth_getProof"))


def walk(data: bytes) -> None:
    """A trie of the input's lines, walked from the first: its hashes always fit, its nodes are anything."""
    nodes = data.split(b"\n")
    value_at(keccak256(nodes[0]), bytes(32), pool(nodes))


def read_bundle(data: bytes) -> None:
    """A bundle that the policy pins, whatever stands in it."""
    bundle.parse(data, TRUSTED._replace(bundles=frozenset({hashlib.sha256(data).digest()})))


class Everywhere(Location):
    """A mirror of which every file holds the same."""

    def __init__(self, data: bytes) -> None:
        super().__init__("everywhere")
        self._data = data

    def find(self, name: str, max_bytes: int) -> bytes:  # noqa: ARG002  (it is everywhere)
        return self._data[: max_bytes + 1]


def read_mirror(data: bytes) -> None:
    """Checkpoint, tiles, bundle line, entries and blocks of a mirror."""
    location, pinned = Everywhere(data), TRUSTED._replace(bundles=frozenset({bytes(32)}))
    with suppress(VerifierError):
        mirror.receipt_from(location, TRUSTED.registries[0].address, b"\xaa" * 32, 1, bytes(32), METADATA)
    mirror.bundle_from(location, pinned)


def _text(parse: Any) -> Any:
    return lambda data: parse(data.decode("utf-8", "surrogateescape"))


PARSERS = {
    "receipt": receipt.parse,
    "metadata": _text(metadata.parse_metadata),
    "profile": _text(metadata.parse_profile),
    "policy": policy.parse,
    "rpc": read_node,
    "trie": walk,
    "bundle": read_bundle,
    "event": lambda data: read_event(LogEntry(0, data)),
    "mirror": read_mirror,
    "lookup": lambda data: service.read_answer(data, "http://127.0.0.1:1"),
}


def main() -> None:
    parse = PARSERS[sys.argv[1]]

    def one(data: bytes) -> None:
        with suppress(VerifierError):
            parse(data)

    atheris.Setup([sys.argv[0], *sys.argv[2:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
