"""What goes in: a sealed batch's header, leaves and entries. What comes out: its two files, manifest and entries.

They are durable before anything is signed.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from anchor_service.core.errors import Damaged, TextRejected
from anchor_service.core.hashing import LeafHash
from anchor_service.core.manifest import (
    BatchEntry,
    BatchHeader,
    entries_lines,
    manifest_lines,
    read_entries,
    read_manifest,
)
from anchor_service.pipeline import durable
from anchor_service.pipeline.sealing import OnProgress, checked_tree, with_progress
from anchor_service.store import sealing as queries
from anchor_service.store.engine import Store
from anchor_service.store.tables import Batch

LINES_AT_ONCE = 5_000
_ISSUER = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SEQUENCE = re.compile(r"[0-9]{8,}\.manifest", re.ASCII)


@dataclass(frozen=True, slots=True)
class Filing:
    """Where the two files go. `manifests` is public, `entries` is private and stands on a path of its own.

    `on_progress` hears how far the writing of a batch's files is.
    """

    manifests: Path
    entries: Path
    chain_id: int
    registry: str
    on_progress: OnProgress = lambda *_: None

    def manifest_path(self, issuer_id: bytes, sequence: int) -> Path:
        """The manifest of a batch."""
        return self.manifests / issuer_id.hex() / f"{sequence:08}.manifest"

    def entries_path(self, issuer_id: bytes, sequence: int) -> Path:
        """The entries of a batch."""
        return self.entries / issuer_id.hex() / f"{sequence:08}.entries"

    def file(self, store: Store, batch: Batch) -> None:
        """Write both files, or compare them with what an earlier run wrote.

        Raises: Damaged when the stored leaves do not give the batch's root, or a file is another;
        OSError when a disk fails: nothing was signed then.
        """
        with store.reading() as connection:
            leaves = queries.leaf_hashes(connection, batch.id)
            checked_tree(f"batch {batch.id}", leaves, batch.tree_size, batch.root_hash)
            header = self.header(batch)
            manifest = self.manifest_path(batch.issuer_id, batch.sequence)
            durable.write_once(manifest, pieces(manifest_lines(header, leaves)), 0o644)
            entries = (
                BatchEntry(*row)
                for row in with_progress(
                    queries.entries(connection, batch.id), "Filing", batch.tree_size, self.on_progress
                )
            )
            path = self.entries_path(batch.issuer_id, batch.sequence)
            durable.write_once(path, pieces(entries_lines(header, entries)), 0o600)

    def header(self, batch: Batch) -> BatchHeader:
        """What names a stored batch in its files."""
        return BatchHeader(
            chain_id=self.chain_id,
            registry=self.registry,
            issuer_id=batch.issuer_id,
            issuer_profile=batch.profile,
            sequence=batch.sequence,
            tree_size=batch.tree_size,
            root_hash=batch.root_hash,
        )

    def numbers(self) -> dict[bytes, list[int]]:
        """For each issuer that has a folder of manifests: the sequence numbers that are filed, in order."""
        found: dict[bytes, list[int]] = {}
        for path in sorted(self.manifests.glob("*/*.manifest")):
            if _ISSUER.fullmatch(path.parent.name) and _SEQUENCE.fullmatch(path.name):
                found.setdefault(bytes.fromhex(path.parent.name), []).append(int(path.stem))
        return found

    def read(self, issuer_id: bytes, sequence: int) -> tuple[BatchHeader, list[LeafHash], list[BatchEntry]]:
        """What both files hold of a batch.

        Raises: Damaged when one is missing, is not in its form, or is of another batch, chain or registry.
        """
        manifest, entries_path = self.manifest_path(issuer_id, sequence), self.entries_path(issuer_id, sequence)
        try:
            with manifest.open(encoding="utf-8", newline="\n") as lines:
                header, leaves = read_manifest(lines)
            with entries_path.open(encoding="utf-8", newline="\n") as lines:
                entries_header, entries = read_entries(lines)
        except FileNotFoundError as error:
            raise Damaged(str(error.filename), "it is missing") from None
        except (TextRejected, UnicodeDecodeError) as error:
            raise Damaged(f"{manifest} or {entries_path.name}", str(error)) from None
        wanted = (self.chain_id, self.registry, issuer_id, sequence)
        if (header.chain_id, header.registry, header.issuer_id, header.sequence) != wanted:
            raise Damaged(str(manifest), "it is of another chain, registry, issuer or sequence number")
        if entries_header != header:
            raise Damaged(str(entries_path), "it is not of the same batch as its manifest")
        return header, leaves, entries

    def erase_entry(self, issuer_id: bytes, sequence: int, leaf_index: int) -> bool:
        """Take one line out of the entries, for good. Returns whether it was there.

        The caller keeps others from rewriting the same file. Raises: Damaged; OSError when a disk fails: the
        file is the old one then, or the new one.
        """
        path = self.entries_path(issuer_id, sequence)
        _, _, entries = self.read(issuer_id, sequence)
        with path.open(encoding="utf-8", newline="\n") as file:
            lines = list(file)
        kept = [line for entry, line in zip(entries, lines[1:], strict=True) if entry.leaf_index != leaf_index]
        if len(kept) == len(entries):
            return False
        durable.replace(path, pieces([lines[0], *kept]), 0o600)
        self.sweep(issuer_id, sequence)
        return True

    def sweep(self, issuer_id: bytes, sequence: int) -> None:
        """Remove what processes that were killed left beside a batch's two files."""
        for path in (self.manifest_path(issuer_id, sequence), self.entries_path(issuer_id, sequence)):
            for left in path.parent.glob(f"{path.name}.*{durable.UNFINISHED}"):
                left.unlink(missing_ok=True)

    def remove(self, issuer_id: bytes, sequence: int) -> None:
        """Delete what was filed under a sequence number that is another's on chain."""
        self.sweep(issuer_id, sequence)
        for path in (self.manifest_path(issuer_id, sequence), self.entries_path(issuer_id, sequence)):
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                durable.sync_folder(path.parent)


def pieces(lines: Iterable[str]) -> Iterator[bytes]:
    """Lines as bytes, many at a time, so that a million of them are never in memory at once."""
    following = iter(lines)
    while piece := "".join(islice(following, LINES_AT_ONCE)):
        yield piece.encode()
