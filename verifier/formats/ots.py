"""A receipt as an OpenTimestamps proof, whose operations lead from the file to the anchored root.

The stock `ots` tool follows them and keeps the end, our own attestation, as one that it does not
know: the registry itself is asked by `jangkar-verify`. Source: docs/spec/opentimestamps.md.
"""

import hashlib

from verifier.errors import MalformedProof
from verifier.formats.receipt import Receipt
from verifier.proofs.merkle import siblings_on_the_left

SUFFIX = ".ots"
MEDIA_TYPE = "application/vnd.opentimestamps.v1"
# The first 8 bytes of SHA-256("jangkar-anchor-v1").
TAG = bytes.fromhex("f8d21c79f805ef99")

_MAGIC = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94"
_VERSION = b"\x01"
_SHA256 = b"\x08"
_APPEND = b"\xf0"
_PREPEND = b"\xf1"
_ATTESTATION = b"\x00"


def encode(receipt: Receipt, tree_size: int) -> bytes:
    """The detached proof of a receipt's file, under a tree size from the chain.

    Raises: MalformedProof when the path does not fit that size.
    """
    sides = siblings_on_the_left(receipt.leaf_index, tree_size)
    if len(sides) != len(receipt.path):
        raise MalformedProof("the path does not fit this tree")
    metadata_digest = hashlib.sha256(receipt.metadata_text.encode()).digest()
    operations = [_PREPEND, _bytes(b"\x00\x01" + receipt.issuer_id), _APPEND, _bytes(metadata_digest), _SHA256]
    for node, is_left in zip(receipt.path, sides, strict=True):
        if is_left:
            operations += [_PREPEND, _bytes(b"\x01" + node), _SHA256]
        else:
            operations += [_APPEND, _bytes(node), _PREPEND, _bytes(b"\x01"), _SHA256]
    anchor = f"eip155:{receipt.chain_id}:{receipt.registry} {receipt.issuer_id.hex()} {receipt.sequence}"
    attestation = _ATTESTATION + TAG + _bytes(anchor.encode())
    return b"".join((_MAGIC, _VERSION, _SHA256, receipt.document_digest, *operations, attestation))


def _bytes(value: bytes) -> bytes:
    """A length in LEB128 and the bytes."""
    length, prefix = len(value), bytearray()
    while length > 0x7F:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes((*prefix, length)) + value
