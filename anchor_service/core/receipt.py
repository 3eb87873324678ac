"""Receipt v1, written from stored facts. Source: docs/spec/receipt.md.

The service only writes receipts; reading and judging them is the verifier's work.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from anchor_service.core import canonical

FORMAT = "jangkar-receipt-v1"
MEDIA_TYPE = "application/vnd.jangkar.receipt+json"
SUFFIX = ".jangkar.json"


@dataclass(frozen=True, slots=True)
class Hints:
    """Where the anchor was written. A verifier compares these and never obeys them."""

    chain_id: int
    registry: str
    transaction: bytes
    block: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What stands beside a PDF so that anybody can verify it against the chain."""

    document_digest: bytes
    metadata: str
    issuer_id: bytes
    issuer_profile: str
    sequence: int
    leaf_index: int
    path: Sequence[bytes]
    hints: Hints

    def encode(self) -> bytes:
        """The one byte form: canonical JSON (RFC 8785) and a line feed."""
        return (
            canonical.encode(
                {
                    "format": FORMAT,
                    "document_digest": self.document_digest.hex(),
                    "metadata": self.metadata,
                    "issuer_id": self.issuer_id.hex(),
                    "issuer_profile": self.issuer_profile,
                    "sequence": self.sequence,
                    "leaf_index": self.leaf_index,
                    "path": [node.hex() for node in self.path],
                    "hints": {
                        "chain_id": self.hints.chain_id,
                        "registry": self.hints.registry,
                        "transaction": "0x" + self.hints.transaction.hex(),
                        "block": self.hints.block,
                    },
                }
            )
            + "\n"
        ).encode()
