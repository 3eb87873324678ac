"""The two files of a sealed batch. Source: docs/spec/manifest.md.

The manifest is public and immutable: a header and the ordered leaf hashes. The entries are
private and erasable: one line a leaf with its document digest and metadata. Both are lines of
text, so that a million leaves stream through a buffer.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from anchor_service.core import canonical
from anchor_service.core.errors import TextRejected
from anchor_service.core.hashing import HASH_SIZE, LeafHash

MANIFEST_FORMAT = "jangkar-manifest-v1"
ENTRIES_FORMAT = "jangkar-entries-v1"
MAX_LINE_BYTES = 16 * 1024

_ADDRESS = re.compile(r"0x[0-9a-f]{40}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HEADER = {"format", "chain_id", "registry", "issuer_id", "issuer_profile", "sequence", "tree_size", "root_hash"}
_ENTRY = {"leaf_index", "document_digest", "metadata"}


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
class BatchEntry:
    """One leaf's private side."""

    leaf_index: int
    document_digest: bytes
    metadata: str


def manifest_lines(header: BatchHeader, leaf_hashes: Iterable[bytes]) -> Iterator[str]:
    """The lines of the manifest, each with its line feed."""
    yield header.line(MANIFEST_FORMAT)
    for leaf in leaf_hashes:
        yield leaf.hex() + "\n"


def entries_lines(header: BatchHeader, entries: Iterable[BatchEntry]) -> Iterator[str]:
    """The lines of the entries file, each with its line feed."""
    yield header.line(ENTRIES_FORMAT)
    yield from map(entry_line, entries)


def entry_line(entry: BatchEntry) -> str:
    """One line of the entries file, with its line feed."""
    # The canonical form, written out: a million of them are written in a night.
    metadata = canonical.encode(entry.metadata)
    return (
        f'{{"document_digest":"{entry.document_digest.hex()}","leaf_index":{entry.leaf_index},"metadata":{metadata}}}\n'
    )


def read_manifest(lines: Iterable[str]) -> tuple[BatchHeader, list[LeafHash]]:
    """The header and the ordered leaf hashes of a manifest, as somebody else wrote it.

    Raises: TextRejected, named by line and defect; the number of leaves is the header's.
    """
    header, rest = _read_header(lines, MANIFEST_FORMAT)
    leaves = [LeafHash(_hash(line, f"line {number}")) for number, line in rest]
    if len(leaves) != header.tree_size:
        raise TextRejected(f"the manifest has {len(leaves)} leaves where its header says {header.tree_size}")
    return header, leaves


def read_entries(lines: Iterable[str]) -> tuple[BatchHeader, list[BatchEntry]]:
    """The header and the entries of an entries file, in ascending order of their leaves.

    Raises: TextRejected, named by line and defect.
    """
    header, rest = _read_header(lines, ENTRIES_FORMAT)
    entries: list[BatchEntry] = []
    for number, line in rest:
        entry = read_entry(line, number)
        if entry.leaf_index >= header.tree_size or (entries and entry.leaf_index <= entries[-1].leaf_index):
            raise TextRejected(f"line {number} is out of order")
        entries.append(entry)
    return header, entries


def read_entry(line: str, number: int) -> BatchEntry:
    """One line of an entries file; `number` names it. Raises: TextRejected."""
    fields = canonical.decode_object(line.removesuffix("\n"), what=f"line {number}", max_bytes=MAX_LINE_BYTES)
    if set(fields) != _ENTRY or not isinstance(fields["metadata"], str):
        raise TextRejected(f"line {number} is no entry")
    digest = _hash(fields["document_digest"], f"line {number}")
    return BatchEntry(_integer(fields, "leaf_index", 0), digest, fields["metadata"])


def _read_header(lines: Iterable[str], format_: str) -> tuple[BatchHeader, Iterator[tuple[int, str]]]:
    numbered = ((number, line.removesuffix("\n")) for number, line in enumerate(lines, start=1))
    _, first = next(numbered, (1, ""))
    fields = canonical.decode_object(first, what="the header", max_bytes=MAX_LINE_BYTES)
    if fields.get("format") != format_ or set(fields) != _HEADER:
        raise TextRejected(f"the header is not that of {format_}")
    if not isinstance(fields["registry"], str) or not _ADDRESS.fullmatch(fields["registry"]):
        raise TextRejected("the header's registry is no address")
    if not isinstance(fields["issuer_profile"], str):
        raise TextRejected("the header's issuer_profile is no text")
    header = BatchHeader(
        chain_id=_integer(fields, "chain_id", 1),
        registry=fields["registry"],
        issuer_id=_hash(fields["issuer_id"], "the header's issuer_id"),
        issuer_profile=fields["issuer_profile"],
        sequence=_integer(fields, "sequence", 1),
        tree_size=_integer(fields, "tree_size", 1),
        root_hash=_hash(fields["root_hash"], "the header's root_hash"),
    )
    return header, numbered


def _integer(fields: dict[str, Any], name: str, least: int) -> int:
    value = fields[name]
    if type(value) is not int or value < least:
        raise TextRejected(f"{name} is not a whole number from {least}")
    return value


def _hash(given: Any, what: str) -> bytes:
    if not isinstance(given, str) or not _HASH.fullmatch(given):
        raise TextRejected(f"{what} is not {2 * HASH_SIZE} lowercase hexadecimal digits")
    return bytes.fromhex(given)
