"""Service, verifier, contract and reference agree; they meet in bytes and nowhere else."""

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import merkletools
import pytest
import reference
from devnet import CHAIN_ID, Anvil
from eth_utils import keccak
from eth_utils.abi import abi_to_signature
from registry_contract import ARTIFACT, GAS, ISSUER, Registry
from vectors_reader import load
from web3 import Web3

from anchor_service.chain import approvals
from anchor_service.chain.contract import connect
from anchor_service.core import kinds as service_kinds
from anchor_service.core import log_proof
from anchor_service.core.hashing import LeafHash
from anchor_service.core.manifest import BatchHeader
from anchor_service.core.merkle import MerkleTree
from verifier.chain import onchain, storage
from verifier.errors import MalformedProof
from verifier.formats import approval
from verifier.formats import kinds as verifier_kinds
from verifier.history import log
from verifier.history import log_proof as verifier_proof
from verifier.proofs.keccak import keccak256
from verifier.proofs.merkle import consistency_path, inclusion_path, is_consistent, root_from_leaves, root_from_path

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
        assert list(path) == inclusion_path(leaves, index) == reference.path(index, leaves)
        assert root_from_path(leaves[index], index, size, path) == tree.root_hash


@pytest.mark.parametrize("size", SIZES)
def test_every_beginning_of_every_size(size):
    leaves = LEAVES[:size]
    tree = MerkleTree([LeafHash(leaf) for leaf in leaves])
    for old in range(1, size + 1):
        path = reference.consistency(old, leaves)
        old_root = reference.root(leaves[:old])
        assert list(tree.consistency_path(old)) == consistency_path(leaves, old) == path
        assert is_consistent(old, old_root, size, tree.root_hash, path)
        assert not is_consistent(old, LEAVES[-1], size, tree.root_hash, path) or old_root == LEAVES[-1]
        assert not is_consistent(old, old_root, size, bytes(32), path)


class Proof(NamedTuple):
    """A question for `verifyInclusion` about the anchor whose sequence number is its size, and the right answer."""

    size: int
    leaf: bytes
    index: int
    path: list[bytes]
    holds: bool


def right_proofs(size: int) -> list[Proof]:
    """One for each leaf of a tree."""
    tree = tree_of(size)
    return [Proof(size, LEAVES[index], index, list(tree.inclusion_path(index)), True) for index in range(size)]


def wrong_proofs(right: Proof) -> list[Proof]:
    """What is near a right one: another index, another leaf, a path that is longer or shorter."""
    size, leaf, index, path, _ = right
    return [
        Proof(size, leaf, index + 1, path, False),
        Proof(size, bytes(32), index, path, False),
        Proof(size, leaf, index, [*path, bytes(32)], False),
        *([Proof(size, leaf, index, path[:-1], False)] if path else []),
    ]


def tree_of(size: int) -> MerkleTree:
    return MerkleTree([LeafHash(leaf) for leaf in LEAVES[:size]])


def test_the_contract_agrees_on_an_index_of_every_size(contract):
    """In py-evm: a right proof of each size, and those near it."""
    chance = random.Random(9162)
    for size in SIZES:
        contract.by("key", contract.f.anchor(ISSUER, size, tree_of(size).root_hash, size))
        right = right_proofs(size)[chance.randrange(size)]
        for proof in (right, *wrong_proofs(right)):
            found = contract.verify(ISSUER, size, proof.leaf, proof.index, proof.path)
            assert found == proof.holds, proof


def test_the_contract_agrees_on_every_index_of_every_size():
    """8,515 right proofs and 519 wrong ones, in a faster EVM: a node is asked many at once."""
    chance = random.Random(9162)
    with Anvil() as node:
        registry, institute = node.deploy(), node.account("institute")
        node.accredit(registry, ISSUER, institute.address)
        contract = connect(node.url).eth.contract(address=Web3.to_checksum_address(registry), abi=ARTIFACT["abi"])
        proofs = []
        for size in SIZES:
            call = contract.functions.anchor(ISSUER, size, tree_of(size).root_hash, size)
            fields = {"from": institute.address, "nonce": size - 1, "gas": GAS, "gasPrice": 10**11, "chainId": CHAIN_ID}
            node.call(
                "eth_sendRawTransaction",
                Web3.to_hex(institute.sign_transaction(call.build_transaction(fields)).raw_transaction),
            )
            right = right_proofs(size)
            proofs += [*right, *wrong_proofs(right[chance.randrange(size)])]
        calls = [
            {"to": contract.address, "data": contract.encode_abi("verifyInclusion", [ISSUER, proof.size, *proof[1:4]])}
            for proof in proofs
        ]
        answers = [answer for at in range(0, len(calls), 500) for answer in node.call_many(calls[at : at + 500])]
    assert [int(answer, 16) for answer in answers] == [int(proof.holds) for proof in proofs]
    assert len(proofs) == 8_515 + 519


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


