"""Receipt v1, read from docs/spec/receipt.md. A receipt is a claim: nothing in it is obeyed."""

from typing import Any, NamedTuple

from verifier.errors import MalformedReceipt, MalformedText
from verifier.formats.metadata import Metadata, Profile, parse_metadata, parse_profile
from verifier.formats.strictjson import Fields, canonical, read, require_names
from verifier.proofs.hashing import certificate_leaf

FORMAT = "jangkar-receipt-v1"
SUFFIX = ".jangkar.json"
MAX_BYTES = 64 * 1024
MAX_PATH = 64

_NAMES = {
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
        members = read(data, what="receipt", max_bytes=MAX_BYTES)
        if not isinstance(members, dict):
            raise MalformedReceipt("receipt is not a JSON object")
        if members.get("format") != FORMAT:
            raise MalformedReceipt(f"receipt has the format {members.get('format')!r}; this verifier reads {FORMAT}")
        require_names(members, _NAMES, what="receipt")
        if not isinstance(members["hints"], dict):
            raise MalformedReceipt("receipt's hints are not an object")
        require_names(members["hints"], _HINTS, what="receipt's hints")
    except MalformedText as error:
        raise MalformedReceipt(str(error)) from None
    if not isinstance(members["path"], list) or len(members["path"]) > MAX_PATH:
        raise MalformedReceipt(f"receipt's path is not a list of at most {MAX_PATH} hashes")
    fields, hints = Fields(members, _defect), Fields(members["hints"], _defect)
    receipt = Receipt(
        document_digest=fields.hash("document_digest"),
        metadata_text=fields.text("metadata"),
        metadata=parse_metadata(fields.text("metadata")),
        issuer_id=fields.hash("issuer_id"),
        profile_text=fields.text("issuer_profile"),
        profile=parse_profile(fields.text("issuer_profile")),
        sequence=fields.integer("sequence", 1, _MAX_INTEGER),
        leaf_index=fields.integer("leaf_index", 0, _MAX_INTEGER),
        path=fields.hashes("path"),
        chain_id=hints.integer("chain_id", 1, _MAX_INTEGER),
        registry=hints.address("registry"),
        transaction="0x" + hints.hash_0x("transaction").hex(),
        block=hints.integer("block", 0, _MAX_INTEGER),
    )
    if data != _encode(members):
        raise MalformedReceipt(
            "receipt is not in its one byte form; fetch it again instead of saving it from an editor"
        )
    return receipt


def _encode(members: dict[str, Any]) -> bytes:
    return (canonical(members) + "\n").encode()


def _defect(name: str, expected: str) -> MalformedReceipt:
    return MalformedReceipt(f"receipt field {name!r} is not {expected}")
