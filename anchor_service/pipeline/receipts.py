"""What goes in: a file's digest or a code. What comes out: receipts of docs/spec/receipt.md, as bytes.

They are derived from the stored leaves, never authored: the same bytes on every request.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from anchor_service.core import tiles
from anchor_service.core.errors import Damaged, TreeRejected
from anchor_service.core.hashing import LeafHash, NodeHash
from anchor_service.core.merkle import root_of_path
from anchor_service.core.receipt import Hints, Receipt
from anchor_service.store import receipts as queries
from anchor_service.store.engine import Store
from anchor_service.store.receipts import BatchRow, CertificateInBatch, CertificateRow


@dataclass(frozen=True, slots=True)
class LookUp:
    """What is known of a file or a code: the receipts of what is anchored, and how many still wait."""

    receipts: tuple[bytes, ...]
    pending: int


class Receipts:
    """Writes receipts, each from its certificate's row and a few tiles of its batch's tree."""

    def __init__(self, store: Store, chain_id: int, registry: str) -> None:
        self._store = store
        self._chain_id = chain_id
        self._registry = registry

    def by_digest(self, document_digest: bytes) -> LookUp:
        """Every anchor of a file, by any issuer, oldest first."""
        with self._store.reading() as connection:
            return self._look_up(queries.by_digest(connection, document_digest))

    def by_file(self, digests: Sequence[bytes]) -> LookUp:
        """Every anchor of a file and of its earlier revisions, whose digests follow the file's own.

        Only the file itself is counted as waiting: an earlier revision that waits says nothing of it.
        """
        with self._store.reading() as connection:
            found = queries.by_digests(connection, digests)
            in_question = [
                known for known in found if known.is_anchored or known.certificate.document_digest == digests[0]
            ]
            return self._look_up(in_question)

    def by_code(self, code: str) -> LookUp:
        """The anchor of a certificate code."""
        with self._store.reading() as connection:
            return self._look_up(queries.by_code(connection, code))

    def of_issuer(self, issuer_id: bytes, document_digest: bytes) -> bytes | None:
        """The receipt of an issuer's live certificate of a file, else of its last one that was superseded.

        Nothing while the live one is not anchored.
        """
        with self._store.reading() as connection:
            known = queries.of_issuer(connection, issuer_id, document_digest)
            if known is None:
                superseded = queries.by_digest(connection, document_digest)
                known = next((one for one in reversed(superseded) if one.certificate.issuer_id == issuer_id), None)
            if known is None or known.batch is None or not known.is_anchored:
                return None
            return self._write(known, known.batch)

    def is_pending(self, issuer_id: bytes, document_digest: bytes) -> bool:
        """Whether an issuer's live certificate of a file is not anchored yet."""
        with self._store.reading() as connection:
            known = queries.of_issuer(connection, issuer_id, document_digest)
        return known is not None and not known.is_anchored

    def _look_up(self, found: Sequence[CertificateInBatch]) -> LookUp:
        anchored = [(known, known.batch) for known in found if known.batch and known.is_anchored]
        # By what the chain says, so that a rebuilt database answers alike.
        anchored.sort(key=lambda pair: (pair[1].block_number or 0, pair[1].issuer_id, pair[1].sequence))
        return LookUp(tuple(self._write(*pair) for pair in anchored), len(found) - len(anchored))

    def _write(self, known: CertificateInBatch, batch: BatchRow) -> bytes:
        return self._encoded(known.certificate, batch, stored_path(known, batch))

    def _encoded(self, certificate: CertificateRow, batch: BatchRow, path: tuple[NodeHash, ...]) -> bytes:
        if batch.transaction_hash is None or batch.block_number is None or certificate.leaf_index is None:
            raise Damaged(f"batch {batch.id}", "it is anchored and lacks its block or transaction")
        return Receipt(
            document_digest=certificate.document_digest,
            metadata=certificate.metadata_text,
            issuer_id=certificate.issuer_id,
            issuer_profile=batch.profile,
            sequence=batch.sequence,
            leaf_index=certificate.leaf_index,
            path=path,
            hints=Hints(self._chain_id, self._registry, batch.transaction_hash, batch.block_number),
        ).encode()


def stored_path(known: CertificateInBatch, batch: BatchRow) -> tuple[NodeHash, ...]:
    """The inclusion path of an anchored certificate in its batch, from the stored tiles.

    Raises: Damaged when the stored tree does not lead from its leaf to the anchored root.
    """
    index = known.certificate.leaf_index
    if index is None:
        raise Damaged(f"batch {batch.id}", "it is anchored and a certificate lacks its place")
    try:
        path = tiles.inclusion_path(batch.tree_size, index, known.tiles)
        root_hash = root_of_path(LeafHash(known.certificate.leaf_hash), index, batch.tree_size, path)
    except (KeyError, TreeRejected):
        raise Damaged(f"batch {batch.id}", "its stored tree has a hole: `jangkar rebuild`") from None
    if root_hash != batch.root_hash:
        raise Damaged(f"batch {batch.id}", "its stored tree does not lead to its anchored root: `jangkar rebuild`")
    return path
