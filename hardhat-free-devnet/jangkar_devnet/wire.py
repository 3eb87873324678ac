"""How values stand on the wire: quantities, bytes, errors, and names in camel case."""

import re
from typing import Any

from eth_utils.address import to_checksum_address

from jangkar_devnet.storage import IndexedLog

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
SERVER_ERROR = -32000
REVERTED = 3

_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})", re.ASCII)
_BYTES = re.compile(r"0x([0-9a-fA-F]{2})*", re.ASCII)


class RpcError(Exception):
    """An error answer: code, message and, for a revert, the returned bytes."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data

    def as_json(self) -> dict[str, Any]:
        """The `error` member of the answer."""
        return {"code": self.code, "message": str(self)} | ({} if self.data is None else {"data": self.data})


def to_number(value: Any) -> int:
    """An integer from a quantity. Raises: RpcError."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        return int(value, 16)
    raise RpcError(INVALID_PARAMS, f"expected a quantity such as 0x1, got {value!r}")


def to_slot(value: Any) -> int:
    """A storage slot, as a quantity or as 32 bytes with leading zeros. Raises: RpcError."""
    if isinstance(value, str) and len(value) == 66 and _BYTES.fullmatch(value):
        return int(value, 16)
    return to_number(value)


def to_bytes(value: Any, length: int | None = None) -> bytes:
    """The bytes of a 0x string, of a length where one is asked for. Raises: RpcError."""
    if not isinstance(value, str) or not _BYTES.fullmatch(value):
        raise RpcError(INVALID_PARAMS, f"expected 0x-prefixed bytes, got {str(value)[:80]!r}")
    data = bytes.fromhex(value[2:])
    if length is not None and len(data) != length:
        raise RpcError(INVALID_PARAMS, f"expected {length} bytes, got {len(data)}")
    return data


def to_object(value: Any) -> dict[str, Any]:
    """A JSON object. Raises: RpcError."""
    if not isinstance(value, dict):
        raise RpcError(INVALID_PARAMS, f"expected an object, got {str(value)[:80]!r}")
    return value


def to_list(value: Any) -> list[Any]:
    """A JSON array. Raises: RpcError."""
    if not isinstance(value, list):
        raise RpcError(INVALID_PARAMS, f"expected an array, got {str(value)[:80]!r}")
    return value


def hex_of(data: bytes) -> str:
    """Bytes as a 0x string."""
    return "0x" + data.hex()


def log_of(log: IndexedLog, block_hash: bytes) -> dict[str, Any]:
    """One event log, before it is put on the wire."""
    return {
        "address": to_checksum_address(log.address),
        "topics": list(log.topics),
        "data": log.data,
        "block_number": log.block_number,
        "block_hash": block_hash,
        "transaction_hash": log.transaction_hash,
        "transaction_index": log.position,
        "log_index": log.log_index,
        "removed": False,
    }


# 256 bits and 8 bytes are data and keep their leading zeros; other integers are quantities.
_WIDE = {"logs_bloom": 256}


def wire(value: Any, name: str = "") -> Any:
    """Bytes and integers as hex strings, snake_case names as camelCase."""
    if isinstance(value, bool | str | float) or value is None:
        return value
    if isinstance(value, int):
        return hex_of(value.to_bytes(_WIDE[name], "big")) if name in _WIDE else hex(value)
    if isinstance(value, bytes):
        return hex_of(value)
    if isinstance(value, dict):
        return {_camel(key): wire(inner, key) for key, inner in value.items()}
    return [wire(inner) for inner in value]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
