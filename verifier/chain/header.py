"""Block headers, whose hash is recomputed: whoever has the hash from elsewhere needs to believe no node.

Source: Ethereum yellow paper 4.3; EIP-1559, 4895, 4844, 4788 and 7685 for the later fields; Besu's QBFT for its hash.
"""

from typing import Any, NamedTuple

from verifier.chain.facts import LAST_TIME
from verifier.chain.rpc import data, quantity
from verifier.errors import MalformedProof, NodeUnavailable
from verifier.proofs import rlp
from verifier.proofs.keccak import keccak256

# The fields in the order in which they are hashed, with their bytes; 0 is a quantity, none is of any length.
_FIELDS: tuple[tuple[str, int | None], ...] = (
    ("parentHash", 32), ("sha3Uncles", 32), ("miner", 20), ("stateRoot", 32), ("transactionsRoot", 32),
    ("receiptsRoot", 32), ("logsBloom", 256), ("difficulty", 0), ("number", 0), ("gasLimit", 0), ("gasUsed", 0),
    ("timestamp", 0), ("extraData", None), ("mixHash", 32), ("nonce", 8),
)  # fmt: skip
# Each hard fork appended some: a header has the first few of them.
_LATER_FIELDS: tuple[tuple[str, int | None], ...] = (
    ("baseFeePerGas", 0), ("withdrawalsRoot", 32), ("blobGasUsed", 0), ("excessBlobGas", 0),
    ("parentBeaconBlockRoot", 32), ("requestsHash", 32),
)  # fmt: skip
_EXTRA_DATA = 12
# QBFT's validators and their seals: more than 700 of them.
MAX_EXTRA_DATA = 64 * 1024
# QBFT's extra data: vanity, validators, vote, round, seals. Its block hash leaves the last two out.
_QBFT_PARTS = 5


class Header(NamedTuple):
    """What a verifier needs of a block. `time` is in seconds since 1970; all of it is bound by `hash`."""

    number: int
    hash: bytes
    parent: bytes
    time: int
    state_root: bytes


def read_header(block: Any) -> Header:
    """The header of a block as a node sends it.

    Raises: NodeUnavailable for what is no block, one whose fields do not give its hash, or of a time that is no date.
    """
    if not isinstance(block, dict):
        raise NodeUnavailable("the node sent something else than a block")
    later = []
    for field in _LATER_FIELDS:
        if block.get(field[0]) is None:
            break
        later.append(field)
    parts = [_part(block, name, length) for name, length in (*_FIELDS, *later)]
    hash_ = data(block.get("hash"), 32)
    if hash_ not in (keccak256(rlp.encode(parts)), _qbft_hash(parts)):
        raise NodeUnavailable(f"the node sent a block whose fields do not give its hash 0x{hash_.hex()}")
    if (time := quantity(block["timestamp"])) > LAST_TIME:
        raise NodeUnavailable(f"the node sent a block of time {time}, which is no date")
    return Header(
        number=quantity(block["number"]),
        hash=hash_,
        parent=parts[0],
        time=time,
        state_root=parts[3],
    )


def _part(block: dict[str, Any], name: str, length: int | None) -> bytes:
    value = block.get(name)
    if length == 0:
        return rlp.encode_integer(quantity(value))
    part = data(value, length)
    if len(part) > MAX_EXTRA_DATA:
        raise NodeUnavailable(f"the node sent a block whose {name} has {len(part)} bytes")
    return part


def _qbft_hash(parts: list[bytes]) -> bytes | None:
    """The hash of a QBFT block: its round is written as 0 and its seals are left out, for they come after it."""
    try:
        extra = rlp.decode(parts[_EXTRA_DATA])
    except MalformedProof:
        return None
    if not isinstance(extra, list) or len(extra) != _QBFT_PARTS:
        return None
    unsealed = rlp.encode([*extra[:3], b"", []])
    return keccak256(rlp.encode([*parts[:_EXTRA_DATA], unsealed, *parts[_EXTRA_DATA + 1 :]]))
