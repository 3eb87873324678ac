"""A receipt as an OpenTimestamps proof, followed by the stock `ots` tool."""

import os
import re
import subprocess

import _bootstrap
import pytest
import reference
from tools import missing
from vectors_reader import load

from verifier.errors import MalformedProof
from verifier.formats import ots
from verifier.formats.receipt import parse
from verifier.proofs.hashing import certificate_leaf

VECTOR = load("receipts.json")["right"]
RECEIPT = parse(VECTOR["text"].encode())
SIZES = (1, 2, 3, 7, 64, 100)


def receipt_in(size, index):
    """A receipt of a tree of this size, and its root."""
    leaves = [RECEIPT.leaf_hash if place == index else reference.sha256(bytes([place])) for place in range(size)]
    path = tuple(reference.path(index, leaves))
    fields = {**RECEIPT._asdict(), "leaf_index": index, "path": path}
    return type(RECEIPT)(**fields), reference.root(leaves)


@pytest.fixture(scope="module")
def stock():
    """The stock client, in an environment of its own: its packages and ours exclude each other."""
    if not os.environ.get("CI") and not (_bootstrap.ROOT / ".venv-ots").exists():
        missing("the stock ots tool (CI=true installs it)")
    return _bootstrap.tools("ots") / "ots"


@pytest.mark.parametrize("size", SIZES)
def test_the_stock_tool_reaches_our_root(stock, tmp_path, size):
    for index in {0, size // 2, size - 1}:
        given, root = receipt_in(size, index)
        path = tmp_path / f"{index}.pdf.ots"
        path.write_bytes(ots.encode(given, size))
        done = subprocess.run([stock, "-v", "info", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert f"File sha256 hash: {RECEIPT.document_digest.hex()}" in done.stdout
        # With -v it prints what each operation gives.
        results = re.findall(r"== ([0-9a-f]+)", done.stdout)
        assert results[-1] == root.hex()
        assert f"verify UnknownAttestation({ots.TAG!r}, b'eip155:{RECEIPT.chain_id}:" in done.stdout


def test_the_operations_by_hand():
    given, root = receipt_in(3, 2)
    proof = ots.encode(given, 3)
    assert proof.startswith(b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01\x08")
    assert given.document_digest in proof
    leaf = certificate_leaf(given.issuer_id, given.document_digest, given.metadata_text)
    assert reference.node(given.path[0], leaf) == root


def test_a_path_that_does_not_fit_is_refused():
    with pytest.raises(MalformedProof):
        ots.encode(RECEIPT, 64)
