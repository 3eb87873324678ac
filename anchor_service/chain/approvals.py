"""Signing an approval by EIP-712, as wallets do. Source: docs/spec/approval.md."""

from typing import Any

from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from web3 import Web3

from anchor_service.core.approval import BatchApproval
from anchor_service.core.manifest import BatchHeader

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


def _typed_data(header: BatchHeader, deadline: int) -> dict[str, Any]:
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
