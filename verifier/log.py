"""The registry's log, rebuilt from events alone. Source: docs/spec/log.md.

The entry of an event is the concatenation of its topics and its data. Its last word is its index.
"""

from collections.abc import Sequence
from typing import Any

from verifier.errors import MalformedProof, NodeUnavailable
from verifier.hashing import leaf
from verifier.merkle import root_from_leaves
from verifier.registry import Checkpoint, Head
from verifier.rpc import Node, data

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
EMPTY_ROOT = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
BLOCKS_A_QUESTION = 2_000


def checkpoint_of(entries: Sequence[bytes]) -> Checkpoint:
    """Size and root of a log of these entries, in order."""
    if not entries:
        return Checkpoint(0, EMPTY_ROOT)
    return Checkpoint(len(entries), root_from_leaves([leaf(entry) for entry in entries]))


def entry_of(event: Any) -> bytes:
    """The log entry of one event as a node sends it. Raises: NodeUnavailable."""
    if not isinstance(event, dict) or not isinstance(event.get("topics"), list):
        raise NodeUnavailable("the node sent something else than an event")
    return b"".join(data(topic, 32) for topic in event["topics"]) + data(event.get("data"))


def read_entries(node: Node, registry: str, head: Head) -> list[bytes]:
    """All entries of a registry's log up to a block, in order.

    Raises: NodeUnavailable; MalformedProof when the events' own indexes are not 0, 1, 2 and so on.
    """
    entries: list[bytes] = []
    for first in range(0, head.number + 1, BLOCKS_A_QUESTION):
        events = node.call(
            "eth_getLogs",
            {
                "address": registry,
                "fromBlock": hex(first),
                "toBlock": hex(min(first + BLOCKS_A_QUESTION - 1, head.number)),
                "topics": [list(LOGGED_EVENTS)],
            },
        )
        if not isinstance(events, list):
            raise NodeUnavailable(f"{node.url} sent no list of events")
        entries += [entry_of(event) for event in events]
    for index, entry in enumerate(entries):
        stated = int.from_bytes(entry[-32:], "big")
        if stated != index:
            raise MalformedProof(f"the node's log has entry {stated} in place {index}")
    return entries
