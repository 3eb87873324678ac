"""What was lost comes back from chain and files; what lies is named; what is erased is gone, and nothing else."""

import random
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from damage import flip
from simulator import SimulatedRegistry
from sqlalchemy import update
from sqlmodel import col
from world import TESTER, World, digest, set_status

from anchor_service.core.errors import (
    CertificateUnfinished,
    ChainAhead,
    Damaged,
    OtherRegistry,
    StoreBusy,
    UnknownCertificate,
)
from anchor_service.core.receipt import Receipt
from anchor_service.core.states import OnChainState, Status
from anchor_service.pipeline import access, deciding, erasing, fsck, holds, home, intake, rebuild
from anchor_service.ports import Anchor
from anchor_service.store import rebuilding as queries
from anchor_service.store.engine import Store
from anchor_service.store.tables import Batch, Certificate, TreeTile
from verifier.formats.receipt import parse
from verifier.proofs.merkle import root_from_path


def findings(world, *, offline=False):
    return [str(one) for one in fsck.check(world.store, world.filing, None if offline else world.registry)]


def receipts(world, *names):
    return [world.receipts.by_digest(digest(name)).receipts for name in names]


def empty_again(world):
    """The database is lost: its tables are made anew, and nothing is in them."""
    world.store.downgrade("base")
    world.store.upgrade()


def waiting(world):
    with world.store.reading() as connection:
        return queries.waiting(connection, world.issuer.id)


def rebuilt(world):
    return rebuild.rebuild(world.store, world.registry, world.filing, now=world.now)


def test_a_dropped_database_comes_back_with_every_receipt_byte_for_byte(world):
    other = world.add_issuer("BPSDM-B")
    world.submit("a", "b", "c")
    world.submit("a", issuer=other)
    world.night()
    old = world.accepted[world.issuer.id, digest("b")]
    world.submit("b again", number="b", supersedes=old.hex())
    world.night()
    names = ("a", "b", "c", "b again")
    before = receipts(world, *names)
    live = world.receipts.of_issuer(world.issuer.id, digest("b again"))
    empty_again(world)
    assert world.receipts.by_digest(digest("a")).receipts == ()
    found = rebuilt(world)
    assert (found.batches, found.certificates, found.sealed, found.exceptions) == (3, 5, 0, [])
    assert receipts(world, *names) == before
    superseded = world.receipts.of_issuer(world.issuer.id, digest("b"))
    assert (superseded,) == receipts(world, "b")[0], "a receipt stays what it is"
    assert world.receipts.of_issuer(world.issuer.id, digest("b again")) == live
    assert findings(world) == []
    assert world.audit() == 5
    again = rebuilt(world)
    assert (again.batches, again.certificates, again.exceptions) == (0, 0, [])
    world.submit("a")
    world.submit("d")
    assert [one.tree_size for one in world.night().anchored] == [1], "what came back is known, and is not sealed again"


def test_what_was_sealed_and_not_on_chain_is_anchored_after_the_loss(world):
    world.submit("a", "b")
    world.chain.holds = True
    world.night()
    world.chain.pool.clear()
    world.chain.holds = False
    empty_again(world)
    found = rebuilt(world)
    assert (found.batches, found.sealed) == (0, 1)
    assert len(world.night().anchored) == 1
    assert world.audit() == 2


def test_bytes_that_were_lost_with_the_database_may_still_be_mined(world):
    world.submit("a", "b")
    world.chain.holds = True
    world.night()
    empty_again(world)
    rebuilt(world)
    world.night()
    world.chain.mine()
    world.chain.holds = False
    world.night()
    assert sum(one.succeeded for one in world.chain.mined.values()) == 1
    assert world.audit() == 2


