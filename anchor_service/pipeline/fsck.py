"""Checking everything that is stored against the chain, and naming the row or the line that lies.

Leaves stand in three places: the tiles, the manifest, and what digests and metadata give. The one whose root is on
chain is the truth; what differs from it is named.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from anchor_service.core import metadata, profile, tiles
from anchor_service.core.errors import FieldRejected, TextRejected
from anchor_service.core.hashing import HASH_SIZE, IssuerId, LeafHash, certificate_leaf
from anchor_service.core.manifest import (
    ENTRIES_FORMAT,
    MANIFEST_FORMAT,
    BatchEntry,
    BatchHeader,
    entry_line,
    read_entry,
)
from anchor_service.core.merkle import MerkleTree, tree_with_root
from anchor_service.core.states import OnChainState
from anchor_service.pipeline.filing import Filing
from anchor_service.pipeline.sealing import MAX_LEAVES
from anchor_service.ports import Anchor, RegistryReader
from anchor_service.store import anchoring as anchoring_queries
from anchor_service.store import forms as form_queries
from anchor_service.store import issuers as issuer_queries
from anchor_service.store import rebuilding as queries
from anchor_service.store import sealing as sealing_queries
from anchor_service.store.engine import Connection, Store
from anchor_service.store.tables import Batch, Certificate


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it has to be: a row or a line, and what is wrong with it."""

    where: str
    problem: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


def check(store: Store, filing: Filing, registry: RegistryReader | None) -> Iterator[Finding]:
    """Everything that lies, batch by batch. Without a registry, the batches' own roots are believed.

    Raises: RegistryUnavailable.
    """
    with store.reading() as connection:
        issuers = issuer_queries.all_issuers(connection)
        batches = anchoring_queries.batches(connection)
    known = {(batch.issuer_id, batch.sequence) for batch in batches}
    for batch in sorted(batches, key=lambda batch: batch.id):
        anchor = registry.anchor_of(IssuerId(batch.issuer_id), batch.sequence) if registry else None
        yield from _Check(store, filing, batch, anchor, registry).findings()
    for issuer_id, numbers in filing.numbers().items():
        for sequence in numbers:
            if (issuer_id, sequence) not in known:
                yield Finding(str(filing.manifest_path(issuer_id, sequence)), "no batch has it: `jangkar rebuild`")
    for issuer in issuers:
        on_chain = registry.last_sequence(IssuerId(issuer.id)) if registry else 0
        for sequence in range(1, on_chain + 1):
            if (issuer.id, sequence) not in known:
                yield Finding(
                    f"issuer {issuer.id.hex()}", f"sequence {sequence} is on chain and not here: `jangkar rebuild`"
                )
        with store.reading() as connection:
            waiting = queries.waiting(connection, issuer.id)
            yield from _form_findings(connection, issuer.id)
        for certificate in waiting:
            yield from _certificate_findings(certificate, None)


