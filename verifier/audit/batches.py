"""One batch at a time: its manifest against its anchor, its entries against its leaves. Pure.

Source: docs/spec/manifest.md, docs/spec/leaf-and-tree.md, docs/spec/audit.md 2.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from verifier.audit.files import BatchEntry, BatchHeader, read_entries, read_manifest
from verifier.audit.findings import Finding
from verifier.chain.facts import Anchor, Window
from verifier.errors import MalformedManifest, MalformedMetadata
from verifier.formats.kinds import NUMBERS
from verifier.formats.metadata import parse_metadata
from verifier.proofs.hashing import certificate_leaf
from verifier.proofs.merkle import root_from_leaves
from verifier.verdict import days


@dataclass(frozen=True)
class Batch:
    """An anchor with where it belongs and the window that it was made in."""

    chain_id: int
    registry: str
    issuer_id: bytes
    sequence: int
    anchor: Anchor
    window: Window | None

    def finding(self, name: str, **values: object) -> Finding:
        """A finding about this batch."""
        return Finding(name, self.issuer_id.hex(), self.sequence, values=dict(values), registry=self.registry)


@dataclass
class BatchJudgement:
    """What a batch's files showed. `lags` count certificates by the days from printed date to block time."""

    findings: list[Finding] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    opened: int = 0
    lags: Counter[int] = field(default_factory=Counter)
    profile: str = ""
    # Leaf of a certificate -> leaf of the one that it says it supersedes.
    supersedes: dict[bytes, bytes] = field(default_factory=dict)


def judge(batch: Batch, manifest: bytes, entries: bytes | None, max_lag: int) -> BatchJudgement:
    """Recompute a batch from its files. `max_lag` is in days. Raises: nothing; what is wrong becomes a finding."""
    judgement = BatchJudgement()
    try:
        header, leaves = read_manifest(manifest)
    except MalformedManifest as error:
        judgement.findings.append(batch.finding("manifest-malformed", detail=str(error)))
        return judgement
    judgement.leaves = leaves
    judgement.profile = header.issuer_profile
    judgement.findings += _of_header(batch, header)
    judgement.findings += _of_leaves(batch, leaves)
    if entries is None:
        judgement.findings.append(batch.finding("entries-closed"))
        return judgement
    try:
        theirs, opened = read_entries(entries)
    except MalformedManifest as error:
        judgement.findings.append(batch.finding("entries-malformed", detail=str(error)))
        return judgement
    if theirs != header:
        judgement.findings.append(batch.finding("entries-malformed", detail="its header is not the manifest's"))
    judgement.opened = len(opened)
    for entry in opened:
        judgement.findings += _of_entry(batch, entry, max_lag, judgement)
    return judgement


def _of_header(batch: Batch, header: BatchHeader) -> Iterator[Finding]:
    for field_, found, wanted in (
        ("chain_id", header.chain_id, batch.chain_id),
        ("registry", header.registry, batch.registry),
        ("issuer_id", header.issuer_id, batch.issuer_id),
        ("sequence", header.sequence, batch.sequence),
        ("tree_size", header.tree_size, batch.anchor.tree_size),
        ("root_hash", header.root_hash, batch.anchor.root_hash),
    ):
        if found != wanted:
            yield batch.finding("manifest-of-another-batch", field=field_)
    digest = hashlib.sha256(header.issuer_profile.encode()).digest()
    if batch.window is None or digest != batch.window.profile_digest:
        yield batch.finding("profile-differs")


def _of_leaves(batch: Batch, leaves: list[bytes]) -> Iterator[Finding]:
    if len(leaves) != batch.anchor.tree_size:
        yield batch.finding("size-differs", found=len(leaves), anchored=batch.anchor.tree_size)
    root = root_from_leaves(leaves) if leaves else bytes(32)
    if root != batch.anchor.root_hash:
        yield batch.finding("root-differs", found=root.hex(), anchored=batch.anchor.root_hash.hex())
    disorder = next((index for index in range(1, len(leaves)) if leaves[index - 1] >= leaves[index]), None)
    if disorder is not None:
        yield batch.finding("leaves-out-of-order", index=disorder)


def _of_entry(batch: Batch, entry: BatchEntry, max_lag: int, judgement: BatchJudgement) -> Iterator[Finding]:
    index, leaves = entry.leaf_index, judgement.leaves
    leaf = certificate_leaf(batch.issuer_id, entry.document_digest, entry.metadata)
    if index >= len(leaves) or leaves[index] != leaf:
        yield batch.finding("entry-differs", index=index)
    try:
        metadata = parse_metadata(entry.metadata)
    except MalformedMetadata as error:
        yield batch.finding("metadata-malformed", index=index, detail=str(error))
        return
    kind = metadata.kind
    if kind not in NUMBERS:
        yield batch.finding("unknown-kind", kind=kind)
    elif batch.window is not None and not batch.window.scope >> NUMBERS[kind] & 1:
        yield batch.finding("out-of-scope", index=index, kind=kind)
    if metadata.valid_until is not None and metadata.valid_until.timestamp() <= batch.anchor.block_time:
        yield batch.finding("anchored-expired", index=index)
    printed = str(metadata.fields["issued_on"])
    lag = days.lag(printed, batch.anchor.block_time)
    judgement.lags[lag] += 1
    if earlier := metadata.fields.get("supersedes"):
        judgement.supersedes[leaf] = bytes.fromhex(earlier)
    if lag > max_lag:
        yield batch.finding("back-dated", index=index, printed=printed, days=lag)
    elif lag < 0:
        yield batch.finding("dated-later", index=index, printed=printed, days=-lag)