def test_an_old_backup_is_detected_read_only_and_mended(world):
    """What was handed in again meanwhile is not anchored twice."""
    world.submit("a")
    world.night()
    world.submit("b", "c", "d")
    before = world.night().anchored[0]
    data = receipts(world, "b")
    with world.store.writing() as connection:
        # The database of before the second night.
        connection.execute(TreeTile.__table__.delete().where(col(TreeTile.batch_id) == before.id))
        connection.execute(Batch.__table__.delete().where(col(Batch.id) == before.id))
        connection.execute(Certificate.__table__.delete().where(col(Certificate.number).in_(["c", "d"])))
        connection.execute(update(Certificate).where(col(Certificate.number) == "b").values(batch_id=None))
    del world.accepted[world.issuer.id, digest("c")]
    world.submit("c", grade="Sangat Memuaskan")
    assert "read-only" in world.night().stopped[world.issuer.id]
    with pytest.raises(ChainAhead):
        world.submit("e")
    found = rebuilt(world)
    assert (found.batches, found.certificates, found.known_again) == (1, 3, 1)
    assert ["certificate 'c'" in one for one in found.exceptions] == [True]
    assert holds.update_holds(world.store, world.registry, now=world.now) == []
    assert receipts(world, "b") == data
    assert findings(world) == []
    world.submit("e")
    assert [one.tree_size for one in world.night().anchored] == [1]


def test_a_number_or_a_code_that_was_given_away_since_the_loss_is_told(world):
    """Both are taken by what was anchored before; what has neither of them stays as it was handed in."""
    (code,) = access.new_codes(world.store, world.issuer, 1, actor=TESTER, now=world.now)
    world.submit("a")
    world.submit("b", code=code)
    world.night()
    empty_again(world)
    world.accepted.clear()
    world.issuer = world.add_issuer("BPSDM-A")
    with world.store.writing() as connection:
        queries.add_known_codes(connection, world.issuer.id, [code], world.now)
    world.submit("another file", number="a")
    world.submit("one more file", number="c", code=code)
    world.submit("new")
    found = rebuilt(world)
    assert sorted(one.split(",")[0] for one in found.exceptions) == ["certificate 'a'", "certificate 'c'"]
    assert (found.certificates, found.known_again) == (2, 0)
    assert [row.number for row in waiting(world)] == ["new"]


@pytest.mark.parametrize("defect", ["no manifest", "no entries", "other root", "other issuer", "rubbish", "short"])
def test_files_that_do_not_hold_bring_nothing_back(world, defect):
    world.submit("a", "b")
    world.night()
    manifest = world.filing.manifest_path(world.issuer.id, 1)
    entries = world.filing.entries_path(world.issuer.id, 1)
    if defect == "no manifest":
        manifest.unlink()
    elif defect == "no entries":
        entries.unlink()
    elif defect == "other root":
        anchor, transaction = world.chain.anchors[world.issuer.id, 1]
        other = Anchor(bytes([7]) * 32, 2, anchor.block_number, anchor.block_time)
        world.chain.anchors[world.issuer.id, 1] = other, transaction
    elif defect == "other issuer":
        moved = manifest.parent.with_name("12" * 32)
        manifest.parent.rename(moved)
        entries.parent.rename(entries.parent.with_name("12" * 32))
    elif defect == "rubbish":
        manifest.write_bytes(b"\xff\xfe")
    else:
        manifest.write_text("\n".join(manifest.read_text().split("\n")[:-2]) + "\n")
    text = world.issuer
    empty_again(world)
    if defect == "no manifest":
        world.issuer = world.add_issuer("BPSDM-A")
        assert world.issuer.id == text.id
    found = rebuilt(world)
    assert (found.batches, found.certificates) == (0, 0)
    assert len(found.exceptions) == 1


def test_one_flipped_bit_is_named_wherever_it_is(world):
    """In a stored leaf or a line of the manifest, before the batch is signed: nothing is; and fsck says where."""
    world.submit("a", "b", "c")
    window = world.renamed_on_chain()
    batch = world.night().quarantined[0]
    world.chain.windows[world.issuer.id] = window
    deciding.requeue(world.store, world.registry, world.filing, batch, actor=TESTER, now=world.now)
    assert findings(world) == []
    draw = random.Random(1)
    for number in range(20):
        mend, where = flip(world, batch, draw, in_row=number % 2 == 0)
        assert any(one.startswith(where) for one in findings(world)), where
        assert world.night().stopped
        assert world.chain.anchors == {}
        mend()
    assert findings(world) == []
    assert len(world.night().anchored) == 1


