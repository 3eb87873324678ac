"""Several nodes that must show the same block. Source: docs/spec/verification.md 1.

They agree on one hash; everything else is proved against it, by whichever of them answers.
"""

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple, TypeVar

from verifier.chain.facts import Checkpoint, Facts, Head, LeftOut, Remark
from verifier.chain.header import Header, read_header
from verifier.chain.registry import RegistryReader
from verifier.chain.rpc import Node, data, quantity
from verifier.errors import NodeResting, NodeUnavailable, SourceUnavailable
from verifier.formats.policy import Policy
from verifier.proofs.merkle import Frontier

S = TypeVar("S")
T = TypeVar("T")

# No engine that we know of makes more: a height above it is invented, and reading up to it would not end.
MOST_BLOCKS_A_SECOND = 10


class Chain:
    """The policy's chain at one block. `is_pinned` says that the block's hash came from elsewhere than a node.

    `nodes` are those that show it, `left_out` the policy's others.
    """

    def __init__(
        self, policy: Policy, head: Head, nodes: tuple[Node, ...], *, is_pinned: bool, left_out: Sequence[LeftOut] = ()
    ) -> None:
        self.policy = policy
        self.head = head
        self.nodes = nodes
        self.left_out = tuple(left_out)
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
        raise NodeUnavailable("; ".join(dict.fromkeys(refused)))


def open_chain(policy: Policy, node_at: Callable[[str], Node] = Node) -> Chain:
    """The highest block that a quorum of the nodes shows, or the pinned one. `node_at` makes a node of its address.

    Raises: NodeUnavailable when too few nodes show the policy's chain, or when two quorums contradict each other.
    """
    shown: list[_Shown] = []
    left_out: list[LeftOut] = []
    refused = []
    for url, one in zip(policy.nodes, _each(lambda url: _shown(node_at(url), policy), policy.nodes), strict=True):
        if isinstance(one, _Shown):
            shown.append(one)
        else:
            refused.append(str(one))
            left_out.append(LeftOut(url, "resting" if isinstance(one, NodeResting) else "silent"))
    needed = 1 if policy.pinned_block else policy.quorum
    if _voices(shown) < needed:
        refused += _of_one_name(shown)
        raise NodeUnavailable(f"{needed} of {len(policy.nodes)} nodes have to agree: {'; '.join(refused)}")
    if policy.pinned_block:
        return _pinned(policy, tuple(one.node for one in shown), left_out)
    if len(shown) == 1:
        node, newest, _ = shown[0]
        return Chain(policy, _head(newest, newest.number - policy.depth), (node,), is_pinned=False, left_out=left_out)
    return _agreed(policy, shown, left_out)


def at_final(chain: Chain) -> Chain:
    """The same chain at its newest final block. Raises: NodeUnavailable."""
    final = max(0, chain.head.final)
    if chain.head.number <= final:
        return chain
    header = block_at(chain.nodes[0], final)
    return Chain(chain.policy, _head(header, final), chain.nodes, is_pinned=chain.is_pinned, left_out=chain.left_out)


class _Shown(NamedTuple):
    """A node that follows the policy's chain, its newest block, and what it is called: by itself, else its address."""

    node: Node
    newest: Header
    name: str

    def final(self, policy: Policy) -> int:
        """The height of the newest block that is final for it: below the tip, honest nodes never differ."""
        return max(0, self.newest.number - policy.depth)


def _shown(node: Node, policy: Policy) -> _Shown | NodeUnavailable:
    """What a node shows, or why it does not."""
    try:
        return _Shown(node, _newest(node, policy), (len(policy.nodes) > 1 and _own_name(node)) or node.url)
    except NodeUnavailable as error:
        return error


def _each(ask: Callable[[S], T], of: Sequence[S]) -> list[T]:
    """What comes of each, in their order; all are asked at the same time."""
    if len(of) < 2:
        return [ask(one) for one in of]
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  (one node needs no threads)

    with ThreadPoolExecutor(len(of)) as pool:
        return list(pool.map(ask, of))


def _voices(shown: Sequence[_Shown]) -> int:
    """How many nodes these are: those of one name, and of one block, are one."""
    return len({one.name for one in shown})


def _of_one_name(shown: Sequence[_Shown]) -> list[str]:
    """Which nodes are not counted, and why."""
    first_of = {one.name: one.node.url for one in reversed(shown)}
    return [
        f"{one.node.url} calls itself as {first_of[one.name]} does: the two count as one"
        for one in shown
        if first_of[one.name] != one.node.url
    ]


