"""What a state root proves: walks of Ethereum's Merkle-Patricia trie.

Source: Ethereum yellow paper, appendix D; EIP-1186.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from verifier.errors import MalformedProof
from verifier.proofs import rlp
from verifier.proofs.keccak import keccak256
from verifier.proofs.rlp import Item

# Keccak-256 of the RLP of an empty byte string.
EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")

_BRANCH, _SHORT = 17, 2
_IS_LEAF, _IS_ODD = 2, 1


# The upper nodes of a block's tries come with every proof; a server that verifies meets them again and again.
_hash = lru_cache(maxsize=4_096)(keccak256)


def pool(nodes: Iterable[bytes]) -> dict[bytes, bytes]:
    """Nodes by their Keccak-256, which is how others refer to them."""
    return {_hash(node): node for node in nodes}


def value_at(root: bytes, key: bytes, nodes: Mapping[bytes, bytes]) -> bytes | None:
    """What a trie holds under Keccak-256(key), or nothing where the nodes prove that there is nothing.

    Every step is led by a hash, so that nobody needs to be believed. Raises: MalformedProof where a
    node is missing or is none.
    """
    if root == EMPTY_ROOT:
        return None
    rest = keccak256(key).hex()
    found: Item = root
    while True:
        node = _resolve(found, nodes)
        if len(node) == _BRANCH and rest:
            found, rest = node[int(rest[0], 16)], rest[1:]
        else:
            path, is_leaf = _path(node)
            if not rest.startswith(path) or (is_leaf and rest != path):
                return None
            found, rest = node[1], rest[len(path) :]
            if is_leaf:
                return _value(found)
        if found == b"":
            return None


def _resolve(reference: Item, nodes: Mapping[bytes, bytes]) -> list[Item]:
    """A node by its hash, or one of less than 32 bytes that stands in its parent."""
    if isinstance(reference, list):
        return reference
    if reference not in nodes:
        raise MalformedProof("a node of the proof is missing")
    node = rlp.decode(nodes[reference])
    if not isinstance(node, list):
        raise MalformedProof("a node of the proof is none")
    return node


def _path(node: list[Item]) -> tuple[str, bool]:
    """The nibbles of a leaf or an extension, and which of the two it is."""
    if len(node) != _SHORT or not isinstance(node[0], bytes) or not node[0]:
        raise MalformedProof("a node of the proof is none")
    flags, nibbles = node[0][0] >> 4, node[0].hex()
    if flags > _IS_LEAF | _IS_ODD:
        raise MalformedProof("a node of the proof is none")
    path, is_leaf = nibbles[1 if flags & _IS_ODD else 2 :], bool(flags & _IS_LEAF)
    if not (path or is_leaf):
        # An extension leads on by a nibble at least: a walk has no more steps than the key has nibbles.
        raise MalformedProof("a node of the proof is none")
    return path, is_leaf


def _value(item: Item) -> bytes:
    if not isinstance(item, bytes):
        raise MalformedProof("a value of the proof is none")
    return item
