"""Service, verifier, contract and reference agree; they meet in bytes and nowhere else."""

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path

import merkletools
import pytest
import reference
from eth_utils import keccak
from eth_utils.abi import abi_to_signature
from registry_contract import ARTIFACT, ISSUER, Registry
from vectors_reader import load

from anchor_service.core import kinds as service_kinds
from anchor_service.core.hashing import LeafHash
from anchor_service.core.merkle import MerkleTree
from verifier import kinds as verifier_kinds
from verifier import log, registry
from verifier.keccak import keccak256
from verifier.merkle import root_from_leaves, root_from_path

ROOT = Path(__file__).parents[2]
SIZES = range(1, 131)
LEAVES = sorted(reference.sha256(number.to_bytes(2, "big")) for number in range(130))


@pytest.fixture(scope="module")
def contract() -> Registry:
    made = Registry()
    made.accredit()
    return made


@pytest.mark.parametrize("size", SIZES)
def test_every_index_of_every_size(size):
    leaves = LEAVES[:size]
    tree = MerkleTree([LeafHash(leaf) for leaf in leaves])
    assert tree.root_hash == reference.root(leaves) == root_from_leaves(leaves)
    for index in range(size):
        path = tree.inclusion_path(index)
        assert list(path) == reference.path(index, leaves)
        assert root_from_path(leaves[index], index, size, path) == tree.root_hash


def test_the_contract_agrees_on_every_index_of_every_size(contract):
    """8,515 proofs on chain, in the EVM, each right one and one that is not."""
    chance = random.Random(9162)
    for size in SIZES:
        leaves = LEAVES[:size]
        tree = MerkleTree([LeafHash(leaf) for leaf in leaves])
        contract.by("key", contract.f.anchor(ISSUER, size, tree.root_hash, size))
        wrong = chance.randrange(size)
        for index in range(size):
            path = list(tree.inclusion_path(index))
            assert contract.verify(ISSUER, size, leaves[index], index, path)
            if index == wrong:
                assert not contract.verify(ISSUER, size, leaves[index], index + 1, path)
                assert not contract.verify(ISSUER, size, bytes(32), index, path)
                assert not contract.verify(ISSUER, size, leaves[index], index, [*path, bytes(32)])
                assert not path or not contract.verify(ISSUER, size, leaves[index], index, path[:-1])


def test_the_contract_agrees_on_the_vectors():
    made = Registry()
    made.accredit()
    vectors = load("inclusion.json")
    sequence = 0
    for kind in ("right", "wrong"):
        for one in vectors[kind]:
            if one["tree_size"] == 0:
                continue  # the contract never holds an empty tree
            sequence += 1
            made.by("key", made.f.anchor(ISSUER, sequence, bytes.fromhex(one["root_hash"]), one["tree_size"]))
            path = [bytes.fromhex(node) for node in one["path"]]
            found = made.verify(ISSUER, sequence, bytes.fromhex(one["leaf_hash"]), one["leaf_index"], path)
            assert found == (kind == "right"), one["name"]


@pytest.mark.parametrize("size", SIZES)
def test_the_shape_is_that_of_merkletools(size):
    """Merkletools hashes without prefixes; with the prefixed functions put in, it builds the same tree."""
    tools = merkletools.MerkleTools()
    tools.hash_function = _Prefixed
    tools.leaves = list(LEAVES[:size])
    tools.make_tree()
    tree = MerkleTree([LeafHash(leaf) for leaf in LEAVES[:size]])
    assert tools.get_merkle_root() == tree.root_hash.hex()
    for index in range(size):
        proof = [next(iter(step.values())) for step in tools.get_proof(index)]
        assert proof == [node.hex() for node in tree.inclusion_path(index)]


class _Prefixed:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def digest(self) -> bytes:
        return hashlib.sha256(b"\x01" + self._data).digest()


def test_merkletools_as_it_is_takes_an_inner_node_for_a_leaf():
    """Why our trees have prefixes: the root of four leaves is also that of their two inner nodes."""
    four = merkletools.MerkleTools()
    four.add_leaf([leaf.hex() for leaf in LEAVES[:4]])
    four.make_tree()
    inner = [hashlib.sha256(LEAVES[place] + LEAVES[place + 1]).hexdigest() for place in (0, 2)]
    two = merkletools.MerkleTools()
    two.add_leaf(inner)
    two.make_tree()
    assert two.get_merkle_root() == four.get_merkle_root()
    ours = [LeafHash(bytes.fromhex(node)) for node in inner]
    assert MerkleTree(ours).root_hash != MerkleTree([LeafHash(leaf) for leaf in LEAVES[:4]]).root_hash


def _selectors(kind: str) -> dict[str, bytes]:
    return {entry["name"]: keccak(text=abi_to_signature(entry)) for entry in ARTIFACT["abi"] if entry["type"] == kind}


def test_the_verifiers_constants_are_the_abis():
    functions = _selectors("function")
    assert functions["anchorOf"][:4] == registry.ANCHOR_OF
    assert functions["windowOf"][:4] == registry.WINDOW_OF
    assert functions["keyOf"][:4] == registry.KEY_OF
    assert functions["statusOf"][:4] == registry.STATUS_OF
    assert functions["checkpoint"][:4] == registry.CHECKPOINT
    logged = {entry["name"] for entry in ARTIFACT["abi"] if entry["type"] == "event" and _is_logged(entry)}
    events = _selectors("event")
    assert {"0x" + events[name].hex(): name for name in logged} == log.LOGGED_EVENTS


def _is_logged(entry: dict) -> bool:
    names = [given["name"] for given in entry["inputs"]]
    indexed = [given["indexed"] for given in entry["inputs"]]
    is_logged = names[-2:] == ["loggedAt", "logIndex"]
    # Indexed parameters come first and nothing is dynamic, so that topics and data are the entry.
    assert not is_logged or indexed == sorted(indexed, reverse=True)
    assert not is_logged or all(given["type"] not in ("bytes", "string") for given in entry["inputs"])
    return is_logged


def test_both_know_the_same_kinds():
    assert service_kinds.KIND_NUMBERS == verifier_kinds.NUMBERS


def test_keccak_is_keccak():
    for length in (0, 1, 31, 32, 135, 136, 137, 272, 5_000):
        data = random.Random(length).randbytes(length)
        assert keccak256(data) == keccak(data)
        assert keccak256(data, padding=0x06) == hashlib.sha3_256(data).digest()


def test_published_keccak_values():
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"


def test_the_vectors_are_what_their_generator_gives():
    done = subprocess.run(
        [sys.executable, "scripts/generate_vectors.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_verifier_runs_on_the_bare_standard_library():
    """No site-packages, no environment: what an auditor starts from a plain Python."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from verifier.cli import main; main(['check', '--help'])"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--receipt" in done.stdout


def test_the_artifacts_settings_are_the_promised_ones():
    assert ARTIFACT["settings"]["evmVersion"] == "london"
    assert ARTIFACT["compiler"] == json.loads((ROOT / "contracts" / "package.json").read_text())["dependencies"]["solc"]
    assert len(ARTIFACT["deployed_bytecode"]) // 2 < 24_576
