"""Building and signing one transaction, without sending it."""

from typing import Any

from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from web3 import Web3

from anchor_service.core.states import Status
from anchor_service.ports import Signed, Signer, StatusChange

# In the order of the contract's enum.
STATUSES = (Status.ACTIVE, Status.SUSPENDED, Status.SUPERSEDED, Status.REVOKED)

# Estimates are made on the state of now; the state of the block may cost a little more.
GAS_PERCENT_OF_ESTIMATE = 130
FEE_FACTOR = 2
# Pools take another transaction of the same nonce only for a tenth more; this is safely above.
REPLACEMENT_PERCENT = 125
_FEES = ("maxPriorityFeePerGas", "maxFeePerGas")


def status_call(functions: Any, change: StatusChange) -> Any:
    """The call that writes a change of status: superseding has a function of its own, with its proof."""
    act = (change.reason, change.from_beginning)
    if change.successor is None:
        return functions.setStatus(change.issuer_id, list(change.leaf_hashes), STATUSES.index(change.status), *act)
    to = change.successor
    reference = (to.leaf_hash, to.sequence, to.leaf_index, list(to.path))
    (superseded,) = change.leaf_hashes
    return functions.supersede(change.issuer_id, superseded, *act, reference)


def sign(client: Web3, signer: Signer, call: Any, nonce: int, chain_id: int) -> Signed:
    """The signed bytes of a contract call or constructor (web3 gives the two no type in common).

    Raises: whatever web3 raises, a revert in the estimate among it; SignerRejected.
    """
    sender = {"from": signer.address}
    transaction = call.build_transaction(
        {
            **sender,
            "nonce": nonce,
            "chainId": chain_id,
            "gas": call.estimate_gas(sender) * GAS_PERCENT_OF_ESTIMATE // 100,
            **_fees(client),
        }
    )
    raw, transaction_hash = signer.sign(transaction)
    return Signed(raw, transaction_hash, nonce)


def replace(client: Web3, signer: Signer, raw: bytes) -> Signed | None:
    """The same transaction, with fees that a pool takes in its place; nothing on a chain without fees.

    Raises: whatever web3 raises; SignerRejected.
    """
    earlier = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    asked = _fees(client)
    if not asked["maxFeePerGas"] and not earlier["maxFeePerGas"]:
        return None
    raised = {name: max(asked[name], -(-int(earlier[name]) * REPLACEMENT_PERCENT // 100)) for name in _FEES}
    kept = {name: earlier[name] for name in ("type", "nonce", "chainId", "gas", "value", "data")}
    to = Web3.to_checksum_address(earlier["to"])
    raw, transaction_hash = signer.sign({"from": signer.address, **kept, "to": to, **raised})
    return Signed(raw, transaction_hash, int(earlier["nonce"]))


def _fees(client: Web3) -> dict[str, int]:
    priority = client.eth.max_priority_fee
    return {"maxPriorityFeePerGas": priority, "maxFeePerGas": max(client.eth.gas_price * FEE_FACTOR, priority)}