def test_the_three_agree_on_what_an_approval_signs(contract):
    """The contract by OpenZeppelin, the service by eth-account, the verifier by its own hands."""
    chance = random.Random(712)
    chain_id, address = contract.pins()
    for _ in range(60):
        issuer_id, root_hash = chance.randbytes(32), chance.randbytes(32)
        sequence, size, deadline = (chance.randrange(1, 2**64) for _ in range(3))
        header = BatchHeader(chain_id, address.lower(), issuer_id, "", sequence, size, root_hash)
        theirs = approval.Approval(chain_id, address.lower(), issuer_id, sequence, root_hash, size, deadline)
        digest = contract.f.approvalDigest(issuer_id, sequence, root_hash, size, deadline).call()
        assert approvals.digest(header, deadline) == approval.digest(theirs) == digest


def test_both_make_the_same_log_proofs_and_the_verifier_takes_them():
    entries = [random.Random(number).randbytes(32 * (number % 9 + 3)) for number in range(40)]
    log_ = log_proof.Log(7, "0x" + "12" * 20, entries)
    pins = (7, "0x" + "12" * 20, entries)
    for index in range(len(entries)):
        proof = log_.inclusion_proof(index)
        assert proof == verifier_proof.prove_inclusion(*pins, index)
        assert verifier_proof.parse(proof.encode()).entry == entries[index]
        proof = log_.consistency_proof(index + 1)
        assert proof == verifier_proof.prove_consistency(*pins, index + 1)
        assert verifier_proof.parse(proof.encode()).old == log.checkpoint_of(entries[: index + 1])


WRONG_PROOFS = [
    # name, what is changed, what is said
    ("another format", {"format": "jangkar-log-proof-v2"}, "this is no proof of format"),
    ("another index", {"index": 4}, "does not lead from the entry to the root"),
    ("an index below 0", {"index": -1}, "index is not a whole number"),
    ("an index that is true", {"index": True}, "index is not a whole number"),
    ("a smaller tree", {"size": 4}, "the path is too long for this tree"),
    ("another root", {"root": "00" * 32}, "does not lead from the entry to the root"),
    ("another entry", {"entry": "00"}, "does not lead from the entry to the root"),
    ("half a byte", {"entry": "0"}, "entry is not lowercase hexadecimal of its length"),
    ("a path in one text", {"path": "00"}, "path is not a list of texts of 64 hexadecimal digits"),
    ("a path of a short hash", {"path": ["00"]}, "path is not a list of texts of 64 hexadecimal digits"),
    ("an empty path", {"path": []}, "the path is too short for this tree"),
    ("a registry that is a number", {"registry": 1}, "registry is not a text"),
    ("an unknown field", {"more": 1}, "the fields of an inclusion or of a consistency, and no others"),
]


@pytest.mark.parametrize(("changes", "said"), [row[1:] for row in WRONG_PROOFS], ids=[row[0] for row in WRONG_PROOFS])
def test_a_log_proof_that_proves_nothing_is_refused(changes, said):
    entries = [random.Random(number).randbytes(64) for number in range(40)]
    fields = json.loads(log_proof.Log(7, "0x" + "12" * 20, entries).inclusion_proof(3)) | changes
    with pytest.raises(MalformedProof, match=said):
        verifier_proof.parse(json.dumps(fields).encode())
    for rubbish in (b"", b"[]", b"\xff", json.dumps(fields).encode()[:-1]):
        with pytest.raises(MalformedProof):
            verifier_proof.parse(rubbish)


def _selectors(kind: str) -> dict[str, bytes]:
    return {entry["name"]: keccak(text=abi_to_signature(entry)) for entry in ARTIFACT["abi"] if entry["type"] == kind}


def test_the_verifiers_constants_are_the_abis():
    functions = _selectors("function")
    assert functions["verifyInclusion"][:4] == onchain.SELECTOR
    browsers = (ROOT / "verifier" / "web" / "browser" / "src" / "chain" / "registry.js").read_text()
    for name, constant in (
        ("anchorOf", "ANCHOR_OF"), ("windowOf", "WINDOW_OF"), ("keyOf", "KEY_OF"), ("statusOf", "STATUS_OF"),
        ("reattestationOf", "REATTESTATION_OF"), ("successor", "SUCCESSOR"),
    ):  # fmt: skip
        assert f'const {constant} = "{functions[name][:4].hex()}";' in browsers
    slots = {one["label"]: one["slot"] for one in ARTIFACT["storage"]["variables"]}
    for name, slot in (
        ("_logSize", storage.LOG_SIZE), ("_frontier", storage.FRONTIER), ("_successor", storage.SUCCESSOR),
        ("_windows", storage.WINDOWS), ("_keys", storage.KEYS), ("_anchors", storage.ANCHORS),
        ("_reattestations", storage.REATTESTATIONS), ("_histories", storage.HISTORIES),
    ):  # fmt: skip
        assert slots[name] == slot
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
