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


def from_path(vector):
    path = [bytes.fromhex(node) for node in vector["path"]]
    return root_from_path(bytes.fromhex(vector["leaf_hash"]), vector["leaf_index"], vector["tree_size"], path)


def test_hashing():
    vectors = load("hashing.json")
    for vector in vectors["leaf"]:
        assert hashing.leaf_hash(bytes.fromhex(vector["data"])).hex() == vector["hash"]
    for vector in vectors["node"]:
        assert hashing.node_hash(bytes.fromhex(vector["left"]), bytes.fromhex(vector["right"])).hex() == vector["hash"]


def test_leaf_inputs():
    for vector in load("leaf-inputs.json"):
        found = hashing.certificate_leaf(
            bytes.fromhex(vector["issuer_id"]), bytes.fromhex(vector["document_digest"]), vector["metadata"]
        )
        assert found.hex() == vector["leaf_hash"]
        assert hashing.leaf_hash(bytes.fromhex(vector["leaf_input"])) == found


def test_published_trees():
    for vector in load("trees.json")["trees"]:
        leaves = [hashing.leaf_hash(bytes.fromhex(data)) for data in vector["leaf_inputs"]]
        assert root_from_leaves(leaves).hex() == vector["root_hash"]


@pytest.mark.parametrize("vector", INCLUSION["right"], ids=lambda vector: vector["name"])
def test_right_inclusion(vector):
    assert from_path(vector).hex() == vector["root_hash"]


@pytest.mark.parametrize("vector", INCLUSION["wrong"], ids=lambda vector: vector["name"])
def test_wrong_inclusion(vector):
    try:
        root = from_path(vector)
    except MalformedProof:
        return
    assert root.hex() != vector["root_hash"]


def consistent(vector):
    path = [bytes.fromhex(node) for node in vector["path"]]
    return is_consistent(
        vector["old_size"], bytes.fromhex(vector["old_root"]), vector["size"], bytes.fromhex(vector["root"]), path
    )


@pytest.mark.parametrize("vector", CONSISTENCY["right"], ids=lambda vector: vector["name"])
def test_right_consistency(vector):
    assert consistent(vector)


@pytest.mark.parametrize("vector", CONSISTENCY["wrong"], ids=lambda vector: vector["name"])
def test_wrong_consistency(vector):
    try:
        assert not consistent(vector)
    except MalformedProof:
        return


def test_what_an_approval_signs():
    for vector in load("approvals.json"):
        given = {name: vector[name] for name in ("chain_id", "registry", "sequence", "deadline")} | {
            "tree_size": vector["size"]
        }
        hashes = {"issuer_id": bytes.fromhex(vector["issuer_id"]), "root_hash": bytes.fromhex(vector["root"])}
        assert approval.digest(approval.Approval(**given, **hashes)).hex() == vector["digest"]


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


@pytest.mark.parametrize("vector", METADATA["right"], ids=lambda vector: vector["name"])
def test_right_metadata(vector):
    assert metadata.parse_metadata(vector["text"]).kind == "latsar"


@pytest.mark.parametrize("vector", METADATA["wrong"], ids=lambda vector: vector["name"])
def test_wrong_metadata(vector):
    with pytest.raises(MalformedMetadata):
        metadata.parse_metadata(vector["text"])


def test_right_codes():
    for vector in CODES["right"]:
        assert certificate_code.normalise(vector["code"]) == vector["code"]
    for vector in CODES["typed"]:
        assert certificate_code.normalise(vector["typed"]) == vector["code"]


@pytest.mark.parametrize("vector", CODES["wrong"], ids=lambda vector: vector["name"])
def test_wrong_codes(vector):
    with pytest.raises(MalformedCode):
        certificate_code.normalise(vector["typed"])


def test_the_right_receipt():
    vector = RECEIPTS["right"]
    found = receipt.parse(vector["text"].encode())
    assert found.leaf_hash.hex() == vector["leaf_hash"]
    assert (
        root_from_path(found.leaf_hash, found.leaf_index, vector["tree_size"], found.path).hex() == vector["root_hash"]
    )


@pytest.mark.parametrize("vector", RECEIPTS["wrong"], ids=lambda vector: vector["name"])
def test_wrong_receipts(vector):
    with pytest.raises(Malformed):
        receipt.parse(vector["text"].encode("utf-8", "surrogatepass"))


def test_a_receipt_that_is_no_text():
    with pytest.raises(Malformed, match="UTF-8"):
        receipt.parse(b"\xff\xfe")