def _agreed(policy: Policy, shown: Sequence[_Shown], left_out: Sequence[LeftOut]) -> Chain:
    """The highest final block that a quorum shows. Raises: NodeUnavailable where there is none, or two."""
    differing = ""
    for height in sorted({one.final(policy) for one in shown}, reverse=True):
        groups: dict[bytes, list[_Shown]] = {}
        headers: dict[bytes, Header] = {}

        def final_at(one: _Shown, height: int = height) -> Header | None:
            return _final_at(one, height, policy)

        for one, header in zip(shown, _each(final_at, shown), strict=True):
            if header is not None:
                groups.setdefault(header.hash, []).append(one)
                headers[header.hash] = header
        largest = max(groups.values(), key=_voices, default=[])
        if len(groups) > 1:
            first, second = (group[0].node.url for group in list(groups.values())[:2])
            differing = f"{first} and {second} show different blocks {height}: one of them does not follow the chain"
        if _voices(largest) < policy.quorum:
            continue
        hash_ = next(hash_ for hash_, group in groups.items() if group is largest)
        elsewhere = [one for group in groups.values() if group is not largest for one in group]
        others = {one: LeftOut(one.node.url, "elsewhere", height) for one in elsewhere} | {
            one: _left_out(one, height, largest, policy) for one in shown if one not in (*largest, *elsewhere)
        }
        # Where half of the nodes or fewer are enough, two histories can both have enough.
        if _voices([one for one, other in others.items() if other.why == "elsewhere"]) >= policy.quorum:
            differing = differing or f"as many nodes show another history as the {policy.quorum} that have to agree"
            break
        first_of = {one.name: one for one in reversed(largest)}
        same = [LeftOut(one.node.url, "same") for one in largest if first_of[one.name] is not one]
        nodes = tuple(one.node for one in largest if first_of[one.name] is one)
        left = [*left_out, *others.values(), *same]
        return Chain(policy, _head(headers[hash_], height), nodes, is_pinned=False, left_out=left)
    raise NodeUnavailable(differing or f"no block is shown by {policy.quorum} of {len(policy.nodes)} nodes")


def _final_at(one: _Shown, height: int, policy: Policy) -> Header | None:
    """A node's block of a height, where that is final for it and it still answers."""
    if one.final(policy) < height:
        return None
    if one.newest.number == height:
        return one.newest
    try:
        return block_at(one.node, height)
    except NodeUnavailable:
        return None


def _left_out(one: _Shown, agreed: int, group: Sequence[_Shown], policy: Policy) -> LeftOut:
    """Why a node does not show a block of the agreed height; below it, it is compared with all who do.

    It is elsewhere where a quorum of them show another block of that height: one of them alone may lie about it.
    """
    height = one.final(policy)
    shown = _final_at(one, height, policy) if height < agreed else None
    if shown is None:
        return LeftOut(one.node.url, "silent")
    below = [(other, _final_at(other, height, policy)) for other in group]
    differ = [other for other, header in below if header is not None and header.hash != shown.hash]
    return LeftOut(one.node.url, "elsewhere" if _voices(differ) >= policy.quorum else "behind", height)


def _own_name(node: Node) -> str:
    """What a node calls itself among its peers; nothing where it does not say."""
    try:
        said = node.call("admin_nodeInfo")
    except NodeUnavailable:
        return ""
    name = said.get("id") if isinstance(said, dict) else None
    return name if isinstance(name, str) else ""


def _newest(node: Node, policy: Policy) -> Header:
    """The newest block of a node that follows the policy's chain."""
    chain_id = quantity(node.call("eth_chainId"))
    if chain_id != policy.chain_id:
        raise NodeUnavailable(f"{node.url} follows chain {chain_id}, the policy names {policy.chain_id}")
    first = node.call("eth_getBlockByNumber", "0x0", False)
    if not isinstance(first, dict) or data(first.get("hash"), 32) != policy.genesis:
        raise NodeUnavailable(f"{node.url} follows another chain of the same id: its first block differs")
    newest = read_header(node.call("eth_getBlockByNumber", "latest", False))
    if newest.number > MOST_BLOCKS_A_SECOND * time.time():
        raise NodeUnavailable(f"{node.url} shows block {newest.number}, for which there was no time since 1970")
    return newest


def _pinned(policy: Policy, nodes: tuple[Node, ...], left_out: Sequence[LeftOut]) -> Chain:
    """The block whose hash the policy pins, from any node that has it."""
    refused = []
    for node in nodes:
        try:
            header = read_header(node.call("eth_getBlockByHash", "0x" + policy.pinned_block.hex(), False))
        except NodeUnavailable as error:
            refused.append(str(error))
            continue
        if header.hash == policy.pinned_block:
            return Chain(policy, _head(header, header.number), nodes, is_pinned=True, left_out=left_out)
        refused.append(f"{node.url} sent another block than the pinned one")
    raise NodeUnavailable("; ".join(refused))


def block_at(node: Node, number: int) -> Header:
    """A node's block of a number. Raises: NodeUnavailable."""
    header = read_header(node.call("eth_getBlockByNumber", hex(number), False))
    if header.number != number:
        raise NodeUnavailable(f"{node.url} sent block {header.number} where {number} was asked for")
    return header


def _head(header: Header, final: int) -> Head:
    return Head(header.number, header.hash, header.time, final)
