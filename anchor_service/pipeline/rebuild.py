"""Rebuilding: chain, manifests and entries bring back what the database lost, and every receipt byte for byte."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from anchor_service.core import metadata, profile, tiles
from anchor_service.core.errors import Damaged, FieldRejected, TextRejected
from anchor_service.core.hashing import IssuerId, LeafHash, certificate_leaf
from anchor_service.core.kinds import kinds_of
from anchor_service.core.manifest import BatchEntry, BatchHeader
from anchor_service.core.merkle import tree_with_root
from anchor_service.core.states import OnChainState
from anchor_service.pipeline import home, statuses
from anchor_service.pipeline.filing import Filing
from anchor_service.pipeline.sealing import checked_tree
from anchor_service.pipeline.statuses import Successor
from anchor_service.ports import Anchor, RegistryReader, WrittenStatus
from anchor_service.store import anchoring as anchoring_queries
from anchor_service.store import intake as intake_queries
from anchor_service.store import issuers as issuer_queries
from anchor_service.store import rebuilding as queries
from anchor_service.store import rows
from anchor_service.store import sealing as sealing_queries
from anchor_service.store.engine import Connection, Store
from anchor_service.store.intake import Row
from anchor_service.store.tables import Batch, Issuer, NewBatch, StatusAct


@dataclass(slots=True)
class RebuildReport:
    """What came back, and what did not, each with its reason."""

    batches: int = 0
    certificates: int = 0
    erased: int = 0
    # Sealed before the loss and not on chain: the next run anchors them.
    sealed: int = 0
    # Handed in again after the loss, and anchored before it: the anchored ones stand.
    known_again: int = 0
    # Batches whose stored tree was not what their leaves give, and is again.
    trees: int = 0
    # Changes of status that the chain holds and the database did not, and supersessions that are still to be written.
    statuses: int = 0
    exceptions: list[str] = field(default_factory=list)


def rebuild(
    store: Store, registry: RegistryReader, filing: Filing, *, now: int, say: Callable[[str], None] = lambda _: None
) -> RebuildReport:
    """Bring back every batch that the chain or the files know and the database does not, and trees that were damaged.

    Repeating it changes nothing.

    API keys, codes that stand on no certificate, other status changes that were not on chain yet, and certificates
    that were never sealed are in no file: they have to be made, or handed in, again.
    Raises: RegistryUnavailable.
    """
    found = RebuildReport()
    with store.reading() as connection:
        issuers = {issuer.id for issuer in issuer_queries.all_issuers(connection)}
    filed = filing.numbers()
    for issuer_id in sorted(issuers | set(filed)):
        last = registry.last_sequence(IssuerId(issuer_id))
        successors: list[Successor] = []
        for sequence in range(1, max([last, *filed.get(issuer_id, [])]) + 1):
            with store.reading() as connection:
                known = anchoring_queries.batch_of(connection, issuer_id, sequence)
            try:
                if known is None:
                    successors += _restore(store, registry, filing, IssuerId(issuer_id), sequence, now, found)
                elif known.state != OnChainState.FOREIGN:
                    found.trees += _mend_tree(store, filing, known)
            except Damaged as error:
                found.exceptions.append(f"issuer {issuer_id.hex()[:8]}, sequence {sequence}: {error}")
            else:
                say(f"issuer {issuer_id.hex()[:8]}: sequence {sequence} of {last}")
        found.statuses += _restore_statuses(store, registry, IssuerId(issuer_id), successors, now)
    if found.batches:
        home.settle(store, filing.chain_id, filing.registry)
    return found


def _restore(
    store: Store,
    registry: RegistryReader,
    filing: Filing,
    issuer_id: IssuerId,
    sequence: int,
    now: int,
    found: RebuildReport,
) -> list[Successor]:
    """Bring one batch back. Returns its certificates that supersede others. Raises: Damaged; RegistryUnavailable."""
    anchor = registry.anchor_of(issuer_id, sequence)
    header, leaves, entries = filing.read(issuer_id, sequence)
    new = _new_batch(registry, header, anchor, now)
    manifest = str(filing.manifest_path(issuer_id, sequence))
    tree = checked_tree(manifest, leaves, header.tree_size, header.root_hash)
    certificates = [_certificate(issuer_id, leaves, entry, new.sealed_at) for entry in entries]
    erased = set(range(len(leaves))) - {entry.leaf_index for entry in entries}
    if anchor is None and erased:
        raise Damaged(
            str(filing.entries_path(issuer_id, sequence)),
            f"it lacks {len(erased)} certificates of a batch that is not on chain, so that nothing was signed: delete "
            "both files and hand the certificates in again",
        )
    window = registry.open_window(issuer_id)
    with store.writing() as connection:
        if issuer_queries.find_issuer(connection, issuer_id) is None:
            scope = " ".join(kinds_of(window.scope)) if window else ""
            issuer_queries.add_issuer(
                connection, Issuer(id=issuer_id, profile=header.issuer_profile, scope=scope, created_at=now)
            )
        issuer_queries.lock_issuer(connection, issuer_id)
        batch = sealing_queries.insert_batch(connection, new)
        sealing_queries.insert_tiles(connection, batch.id, tiles.cut(tree))
        queries.record_erasures(connection, batch.id, sorted(erased), None, now)
        known_again, refused = _make_room(connection, issuer_id, certificates)
        placed = _with_forms(connection, issuer_id, (row._replace(batch_id=batch.id) for row in certificates))
        intake_queries.insert_certificates(connection, placed)
        codes = [row.code for row in certificates if row.code]
        queries.add_known_codes(connection, issuer_id, codes, now)
    found.batches += anchor is not None
    found.sealed += anchor is None
    found.certificates += len(certificates)
    found.erased += len(erased)
    found.known_again += known_again
    found.exceptions += refused
    earlier = [(row.leaf_hash, metadata.facts(row.metadata_text).get("supersedes")) for row in certificates]
    return [Successor(leaf, bytes.fromhex(supersedes), None) for leaf, supersedes in earlier if supersedes]


def _restore_statuses(
    store: Store, registry: RegistryReader, issuer_id: IssuerId, successors: list[Successor], now: int
) -> int:
    """Bring back what the chain holds of an issuer's statuses, and what its restored batches still have to write.

    A change that is on its way here is settled by the next run. Returns how many there are now that were not.
    """
    written = registry.statuses_of(issuer_id)
    new = 0
    with store.writing() as connection:
        if issuer_queries.find_issuer(connection, issuer_id) is None:
            return 0
        issuer_queries.lock_issuer(connection, issuer_id)
        for change in written:
            acts = anchoring_queries.status_acts_of(connection, issuer_id, change.leaf_hash)
            if any(_is_the_same(act, change) for act in acts):
                continue
            act = rows.with_changes(
                statuses.new_act(issuer_id, change.leaf_hash, change.asked, change.time, None),
                state=OnChainState.ANCHORED,
                block_number=change.block_number,
                transaction_hash=change.transaction_hash,
            )
            anchoring_queries.insert_status_act(connection, act)
            new += 1
        return new + statuses.supersede(connection, issuer_id, successors, now=now)


def _is_the_same(act: StatusAct, change: WrittenStatus) -> bool:
    """Whether an act of the same leaf is a change that the chain holds, or is on its way to be that."""
    if act.state == OnChainState.ANCHORED and act.transaction_hash is not None:
        return act.transaction_hash == change.transaction_hash
    return statuses.as_requested(act) == change.asked


def _mend_tree(store: Store, filing: Filing, batch: Batch) -> bool:
    """Whether a batch's stored tree was not what its leaves give, and was written anew from them or the manifest.

    Raises: Damaged when neither gives its root.
    """
    with store.reading() as connection:
        stored = sealing_queries.tiles(connection, batch.id)
        leaves = sealing_queries.leaf_hashes(connection, batch.id)
    size, root = batch.tree_size, batch.root_hash
    right = tree_with_root(leaves, size, root)
    if right is None:
        _, leaves, _ = filing.read(batch.issuer_id, batch.sequence)
        right = tree_with_root(leaves, size, root)
    if right is None:
        raise Damaged(f"batch {batch.id}", "neither its stored leaves nor those of its manifest give its root")
    if {tile.id: tile for tile in tiles.cut(right)} == stored:
        return False
    with store.writing() as connection:
        issuer_queries.lock_issuer(connection, batch.issuer_id)
        queries.delete_tiles(connection, batch.id)
        sealing_queries.insert_tiles(connection, batch.id, tiles.cut(right))
    return True


def _new_batch(registry: RegistryReader, header: BatchHeader, anchor: Anchor | None, now: int) -> NewBatch:
    """The batch's row. Raises: Damaged when the chain holds something else than the manifest."""
    batch = NewBatch(
        issuer_id=header.issuer_id,
        sequence=header.sequence,
        tree_size=header.tree_size,
        root_hash=header.root_hash,
        profile=header.issuer_profile,
        state=OnChainState.SEALED,
        sealed_at=now,
    )
    if anchor is None:
        return batch
    name = f"the manifest of sequence {header.sequence}"
    if not anchor.is_of(header.root_hash, header.tree_size):
        raise Damaged(name, "the chain holds another root or size: where it is not yours, `jangkar batch disown`")
    issuer_id = IssuerId(header.issuer_id)
    if registry.anchor_profile(issuer_id, header.sequence) != profile.digest(header.issuer_profile):
        raise Damaged(name, "its profile is not the accredited one")
    return rows.with_changes(
        batch,
        state=OnChainState.ANCHORED,
        sealed_at=anchor.block_time,
        block_number=anchor.block_number,
        transaction_hash=registry.anchor_transaction(issuer_id, header.sequence, anchor.block_number),
    )


