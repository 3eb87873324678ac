"""Manifests and entries as an institute hands them to an auditor. Source: docs/spec/manifest.md."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from verifier.errors import Malformed, MalformedManifest
from verifier.formats.strictjson import read_canonical

MANIFEST_FORMAT = "jangkar-manifest-v1"
ENTRIES_FORMAT = "jangkar-entries-v1"
MAX_LINE_BYTES = 16 * 1024
# One line of a manifest is a leaf; room for one header, and for leaves that should not be there.
LEAF_LINE_BYTES = 65
SLACK_BYTES = 1 << 20

_HEADER = {"format", "chain_id", "registry", "issuer_id", "issuer_profile", "sequence", "tree_size", "root_hash"}
_ENTRY = {"leaf_index", "document_digest", "metadata"}
_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Header:
    """What either file of a batch says of itself."""

    chain_id: int
    registry: str
    issuer_id: bytes
    issuer_profile: str
    sequence: int
    tree_size: int
    root_hash: bytes


@dataclass(frozen=True)
class Entry:
    """One leaf's private side."""

    leaf_index: int
    document_digest: bytes
    metadata: str


def path_of(issuer_id: bytes, sequence: int, suffix: str) -> str:
    """Where a batch's file lies in its place."""
    return f"{issuer_id.hex()}/{sequence:08d}.{suffix}"


def read_manifest(data: bytes) -> tuple[Header, list[bytes]]:
    """The header and the ordered leaf hashes. Raises: MalformedManifest, named by line and defect."""
    header, lines = _read(data, MANIFEST_FORMAT)
    leaves = []
    for number, line in lines:
        if not _HASH.fullmatch(line):
            raise MalformedManifest(f"line {number} is no leaf hash")
        leaves.append(bytes.fromhex(line))
    return header, leaves


def read_entries(data: bytes) -> tuple[Header, list[Entry]]:
    """The header and the entries in order. Raises: MalformedManifest, named by line and defect."""
    header, lines = _read(data, ENTRIES_FORMAT)
    entries: list[Entry] = []
    for number, line in lines:
        fields = _object(line, number)
        _require(set(fields) == _ENTRY, f"line {number} has other fields than an entry")
        index, digest, metadata = fields["leaf_index"], fields["document_digest"], fields["metadata"]
        _require(type(index) is int and 0 <= index < header.tree_size, f"line {number} names no leaf of the batch")
        _require(not entries or index > entries[-1].leaf_index, f"line {number} is out of order")
        _require(isinstance(digest, str) and bool(_HASH.fullmatch(digest)), f"line {number} has no digest")
        _require(isinstance(metadata, str), f"line {number} has no metadata")
        entries.append(Entry(index, bytes.fromhex(digest), metadata))
    return header, entries


def _read(data: bytes, format_: str) -> tuple[Header, Iterator[tuple[int, str]]]:
    try:
        first, *rest = data.decode().split("\n")
    except UnicodeDecodeError:
        raise MalformedManifest("the file is not UTF-8") from None
    _require(bool(rest) and rest.pop() == "", "the file does not end with a line feed")
    fields = _object(first, 1)
    _require(set(fields) == _HEADER and fields["format"] == format_, f"line 1 is no header of format {format_}")
    texts = all(isinstance(fields[name], str) for name in ("registry", "issuer_id", "issuer_profile", "root_hash"))
    numbers = all(type(fields[name]) is int for name in ("chain_id", "sequence", "tree_size"))
    hashes = texts and all(_HASH.fullmatch(fields[name]) for name in ("issuer_id", "root_hash"))
    _require(numbers and hashes, "line 1 holds something else than it should")
    header = Header(
        chain_id=fields["chain_id"],
        registry=fields["registry"],
        issuer_id=bytes.fromhex(fields["issuer_id"]),
        issuer_profile=fields["issuer_profile"],
        sequence=fields["sequence"],
        tree_size=fields["tree_size"],
        root_hash=bytes.fromhex(fields["root_hash"]),
    )
    return header, enumerate(rest, start=2)


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        return read_canonical(line, what=f"line {number}", max_bytes=MAX_LINE_BYTES)
    except Malformed as error:
        raise MalformedManifest(str(error)) from None


def _require(holds: bool, defect: str) -> None:  # noqa: FBT001  (a condition, as assert has one)
    if not holds:
        raise MalformedManifest(defect)
