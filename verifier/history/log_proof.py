"""Proofs about the registry's log, made from events alone and checked without them. Source: docs/spec/log.md 5."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from verifier.chain.facts import Checkpoint
from verifier.errors import MalformedProof, MalformedText
from verifier.formats.strictjson import Fields, read
from verifier.history.log import checkpoint_of
from verifier.proofs.hashing import leaf_hash
from verifier.proofs.merkle import consistency_path, inclusion_path, is_consistent, root_from_path

FORMAT = "jangkar-log-proof-v1"
MAX_BYTES = 64 * 1024

_SHARED = {"format", "chain_id", "registry", "size", "root", "path"}
_INCLUSION = _SHARED | {"entry", "index"}
_CONSISTENCY = _SHARED | {"old_size", "old_root"}


@dataclass(frozen=True)
class LogProof:
    """A proof that holds in itself: what it says is true of any log that has this size and root.

    `old` is the checkpoint that the log grew from; `entry` and `index` say what stands in it.
    """

    chain_id: int
    registry: str
    checkpoint: Checkpoint
    old: Checkpoint | None
    entry: bytes | None
    index: int | None


def prove_inclusion(chain_id: int, registry: str, entries: Sequence[bytes], index: int) -> str:
    """The file that proves that an entry stands in the log of these entries. Raises: MalformedProof."""
    path = inclusion_path([leaf_hash(entry) for entry in entries], index)
    return _encode(chain_id, registry, entries, path, {"entry": entries[index].hex(), "index": index})


def prove_consistency(chain_id: int, registry: str, entries: Sequence[bytes], old_size: int) -> str:
    """The file that proves that the log of these entries only grew since `old_size`. Raises: MalformedProof."""
    path = consistency_path([leaf_hash(entry) for entry in entries], old_size)
    old = checkpoint_of(entries[:old_size])
    return _encode(chain_id, registry, entries, path, {"old_size": old_size, "old_root": old.root.hex()})


def parse(data: bytes) -> LogProof:
    """Read a proof and check it in itself.

    Raises: MalformedProof for what is no proof, and for one that proves nothing.
    """
    try:
        members = read(data, what="log proof", max_bytes=MAX_BYTES)
    except MalformedText as error:
        raise MalformedProof(str(error)) from None
    if not isinstance(members, dict) or members.get("format") != FORMAT:
        raise MalformedProof(f"this is no proof of format {FORMAT}")
    if set(members) not in (_INCLUSION, _CONSISTENCY):
        raise MalformedProof("a log proof has the fields of an inclusion or of a consistency, and no others")
    fields = Fields(members, lambda name, expected: MalformedProof(f"{name} is not {expected}"))
    path = fields.hashes("path")
    checkpoint = Checkpoint(fields.integer("size"), fields.hash("root"))
    shared = (fields.integer("chain_id"), fields.text("registry"), checkpoint)
    if "entry" in members:
        entry, index = fields.octets("entry"), fields.integer("index")
        if root_from_path(leaf_hash(entry), index, checkpoint.size, path) != checkpoint.root:
            raise MalformedProof("the path does not lead from the entry to the root")
        return LogProof(*shared, old=None, entry=entry, index=index)
    old = Checkpoint(fields.integer("old_size"), fields.hash("old_root"))
    if not is_consistent(old.size, old.root, checkpoint.size, checkpoint.root, path):
        raise MalformedProof("the path does not lead from the old root to the new one")
    return LogProof(*shared, old=old, entry=None, index=None)


def _encode(chain_id: int, registry: str, entries: Sequence[bytes], path: Sequence[bytes], what: dict[str, Any]) -> str:
    checkpoint = checkpoint_of(entries)
    fields = {
        "format": FORMAT,
        "chain_id": chain_id,
        "registry": registry,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "path": [node.hex() for node in path],
        **what,
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))
