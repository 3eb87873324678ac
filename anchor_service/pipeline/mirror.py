"""Mirroring: what anybody may serve, as files that never change. Source: docs/spec/mirror.md.

Leaf hashes, nodes and the registry's log, and never a digest, a metadata text or a receipt.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from anchor_service.core import tlog
from anchor_service.core.bundle import RecordedHistory, RecordedLog
from anchor_service.core.errors import Damaged
from anchor_service.core.hashing import leaf_hash
from anchor_service.core.manifest import BatchHeader, manifest_lines
from anchor_service.core.merkle import MerkleTree, tree_with_root
from anchor_service.core.states import OnChainState
from anchor_service.pipeline import durable
from anchor_service.pipeline.filing import Filing, pieces
from anchor_service.pipeline.sealing import OnProgress
from anchor_service.store import anchoring as anchoring_queries
from anchor_service.store import sealing as queries
from anchor_service.store.engine import Store
from anchor_service.store.tables import Batch

CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class MirrorReport:
    """How many batches of how many certificates a mirror holds, and how many of its files are new."""

    batches: int
    certificates: int
    written: int


@dataclass(frozen=True, slots=True)
class Mirror:
    """A folder that a web server, an object store or a USB stick serves as it is.

    A batch's checkpoint is written last: where it stands, the batch's other files stand, and `whole` compares them
    all the same. `on_progress` hears how many certificates are done.
    """

    folder: Path
    whole: bool = False
    on_progress: OnProgress = lambda *_: None

    def add_batches(self, store: Store, filing: Filing) -> MirrorReport:
        """Write what the folder lacks of the anchored batches. Safe to repeat, and to stop.

        Raises: Damaged when stored leaves do not give their root, or another file stands in the way; OSError.
        """
        with store.reading() as connection:
            stored = anchoring_queries.batches(connection)
        anchored = [batch for batch in reversed(stored) if batch.state == OnChainState.ANCHORED]
        missing = [batch for batch in anchored if self.whole or not self._is_complete(filing.header(batch), batch)]
        total, done, written = sum(batch.tree_size for batch in missing), 0, 0
        for batch in missing:
            with store.reading() as connection:
                leaves = queries.leaf_hashes(connection, batch.id)
            tree = tree_with_root(leaves, batch.tree_size, batch.root_hash)
            if tree is None:
                raise Damaged(f"batch {batch.id}", "its stored leaves do not give its root: `jangkar fsck` names them")
            header = filing.header(batch)
            folder = self._folder(header)
            manifest = folder.with_suffix(".manifest")
            written += durable.write_once(manifest, pieces(manifest_lines(header, leaves)), 0o644)
            written += _write(folder, tlog.hash_tiles(tree))
            written += _write(folder, [(CHECKPOINT, _checkpoint(header, batch).encode())])
            done += batch.tree_size
            self.on_progress("Mirroring", done, total)
        return MirrorReport(len(anchored), sum(batch.tree_size for batch in anchored), written)

    def add_logs(self, recorded: RecordedHistory) -> int:
        """Write what the folder lacks of the logs, and the line that a bundle of them begins with.

        Returns how many files are new. Raises: Damaged when another file stands in the way; OSError.
        """
        written = 0
        for recorded_log in recorded.logs:
            written += _write(self.folder / "logs" / recorded_log.log.registry, _log_files(recorded_log))
        # Last: who finds this line finds everything that it names.
        written += _write(self.folder / "bundles", [(recorded.digest.hex(), recorded.header.encode())])
        for recorded_log in recorded.logs:
            self._advance(recorded_log)
        return written

    def _advance(self, recorded: RecordedLog) -> None:
        """Move a log's checkpoint on: the one file that changes, for readers of C2SP's, who look for it there."""
        path, size = self.folder / "logs" / recorded.log.registry / CHECKPOINT, len(recorded.log.entries)
        durable.make_folder(path.parent)
        if not path.exists() or size > tlog.size_of(path.read_text()):
            text = tlog.checkpoint(f"jangkar/{recorded.log.chain_id}/{recorded.log.registry}", size, recorded.root_hash)
            durable.replace(path, [text.encode()], 0o644)

    def _is_complete(self, header: BatchHeader, batch: Batch) -> bool:
        path = self._folder(header) / CHECKPOINT
        return path.exists() and path.read_bytes() == _checkpoint(header, batch).encode()

    def _folder(self, header: BatchHeader) -> Path:
        return self.folder / header.issuer_id.hex() / f"{header.sequence:08}"


def _log_files(recorded: RecordedLog) -> Iterable[tuple[str, bytes]]:
    entries = recorded.log.entries
    yield from tlog.runs("tile/entries", [len(entry).to_bytes(2) + entry for entry in entries])
    yield from tlog.runs("blocks", [block.to_bytes(8) for block in recorded.blocks])
    if entries:
        yield from tlog.hash_tiles(MerkleTree([leaf_hash(entry) for entry in entries]))


def _checkpoint(header: BatchHeader, batch: Batch) -> str:
    """A batch's checkpoint, with what a receipt says besides its leaf and path."""
    return tlog.checkpoint(
        f"jangkar/{header.chain_id}/{header.registry}/{header.issuer_id.hex()}/{header.sequence:08}",
        header.tree_size,
        header.root_hash,
        f"block {batch.block_number}",
        f"transaction 0x{(batch.transaction_hash or b'').hex()}",
        f"profile {header.issuer_profile}",
    )


def _write(folder: Path, files: Iterable[tuple[str, bytes]]) -> int:
    return sum(durable.write_once(folder / name, [content], 0o644) for name, content in files)
