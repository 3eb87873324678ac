"""Building and signing one transaction, without sending it."""

from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import Web3

from anchor_service.core.batch import Status
from anchor_service.ports import Signed, StatusChange

# In the order of the contract's enum.
STATUSES = (Status.ACTIVE, Status.SUSPENDED, Status.SUPERSEDED, Status.REVOKED)

# Estimates are made on the state of now; the state of the block may cost a little more.
GAS_MARGIN_PERCENT = 130
FEE_MARGIN = 2


def status_call(contract: Any, change: StatusChange) -> Any:
    """The call that writes one change of status: superseding has a function of its own, with its proof."""
    act = (change.reason, change.from_beginning)
    if change.successor is None:
        return contract.functions.setStatus(change.issuer_id, [change.leaf_hash], STATUSES.index(change.status), *act)
    to = change.successor
    reference = (to.leaf_hash, to.sequence, to.leaf_index, list(to.path))
    return contract.functions.supersede(change.issuer_id, change.leaf_hash, *act, reference)


def sign(client: Web3, account: LocalAccount, call: Any, nonce: int) -> Signed:
    """The signed bytes of a contract call or constructor (web3 gives the two no type in common).

    Raises: whatever web3 raises; a revert in the estimate among them.
    """
    sender = {"from": account.address}
    priority = client.eth.max_priority_fee
    transaction = call.build_transaction(
        {
            **sender,
            "nonce": nonce,
            "chainId": client.eth.chain_id,
            "gas": call.estimate_gas(sender) * GAS_MARGIN_PERCENT // 100,
            "maxPriorityFeePerGas": priority,
            "maxFeePerGas": max(client.eth.gas_price * FEE_MARGIN, priority),
        }
    )
    signed = account.sign_transaction(transaction)
    return Signed(bytes(signed.raw_transaction), bytes(signed.hash), nonce)
