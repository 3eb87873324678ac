"""An issuer's approval of one batch, as the file that goes back to the host. Source: docs/spec/approval.md."""

import re
from dataclasses import dataclass
from typing import Any

from anchor_service.core import canonical
from anchor_service.core.errors import TextRejected

FORMAT = "jangkar-approval-v1"
SUFFIX = ".approval.json"
MAX_BYTES = 64 * 1024

_PATTERNS = {
    "registry": re.compile(r"0x[0-9a-f]{40}", re.ASCII),
    "approver": re.compile(r"0x[0-9a-f]{40}", re.ASCII),
    "issuer_id": re.compile(r"[0-9a-f]{64}", re.ASCII),
    "root_hash": re.compile(r"[0-9a-f]{64}", re.ASCII),
    "signature": re.compile(r"(?:[0-9a-f]{2})*+", re.ASCII),
}
_INTEGERS = ("chain_id", "sequence", "tree_size", "deadline")


@dataclass(frozen=True, slots=True)
class BatchApproval:
    """What was approved, by whom, and until when (seconds since 1970) the registry takes it."""

    chain_id: int
    registry: str
    issuer_id: bytes
    sequence: int
    root_hash: bytes
    tree_size: int
    deadline: int
    approver: str
    signature: bytes

    def encode(self) -> bytes:
        """The one byte form: canonical JSON (RFC 8785) and a line feed."""
        fields = {
            "format": FORMAT,
            "chain_id": self.chain_id,
            "registry": self.registry,
            "issuer_id": self.issuer_id.hex(),
            "sequence": self.sequence,
            "root_hash": self.root_hash.hex(),
            "tree_size": self.tree_size,
            "deadline": self.deadline,
            "approver": self.approver,
            "signature": self.signature.hex(),
        }
        return (canonical.encode(fields) + "\n").encode()


def parse(data: bytes) -> BatchApproval:
    """Read an approval file. Raises: TextRejected, named by the defect."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise TextRejected("the approval is not UTF-8") from None
    fields = canonical.decode_object(text.removesuffix("\n"), what="approval", max_bytes=MAX_BYTES)
    if fields.get("format") != FORMAT:
        raise TextRejected(f"this is no approval of format {FORMAT}")
    if set(fields) != {"format", *_PATTERNS, *_INTEGERS}:
        raise TextRejected(f"an approval has exactly the fields format, {', '.join((*_PATTERNS, *_INTEGERS))}")
    return BatchApproval(
        chain_id=_integer(fields, "chain_id"),
        registry=_text(fields, "registry"),
        issuer_id=bytes.fromhex(_text(fields, "issuer_id")),
        sequence=_integer(fields, "sequence"),
        root_hash=bytes.fromhex(_text(fields, "root_hash")),
        tree_size=_integer(fields, "tree_size"),
        deadline=_integer(fields, "deadline"),
        approver=_text(fields, "approver"),
        signature=bytes.fromhex(_text(fields, "signature")),
    )


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str) or not _PATTERNS[name].fullmatch(value):
        raise TextRejected(f"the approval's {name} is not lowercase hexadecimal of its length")
    return value


def _integer(fields: dict[str, Any], name: str) -> int:
    value = fields[name]
    if type(value) is not int or value < 1:
        raise TextRejected(f"the approval's {name} is not a whole number from 1")
    return value
