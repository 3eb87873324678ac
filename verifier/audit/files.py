"""Manifests and entries as an institute hands them to an auditor. Source: docs/spec/manifest.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from verifier.errors import Malformed, MalformedManifest
from verifier.formats.strictjson import MAX_INTEGER_DIGITS, Fields, is_hash, read_canonical, require

MANIFEST_FORMAT = "jangkar-manifest-v1"
ENTRIES_FORMAT = "jangkar-entries-v1"
MAX_LINE_BYTES = 16 * 1024
# More than a batch may have is not recomputed, and more of its entries than these bytes is not read.
MAX_LEAVES = 1 << 20
MAX_ENTRIES_BYTES = 2 << 30
# One line of a manifest is a leaf; room for one header, and for leaves that should not be there.
LEAF_LINE_BYTES = 65
SLACK_BYTES = 1 << 20
MAX_MANIFEST_BYTES = LEAF_LINE_BYTES * MAX_LEAVES + SLACK_BYTES

_require = partial(require, MalformedManifest)
_HEADER = {"format", "chain_id", "registry", "issuer_id", "issuer_profile", "sequence", "tree_size", "root_hash"}
_ENTRY = {"leaf_index", "document_digest", "metadata"}
# Below every integer that can be read: a number that cannot be is the header of another batch, and reported as that.
_ANY = -(10**MAX_INTEGER_DIGITS)
_ENTRY_DEFECTS = {
    "leaf_index": "names no leaf of the batch",
    "document_digest": "has no digest",
    "metadata": "has no metadata",
}


@dataclass(frozen=True)
class BatchHeader:
    """What either file of a batch says of itself."""

    chain_id: int
    registry: str
    issuer_id: bytes
    issuer_profile: str
    sequence: int
    tree_size: int
    root_hash: bytes


@dataclass(frozen=True)
class BatchEntry:
    """One leaf's private side."""

    leaf_index: int
    document_digest: bytes
    metadata: str


def path_of(issuer_id: bytes, sequence: int, suffix: str) -> str:
    """The name of a batch's file, below the folder or address that holds them."""
    return f"{issuer_id.hex()}/{sequence:08d}.{suffix}"


def read_manifest(data: bytes) -> tuple[BatchHeader, list[bytes]]:
    """The header and the ordered leaf hashes. Raises: MalformedManifest, named by line and defect."""
    header, lines = _read(data, MANIFEST_FORMAT)
    leaves = []
    for number, line in lines:
        if not is_hash(line):
            raise MalformedManifest(f"line {number} is no leaf hash")
        leaves.append(bytes.fromhex(line))
    _require(len(leaves) <= MAX_LEAVES, f"it has {len(leaves)} leaves, more than {MAX_LEAVES}")
    return header, leaves


def read_entries(data: bytes) -> tuple[BatchHeader, list[BatchEntry]]:
    """The header and the entries in order. Raises: MalformedManifest, named by line and defect."""
    header, lines = _read(data, ENTRIES_FORMAT)
    entries: list[BatchEntry] = []
    for number, line in lines:
        members = _object(line, number)
        _require(set(members) == _ENTRY, f"line {number} has other fields than an entry")
        fields = Fields(members, partial(_entry_defect, number))
        index = fields.integer("leaf_index", most=header.tree_size - 1)
        _require(not entries or index > entries[-1].leaf_index, f"line {number} is out of order")
        entries.append(BatchEntry(index, fields.hash("document_digest"), fields.text("metadata")))
    return header, entries


def _read(data: bytes, format_: str) -> tuple[BatchHeader, Iterator[tuple[int, str]]]:
    try:
        first, *rest = data.decode().split("\n")
    except UnicodeDecodeError:
        raise MalformedManifest("the file is not UTF-8") from None
    _require(bool(rest) and rest.pop() == "", "the file does not end with a line feed")
    members = _object(first, 1)
    _require(set(members) == _HEADER and members["format"] == format_, f"line 1 is no header of format {format_}")
    fields = Fields(members, _header_defect)
    header = BatchHeader(
        chain_id=fields.integer("chain_id", _ANY),
        registry=fields.text("registry"),
        issuer_id=fields.hash("issuer_id"),
        issuer_profile=fields.text("issuer_profile"),
        sequence=fields.integer("sequence", _ANY),
        tree_size=fields.integer("tree_size", _ANY),
        root_hash=fields.hash("root_hash"),
    )
    return header, enumerate(rest, start=2)


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        return read_canonical(line, what=f"line {number}", max_bytes=MAX_LINE_BYTES)
    except Malformed as error:
        raise MalformedManifest(str(error)) from None


def _header_defect(_name: str, _expected: str) -> MalformedManifest:
    return MalformedManifest("line 1 holds something else than it should")


def _entry_defect(line: int, name: str, _expected: str) -> MalformedManifest:
    return MalformedManifest(f"line {line} {_ENTRY_DEFECTS[name]}")
