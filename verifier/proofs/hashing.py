"""The hashes of trees: of a certificate's leaf, of any leaf, of two nodes. Source: docs/spec/leaf-and-tree.md."""

import hashlib

DIGEST_BYTES = 32


def certificate_leaf(issuer_id: bytes, document_digest: bytes, metadata: str) -> bytes:
    """Leaf hash of one certificate: SHA-256(0x00 || 0x01 || issuer || document || metadata digest).

    Source: docs/spec/leaf-and-tree.md 2 and 3.
    """
    if len(issuer_id) != DIGEST_BYTES or len(document_digest) != DIGEST_BYTES:
        raise ValueError("issuer id and document digest have 32 bytes")
    return leaf_hash(b"\x01" + issuer_id + document_digest + hashlib.sha256(metadata.encode()).digest())


def leaf_hash(data: bytes) -> bytes:
    """RFC 9162 2.1.1, one entry: SHA-256(0x00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162 2.1.1, two subtrees: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()
