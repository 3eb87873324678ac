"""Several nodes that must show the same block. Source: docs/spec/verification.md 1.

They agree on one hash; everything else is proved against it, by whichever of them answers.
"""

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from verifier.chain.facts import Checkpoint, Facts, Head, Remark
from verifier.chain.header import Header, read_header
from verifier.chain.registry import RegistryReader
from verifier.chain.rpc import Node, data, quantity
from verifier.errors import NodeUnavailable, SourceUnavailable
from verifier.formats.policy import Policy
from verifier.proofs.merkle import Frontier

T = TypeVar("T")


class Chain:
    """The policy's chain at one block. `is_pinned` says that the block's hash came from elsewhere than a node."""

    def __init__(self, policy: Policy, head: Head, nodes: tuple[Node, ...], *, is_pinned: bool) -> None:
        self.policy = policy
        self.head = head
        self.nodes = nodes
        self.is_pinned = is_pinned

    @property
    def grounds(self) -> Remark:
        """What the facts stand on."""
        name = "pinned-block" if self.is_pinned else "one-node" if len(self.nodes) == 1 else "several-nodes"
        return Remark(name, {"nodes": len(self.nodes)})

    def facts(self, registry: str, issuer_id: bytes, sequence: int, leaf_hash: bytes) -> Facts:
        """What one receipt is judged by, from the first node that proves it. Raises: NodeUnavailable."""
        return self._first(lambda reader: reader.facts(self.head, registry, issuer_id, sequence, leaf_hash))

    def checkpoint(self, registry_index: int = 0) -> Checkpoint:
        """Size and root of the log of the registry at an index of the policy. Raises: NodeUnavailable."""
        frontier = self.frontier(registry_index)
        return Checkpoint(frontier.size, frontier.root)

    def frontier(self, registry_index: int) -> Frontier:
        """The frontier of the log of the registry at an index of the policy. Raises: NodeUnavailable."""
        return self._first(lambda reader: reader.frontier(self.head, self.policy.registries[registry_index]))

    def words(self, registry_index: int, slots: list[int]) -> list[int]:
        """What stands in these slots of the registry at an index of the policy. Raises: NodeUnavailable."""
        return self._first(lambda reader: reader.words(self.head, self.policy.registries[registry_index], slots))

    @cached_property
    def _readers(self) -> tuple[RegistryReader, ...]:
        # A reader keeps the headers that it has checked.
        return tuple(RegistryReader(node, self.policy) for node in self.nodes)

    def _first(self, read: Callable[[RegistryReader], T]) -> T:
        refused = []
        for reader in self._readers:
            try:
                return read(reader)
            except SourceUnavailable as error:
                refused.append(str(error))
        raise NodeUnavailable("; ".join(refused))


def open_chain(policy: Policy) -> Chain:
    """The newest block that the nodes agree on, or the pinned one.

    Raises: NodeUnavailable when too few nodes show the policy's chain, or when two contradict each other.
    """
    heads: list[tuple[Node, Header]] = []
    refused = []
    for url in policy.nodes:
        try:
            heads.append((Node(url), _newest(Node(url), policy)))
        except NodeUnavailable as error:
            refused.append(str(error))
    needed = 1 if policy.pinned_block else policy.quorum
    if len(heads) < needed:
        raise NodeUnavailable(f"{needed} of {len(policy.nodes)} nodes have to agree: {'; '.join(refused)}")
    nodes = tuple(node for node, _ in heads)
    if policy.pinned_block:
        return _pinned(policy, nodes)
    if len(heads) == 1:
        newest = heads[0][1]
        return Chain(policy, _head(newest, newest.number - policy.depth), nodes, is_pinned=False)
    # Below the tip, nodes that follow the same chain never differ: the newest block that is final for all of them.
    height = max(0, min(newest.number for _, newest in heads) - policy.depth)
    shown = [newest if newest.number == height else _at(node, height) for node, newest in heads]
    for (node, _), header in zip(heads, shown, strict=True):
        if header.hash != shown[0].hash:
            raise NodeUnavailable(
                f"{node.url} and {nodes[0].url} show different blocks {height}: one of them does not follow the chain"
            )
    return Chain(policy, _head(shown[0], height), nodes, is_pinned=False)


def _newest(node: Node, policy: Policy) -> Header:
    """The newest block of a node that follows the policy's chain."""
    chain_id = quantity(node.call("eth_chainId"))
    if chain_id != policy.chain_id:
        raise NodeUnavailable(f"{node.url} follows chain {chain_id}, the policy names {policy.chain_id}")
    first = node.call("eth_getBlockByNumber", "0x0", False)
    if not isinstance(first, dict) or data(first.get("hash"), 32) != policy.genesis:
        raise NodeUnavailable(f"{node.url} follows another chain of the same id: its first block differs")
    return read_header(node.call("eth_getBlockByNumber", "latest", False))


def _pinned(policy: Policy, nodes: tuple[Node, ...]) -> Chain:
    """The block whose hash the policy pins, from any node that has it."""
    refused = []
    for node in nodes:
        try:
            header = read_header(node.call("eth_getBlockByHash", "0x" + policy.pinned_block.hex(), False))
        except NodeUnavailable as error:
            refused.append(str(error))
            continue
        if header.hash == policy.pinned_block:
            return Chain(policy, _head(header, header.number), nodes, is_pinned=True)
        refused.append(f"{node.url} sent another block than the pinned one")
    raise NodeUnavailable("; ".join(refused))


def _at(node: Node, number: int) -> Header:
    header = read_header(node.call("eth_getBlockByNumber", hex(number), False))
    if header.number != number:
        raise NodeUnavailable(f"{node.url} sent block {header.number} where {number} was asked for")
    return header


def _head(header: Header, final: int) -> Head:
    return Head(header.number, header.hash, header.time, final)
