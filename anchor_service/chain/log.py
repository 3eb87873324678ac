"""A registry's log, rebuilt from its events alone. Source: docs/spec/log.md."""

from collections.abc import Iterator, Sequence

from eth_utils.abi import abi_to_signature
from eth_utils.crypto import keccak
from web3 import Web3

from anchor_service.chain.contract import artifact, asking, code_hash, newest
from anchor_service.core.bundle import Block, RecordedHistory, RecordedLog
from anchor_service.core.errors import Damaged
from anchor_service.core.hashing import leaf_hash
from anchor_service.core.log_proof import Log
from anchor_service.core.merkle import size_and_root

BLOCKS_A_QUESTION = 2_000


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
        for first, last in spans(head):
            # How many there are is known: nothing is looked for behind the last one.
            if len(entries) >= size:
                break
            events = client.eth.get_logs({"address": address, "fromBlock": first, "toBlock": last, "topics": [topics]})
            entries += [b"".join(map(bytes, event["topics"])) + bytes(event["data"]) for event in events]
            blocks += [event["blockNumber"] for event in events]
        chain_id = client.eth.chain_id
    if len(entries) != size or (entries and size_and_root(map(leaf_hash, entries))[1] != bytes(root)):
        raise Damaged(f"registry {registry}", f"its {len(entries)} events do not give its log of {size} entries")
    return RecordedLog(Log(chain_id, registry.lower(), entries), bytes(root), blocks, code)


def spans(head: int) -> Iterator[tuple[int, int]]:
    """The first and the last block of each question about events up to a block."""
    for first in range(0, head + 1, BLOCKS_A_QUESTION):
        yield first, min(first + BLOCKS_A_QUESTION - 1, head)


def _topics() -> list[str]:
    return [
        "0x" + keccak(text=abi_to_signature(event)).hex()
        for event in artifact()["abi"]
        if event["type"] == "event" and event["inputs"][-1:] and event["inputs"][-1]["name"] == "logIndex"
    ]
