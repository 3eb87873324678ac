"""The registry's own check of a proof, as a call that any EVM tool repeats.

Source: contracts/src/ICertificateRegistry.sol, verifyInclusion; Solidity's ABI specification.
"""

import json
from typing import NamedTuple

from verifier.chain.rpc import Node, data
from verifier.errors import NodeUnavailable

SIGNATURE = "verifyInclusion(bytes32,uint64,bytes32,uint64,bytes32[])"
# Keccak-256 of the signature, its first four bytes; tests/conformance/ compares it with the committed ABI.
SELECTOR = bytes.fromhex("d59655b1")

_HEAD_WORDS = 5


class InclusionCall(NamedTuple):
    """One call of `verifyInclusion`: does the anchor of (issuer, sequence) hold this leaf at this index?"""

    registry: str
    issuer_id: bytes
    sequence: int
    leaf_hash: bytes
    leaf_index: int
    path: tuple[bytes, ...]

    @property
    def data(self) -> bytes:
        """Selector and arguments, as they stand in the call."""
        words = (
            self.issuer_id,
            _word(self.sequence),
            self.leaf_hash,
            _word(self.leaf_index),
            _word(_HEAD_WORDS * 32),
            _word(len(self.path)),
            *self.path,
        )
        return SELECTOR + b"".join(words)

    def request(self, block: int) -> str:
        """The JSON-RPC request that asks it at a block."""
        call = {"to": self.registry, "data": "0x" + self.data.hex()}
        return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, hex(block)]})

    def cast(self, block: int, url: str) -> str:
        """The same by Foundry's `cast`."""
        path = ",".join("0x" + node.hex() for node in self.path)
        return (
            f"cast call {self.registry} '{SIGNATURE}(bool)' 0x{self.issuer_id.hex()} {self.sequence} "
            f"0x{self.leaf_hash.hex()} {self.leaf_index} '[{path}]' --block {block} --rpc-url {url}"
        )

    def ask(self, node: Node, block: int) -> bool:
        """What the registry answers, by a node's word. Raises: NodeUnavailable."""
        call = {"to": self.registry, "data": "0x" + self.data.hex()}
        answer = int.from_bytes(data(node.call("eth_call", call, hex(block)), 32), "big")
        if answer > 1:
            raise NodeUnavailable(f"{node.url} sent {answer} where true or false belongs")
        return bool(answer)


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")
