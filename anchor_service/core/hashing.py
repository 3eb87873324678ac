"""The hash functions of docs/spec/leaf-and-tree.md, each with its formula."""

from hashlib import sha256
from typing import NewType

DocumentDigest = NewType("DocumentDigest", bytes)
MetadataDigest = NewType("MetadataDigest", bytes)
ProfileDigest = NewType("ProfileDigest", bytes)
IssuerId = NewType("IssuerId", bytes)
LeafHash = NewType("LeafHash", bytes)
NodeHash = NewType("NodeHash", bytes)
RootHash = NewType("RootHash", bytes)

HASH_SIZE = 32
LEAF_INPUT_VERSION = b"\x01"

_LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"


def leaf_input(issuer_id: IssuerId, document_digest: DocumentDigest, metadata_digest: MetadataDigest) -> bytes:
    """The 97 bytes that a certificate's leaf commits to.

    Formula: 0x01 || issuer_id || document_digest || metadata_digest.
    Raises: ValueError unless each part has 32 bytes.
    Source: docs/spec/leaf-and-tree.md 2.
    """
    for part in (issuer_id, document_digest, metadata_digest):
        if len(part) != HASH_SIZE:
            raise ValueError(f"expected {HASH_SIZE} bytes, got {len(part)}")
    return LEAF_INPUT_VERSION + issuer_id + document_digest + metadata_digest


def certificate_leaf(issuer_id: bytes, document_digest: bytes, metadata: str) -> LeafHash:
    """Leaf hash of one certificate: that of its leaf input, with the digest of its exact metadata text.

    Raises: ValueError as `leaf_input`. Source: docs/spec/leaf-and-tree.md 2 and 3.
    """
    digest = MetadataDigest(text_digest(metadata))
    return leaf_hash(leaf_input(IssuerId(issuer_id), DocumentDigest(document_digest), digest))


def leaf_hash(data: bytes) -> LeafHash:
    """Hash of a leaf: SHA-256(0x00 || data). Source: RFC 9162 2.1.1."""
    return LeafHash(sha256(_LEAF_PREFIX + data).digest())


def node_hash(left: bytes, right: bytes) -> NodeHash:
    """Hash of an inner node: SHA-256(0x01 || left || right). Source: RFC 9162 2.1.1."""
    return NodeHash(sha256(NODE_PREFIX + left + right).digest())


def text_digest(text: str) -> bytes:
    """SHA-256 of the exact UTF-8 text: the digest of metadata and of a profile."""
    return sha256(text.encode()).digest()
