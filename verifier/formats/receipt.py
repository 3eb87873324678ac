"""Receipt v1, read from docs/spec/receipt.md. A receipt is a claim: nothing in it is obeyed."""

import re
from typing import Any, NamedTuple

from verifier.errors import MalformedReceipt, MalformedText
from verifier.formats.metadata import Metadata, Profile, parse_metadata, parse_profile
from verifier.formats.strictjson import canonical, read
from verifier.proofs.hashing import certificate_leaf

FORMAT = "jangkar-receipt-v1"
SUFFIX = ".jangkar.json"
MAX_BYTES = 64 * 1024
MAX_PATH = 64

_HASH = re.compile("[0-9a-f]{64}")
_TRANSACTION = re.compile("0x[0-9a-f]{64}")
_ADDRESS = re.compile("0x[0-9a-f]{40}")
_FIELDS = {
    "format",
    "document_digest",
    "metadata",
    "issuer_id",
    "issuer_profile",
    "sequence",
    "leaf_index",
    "path",
    "hints",
}
_HINTS = {"chain_id", "registry", "transaction", "block"}
_MAX_INTEGER = 2**53 - 1


class Receipt(NamedTuple):
    """A well-formed receipt. `registry` is a lowercase 0x address."""

    document_digest: bytes
    metadata_text: str
    metadata: Metadata
    issuer_id: bytes
    profile_text: str
    profile: Profile
    sequence: int
    leaf_index: int
    path: tuple[bytes, ...]
    chain_id: int
    registry: str
    transaction: str
    block: int

    @property
    def leaf_hash(self) -> bytes:
        """The leaf that the receipt claims, rebuilt from issuer, document and metadata."""
        return certificate_leaf(self.issuer_id, self.document_digest, self.metadata_text)

    def encode(self) -> bytes:
        """The receipt's exact bytes once more."""
        hints = {
            "block": self.block,
            "chain_id": self.chain_id,
            "registry": self.registry,
            "transaction": self.transaction,
        }
        return _encode(
            {
                "format": FORMAT,
                "document_digest": self.document_digest.hex(),
                "metadata": self.metadata_text,
                "issuer_id": self.issuer_id.hex(),
                "issuer_profile": self.profile_text,
                "sequence": self.sequence,
                "leaf_index": self.leaf_index,
                "path": [node.hex() for node in self.path],
                "hints": hints,
            }
        )


def parse(data: bytes) -> Receipt:
    """Read a receipt's exact bytes.

    Raises: MalformedReceipt, MalformedMetadata or MalformedProfile, named by the defect.
    """
    try:
        fields = read(data, what="receipt", max_bytes=MAX_BYTES)
    except MalformedText as error:
        raise MalformedReceipt(str(error)) from None
    if not isinstance(fields, dict):
        raise MalformedReceipt("receipt is not a JSON object")
    if fields.get("format") != FORMAT:
        raise MalformedReceipt(f"receipt has the format {fields.get('format')!r}; this verifier reads {FORMAT}")
    _exact_fields(fields, _FIELDS, "receipt")
    hints = fields["hints"]
    if not isinstance(hints, dict):
        raise MalformedReceipt("receipt's hints are not an object")
    _exact_fields(hints, _HINTS, "receipt's hints")
    path = fields["path"]
    if not isinstance(path, list) or len(path) > MAX_PATH:
        raise MalformedReceipt(f"receipt's path is not a list of at most {MAX_PATH} hashes")
    receipt = Receipt(
        document_digest=_hash("document_digest", fields["document_digest"]),
        metadata_text=_text("metadata", fields["metadata"]),
        metadata=parse_metadata(_text("metadata", fields["metadata"])),
        issuer_id=_hash("issuer_id", fields["issuer_id"]),
        profile_text=_text("issuer_profile", fields["issuer_profile"]),
        profile=parse_profile(_text("issuer_profile", fields["issuer_profile"])),
        sequence=_integer("sequence", fields["sequence"], least=1),
        leaf_index=_integer("leaf_index", fields["leaf_index"], least=0),
        path=tuple(_hash("path", node) for node in path),
        chain_id=_integer("chain_id", hints["chain_id"], least=1),
        registry=_match(_ADDRESS, "registry", hints["registry"]),
        transaction=_match(_TRANSACTION, "transaction", hints["transaction"]),
        block=_integer("block", hints["block"], least=0),
    )
    if data != _encode(fields):
        raise MalformedReceipt(
            "receipt is not in its one byte form; fetch it again instead of saving it from an editor"
        )
    return receipt


def _encode(fields: dict[str, Any]) -> bytes:
    return (canonical(fields) + "\n").encode()


def _exact_fields(given: dict[str, Any], wanted: set[str], what: str) -> None:
    if set(given) - wanted:
        raise MalformedReceipt(f"{what} has an unknown field {min(set(given) - wanted)!r}")
    if wanted - set(given):
        raise MalformedReceipt(f"{what} lacks {min(wanted - set(given))!r}")


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise MalformedReceipt(f"receipt field {name!r} is not a text")
    return value


def _match(pattern: re.Pattern[str], name: str, value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise MalformedReceipt(f"receipt field {name!r} is not lowercase hexadecimal of its length")
    return value


def _hash(name: str, value: Any) -> bytes:
    return bytes.fromhex(_match(_HASH, name, value))


def _integer(name: str, value: Any, *, least: int) -> int:
    if type(value) is not int or not least <= value <= _MAX_INTEGER:
        raise MalformedReceipt(f"receipt field {name!r} is not a whole number from {least}")
    return value
