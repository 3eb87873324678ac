"""The service's pure core against the shared vectors."""

import hashlib

import pytest
from vectors_reader import load

from anchor_service.core import certificate_code, hashing, metadata
from anchor_service.core.errors import CertificateCodeRejected, FieldRejected, TextRejected, TreeRejected
from anchor_service.core.hashing import DocumentDigest, IssuerId, LeafHash
from anchor_service.core.merkle import MerkleTree, size_and_root

METADATA = load("metadata.json")
CODES = load("certificate-codes.json")


def test_hashing():
    vectors = load("hashing.json")
    for one in vectors["leaf"]:
        assert hashing.leaf_hash(bytes.fromhex(one["data"])).hex() == one["hash"]
    for one in vectors["node"]:
        assert hashing.node_hash(bytes.fromhex(one["left"]), bytes.fromhex(one["right"])).hex() == one["hash"]


def test_leaf_inputs():
    for one in load("leaf-inputs.json"):
        found = metadata.from_text(one["metadata"])
        data = hashing.leaf_input(
            IssuerId(bytes.fromhex(one["issuer_id"])),
            DocumentDigest(bytes.fromhex(one["document_digest"])),
            found.digest,
        )
        assert data.hex() == one["leaf_input"]
        assert hashing.leaf_hash(data).hex() == one["leaf_hash"]


def test_published_trees():
    for one in load("trees.json")["trees"]:
        leaves = [hashing.leaf_hash(bytes.fromhex(data)) for data in one["leaf_inputs"]]
        assert MerkleTree(leaves).root_hash.hex() == one["root_hash"]
        assert size_and_root(leaves) == (len(leaves), bytes.fromhex(one["root_hash"]))


def test_consistency_paths():
    leaves = [LeafHash(hashlib.sha256(bytes([number])).digest()) for number in range(130)]
    for one in load("consistency.json")["right"]:
        tree = MerkleTree(leaves[: one["size"]])
        assert tree.root_hash.hex() == one["root"]
        assert [node.hex() for node in tree.consistency_path(one["old_size"])] == one["path"]
    for old_size in (0, 131):
        with pytest.raises(TreeRejected):
            MerkleTree(leaves).consistency_path(old_size)


@pytest.mark.parametrize("one", METADATA["right"], ids=lambda one: one["name"])
def test_right_metadata(one):
    found = metadata.from_text(one["text"])
    assert found.text == one["text"]
    assert found.digest.hex() == one["digest"]


@pytest.mark.parametrize("one", METADATA["wrong"], ids=lambda one: one["name"])
def test_wrong_metadata(one):
    with pytest.raises((TextRejected, FieldRejected)):
        metadata.from_text(one["text"])


def test_right_codes():
    for one in CODES["right"]:
        assert certificate_code.from_random(one["number"]) == one["code"]
    for one in CODES["typed"]:
        assert certificate_code.parse(one["typed"]) == one["code"]


@pytest.mark.parametrize("one", CODES["wrong"], ids=lambda one: one["name"])
def test_wrong_codes(one):
    with pytest.raises(CertificateCodeRejected):
        certificate_code.parse(one["typed"])


def test_a_leaf_has_exact_parts():
    with pytest.raises(ValueError, match="32 bytes"):
        hashing.leaf_input(
            IssuerId(bytes(31)), DocumentDigest(bytes(32)), metadata.from_text(METADATA["right"][0]["text"]).digest
        )


def test_leaf_hash_is_no_node_hash():
    """A leaf of 64 bytes and a node of two hashes never meet."""
    left, right = LeafHash(bytes(32)), LeafHash(bytes(range(32)))
    assert hashing.leaf_hash(left + right) != hashing.node_hash(left, right)
