"""The service writes a mirror, the verifier reads it, and so does Go's own library for logs of this format."""

import base64
import random
import shutil
import subprocess
from pathlib import Path

import pytest
import reference
from tools import missing

from anchor_service.core import tlog
from anchor_service.core.hashing import leaf_hash
from anchor_service.core.merkle import MerkleTree
from verifier.errors import SourceUnavailable
from verifier.places.location import Location
from verifier.places.mirror import Tree

SIZES = (1, 2, 3, 7, 255, 256, 257, 511, 512, 513, 1_000, 65_535, 65_536, 65_537, 66_000)


def leaves_of(size):
    return sorted(random.Random(f"{size} {number}").randbytes(32) for number in range(size))


def write(folder, files):
    for name, content in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("number", "width", "name"),
    [
        (0, 256, "tile/0/000"),
        (0, 1, "tile/0/000.p/1"),
        (999, 255, "tile/0/999.p/255"),
        (1_000, 256, "tile/0/x001/000"),
        (1_234_067, 256, "tile/0/x001/x234/067"),
        (1_234_067, 8, "tile/0/x001/x234/067.p/8"),
    ],
)
def test_names_are_those_of_c2sp(number, width, name):
    assert tlog.tile_path("tile/0", number, width) == name


@pytest.mark.parametrize("size", SIZES)
def test_each_tile_holds_the_whole_subtrees_that_it_stands_over(size):
    """Source: C2SP tlog-tiles, "Merkle tree": a tile of level L has the hashes of full subtrees of 256^L leaves."""
    leaves = leaves_of(size)
    wanted, level = {}, 0
    while width := 256**level:
        whole = [reference.root(leaves[at : at + width]) for at in range(0, size // width * width, width)]
        if not whole:
            break
        for number in range(-(-len(whole) // 256)):
            tile = whole[number * 256 : (number + 1) * 256]
            suffix = "" if len(tile) == 256 else f".p/{len(tile)}"
            wanted[f"tile/{level}/{number:03}{suffix}"] = b"".join(tile)
        level += 1
    assert dict(tlog.hash_tiles(MerkleTree(leaves))) == wanted


@pytest.mark.parametrize("size", SIZES)
def test_the_verifier_finds_each_leaf_and_cuts_its_path(tmp_path, size):
    leaves = leaves_of(size)
    tree = MerkleTree(leaves)
    write(tmp_path / "batch", tlog.hash_tiles(tree))
    chance = random.Random(size)
    asked = range(size) if size <= 513 else [0, size - 1, *chance.sample(range(size), 40)]
    read = Tree(Location(str(tmp_path)), "batch", size)
    for index in asked:
        assert read.find(leaves[index]) == index
        assert read.path(index) == tree.inclusion_path(index)
    for stranger in (bytes(32), b"\xff" * 32, chance.randbytes(32)):
        assert read.find(stranger) is None


def test_the_library_of_go_proves_every_record(tmp_path):
    """Source: golang.org/x/mod/sumdb/tlog, from which C2SP's format comes."""
    if shutil.which("go") is None:
        missing("Go")
    folders, records = [], 0
    for size in SIZES:
        entries = [random.Random(f"{size} {number}").randbytes(32 * (number % 9 + 3)) for number in range(size)]
        tree = MerkleTree([leaf_hash(entry) for entry in entries])
        folder = tmp_path / str(size)
        write(folder, tlog.hash_tiles(tree))
        write(folder, tlog.runs("tile/entries", [len(entry).to_bytes(2) + entry for entry in entries]))
        write(folder, [("checkpoint", tlog.checkpoint("test", size, tree.root_hash, "more").encode())])
        folders.append(str(folder))
        records += len(range(0, size, 1 + size // 600))
    program = tmp_path / "tlog"
    subprocess.run(["go", "build", "-o", str(program), "."], cwd=Path(__file__).parent / "tlog", check=True)
    ended = subprocess.run([str(program), *folders], capture_output=True, text=True, check=False)
    assert ended.stderr == ""
    assert ended.stdout == f"logs {len(SIZES)}, records {records}, entries {sum(SIZES)}\n"
    damaged = tmp_path / "300"
    shutil.copytree(tmp_path / "513", damaged)
    tile = damaged / "tile" / "0" / "001"
    tile.write_bytes(tile.read_bytes()[:-1] + b"x")
    assert subprocess.run([str(program), str(damaged)], capture_output=True, check=False).returncode == 1


def test_a_tile_that_is_missing_short_or_long_is_no_answer(tmp_path):
    leaves = leaves_of(300)
    write(tmp_path / "batch", tlog.hash_tiles(MerkleTree(leaves)))
    path = tmp_path / "batch" / "tile" / "0" / "001.p" / "44"
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:-32], whole + bytes(32), b"", None):
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SourceUnavailable, match=r"001\.p/44"):
            Tree(Location(str(tmp_path)), "batch", 300).leaf(299)
        path.touch()


def test_runs_have_256_things_and_the_last_one_what_is_left():
    items = [bytes([number % 256]) for number in range(600)]
    assert [(name, len(run)) for name, run in tlog.runs("blocks", items)] == [
        ("blocks/000", 256), ("blocks/001", 256), ("blocks/002.p/88", 88),
    ]  # fmt: skip
    assert b"".join(run for _, run in tlog.runs("blocks", items)) == b"".join(items)
    assert list(tlog.runs("blocks", [])) == []


def test_a_checkpoint_has_the_lines_of_c2sp():
    root = bytes(range(32))
    text = tlog.checkpoint("jangkar/1/log", 5, root, "block 7")
    assert text == f"jangkar/1/log\n5\n{base64.b64encode(root).decode()}\nblock 7\n"
    assert tlog.size_of(text) == 5
    for rubbish in ("", "x", "x\n", "x\nfive\n", "x\n-1\n"):
        assert tlog.size_of(rubbish) == -1
