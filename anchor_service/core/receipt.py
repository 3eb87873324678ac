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
        # Written out: of all these only the two texts hold what JSON escapes, and a receipt is made for each request.
        hints, path = self.hints, ",".join([f'"{node.hex()}"' for node in self.path])
        return (
            f'{{"document_digest":"{self.document_digest.hex()}","format":"{FORMAT}","hints":{{"block":{hints.block},'
            f'"chain_id":{hints.chain_id},"registry":"{hints.registry}","transaction":"0x{hints.transaction.hex()}"}},'
            f'"issuer_id":"{self.issuer_id.hex()}","issuer_profile":{canonical.encode(self.issuer_profile)},'
            f'"leaf_index":{self.leaf_index},"metadata":{canonical.encode(self.metadata)},'
            f'"path":[{path}],"sequence":{self.sequence}}}\n'
        ).encode()
