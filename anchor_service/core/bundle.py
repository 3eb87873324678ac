"""The history of a registry up to a block, as every verifier writes it. Source: docs/spec/bundle.md."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from anchor_service.core import canonical
from anchor_service.core.log_proof import Log

FORMAT = "jangkar-bundle-v1"


@dataclass(frozen=True, slots=True)
class Block:
    """A final block. `time` is in seconds since 1970."""

    number: int
    hash: bytes
    time: int


@dataclass(frozen=True, slots=True)
class RecordedLog:
    """A registry's log, its root, the block that each entry was written in, and what the registry's code hashes to."""

    log: Log
    root_hash: bytes
    blocks: Sequence[int]
    code_hash: bytes


@dataclass(frozen=True)
class RecordedHistory:
    """The logs of registries that succeed one another, oldest first, up to a block."""

    chain_id: int
    genesis: bytes
    block: Block
    logs: Sequence[RecordedLog]

    @property
    def header(self) -> str:
        """A bundle's first line, with its line feed: chain, block, and size and root of each log."""
        fields = {
            "format": FORMAT,
            "chain_id": self.chain_id,
            "genesis": "0x" + self.genesis.hex(),
            "block": {"number": self.block.number, "hash": "0x" + self.block.hash.hex(), "time": self.block.time},
            "logs": [
                {
                    "registry": recorded.log.registry,
                    "code_hash": "0x" + recorded.code_hash.hex(),
                    "size": len(recorded.log.entries),
                    "root": recorded.root_hash.hex(),
                }
                for recorded in self.logs
            ],
        }
        return canonical.encode(fields) + "\n"

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the whole bundle."""
        found = hashlib.sha256(self.header.encode())
        for recorded in self.logs:
            for block, entry in zip(recorded.blocks, recorded.log.entries, strict=True):
                found.update(f"{block} {entry.hex()}\n".encode())
        return found.digest()