def change(world, model, name, value, **where):
    conditions = [col(getattr(model, key)) == wanted for key, wanted in where.items()]
    with world.store.writing() as connection:
        connection.execute(update(model).where(*conditions).values({name: value}))


@pytest.mark.parametrize(
    ("model", "name", "value", "where"),
    [
        (Batch, "root_hash", bytes(32), "batch 1: its root"),
        (Batch, "tree_size", 9, "batch 1: its root"),
        (Batch, "block_number", 9, "batch 1: its block"),
        (Batch, "transaction_hash", bytes(32), "batch 1: its transaction"),
        (Batch, "profile", '{"code":"X","name":"Y"}', "batch 1: its profile"),
        (Certificate, "document_digest", bytes(32), "certificate row 1: its digest"),
        (Certificate, "metadata_text", "{}", "certificate row 1: its metadata"),
        (Certificate, "leaf_hash", bytes(32), "certificate row 1: its leaf hash"),
        (Certificate, "number", "other", "certificate row 1: its number"),
        (Certificate, "leaf_index", 7, "certificate row 1: its leaf index"),
        (TreeTile, "hashes", bytes(32), "tile row (batch 1, level 0, number 0), hash 0: it holds 00"),
        (TreeTile, "hashes", bytes(33), "tile row (batch 1, level 0, number 0), hash 1: it holds 00"),
        (TreeTile, "inner", bytes(32), "tile row (batch 1, level 0, number 0): what stands above"),
        (TreeTile, "number", 9, "tile row (batch 1, level 0, number 0): it is missing"),
        (TreeTile, "level", 1, "tile row (batch 1, level 1, number 0): it is no tile"),
    ],
)
def test_a_lying_row_is_named(world, model, name, value, where):
    world.submit("a")
    world.night()
    assert findings(world) == []
    change(world, model, name, value)
    assert any(one.startswith(where) for one in findings(world)), findings(world)


@pytest.mark.parametrize("name", ["hashes", "inner", "number", "level"])
def test_a_damaged_tree_is_written_anew(world, name):
    world.submit(*"abcde")
    world.night()
    data = receipts(world, "a")
    change(world, TreeTile, name, {"hashes": bytes(160), "inner": b"", "number": 3, "level": 3}[name])
    with pytest.raises(Damaged, match="rebuild"):
        receipts(world, "a")
    found = rebuilt(world)
    assert (found.trees, found.batches, found.exceptions) == (1, 0, [])
    assert findings(world) == []
    assert receipts(world, "a") == data
    assert rebuilt(world).trees == 0


def test_a_tree_without_any_copy_of_its_leaves_is_told(world):
    world.submit("a", "b")
    world.night()
    change(world, TreeTile, "hashes", bytes(64))
    path = world.filing.manifest_path(world.issuer.id, 1)
    path.write_text(path.read_text().replace("1\n", "2\n").replace("0\n", "1\n"))
    found = rebuilt(world)
    assert (found.trees, len(found.exceptions)) == (0, 1)


def test_lying_files_are_named(world):
    world.submit("a", "b")
    world.night()
    entries = world.filing.entries_path(world.issuer.id, 1)
    manifest = world.filing.manifest_path(world.issuer.id, 1)
    right = entries.read_text()
    header, first, second = right.splitlines(keepends=True)
    for text, where in (
        (header + first, "the entry of leaf 1 is missing"),
        (header + first + first, "line 3: leaf index 0"),
        (header + first + second.replace("latsar", "pkn-1"), "line 3: it differs"),
        (header + "{}\n" + second, "line 2"),
        (first + second, "line 1"),
    ):
        entries.write_text(text)
        assert any(where in one for one in findings(world)), where
    entries.unlink()
    assert findings(world) == [f"{entries}: it is missing"]
    entries.write_text(right)
    manifest.rename(manifest.with_name("00000002.manifest"))
    missing, unknown = findings(world)
    assert missing == f"{manifest}: it is missing"
    assert "no batch has it" in unknown
    manifest.with_name("00000002.manifest").rename(manifest)
    assert findings(world, offline=True) == []
    world.chain.anchors.clear()
    assert "does not hold it" in findings(world)[0]
    world.chain.last[world.issuer.id] = 2
    assert "sequence 2 is on chain" in findings(world)[-1]


