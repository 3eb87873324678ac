"""Properties of the pure core that no list of examples covers."""

import contextlib

import pytest
import reference
import rfc8785
from benchmarks._paths import inclusion_paths
from hypothesis import given
from hypothesis import strategies as st

from anchor_service.core import canonical, certificate_code, kinds, metadata, profile, tiles
from anchor_service.core.errors import CertificateCodeRejected, FieldRejected, IllegalTransition, TreeRejected
from anchor_service.core.hashing import LeafHash
from anchor_service.core.merkle import MerkleTree, root_of_path, size_and_root
from anchor_service.core.receipt import Hints, Receipt
from anchor_service.core.states import OnChainState, check_transition

HASHES = st.binary(min_size=32, max_size=32)
VALUES = st.recursive(
    st.text() | st.integers(min_value=0, max_value=2**53 - 1),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1), inner),
    max_leaves=10,
)


@given(VALUES)
def test_canonical_form_is_rfc_8785(value):
    try:
        expected = rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:  # a lone surrogate has no UTF-8
        return
    assert canonical.encode(value).encode() == expected


@given(st.lists(HASHES, min_size=1, max_size=40, unique=True))
def test_tree_is_the_recursive_one(leaves):
    tree = MerkleTree([LeafHash(one) for one in leaves])
    assert tree.root_hash == reference.root(leaves)
    assert size_and_root(leaves) == (len(leaves), reference.root(leaves))
    for index in range(len(leaves)):
        assert list(tree.inclusion_path(index)) == reference.path(index, leaves)
    assert list(inclusion_paths(tree)) == [tree.inclusion_path(index) for index in range(len(leaves))]


@pytest.mark.parametrize("size", [2047, 2048, 2049, 4095, 4097, 5000])
def test_a_tree_of_several_chunks(size):
    """Levels are built some thousand nodes at a time: nothing is lost or doubled where one chunk ends."""
    leaves = [LeafHash(number.to_bytes(32, "big")) for number in range(size)]
    tree = MerkleTree(iter(leaves))
    assert (tree.tree_size, tree.root_hash) == (size, reference.root(leaves)) == size_and_root(leaves)
    paths = list(inclusion_paths(tree))
    assert len(paths) == size
    for index in (0, 1, 1023, 1024, 2046, size - 2, size - 1):
        assert paths[index] == tree.inclusion_path(index) == tuple(reference.path(index, leaves))