def _certificate(issuer_id: IssuerId, leaves: list[LeafHash], entry: BatchEntry, received_at: int) -> Row:
    """A certificate's row. When it was received is not known any more, but it was no later than this."""
    where = f"the entry of leaf {entry.leaf_index}"
    try:
        checked = metadata.from_text(entry.metadata)
    except (FieldRejected, TextRejected) as error:
        raise Damaged(where, str(error)) from None
    if certificate_leaf(issuer_id, entry.document_digest, entry.metadata) != leaves[entry.leaf_index]:
        raise Damaged(where, "it does not give that leaf")
    return Row(
        issuer_id=issuer_id,
        document_digest=entry.document_digest,
        metadata_text=entry.metadata,
        number=checked.number,
        code=checked.code,
        leaf_hash=leaves[entry.leaf_index],
        received_at=received_at,
        leaf_index=entry.leaf_index,
    )


def _with_forms(connection: Connection, issuer_id: bytes, certificates: Iterable[Row]) -> list[Row]:
    """The same rows, where what has the number and the facts of an earlier one is a later form of that."""
    given = list(certificates)
    numbers = [row.number for row in given]
    known = {row.number: row for row in intake_queries.live_matches(connection, issuer_id, (), numbers, ())}
    placed = []
    for row in given:
        issued = known.setdefault(row.number, row)
        of_form = metadata.facts_of_later_form(issued.metadata_text)
        is_form = issued is not row and metadata.facts(row.metadata_text) == of_form
        placed.append(row._replace(form_of=issued.leaf_hash) if is_form else row)
    return placed


def _make_room(connection: Connection, issuer_id: bytes, certificates: list[Row]) -> tuple[int, list[str]]:
    """Retire what these certificates replaced, and settle what was handed in again since the loss.

    Returns how many of those were the same, and a sentence for each that was not.
    """
    superseded = [json.loads(row.metadata_text).get("supersedes") for row in certificates]
    intake_queries.retire(connection, issuer_id, [bytes.fromhex(leaf) for leaf in superseded if leaf])
    by_digest = {row.document_digest: row for row in certificates}
    names = {row.number for row in certificates} | {row.code for row in certificates if row.code}
    same, refused = [], []
    for row in queries.waiting(connection, issuer_id):
        anchored = by_digest.get(row.document_digest)
        if anchored is not None and metadata.facts(anchored.metadata_text) == metadata.facts(row.metadata_text):
            same.append(row.id)
        elif anchored is not None or (row.form_of is None and (row.number in names or row.code in names)):
            queries.withdraw_row(connection, row.id)
            refused.append(
                f"certificate {row.number!r}, file {row.document_digest.hex()}: another with its file, number or code "
                "was anchored before the loss and stands; hand a correction in with `supersedes`"
            )
    queries.delete_certificates(connection, same)
    return len(same), refused
