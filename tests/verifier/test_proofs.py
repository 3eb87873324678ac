"""Tries, headers and RLP against the libraries that Ethereum's own nodes are made of."""

import random

import pytest
import rlp as reference_rlp
from eth_utils import keccak
from trie import HexaryTrie

from verifier.chain.header import read_header
from verifier.errors import MalformedProof, NodeUnavailable
from verifier.proofs import rlp
from verifier.proofs.merkle import EMPTY_ROOT, Frontier, root_from_leaves
from verifier.proofs.trie import pool, value_at

NESTED = [b"", b"\x00", b"\x7f", b"\x80", b"a" * 55, b"a" * 56, b"a" * 70_000, [], [b"", [b"x", []]], [[b"a" * 60] * 5]]


@pytest.mark.parametrize("item", NESTED, ids=range(len(NESTED)))
def test_rlp(item):
    assert rlp.encode(item) == reference_rlp.encode(item)
    assert rlp.decode(reference_rlp.encode(item)) == item


NONE = [b"", b"\x81", b"\xb8\x38", b"\xc1", b"\x00\x00", b"\xbf" + b"\xff" * 8, b"\xc1" * 20 + b"\x00", b"\xc2\x83a"]


@pytest.mark.parametrize("data", NONE)
def test_rlp_that_is_none(data):
    with pytest.raises(MalformedProof):
        rlp.decode(data)


@pytest.mark.parametrize("size", [0, 1, 2, 17, 400])
def test_every_key_and_every_absence_of_a_trie(size):
    chance = random.Random(size)
    trie = HexaryTrie({})
    keys = [chance.randbytes(32) for _ in range(size)]
    for key in keys:
        # A value of one byte makes nodes that stand in their parents.
        trie[keccak(key)] = chance.randbytes(chance.choice([1, 32]))
    for key in [*keys[:50], *(chance.randbytes(32) for _ in range(50))]:
        nodes = pool(reference_rlp.encode(node) for node in trie.get_proof(keccak(key)))
        assert value_at(trie.root_hash, key, nodes) == (trie.get(keccak(key)) or None)
        for missing in nodes:
            rest = {hash_: node for hash_, node in nodes.items() if hash_ != missing}
            with pytest.raises(MalformedProof):
                value_at(trie.root_hash, key, rest)


def test_a_frontier_grows_as_a_tree():
    leaves = [bytes([number]) * 32 for number in range(70)]
    frontier = Frontier()
    assert frontier.root == EMPTY_ROOT
    for size, leaf in enumerate(leaves, start=1):
        frontier.append(leaf)
        assert frontier.root == root_from_leaves(leaves[:size])
        assert Frontier(size, frontier.nodes).root == frontier.root
    with pytest.raises(MalformedProof):
        Frontier(3, frontier.nodes[:1])


# The first block of Ethereum's main network.
MAINNET = {
    "hash": "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
    "parentHash": "0x" + "00" * 32,
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "miner": "0x" + "00" * 20,
    "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
    "transactionsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    "receiptsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    "logsBloom": "0x" + "00" * 256,
    "difficulty": "0x400000000",
    "number": "0x0",
    "gasLimit": "0x1388",
    "gasUsed": "0x0",
    "timestamp": "0x0",
    "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
    "mixHash": "0x" + "00" * 32,
    "nonce": "0x0000000000000042",
}


def test_a_header_gives_its_hash():
    assert read_header(MAINNET).state_root.hex() == MAINNET["stateRoot"][2:]
    for name in MAINNET:
        with pytest.raises(NodeUnavailable):
            read_header({key: value for key, value in MAINNET.items() if key != name})
    for name, value in (("number", "0x1"), ("timestamp", "0x1"), ("stateRoot", "0x" + "11" * 32)):
        with pytest.raises(NodeUnavailable, match="do not give its hash"):
            read_header(MAINNET | {name: value})
    for rubbish in (None, [], "0x", {}):
        with pytest.raises(NodeUnavailable):
            read_header(rubbish)


def test_a_qbft_header_leaves_its_round_and_seals_out():
    """As Besu hashes it; built here by its rule, for want of a recorded block."""
    vanity, validators = bytes(32), [b"\x01" * 20, b"\x02" * 20]
    sealed = reference_rlp.encode([vanity, validators, [], b"\x03", [b"\x05" * 65, b"\x06" * 65]])
    unsealed = reference_rlp.encode([vanity, validators, [], b"", []])
    plain = MAINNET | {"number": "0x7", "difficulty": "0x1"}
    names = [name for name in MAINNET if name != "hash"]

    def hash_of(extra: bytes) -> str:
        def part(name: str) -> bytes:
            text = ("0x" + extra.hex() if name == "extraData" else plain[name])[2:]
            return (
                bytes.fromhex(text)
                if len(text) % 2 == 0 and len(text) > 4
                else int(text, 16).to_bytes(32).lstrip(b"\0")
            )

        return "0x" + keccak(reference_rlp.encode([part(name) for name in names])).hex()

    block = plain | {"extraData": "0x" + sealed.hex(), "hash": hash_of(unsealed)}
    assert read_header(block).number == 7
    assert read_header(block | {"hash": hash_of(sealed)}).number == 7
    with pytest.raises(NodeUnavailable):
        read_header(block | {"extraData": "0x" + reference_rlp.encode([vanity, [], [], b"", []]).hex()})
