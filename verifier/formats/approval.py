"""What an institute's signature under a batch says. Source: docs/spec/approval.md.

Computed here once more, so that whoever signs with a wallet of another make can compare the digest
that it shows. Checking the signature itself is the registry's work.
"""

from dataclasses import dataclass

from verifier.proofs.keccak import keccak256

_DOMAIN = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_APPROVAL = b"Approval(bytes32 issuerId,uint64 sequence,bytes32 root,uint64 size,uint64 deadline)"
_NAME, _VERSION = b"Jangkar", b"1"


@dataclass(frozen=True)
class Approval:
    """One anchor as its issuer approves it. `deadline` is in seconds since 1970."""

    chain_id: int
    registry: str
    issuer_id: bytes
    sequence: int
    root_hash: bytes
    tree_size: int
    deadline: int


def digest(approval: Approval) -> bytes:
    """The 32 bytes that are signed. Source: EIP-712, hashStruct and the encoding with a domain."""
    domain = (
        keccak256(_NAME),
        keccak256(_VERSION),
        _word(approval.chain_id),
        _word(int(approval.registry, 16)),
    )
    message = (
        approval.issuer_id,
        _word(approval.sequence),
        approval.root_hash,
        _word(approval.tree_size),
        _word(approval.deadline),
    )
    return keccak256(b"\x19\x01" + _struct(_DOMAIN, domain) + _struct(_APPROVAL, message))


def _struct(type_: bytes, words: tuple[bytes, ...]) -> bytes:
    return keccak256(keccak256(type_) + b"".join(words))


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")
