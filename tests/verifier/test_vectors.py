"""The verifier against the shared vectors: what is right passes, what is wrong is refused as what it is."""

import hashlib

import pytest
from vectors_reader import load

from verifier.errors import Malformed, MalformedCode, MalformedMetadata, MalformedProof
from verifier.formats import approval, certificate_code, metadata, receipt
from verifier.proofs import hashing
from verifier.proofs.merkle import is_consistent, root_from_leaves, root_from_path

METADATA = load("metadata.json")
CODES = load("certificate-codes.json")
INCLUSION = load("inclusion.json")
CONSISTENCY = load("consistency.json")
RECEIPTS = load("receipts.json")


def from_path(one):
    path = [bytes.fromhex(node) for node in one["path"]]
    return root_from_path(bytes.fromhex(one["leaf_hash"]), one["leaf_index"], one["tree_size"], path)


def test_hashing():
    vectors = load("hashing.json")
    for one in vectors["leaf"]:
        assert hashing.leaf_hash(bytes.fromhex(one["data"])).hex() == one["hash"]
    for one in vectors["node"]:
        assert hashing.node_hash(bytes.fromhex(one["left"]), bytes.fromhex(one["right"])).hex() == one["hash"]


def test_leaf_inputs():
    for one in load("leaf-inputs.json"):
        found = hashing.certificate_leaf(
            bytes.fromhex(one["issuer_id"]), bytes.fromhex(one["document_digest"]), one["metadata"]
        )
        assert found.hex() == one["leaf_hash"]
        assert hashing.leaf_hash(bytes.fromhex(one["leaf_input"])) == found


def test_published_trees():
    for one in load("trees.json")["trees"]:
        leaves = [hashing.leaf_hash(bytes.fromhex(data)) for data in one["leaf_inputs"]]
        assert root_from_leaves(leaves).hex() == one["root_hash"]


@pytest.mark.parametrize("one", INCLUSION["right"], ids=lambda one: one["name"])
def test_right_inclusion(one):
    assert from_path(one).hex() == one["root_hash"]


@pytest.mark.parametrize("one", INCLUSION["wrong"], ids=lambda one: one["name"])
def test_wrong_inclusion(one):
    try:
        root = from_path(one)
    except MalformedProof:
        return
    assert root.hex() != one["root_hash"]


def consistent(one):
    path = [bytes.fromhex(node) for node in one["path"]]
    return is_consistent(one["old_size"], bytes.fromhex(one["old_root"]), one["size"], bytes.fromhex(one["root"]), path)


@pytest.mark.parametrize("one", CONSISTENCY["right"], ids=lambda one: one["name"])
def test_right_consistency(one):
    assert consistent(one)


@pytest.mark.parametrize("one", CONSISTENCY["wrong"], ids=lambda one: one["name"])
def test_wrong_consistency(one):
    try:
        assert not consistent(one)
    except MalformedProof:
        return


def test_what_an_approval_signs():
    for one in load("approvals.json"):
        given = {name: one[name] for name in ("chain_id", "registry", "sequence", "deadline")} | {
            "tree_size": one["size"]
        }
        hashes = {"issuer_id": bytes.fromhex(one["issuer_id"]), "root_hash": bytes.fromhex(one["root"])}
        assert approval.digest(approval.Approval(**given, **hashes)).hex() == one["digest"]


def test_the_64_byte_forgery_is_refused():
    """A file made of two sibling hashes proves into a tree without prefixes, and not into ours."""
    forgery = INCLUSION["forgery_64_bytes"]
    assert forgery["accepted_by_a_tree_without_prefixes"]
    root = bytes.fromhex(forgery["root_hash"])
    for forged_file in (forgery["forged_file"], forgery["forged_from_our_leaves"]):
        digest = hashlib.sha256(bytes.fromhex(forged_file)).digest()
        leaf = hashing.certificate_leaf(bytes.fromhex(forgery["issuer_id"]), digest, forgery["metadata"])
        assert root_from_path(leaf, 0, 1, []) != root
        for node in forgery["leaf_hashes"]:
            for index in (0, 1):
                assert root_from_path(leaf, index, 2, [bytes.fromhex(node)]) != root
    # Nor do the two hashes pass as a leaf's input.
    assert hashing.leaf_hash(bytes.fromhex(forgery["forged_from_our_leaves"])) != root


@pytest.mark.parametrize("one", METADATA["right"], ids=lambda one: one["name"])
def test_right_metadata(one):
    assert metadata.parse_metadata(one["text"]).kind == "latsar"


@pytest.mark.parametrize("one", METADATA["wrong"], ids=lambda one: one["name"])
def test_wrong_metadata(one):
    with pytest.raises(MalformedMetadata):
        metadata.parse_metadata(one["text"])


def test_right_codes():
    for one in CODES["right"]:
        assert certificate_code.normalise(one["code"]) == one["code"]
    for one in CODES["typed"]:
        assert certificate_code.normalise(one["typed"]) == one["code"]


@pytest.mark.parametrize("one", CODES["wrong"], ids=lambda one: one["name"])
def test_wrong_codes(one):
    with pytest.raises(MalformedCode):
        certificate_code.normalise(one["typed"])


def test_the_right_receipt():
    one = RECEIPTS["right"]
    found = receipt.parse(one["text"].encode())
    assert found.leaf_hash.hex() == one["leaf_hash"]
    assert root_from_path(found.leaf_hash, found.leaf_index, one["tree_size"], found.path).hex() == one["root_hash"]


@pytest.mark.parametrize("one", RECEIPTS["wrong"], ids=lambda one: one["name"])
def test_wrong_receipts(one):
    with pytest.raises(Malformed):
        receipt.parse(one["text"].encode("utf-8", "surrogatepass"))


def test_a_receipt_that_is_no_text():
    with pytest.raises(Malformed, match="UTF-8"):
        receipt.parse(b"\xff\xfe")