class _Check:
    """One batch and all that belongs to it."""

    def __init__(
        self, store: Store, filing: Filing, batch: Batch, anchor: Anchor | None, registry: RegistryReader | None
    ) -> None:
        self._filing = filing
        self._batch = batch
        self._anchor = anchor
        self._registry = registry
        self._name = f"batch {batch.id}"
        self._manifest = filing.manifest_path(batch.issuer_id, batch.sequence)
        self._entries = filing.entries_path(batch.issuer_id, batch.sequence)
        with store.reading() as connection:
            self._tiles = sealing_queries.tiles(connection, batch.id)
            self._certificates = queries.certificates_of(connection, batch.id)
            self._erased = queries.erasures_of(connection, batch.id)

    def findings(self) -> Iterator[Finding]:
        yield from self._of_the_batch()
        if self._batch.state == OnChainState.FOREIGN:
            for path in (self._manifest, self._entries):
                if path.exists():
                    yield Finding(str(path), "it is filed under a number that is another's on chain: delete it")
            return
        manifest, entries = _lines(self._manifest), _lines(self._entries)
        truth = self._truth(manifest)
        if truth is None:
            yield Finding(self._name, "no copy of its leaves gives its root: tiles, manifest and entries all lie")
            return
        yield from self._of_the_tiles(truth)
        good = yield from self._of_the_certificates(truth)
        if manifest is None and self._has_to_be_filed():
            yield Finding(str(self._manifest), "it is missing")
        elif manifest is not None:
            wanted = [self._header(truth).line(MANIFEST_FORMAT), *(leaf.hex() + "\n" for leaf in truth)]
            yield from _differing_lines(str(self._manifest), wanted, manifest)
        if entries is None and self._has_to_be_filed():
            yield Finding(str(self._entries), "it is missing")
        elif entries is not None:
            yield from self._of_the_entries(truth, good, entries)

    def _of_the_batch(self) -> Iterator[Finding]:
        batch, anchor = self._batch, self._anchor
        if self._registry is None or (anchor is None and batch.state != OnChainState.ANCHORED):
            return
        if anchor is None:
            yield Finding(self._name, f"the chain does not hold it: `jangkar batch requeue {batch.id}`")
            return
        if not anchor.is_of(batch.root_hash, batch.tree_size):
            yield Finding(self._name, "its root or size is not that on chain")
        if batch.state not in (OnChainState.ANCHORED, OnChainState.FOREIGN):
            return
        issuer_id = IssuerId(batch.issuer_id)
        if batch.block_number != anchor.block_number:
            yield Finding(self._name, f"its block {batch.block_number} is not {anchor.block_number}")
        elif batch.transaction_hash != self._registry.anchor_transaction(
            issuer_id, batch.sequence, anchor.block_number
        ):
            yield Finding(self._name, "its transaction is not the one that anchored it")
        if batch.state == OnChainState.ANCHORED and profile.digest(batch.profile) != self._registry.anchor_profile(
            issuer_id, batch.sequence
        ):
            yield Finding(self._name, "its profile is not the accredited one")

    def _truth(self, manifest: list[str] | None) -> list[LeafHash] | None:
        """The leaves that give the root on chain; where nothing is on chain yet, the batch's."""
        root, size = self._batch.root_hash, self._batch.tree_size
        # Who anchored under a stolen key may have written any size.
        if self._anchor is not None and self._anchor.tree_size <= MAX_LEAVES:
            root, size = self._anchor.root_hash, self._anchor.tree_size
        stored = self._stored_leaves(size)
        filed = [_from_hex(line) for line in (manifest or [])[1 : size + 1]]
        by_index = {certificate.leaf_index: _leaf(certificate) for certificate in self._certificates}
        derived = [by_index.get(index) or stored[index] for index in range(size)]
        together = [_majority(three) for three in zip_longest(stored, filed, derived, fillvalue=b"")]
        for leaves in (stored, filed, derived, together):
            found = [LeafHash(leaf) for leaf in leaves if len(leaf) == HASH_SIZE]
            if len(found) == len(leaves) and tree_with_root(found, size, root):
                return found
        return None

    def _stored_leaves(self, size: int) -> list[bytes]:
        """The first `size` leaves that the lowest tiles hold, each in its place; empty where there is none."""
        found = [b""] * size
        for (level, number), tile in self._tiles.items():
            if level == 0:
                for index, leaf in enumerate(_hashes(tile.hashes), start=number * tiles.WIDTH):
                    if 0 <= index < size:
                        found[index] = leaf
        return found

    def _of_the_tiles(self, truth: Sequence[LeafHash]) -> Iterator[Finding]:
        wanted = {tile.id: tile for tile in tiles.cut(MerkleTree(truth))}
        for tile_id in sorted(self._tiles.keys() | wanted.keys()):
            where = f"tile row ({self._name}, level {tile_id[0]}, number {tile_id[1]})"
            right, held = wanted.get(tile_id), self._tiles.get(tile_id)
            if right is None:
                yield Finding(where, "it is no tile of this batch")
            elif held is None:
                yield Finding(where, "it is missing: `jangkar rebuild`")
            elif held.hashes != right.hashes:
                for index, (hash_, other) in enumerate(zip_longest(_hashes(right.hashes), _hashes(held.hashes))):
                    if hash_ != other:
                        words = [leaf.hex() if leaf else "nothing" for leaf in (other, hash_)]
                        yield Finding(f"{where}, hash {index}", f"it holds {words[0]} in the place of {words[1]}")
            elif held.inner != right.inner:
                yield Finding(where, "what stands above its hashes is not what they give: `jangkar rebuild`")

    def _of_the_certificates(self, truth: Sequence[LeafHash]) -> Generator[Finding, None, dict[int, Certificate]]:
        """Findings; returns the certificates that are as they have to be, by their leaf."""
        good: dict[int, Certificate] = {}
        for certificate in self._certificates:
            index = certificate.leaf_index
            if index is None or index >= len(truth) or index in good or index in self._erased:
                yield Finding(f"certificate row {certificate.id}", f"its leaf index {index} is not its own")
                continue
            found = list(_certificate_findings(certificate, truth[index]))
            if not found:
                good[index] = certificate
            yield from found
        present = {certificate.leaf_index for certificate in self._certificates}
        for index in sorted(set(range(len(truth))) - present - self._erased):
            yield Finding(f"certificate row of leaf ({self._name}, index {index})", "it is missing, and was not erased")
        return good

    def _of_the_entries(
        self, truth: Sequence[LeafHash], good: dict[int, Certificate], entries: list[str]
    ) -> Iterator[Finding]:
        path = str(self._entries)
        header = self._header(truth).line(ENTRIES_FORMAT)
        if entries[:1] != [header]:
            yield Finding(f"{path}, line 1", "it is not this batch's header")
        seen: set[int] = set()
        for number, line in enumerate(entries[1:], start=2):
            where = f"{path}, line {number}"
            try:
                entry = read_entry(line, number)
            except TextRejected as error:
                yield Finding(where, str(error))
                continue
            index = entry.leaf_index
            if index >= len(truth) or index in seen:
                yield Finding(where, f"leaf index {index} is not its own")
                continue
            seen.add(index)
            if index in self._erased:
                yield Finding(where, "this leaf was erased, and its entry is still here: erase it again")
            elif index in good and line != entry_line(_entry(good[index])):
                yield Finding(where, "it differs from its certificate, whose leaf is on chain")
            elif index not in good and _leaf_of(self._batch.issuer_id, entry) != truth[index]:
                yield Finding(where, f"it does not give leaf {truth[index].hex()}")
        for index in sorted(set(range(len(truth))) - seen - self._erased):
            yield Finding(path, f"the entry of leaf {index} is missing, and was not erased")

    def _header(self, truth: Sequence[LeafHash]) -> BatchHeader:
        """What the batch's files have to begin with: root and size are those on chain, whatever the row says."""
        root = self._anchor.root_hash if self._anchor is not None else self._batch.root_hash
        return replace(self._filing.header(self._batch), tree_size=len(truth), root_hash=root)

    def _has_to_be_filed(self) -> bool:
        # Both files are written before anything is signed, and after sealing.
        return self._batch.state in (OnChainState.SIGNED, OnChainState.SENT, OnChainState.ANCHORED)


