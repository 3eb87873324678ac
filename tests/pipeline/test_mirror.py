"""A mirror: anchored batches only, whole or without their checkpoint, and the same however often it is written."""

import pytest
import reference
from sqlalchemy import update
from world import digest

from anchor_service.core.bundle import Block, RecordedHistory, RecordedLog
from anchor_service.core.errors import Damaged
from anchor_service.core.log_proof import Log
from anchor_service.pipeline.mirror import Mirror
from anchor_service.store import rows
from anchor_service.store.tables import TreeTile


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def recorded(entries, block=9):
    log = Log(7, "0x" + "12" * 20, [number.to_bytes(4) * 8 for number in range(entries)])
    root = log.root_hash if entries else reference.root([])
    whole = RecordedLog(log, root, [number // 2 for number in range(entries)], bytes(32))
    return RecordedHistory(7, bytes(32), Block(block, bytes([block]) * 32, 1_800_000_000 + block), [whole])


@pytest.fixture
def mirror(tmp_path):
    return Mirror(tmp_path / "mirror")


def test_only_what_is_anchored_is_mirrored(world, mirror):
    world.submit("a", "b")
    world.night()
    world.submit("c")
    world.chain.holds = True
    world.night()
    world.submit("waiting")
    found = mirror.add_batches(world.store, world.filing)
    assert (found.batches, found.certificates) == (1, 2)
    issuer = world.issuer.id.hex()
    assert sorted(files(mirror.folder)) == [
        f"{issuer}/00000001.manifest",
        f"{issuer}/00000001/checkpoint",
        f"{issuer}/00000001/tile/0/000.p/2",
    ]
    assert (mirror.folder / f"{issuer}/00000001.manifest").read_bytes() == world.filing.manifest_path(
        world.issuer.id, 1
    ).read_bytes()
    world.chain.mine()
    world.night()
    assert mirror.add_batches(world.store, world.filing).certificates == 3


def test_a_second_run_writes_nothing_and_the_first_ones_files_stay(world, mirror):
    world.submit(*(f"a{number}" for number in range(300)))
    world.night()
    assert mirror.add_batches(world.store, world.filing).written == 5
    before = files(mirror.folder)
    assert mirror.add_batches(world.store, world.filing).written == 0
    world.submit("b")
    world.night()
    assert mirror.add_batches(world.store, world.filing).written == 3
    assert files(mirror.folder).items() > before.items()


def test_what_was_stopped_is_finished(world, mirror):
    """The checkpoint comes last: without it, what is there is compared and what is missing is written."""
    world.submit(*(f"a{number}" for number in range(600)))
    world.night()
    mirror.add_batches(world.store, world.filing)
    whole = files(mirror.folder)
    order = sorted(
        (path for path in mirror.folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime_ns
    )
    assert order[-1].name == "checkpoint"
    for kept in range(len(order)):
        for path in order[kept:]:
            path.unlink(missing_ok=True)
        assert mirror.add_batches(world.store, world.filing).written == len(order) - kept
        assert files(mirror.folder) == whole


def test_another_file_in_the_way_is_named_and_left(world, mirror):
    world.submit("a", "b")
    world.night()
    mirror.add_batches(world.store, world.filing)
    for path in sorted(path for path in mirror.folder.rglob("*") if path.is_file()):
        right = path.read_bytes()
        path.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
        with pytest.raises(Damaged, match=path.name):
            Mirror(mirror.folder, whole=True).add_batches(world.store, world.filing)
        path.write_bytes(right)
    assert Mirror(mirror.folder, whole=True).add_batches(world.store, world.filing).written == 0


def test_damaged_rows_are_not_mirrored(world, mirror):
    world.submit("a", "b")
    world.night()
    for hashes in (b"\x01" * 64, b"\x01" * 32, b""):
        with world.store.writing() as connection:
            connection.execute(update(rows.table(TreeTile)).values(hashes=hashes))
        with pytest.raises(Damaged, match="jangkar fsck"):
            mirror.add_batches(world.store, world.filing)
        assert files(mirror.folder) == {}


def test_nothing_private_stands_in_any_file(world, mirror):
    names = [f"nomor-{number}" for number in range(20)]
    world.submit(*names)
    world.night()
    mirror.add_batches(world.store, world.filing)
    everything = b"".join(files(mirror.folder).values())
    for name in names:
        receipt = world.receipts.by_digest(digest(name)).receipts[0]
        assert digest(name).hex().encode() in receipt
        for private in (digest(name), digest(name).hex().encode(), name.encode()):
            assert private not in everything
    assert b"nonce" not in everything


def test_a_log_only_grows(mirror):
    sizes = (0, 1, 255, 256, 257, 600)
    for size in sizes:
        assert mirror.add_logs(recorded(size, block=size % 250)) > 0
    before = files(mirror.folder)
    checkpoint = f"logs/0x{'12' * 20}/checkpoint"
    assert before[checkpoint].split(b"\n")[1] == b"600"
    # A node that lags shows less; what it shows is mirrored, and the newest checkpoint stays.
    assert mirror.add_logs(recorded(257, block=3)) == 1
    after = files(mirror.folder)
    assert len(after) == len(before) + 1
    assert after.items() > before.items()
    assert len([name for name in after if name.startswith("bundles/")]) == len(sizes) + 1


def test_another_log_is_refused(mirror):
    mirror.add_logs(recorded(300))
    other = recorded(300)
    other.logs[0].log.entries[4] = bytes(32)
    with pytest.raises(Damaged):
        mirror.add_logs(other)
