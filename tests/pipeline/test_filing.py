"""The two files of a batch: whole or not there, whoever else writes them at the same moment."""

import os

import pytest
from world import digest

from anchor_service.core.errors import Damaged
from anchor_service.store import anchoring as queries
from anchor_service.store import rows


@pytest.fixture
def sealed(world):
    world.submit("a", "b")
    world.renamed_on_chain()
    return world.night().quarantined[0]


def test_what_killed_processes_left_is_swept_when_the_batch_is_on_chain(world):
    world.submit("a")
    world.chain.holds = True
    world.night()
    path = world.filing.entries_path(world.issuer.id, 1)
    left = path.with_name(path.name + ".host-1.new")
    left.write_text(digest("a").hex())
    world.chain.mine()
    world.night()
    assert not left.exists()
    assert path.exists()


def test_an_unfinished_file_is_no_batch(world, sealed):
    path = world.filing.manifest_path(world.issuer.id, 1)
    path.with_name("00000009.manifest.host-1.new").write_text("")
    path.with_name("x.manifest").write_text("")
    path.parent.with_name("README").mkdir()
    assert world.filing.numbers() == {sealed.issuer_id: [1]}


def test_two_processes_file_the_same_batch_at_once(world, sealed):
    """Each under a name of its own: neither writes into the other's file."""
    for path in (world.filing.manifest_path(world.issuer.id, 1), world.filing.entries_path(world.issuer.id, 1)):
        path.unlink()
    start = os.pipe()
    children = []
    for _ in range(6):
        pid = os.fork()
        if pid == 0:
            try:
                os.read(start[0], 1)
                world.filing.file(type(world.store)(str(world.store.engine.url)), sealed)
            except BaseException:  # noqa: BLE001  (the fork must end here)
                os._exit(1)
            os._exit(0)
        children.append(pid)
    os.write(start[1], b"x" * 6)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    for end in start:
        os.close(end)
    assert codes == [0] * 6
    world.filing.file(world.store, sealed)
    names = [path.name for path in world.filing.manifests.rglob("*.*")]
    assert names == ["00000001.manifest"]


def test_a_batch_that_is_not_stored_has_no_files(world, sealed):
    filed = {path: path.read_bytes() for path in world.folder.rglob("*.manifest")}
    with pytest.raises(Damaged, match="batch 99: its stored leaves are not the ordered set"):
        world.filing.file(world.store, rows.with_changes(sealed, id=99, sequence=2))
    assert {path: path.read_bytes() for path in world.folder.rglob("*.manifest")} == filed


def test_files_of_another_chain_are_not_read(world, sealed):
    with world.store.reading() as connection:
        assert queries.find(connection, type(sealed), 99) is None
    other = type(world.filing)(world.filing.manifests, world.filing.entries, 1, world.filing.registry)
    with pytest.raises(Damaged, match="another chain"):
        other.read(sealed.issuer_id, 1)