@pytest.mark.parametrize("size", [*range(1, 70), 127, 128, 129, 255, 256, 257, 511, 513, 65535, 65536, 65537])
def test_paths_from_tiles_are_those_of_the_tree(size):
    leaves = [LeafHash(number.to_bytes(32, "big")) for number in range(size)]
    tree = MerkleTree(leaves)
    stored = {tile.id: tile for tile in tiles.cut(tree)}
    assert b"".join(one.hashes for (level, _), one in sorted(stored.items()) if level == 0) == b"".join(leaves)
    for index in {*range(min(size, 70)), 255, 256, 257, size // 2, size - 2, size - 1} & set(range(size)):
        tile_ids = tiles.tile_ids(size, index)
        assert len(tile_ids) == max(1, -(-(size - 1).bit_length() // 8))
        path = tiles.inclusion_path(size, index, {tile_id: stored[tile_id] for tile_id in tile_ids})
        assert path == tree.inclusion_path(index)
        assert root_of_path(leaves[index], index, size, path) == tree.root_hash


def test_what_is_no_path_gives_no_root():
    leaves = [LeafHash(number.to_bytes(32, "big")) for number in range(5)]
    tree = MerkleTree(leaves)
    (tile,) = tiles.cut(tree)
    with pytest.raises(TreeRejected, match="outside"):
        tiles.tile_ids(5, 5)
    with pytest.raises(TreeRejected, match="bytes"):
        tiles.inclusion_path(5, 0, {(0, 0): tiles.Tile(0, 0, tile.hashes, tile.inner[:-1])})
    path = tree.inclusion_path(0)
    with pytest.raises(TreeRejected, match="short"):
        root_of_path(leaves[0], 0, 5, path[:-1])
    with pytest.raises(TreeRejected, match="long"):
        root_of_path(leaves[0], 0, 5, (*path, path[0]))


@pytest.mark.parametrize("index", [-1, 3])
def test_no_path_outside_the_tree(index):
    with pytest.raises(TreeRejected, match="outside"):
        MerkleTree([LeafHash(bytes([number]) * 32) for number in range(3)]).inclusion_path(index)


def test_no_tree_without_leaves():
    for leaves in ([], [LeafHash(b"\x01" * 31)]):
        with pytest.raises(TreeRejected):
            MerkleTree(leaves)
    with pytest.raises(TreeRejected):
        size_and_root([])


@given(st.integers(min_value=0, max_value=2**55 - 1), st.integers(0, 11), st.integers(1, 31))
def test_every_single_typing_error_is_caught(number, place, shift):
    code = certificate_code.from_random(number)
    assert certificate_code.is_canonical(code)
    changed = certificate_code.ALPHABET[(certificate_code.ALPHABET.index(code[place]) + shift) % 32]
    with pytest.raises(CertificateCodeRejected):
        certificate_code.parse(code[:place] + changed + code[place + 1 :])


@given(st.text(max_size=30))
def test_a_code_is_parsed_or_refused(typed):
    with contextlib.suppress(CertificateCodeRejected):
        assert certificate_code.is_canonical(certificate_code.parse(typed))


def test_only_legal_steps():
    states = list(OnChainState)
    legal = {current.value: {wanted.value for wanted in states if _may(current, wanted)} for current in states}
    assert legal == {
        "sealed": {"signed", "quarantined"},
        "signed": {"sent", "anchored", "quarantined", "sealed"},
        "sent": {"anchored", "quarantined", "sealed"},
        "anchored": {"sent"},
        "quarantined": {"sealed"},
        "foreign": set(),
    }


def _may(one, other):
    try:
        check_transition("batch 1", one, other)
    except IllegalTransition:
        return False
    return True


def test_kinds_and_scope_are_inverse():
    for kind, number in kinds.KIND_NUMBERS.items():
        assert kinds.scope_of([kind]) == 1 << number
    assert kinds.kinds_of(kinds.scope_of(kinds.KIND_NUMBERS)) == tuple(kinds.KIND_NUMBERS)
    with pytest.raises(FieldRejected, match="table of kinds"):
        kinds.scope_of(["nothing"])


@pytest.mark.parametrize(
    ("code", "name"),
    [("lan", "LAN"), ("LAN", ""), ("LAN", "La\u0301n"), ("LAN", "x" * 201), ("", "LAN"), ("LAN", "a\u202eb")],
)
def test_profiles_that_mislead_are_refused(code, name):
    with pytest.raises(FieldRejected):
        profile.from_fields(code, name)


def test_a_field_is_named_when_it_is_wrong():
    with pytest.raises(FieldRejected) as raised:
        metadata.from_fields({"nonce": "0" * 32, "kind": "latsar", "number": "1", "issued_on": "2026-13-01"})
    assert raised.value.field == "issued_on"


TEXTS = st.text(st.characters(codec="utf-8"))
NUMBERS = st.integers(0, 2**53 - 1)


@given(HASHES, TEXTS, TEXTS, NUMBERS, NUMBERS, st.lists(HASHES, max_size=64), NUMBERS)
def test_a_receipt_is_canonical_json_and_a_line_feed(hash_, facts, profile_, sequence, index, path, block):
    address = "0x" + hash_.hex()[:40]
    data = Receipt(
        hash_, facts, hash_, profile_, sequence, index, path, Hints(sequence, address, hash_, block)
    ).encode()
    fields = {
        "format": "jangkar-receipt-v1",
        "document_digest": hash_.hex(),
        "metadata": facts,
        "issuer_id": hash_.hex(),
        "issuer_profile": profile_,
        "sequence": sequence,
        "leaf_index": index,
        "path": [node.hex() for node in path],
        "hints": {"chain_id": sequence, "registry": address, "transaction": "0x" + hash_.hex(), "block": block},
    }
    assert data == rfc8785.dumps(fields) + b"\n"
