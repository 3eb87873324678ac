"""A registry's log, rebuilt from its events alone. Source: docs/spec/log.md."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from eth_typing import BlockNumber
from eth_utils.abi import abi_to_signature
from eth_utils.crypto import keccak
from web3 import Web3
from web3.exceptions import Web3RPCError
from web3.types import LogReceipt

from anchor_service.chain.contract import artifact, asking, code_hash, newest
from anchor_service.core.bundle import Block, RecordedHistory, RecordedLog
from anchor_service.core.errors import AskedTooMuch, Damaged
from anchor_service.core.hashing import leaf_hash
from anchor_service.core.log_proof import Log
from anchor_service.core.merkle import size_and_root

BLOCKS_A_QUESTION = 2_000
T = TypeVar("T")


def read(client: Web3, registry: str) -> Log:
    """All entries up to the newest block, compared with the registry's own checkpoint.

    Raises: RegistryUnavailable; RegistryRefused where there is no contract; Damaged when the node's events do not
    give the registry's checkpoint.
    """
    with asking(client, "reading the log"):
        head = newest(client)
    return _read(client, registry, head).log


def read_recorded(client: Web3, registries: Sequence[str], depth: int) -> RecordedHistory:
    """The logs of registries, oldest first, up to the newest block that has `depth` on top of it. Raises: as `read`."""
    with asking(client, "reading the chain"):
        block = client.eth.get_block(max(0, newest(client) - depth))
        shown = Block(int(block["number"]), bytes(block["hash"]), int(block["timestamp"]))
        genesis, chain_id = bytes(client.eth.get_block(0)["hash"]), client.eth.chain_id
    return RecordedHistory(
        chain_id=chain_id,
        genesis=genesis,
        block=shown,
        logs=[_read(client, registry, shown.number) for registry in registries],
    )


def _read(client: Web3, registry: str, head: int) -> RecordedLog:
    address = Web3.to_checksum_address(registry)
    contract = client.eth.contract(address=address, abi=artifact()["abi"])
    with asking(client, "reading the log"):
        code = code_hash(client, address, head)
        size, root = contract.functions.checkpoint().call(block_identifier=head)
        entries: list[bytes] = []
        blocks: list[int] = []
        topics = _topics()

        def ask(first: BlockNumber, last: BlockNumber) -> Sequence[LogReceipt]:
            return client.eth.get_logs({"address": address, "fromBlock": first, "toBlock": last, "topics": [topics]})

        # How many there are is known: nothing is looked for behind the last one.
        for event in islice(events(head, ask), size):
            entries.append(b"".join(map(bytes, event["topics"])) + bytes(event["data"]))
            blocks.append(event["blockNumber"])
        chain_id = client.eth.chain_id
    if len(entries) != size or (entries and size_and_root(map(leaf_hash, entries))[1] != bytes(root)):
        raise Damaged(f"registry {registry}", f"its {len(entries)} events do not give its log of {size} entries")
    return RecordedLog(Log(chain_id, registry.lower(), entries), bytes(root), blocks, code)


def events(head: int, ask: Callable[[BlockNumber, BlockNumber], Sequence[T]]) -> Iterator[T]:
    """All events up to a block, asked for span by span; where a node finds that too much, half of it, down to a block.

    `ask` takes the first and the last block. Raises: what it raises of a single block.
    """
    first, size = 0, BLOCKS_A_QUESTION
    while first <= head:
        last = min(first + size - 1, head)
        try:
            found = ask(BlockNumber(first), BlockNumber(last))
        except (Web3RPCError, AskedTooMuch):
            if first == last:
                raise
            size = (last - first + 1) // 2
            continue
        yield from found
        first, size = last + 1, min(2 * size, BLOCKS_A_QUESTION)


def _topics() -> list[str]:
    return [
        "0x" + keccak(text=abi_to_signature(event)).hex()
        for event in artifact()["abi"]
        if event["type"] == "event" and event["inputs"][-1:] and event["inputs"][-1]["name"] == "logIndex"
    ]
