"""Receipts: derived from the stored leaves, never authored. The same bytes on every request."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

from anchor_service.core.errors import Damaged
from anchor_service.core.hashing import NodeHash
from anchor_service.core.merkle import MerkleTree
from anchor_service.core.receipt import Hints, Receipt
from anchor_service.store import receipts as queries
from anchor_service.store import sealing as sealing_queries
from anchor_service.store.engine import Store
from anchor_service.store.receipts import Placed
from anchor_service.store.tables import Batch, Certificate

CACHED_TREES = 8


@dataclass(frozen=True, slots=True)
class LookUp:
    """What is known of a file or a code: the receipts of what is anchored, and how many still wait."""

    receipts: tuple[bytes, ...]
    pending: int


class Receipts:
    """Writes receipts; keeps the trees of the last few batches, which never change."""

    def __init__(self, store: Store, chain_id: int, registry: str) -> None:
        self._store = store
        self._chain_id = chain_id
        self._registry = registry
        # By root, which says all of a tree; a batch's number may be another's in a rebuilt database.
        self._trees: OrderedDict[bytes, MerkleTree] = OrderedDict()
        self._lock = Lock()

    def by_digest(self, document_digest: bytes) -> LookUp:
        """Every anchor of a file, by any issuer, oldest first."""
        with self._store.reading() as connection:
            found = queries.by_digest(connection, document_digest)
        return self._look_up(found)

    def by_file(self, digests: Sequence[bytes]) -> LookUp:
        """Every anchor of a file and of its earlier revisions, whose digests follow the file's own.

        Only the file itself is counted as waiting: an earlier revision that waits says nothing of it.
        """
        with self._store.reading() as connection:
            found = queries.by_digests(connection, digests)
        return self._look_up([one for one in found if one.is_anchored or one.certificate.document_digest == digests[0]])

    def by_code(self, code: str) -> LookUp:
        """The anchor of a certificate code."""
        with self._store.reading() as connection:
            found = queries.by_code(connection, code)
        return self._look_up(found)

    def of_issuer(self, issuer_id: bytes, document_digest: bytes) -> bytes | None:
        """The receipt of an issuer's live certificate of a file, or nothing while it is not anchored."""
        with self._store.reading() as connection:
            placed = queries.of_issuer(connection, issuer_id, document_digest)
        if placed is None or placed.batch is None or not placed.is_anchored:
            return None
        return self._write(placed.certificate, placed.batch)

    def of_batch(self, batch: Batch) -> Iterator[tuple[Certificate, bytes]]:
        """Every certificate of an anchored batch with its receipt, in tree order."""
        with self._store.reading() as connection:
            certificates = list(queries.of_batch(connection, batch.id or 0))
        paths = enumerate(self._tree(batch).inclusion_paths())
        for certificate in certificates:
            # A leaf whose certificate was erased keeps its place in the tree.
            path = next((path for index, path in paths if index == certificate.leaf_index), None)
            if path is None:
                raise Damaged(f"batch {batch.id}", "a certificate of it has no place in its tree")
            yield certificate, self._encoded(certificate, batch, path)

    def _look_up(self, found: Sequence[Placed]) -> LookUp:
        anchored = [(one.certificate, one.batch) for one in found if one.batch and one.is_anchored]
        # By what the chain says, so that a rebuilt database answers alike.
        anchored.sort(key=lambda one: (one[1].block_number or 0, one[1].issuer_id, one[1].sequence))
        return LookUp(tuple(self._write(*one) for one in anchored), len(found) - len(anchored))

    def _write(self, certificate: Certificate, batch: Batch) -> bytes:
        if certificate.leaf_index is None:
            raise Damaged(f"batch {batch.id}", "it is anchored and a certificate lacks its place")
        return self._encoded(certificate, batch, self._tree(batch).inclusion_path(certificate.leaf_index))

    def _encoded(self, certificate: Certificate, batch: Batch, path: tuple[NodeHash, ...]) -> bytes:
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

    def _tree(self, batch: Batch) -> MerkleTree:
        """The batch's tree. Raises: Damaged when the stored leaves no longer give the anchored root."""
        key = batch.root_hash
        with self._lock:
            if key not in self._trees:
                with self._store.reading() as connection:
                    leaves = sealing_queries.leaf_hashes(connection, batch.id or 0)
                tree = MerkleTree(leaves)
                if tree.root_hash != batch.root_hash:
                    raise Damaged(f"batch {batch.id}", "its stored leaves do not give its anchored root")
                self._trees[key] = tree
                if len(self._trees) > CACHED_TREES:
                    self._trees.popitem(last=False)
            self._trees.move_to_end(key)
            return self._trees[key]
