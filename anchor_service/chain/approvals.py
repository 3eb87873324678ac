"""Signing an approval by EIP-712, as wallets do. Source: docs/spec/approval.md."""

from dataclasses import replace
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from web3 import Web3

from anchor_service.core.approval import BatchApproval
from anchor_service.core.manifest import BatchHeader

# Order of secp256k1's group, SEC 2.
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_WORDS = 64
_V = {0: 0, 1: 1, 27: 0, 28: 1}
_TYPES = {
    "Approval": [
        {"name": "issuerId", "type": "bytes32"},
        {"name": "sequence", "type": "uint64"},
        {"name": "root", "type": "bytes32"},
        {"name": "size", "type": "uint64"},
        {"name": "deadline", "type": "uint64"},
    ]
}


def digest(header: BatchHeader, deadline: int) -> bytes:
    """The 32 bytes that an approval's signature signs."""
    signable = encode_typed_data(**_typed_data(header, deadline))
    return bytes(Web3.keccak(b"\x19" + signable.version + signable.header + signable.body))


def approve(header: BatchHeader, deadline: int, account: LocalAccount) -> BatchApproval:
    """Sign the anchoring of one batch, until `deadline` (seconds since 1970)."""
    signed = account.sign_typed_data(**_typed_data(header, deadline))
    return BatchApproval(
        chain_id=header.chain_id,
        registry=header.registry,
        issuer_id=header.issuer_id,
        sequence=header.sequence,
        root_hash=header.root_hash,
        tree_size=header.tree_size,
        deadline=deadline,
        approver=account.address.lower(),
        signature=bytes(signed.signature),
    )


def normalised(given: BatchApproval) -> BatchApproval | None:
    """The same approval, its signature as the registry reads one; nothing where its approver's own key did not sign it.

    Wallets write v as 0 or 1, both halves in 64 bytes (EIP-2098), or the higher of the two values of s.
    """
    signature = given.signature
    if len(signature) == _WORDS:
        v, s = divmod(int.from_bytes(signature[32:]), 1 << 255)
    elif len(signature) == _WORDS + 1 and signature[-1] in _V:
        v, s = _V[signature[-1]], int.from_bytes(signature[32:_WORDS])
    else:
        return None
    if s > _ORDER // 2:
        v, s = 1 - v, _ORDER - s
    if s < 0:
        return None
    made = signature[:32] + s.to_bytes(32) + bytes([27 + v])
    try:
        signer = Account.recover_message(encode_typed_data(**_typed_data(given, given.deadline)), signature=made)
    except Exception:  # noqa: BLE001  (no two of its libraries call what is no signature alike)
        return None
    return replace(given, signature=made) if signer.lower() == given.approver else None


def _typed_data(header: BatchHeader | BatchApproval, deadline: int) -> dict[str, Any]:
    return {
        "domain_data": {
            "name": "Jangkar",
            "version": "1",
            "chainId": header.chain_id,
            "verifyingContract": Web3.to_checksum_address(header.registry),
        },
        "message_types": _TYPES,
        "message_data": {
            "issuerId": header.issuer_id,
            "sequence": header.sequence,
            "root": header.root_hash,
            "size": header.tree_size,
            "deadline": deadline,
        },
    }