def test_every_row_and_every_line_that_lies_is_named(world):
    """One that lies does not hide the next."""
    world.submit("a", "b", "c")
    world.night()
    path = world.filing.entries_path(world.issuer.id, 1)
    header, *lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([header, "{}\n", "[]\n", lines[2].replace("latsar", "pkn-1")]))
    assert [number for number in (2, 3, 4) if any(f"line {number}:" in one for one in findings(world))] == [2, 3, 4]
    path.write_text("".join([header, *lines]))
    with world.store.writing() as connection:
        connection.execute(update(Certificate).where(col(Certificate.number) != "c").values(leaf_index=99))
    assert sum("its leaf index 99" in one for one in findings(world)) == 2


def test_a_file_under_a_foreign_number_is_named(world):
    world.submit("a")
    world.night()
    path = world.filing.manifest_path(world.issuer.id, 1)
    with world.store.writing() as connection:
        connection.execute(update(Batch).values(state=OnChainState.FOREIGN))
    assert [one.split(":")[0] for one in findings(world)] == [
        str(path), str(world.filing.entries_path(world.issuer.id, 1))
    ]  # fmt: skip


def test_all_copies_that_lie_are_told_so(world):
    world.submit("a", "b")
    world.night()
    change(world, TreeTile, "hashes", bytes(64))
    change(world, Certificate, "document_digest", bytes(32), number="a")
    change(world, Certificate, "document_digest", bytes(31) + b"1", number="b")
    world.filing.manifest_path(world.issuer.id, 1).unlink()
    assert "no copy of its leaves gives its root" in findings(world)[0]


def erase(world, name):
    return erasing.erase(world.store, world.filing, world.issuer, digest(name), actor=TESTER, now=world.now)


def traces(world, *needles):
    """Files of database and entries in which any of these still stands."""
    folders = (world.filing.entries, world.filing.manifests, world.folder)
    files = {path for folder in folders for path in Path(folder).rglob("*") if path.is_file()}
    return sorted(path.name for path in files if any(needle in path.read_bytes() for needle in needles))


def test_an_erased_person_is_gone_and_every_other_proof_verifies(world):
    world.submit(*(f"c{number}" for number in range(9)))
    world.submit("Siti", number="SITI-0001/2026", title="Pelatihan Siti")
    world.night()
    others = [f"c{number}" for number in range(9)]
    before = receipts(world, *others)
    needles = (digest("Siti"), digest("Siti").hex().encode(), b"SITI-0001/2026")
    assert traces(world, *needles)
    assert erase(world, "Siti") == 1
    assert traces(world, *needles) == []
    assert receipts(world, "Siti") == [()]
    assert receipts(world, *others) == before
    for data in before:
        receipt: Receipt = parse(data[0])
        root = root_from_path(receipt.leaf_hash, receipt.leaf_index, 10, receipt.path)
        assert root == world.chain.anchors[world.issuer.id, 1][0].root_hash
    assert findings(world) == []
    with pytest.raises(UnknownCertificate):
        erase(world, "Siti")
    empty_again(world)
    found = rebuilt(world)
    assert (found.certificates, found.erased, found.exceptions) == (9, 1, [])
    assert receipts(world, *others) == before
    assert findings(world) == []


def test_only_what_is_done_is_erased(world):
    world.submit("a", "b")
    with pytest.raises(CertificateUnfinished, match="withdraw it first"):
        erase(world, "a")
    intake.withdraw(world.store, world.issuer, digest("b"), actor=TESTER, now=world.now)
    assert erase(world, "b") == 1
    world.chain.holds = True
    world.night()
    with pytest.raises(CertificateUnfinished, match="not on chain yet"):
        erase(world, "a")
    world.chain.mine()
    world.night()
    assert erase(world, "a") == 1
    assert findings(world) == []


