"""The registry's log, rebuilt from events alone. Source: docs/spec/log.md.

The entry of an event is the concatenation of its topics and its data. Its last word is its index.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from verifier.chain.facts import Checkpoint
from verifier.chain.nodes import Chain
from verifier.chain.rpc import Node, data, quantity
from verifier.errors import LogDiffers, MalformedProof, NodeRefused, NodeUnavailable
from verifier.proofs.hashing import leaf_hash
from verifier.proofs.merkle import Frontier

# Keccak-256 of each logged event's signature; tests/conformance/ compares them with the committed ABI.
LOGGED_EVENTS = {
    "0x252eb38c71186d71be67927573c9cb193de6de299c860a96f2c7edd6ee4ac3ba": "Anchored",
    "0x86b39792b6a9d6595e92969fac2003ad6b632b6d8e6085eff6ae907b35174749": "CompromiseDeclared",
    "0xf4ad82f2abaed12439c8fcbe000f4922e3d1faf41bc03dc1a1b2afe562412076": "KeyAdded",
    "0x5cc972a29f9d698416744b8dbc1646f8116e5030a37d58c21948bfcec0826538": "KeyRetired",
    "0xacef8dca10f52173ccc62a02536643b4cf9f207f330c0194258980b77327a363": "NightClosed",
    "0xadd353cfb3f2db26b6cda026a0064ff704f0f8c84c62aa39d0f8f8e8e03b148f": "Paused",
    "0xb4c5f71310c59839996fdae50e98e95db8287d97241b5c58aa0e9c0fe323bf90": "Reattested",
    "0xc6469d02be22ef0af8cd7455c73e6557925d1da8cd627b7e4056eae95ee2bffe": "StatusChanged",
    "0xe1793274faf86e053f3a1c8a9aec02ebfcff32a66490f41b96ff65d82109d274": "SuccessorSet",
    "0xbe27b743b1f62ce23ec8ea7aa1969da8ae9a7a9f02a6de3a73a8a32f0a9070ad": "Unpaused",
    "0xe1659a8a04656001e90d536c266ee31a186de2837579570571a095ca346ff31d": "WindowClosed",
    "0xaaa950bf1b4f9f7ab8de4116b81275bafd9439991c17d6a83f2234471f75ff8e": "WindowOpened",
}
BLOCKS_A_QUESTION = 2_000
OnProgress = Callable[[int, int], None]


class LogEntry(NamedTuple):
    """One entry of the log, and the block that it was written in, which the log itself does not bind."""

    block: int
    data: bytes


def checkpoint_of(entries: Iterable[bytes]) -> Checkpoint:
    """Size and root of a log of these entries, in order."""
    frontier = Frontier()
    for entry in entries:
        frontier.append(leaf_hash(entry))
    return Checkpoint(frontier.size, frontier.root)


def read_log(
    chain: Chain, registry_index: int = 0, known: Sequence[LogEntry] = (), progress: OnProgress | None = None
) -> list[LogEntry]:
    """The whole log of the registry at an index of the policy, from the first node whose events lead to its checkpoint.

    `known` entries are not asked for again; where they are no beginning of the log, no node's events lead to it.
    Raises: NodeUnavailable; of it LogDiffers when all nodes' events lead elsewhere than the registry's storage.
    """
    proven = chain.checkpoint(registry_index)
    registry = chain.policy.registries[registry_index].address
    first = known[-1].block + 1 if known else 0
    refused: list[NodeUnavailable] = []
    for node in chain.nodes:
        try:
            missing = proven.size - len(known)
            later = list(read_entries(node, registry, first, chain.head.number, missing, progress))
            return proved_entries([*known, *later], proven)
        except NodeUnavailable as error:
            refused.append(error)
        except MalformedProof as error:
            refused.append(LogDiffers(str(error)))
    # That the storage is contradicted is the word of all who were asked, or nobody's.
    raise next((error for error in refused if not isinstance(error, LogDiffers)), refused[0])


def proved_entries(entries: list[LogEntry], checkpoint: Checkpoint) -> list[LogEntry]:
    """These entries, when they are the log of this checkpoint. Raises: MalformedProof."""
    for index, entry in enumerate(entries):
        stated = int.from_bytes(entry.data[-32:], "big")
        if stated != index:
            raise MalformedProof(f"the node's log has entry {stated} in place {index}")
    rebuilt = checkpoint_of(entry.data for entry in entries)
    if rebuilt != checkpoint:
        raise MalformedProof(
            f"rebuilt from events: {rebuilt.size} entries of root {rebuilt.root.hex()}; "
            f"the registry holds {checkpoint.size} of root {checkpoint.root.hex()}"
        )
    return entries


def read_entries(
    node: Node, registry: str, first: int, last: int, missing: int, progress: OnProgress | None = None
) -> Iterator[LogEntry]:
    """The entries that a node's events of these blocks are, as it sends them, until as many came as are missing.

    How many are missing is proved, how high the chain is may be a lie: behind the last entry nothing is looked for, and
    where nothing is found the questions become longer. Raises: NodeUnavailable.
    """
    step, longest = BLOCKS_A_QUESTION, last + 1
    while first <= last and missing > 0:
        end = min(first + step - 1, last)
        try:
            events = node.call("eth_getLogs", _filter(registry, first, end))
        except NodeUnavailable as error:
            # A node limits how much it answers at once; a long question may be too much for it in any way.
            if step == 1 or (step <= BLOCKS_A_QUESTION and not isinstance(error, NodeRefused)):
                raise
            step //= 2
            longest = max(step, BLOCKS_A_QUESTION)
            continue
        if not isinstance(events, list):
            raise NodeUnavailable(f"{node.url} sent no list of events")
        for event in events:
            yield entry_of(event)
        missing -= len(events)
        if progress:
            progress(end, last)
        first, step = end + 1, min(2 * step, BLOCKS_A_QUESTION if events else longest)


def entry_of(event: Any) -> LogEntry:
    """The log entry of one event as a node sends it. Raises: NodeUnavailable."""
    if not isinstance(event, dict) or not isinstance(event.get("topics"), list):
        raise NodeUnavailable("the node sent something else than an event")
    content = b"".join(data(topic, 32) for topic in event["topics"]) + data(event.get("data"))
    return LogEntry(quantity(event.get("blockNumber")), content)


def _filter(registry: str, first: int, last: int) -> dict[str, Any]:
    return {"address": registry, "fromBlock": hex(first), "toBlock": hex(last), "topics": [list(LOGGED_EVENTS)]}
