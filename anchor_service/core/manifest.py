"""The two files of a sealed batch. Source: docs/spec/manifest.md.

The manifest is public and immutable: a header and the ordered leaf hashes. The entries are
private and erasable: one line a leaf with its document digest and metadata. Both are lines of
text, so that a million leaves stream through a buffer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from anchor_service.core import canonical

MANIFEST_FORMAT = "jangkar-manifest-v1"
ENTRIES_FORMAT = "jangkar-entries-v1"


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """What names a sealed batch, before and after it is anchored."""

    chain_id: int
    registry: str
    issuer_id: bytes
    issuer_profile: str
    sequence: int
    tree_size: int
    root_hash: bytes

    def line(self, format_: str) -> str:
        """The first line of either file."""
        return (
            canonical.encode(
                {
                    "format": format_,
                    "chain_id": self.chain_id,
                    "registry": self.registry,
                    "issuer_id": self.issuer_id.hex(),
                    "issuer_profile": self.issuer_profile,
                    "sequence": self.sequence,
                    "tree_size": self.tree_size,
                    "root_hash": self.root_hash.hex(),
                }
            )
            + "\n"
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf's private side."""

    leaf_index: int
    document_digest: bytes
    metadata: str


def manifest_lines(header: BatchHeader, leaf_hashes: Iterable[bytes]) -> Iterator[str]:
    """The lines of the manifest, each with its line feed."""
    yield header.line(MANIFEST_FORMAT)
    for leaf in leaf_hashes:
        yield leaf.hex() + "\n"


def entries_lines(header: BatchHeader, entries: Iterable[Entry]) -> Iterator[str]:
    """The lines of the entries file, each with its line feed."""
    yield header.line(ENTRIES_FORMAT)
    for entry in entries:
        yield (
            canonical.encode(
                {
                    "leaf_index": entry.leaf_index,
                    "document_digest": entry.document_digest.hex(),
                    "metadata": entry.metadata,
                }
            )
            + "\n"
        )