def test_an_erasure_that_was_cut_off_is_finished_by_the_next(world):
    """The file is rewritten first: until the row is gone too, the certificate is still known and can be asked for."""
    world.submit("a", "b")
    world.night()
    index = parse(receipts(world, "a")[0][0]).leaf_index
    assert world.filing.erase_entry(world.issuer.id, 1, index)
    assert f"the entry of leaf {index} is missing, and was not erased" in findings(world)[0]
    assert erase(world, "a") == 1
    assert findings(world) == []
    path = world.filing.entries_path(world.issuer.id, 1)
    path.write_text(path.read_text().replace('"leaf_index":' + str(1 - index), '"leaf_index":' + str(index)))
    assert any("erase it again" in one for one in findings(world))


def test_a_revoked_certificate_may_be_erased(world):
    world.submit("a")
    world.night()
    set_status(world, "a", Status.REVOKED, reason=1)
    world.night()
    leaf = world.accepted[world.issuer.id, digest("a")]
    erase(world, "a")
    assert world.chain.standing(world.issuer.id, leaf).status is Status.REVOKED


def test_sealed_batches_of_a_damaged_file_are_not_rebuilt_as_erased(world):
    world.submit("a", "b")
    world.chain.holds = True
    world.night()
    entries = world.filing.entries_path(world.issuer.id, 1)
    entries.write_text("".join(entries.read_text().splitlines(keepends=True)[:-1]))
    world.chain.pool.clear()
    empty_again(world)
    found = rebuilt(world)
    assert found.sealed == 0
    assert "hand the certificates in again" in found.exceptions[0]


def test_another_database_beside_the_files(tmp_path):
    """An empty database at another place is as good as the old one emptied."""
    world = World(Store(f"sqlite:///{tmp_path / 'one.sqlite3'}"), tmp_path)
    world.submit("a")
    world.night()
    before = receipts(world, "a")
    second = World(Store(f"sqlite:///{tmp_path / 'two.sqlite3'}"), tmp_path, chain=world.chain)
    second.registry = SimulatedRegistry(world.chain)
    assert rebuilt(second).certificates == 1
    assert receipts(second, "a") == before
    with second.store.reading() as connection:
        assert connection.execute(Batch.__table__.select()).mappings().one()["state"] == OnChainState.ANCHORED
    with pytest.raises(Damaged, match="missing"):
        second.filing.read(world.issuer.id, 9)


def test_an_erasure_says_when_a_reader_keeps_the_old_pages(tmp_path):
    world = World(Store(f"sqlite:///{tmp_path / 'one.sqlite3'}"), tmp_path)
    world.submit("a", "b")
    world.night()
    reader = sqlite3.connect(tmp_path / "one.sqlite3", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM certificates").fetchone()
    with world.store.reading() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=100")
    with pytest.raises(StoreBusy, match="db scrub"):
        erase(world, "a")
    reader.close()
    world.store.scrub()
    assert traces(world, digest("a")) == []


def test_fsck_survives_a_strangers_size(world):
    """Whoever anchors under a stolen key may write any size."""
    world.submit("a")
    batch = world.night().anchored[0]
    anchor, transaction = world.chain.anchors[world.issuer.id, 1]
    world.chain.anchors[world.issuer.id, 1] = (replace(anchor, tree_size=1 << 63), transaction)
    assert f"batch {batch.id}: its root or size is not that on chain" in findings(world)


def test_a_registry_that_holds_no_batch_of_it_is_no_databases_home(world):
    """As where a setting was misspelt at the first run after an upgrade."""
    world.submit("a")
    world.chain.windows.clear()
    world.night()
    home.require(world.store, 5, "0x" + "11" * 20)


def test_a_database_is_of_one_registry(world):
    home.require(world.store, 5, "0x" + "11" * 20)
    world.submit("a")
    world.night()
    ours = (world.chain.chain_id, world.chain.address)
    home.require(world.store, *ours)
    for chain_id, registry in ((5, ours[1]), (ours[0], "0x" + "11" * 20)):
        with pytest.raises(OtherRegistry, match="a database, manifests and entries of its own"):
            home.require(world.store, chain_id, registry)
    empty_again(world)
    rebuilt(world)
    with pytest.raises(OtherRegistry):
        home.require(world.store, 5, ours[1])
