"""What a verifier saw last of each registry's log, so that it refuses a history that does not extend it.

The block that was seen has to be shown still, and of the log its frontier is enough: what was written since is added to
it and has to lead to the new checkpoint. Source: docs/spec/verification.md 1.
"""

import json
from typing import Any, NamedTuple

from verifier.chain.facts import LAST_TIME, Checkpoint, Head
from verifier.chain.nodes import Chain, at_final, block_at
from verifier.errors import HistoryForked, MalformedMemory, MalformedProof, MalformedText, NodeUnavailable
from verifier.formats.strictjson import Fields, read, require_names
from verifier.history.log import read_entries
from verifier.proofs.hashing import leaf_hash
from verifier.proofs.merkle import Frontier
from verifier.verdict.checks import is_current
from verifier.verdict.days import utc

FORMAT = "jangkar-memory-v2"
# It had no hash, time and nodes; what it says of the log holds.
FORMAT_V1 = "jangkar-memory-v1"
MAX_BYTES = 1 << 20

_LOG = {"block", "size", "nodes"}
_BLOCK = {"hash", "time", "shown_by"}


class RememberedLog(NamedTuple):
    """A registry's log at a block, its size and the roots of its perfect subtrees, smallest first.

    `hash` is the block's, empty where it was not remembered; `shown_by` are the nodes that agreed on it.
    """

    block: int
    size: int
    nodes: tuple[bytes, ...]
    hash: bytes = b""
    time: int = 0
    shown_by: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.hash:
            return f"block {self.block}"
        when = f"{utc(self.time):%Y-%m-%d %H:%M:%S} UTC"
        return f"block {self.block} (0x{self.hash.hex()}, {when}, shown by {', '.join(self.shown_by)})"


Memory = dict[str, RememberedLog]


def decode(data: bytes) -> Memory:
    """Read a memory. Raises: MalformedMemory."""
    try:
        members = read(data, what="memory", max_bytes=MAX_BYTES)
        if not isinstance(members, dict) or members.get("format") not in (FORMAT, FORMAT_V1):
            raise MalformedMemory(f"this is no memory of format {FORMAT}")
        require_names(members, {"format", "logs"}, what="memory")
        if not isinstance(members["logs"], dict):
            raise MalformedMemory("this is no memory: its logs are no object")
        found = {registry: _log_of(log) for registry, log in members["logs"].items()}
        for log in found.values():
            Frontier(log.size, log.nodes)
    except (MalformedText, MalformedProof) as error:
        raise MalformedMemory(f"this is no memory: {error}") from None
    return found


def _log_of(members: Any) -> RememberedLog:
    if not isinstance(members, dict):
        raise MalformedMemory("this is no memory: a log is no object")
    require_names(members, _LOG | (_BLOCK if "hash" in members else set()), what="a log of the memory")
    fields = Fields(members, _defect)
    block, size, nodes = fields.integer("block"), fields.integer("size"), fields.hashes("nodes")
    if "hash" not in members:
        return RememberedLog(block, size, nodes)
    shown_by = fields.texts("shown_by")
    return RememberedLog(block, size, nodes, fields.hash("hash"), fields.integer("time", most=LAST_TIME), shown_by)


def _defect(name: str, expected: str) -> MalformedMemory:
    return MalformedMemory(f"this is no memory: {name!r} is not {expected}")


def encode(memory: Memory) -> bytes:
    """The memory as a file holds it."""
    logs = {registry: _members(log) for registry, log in memory.items()}
    return (json.dumps({"format": FORMAT, "logs": logs}, indent=1) + "\n").encode()


def _members(log: RememberedLog) -> dict[str, Any]:
    members = {"block": log.block, "size": log.size, "nodes": [node.hex() for node in log.nodes]}
    block = {"hash": log.hash.hex(), "time": log.time, "shown_by": list(log.shown_by)}
    return members | (block if log.hash else {})


def extend(chain: Chain, memory: Memory, now: int) -> Memory:
    """The memory of this chain, once it has been seen to extend what is remembered.

    The newest final block is remembered: younger ones may go back. And only where check 5 would use the head: one that
    is stale, or ahead of the clock `now`, would refuse the honest chain afterwards.
    Raises: HistoryForked; NodeUnavailable, also where the chain ends before what is remembered.
    """
    found, is_usable = dict(memory), is_current(chain.policy, chain.head, now)
    chain = at_final(chain)
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
        found[pin.address] = _remembered(chain.head, frontier, tuple(node.url for node in chain.nodes))
    return found if is_usable else memory


def _remembered(head: Head, frontier: Frontier, shown_by: tuple[str, ...]) -> RememberedLog:
    return RememberedLog(head.number, frontier.size, frontier.nodes, head.hash, head.time, shown_by)


def _require_extended(chain: Chain, registry: str, seen: RememberedLog, shown: Frontier) -> None:
    if chain.head.number < seen.block:
        raise NodeUnavailable(f"block {chain.head.number} lies below what was seen before: {seen}")
    wanted = Checkpoint(shown.size, shown.root)
    silent, contradicting = [], []
    for node in chain.nodes:
        frontier = Frontier(seen.size, seen.nodes)
        try:
            hash_ = block_at(node, seen.block).hash
            if seen.hash and hash_ != seen.hash:
                contradicting.append(f"{node.url} shows 0x{hash_.hex()} in its place")
                continue
            for entry in read_entries(node, registry, seen.block + 1, chain.head.number, shown.size - seen.size):
                frontier.append(leaf_hash(entry.data))
        except NodeUnavailable as error:
            silent.append(str(error))
            continue
        if Checkpoint(frontier.size, frontier.root) == wanted:
            return
        contradicting.append(f"{node.url} leads from {seen.size} entries to another log of {frontier.size}")
    if not contradicting:
        raise NodeUnavailable("; ".join(silent))
    raise HistoryForked(
        f"the history of {registry} does not extend what was seen before, {seen}: {'; '.join(contradicting)}. One of "
        "the two was not the registry's: find out which, and delete the memory only where it is the one that was seen"
    )
