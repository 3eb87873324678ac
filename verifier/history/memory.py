"""What a verifier saw last of each registry's log, so that it refuses a history that does not extend it.

The log's frontier is enough: what was written since is added to it and has to lead to the new checkpoint. Source:
docs/spec/verification.md 1.
"""

import json
from typing import Any, NamedTuple

from verifier.chain.facts import Checkpoint
from verifier.chain.nodes import Chain
from verifier.errors import HistoryForked, MalformedMemory, MalformedProof, MalformedText, NodeUnavailable
from verifier.formats.strictjson import read
from verifier.history.log import read_entries
from verifier.proofs.hashing import leaf_hash
from verifier.proofs.merkle import Frontier

FORMAT = "jangkar-memory-v1"
MAX_BYTES = 1 << 20


class RememberedLog(NamedTuple):
    """A registry's log at a block: its size and the roots of its perfect subtrees, smallest first."""

    block: int
    size: int
    nodes: tuple[bytes, ...]


Memory = dict[str, RememberedLog]


def decode(data: bytes) -> Memory:
    """Read a memory. Raises: MalformedMemory."""
    try:
        fields = read(data, what="memory", max_bytes=MAX_BYTES)
        if fields["format"] != FORMAT:
            raise MalformedMemory(f"this is no memory of format {FORMAT}")
        found = {str(registry): _log_of(log) for registry, log in fields["logs"].items()}
        for seen in found.values():
            Frontier(seen.size, seen.nodes)
    except (KeyError, TypeError, AttributeError, ValueError, MalformedText, MalformedProof) as error:
        raise MalformedMemory(f"this is no memory: {error}") from None
    return found


def _log_of(fields: dict[str, Any]) -> RememberedLog:
    return RememberedLog(
        int(fields["block"]), int(fields["size"]), tuple(bytes.fromhex(node) for node in fields["nodes"])
    )


def encode(memory: Memory) -> bytes:
    """The memory as a file holds it."""
    logs = {
        registry: {"block": seen.block, "size": seen.size, "nodes": [node.hex() for node in seen.nodes]}
        for registry, seen in memory.items()
    }
    return (json.dumps({"format": FORMAT, "logs": logs}, indent=1) + "\n").encode()


def extend(chain: Chain, memory: Memory) -> Memory:
    """The memory of this chain, once its logs have been seen to extend the remembered ones.

    Raises: HistoryForked; NodeUnavailable, also where the chain ends before what is remembered.
    """
    found = dict(memory)
    for registry_index, pin in enumerate(chain.policy.registries):
        seen = memory.get(pin.address)
        try:
            frontier = chain.frontier(registry_index)
        except NodeUnavailable:
            # A successor that is listed beforehand may not be there yet; what was seen once is.
            if registry_index == 0 or seen is not None:
                raise
            continue
        if seen is not None:
            _require_extended(chain, pin.address, seen, frontier)
        found[pin.address] = RememberedLog(chain.head.number, frontier.size, frontier.nodes)
    return found


def _require_extended(chain: Chain, registry: str, seen: RememberedLog, now: Frontier) -> None:
    if chain.head.number < seen.block:
        raise NodeUnavailable(f"block {chain.head.number} lies below block {seen.block}, which was seen before")
    wanted = Checkpoint(now.size, now.root)
    refused = []
    for node in chain.nodes:
        frontier = Frontier(seen.size, seen.nodes)
        try:
            for entry in read_entries(node, registry, seen.block + 1, chain.head.number):
                frontier.append(leaf_hash(entry.data))
        except NodeUnavailable as error:
            refused.append(str(error))
            continue
        if Checkpoint(frontier.size, frontier.root) == wanted:
            return
        refused.append(f"{node.url} leads from {seen.size} entries to another log of {frontier.size}")
    raise HistoryForked(
        f"the history of {registry} does not extend the one seen up to block {seen.block}: {'; '.join(refused)}"
    )
