"""Proofs about a registry's log, as files. Source: docs/spec/log.md 5."""

from collections.abc import Sequence
from dataclasses import dataclass

from anchor_service.core import canonical
from anchor_service.core.errors import TreeRejected
from anchor_service.core.hashing import RootHash, leaf_hash
from anchor_service.core.merkle import MerkleTree

FORMAT = "jangkar-log-proof-v1"


@dataclass(frozen=True, slots=True)
class Log:
    """The entries of one registry's log up to some size, in order."""

    chain_id: int
    registry: str
    entries: Sequence[bytes]

    @property
    def root_hash(self) -> RootHash:
        """Root of the whole log. Raises: TreeRejected when it is empty."""
        return self._tree().root_hash

    def inclusion_proof(self, index: int) -> str:
        """The file that proves that an entry stands in the log. Raises: TreeRejected."""
        tree = self._tree()
        path = tree.inclusion_path(index)
        return self._encode(tree, path, {"entry": self.entries[index].hex(), "index": index})

    def consistency_proof(self, old_size: int) -> str:
        """The file that proves that the log only grew since it had `old_size` entries. Raises: TreeRejected."""
        tree = self._tree()
        path = tree.consistency_path(old_size)
        old = MerkleTree([leaf_hash(entry) for entry in self.entries[:old_size]])
        return self._encode(tree, path, {"old_size": old_size, "old_root": old.root_hash.hex()})

    def _tree(self) -> MerkleTree:
        if not self.entries:
            raise TreeRejected("the log is empty: there is nothing to prove")
        return MerkleTree([leaf_hash(entry) for entry in self.entries])

    def _encode(self, tree: MerkleTree, path: Sequence[bytes], what: dict[str, object]) -> str:
        return canonical.encode(
            {
                "format": FORMAT,
                "chain_id": self.chain_id,
                "registry": self.registry,
                "size": tree.tree_size,
                "root": tree.root_hash.hex(),
                "path": [node.hex() for node in path],
                **what,
            }
        )