def _form_findings(connection: Connection, issuer_id: bytes) -> Iterator[Finding]:
    """Later forms of what is no issued file, or is one of another number."""
    for form in form_queries.later_forms(connection, issuer_id):
        issued = form_queries.forms_of(connection, issuer_id, form.leaf_hash)[0]
        if (issued.leaf_hash, issued.number) != (form.form_of, form.number):
            yield Finding(f"certificate row {form.id}", "what it is a later form of is no issued file of its number")


def _certificate_findings(row: Certificate, truth: bytes | None) -> Iterator[Finding]:
    """What is wrong with a certificate's row, whose leaf has to be `truth` where that is known."""
    where = f"certificate row {row.id}"
    try:
        facts = metadata.from_text(row.metadata_text)
    except (FieldRejected, TextRejected) as error:
        yield Finding(where, f"its metadata: {error}")
        return
    derived = _leaf(row)
    if truth is not None and derived != truth:
        yield Finding(where, f"its digest and metadata do not give its leaf {truth.hex()}")
    elif row.leaf_hash != derived:
        yield Finding(where, "its leaf hash is not that of its digest and metadata")
    elif (row.number, row.code) != (facts.number, facts.code):
        yield Finding(where, "its number or code is not that of its metadata")


def _entry(row: Certificate) -> BatchEntry:
    return BatchEntry(row.leaf_index or 0, row.document_digest, row.metadata_text)


def _leaf(row: Certificate) -> LeafHash:
    return _leaf_of(row.issuer_id, _entry(row))


def _leaf_of(issuer_id: bytes, entry: BatchEntry) -> LeafHash:
    if len(entry.document_digest) != HASH_SIZE:
        return LeafHash(b"")
    return certificate_leaf(issuer_id, entry.document_digest, entry.metadata)


def _lines(path: Path) -> list[str] | None:
    """A file's lines with their line feeds, whatever bytes they hold; nothing where there is no file."""
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            return list(file)
    except FileNotFoundError:
        return None


def _differing_lines(path: str, wanted: Sequence[str], found: Sequence[str]) -> Iterator[Finding]:
    for number, (right, line) in enumerate(zip_longest(wanted, found), start=1):
        if right != line:
            problem = "is missing" if line is None else "is too much" if right is None else "is not what it has to be"
            yield Finding(f"{path}, line {number}", f"it {problem}")


def _from_hex(line: str) -> bytes:
    try:
        return bytes.fromhex(line.strip())
    except ValueError:
        return b""


def _hashes(run: bytes) -> list[bytes]:
    return [run[at : at + HASH_SIZE] for at in range(0, len(run), HASH_SIZE)]


def _majority(three: tuple[bytes, ...]) -> bytes:
    return max(three, key=three.count)
