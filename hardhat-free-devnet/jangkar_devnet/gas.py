"""How much gas a transaction needs, found in few executions.

py-evm's own search halves the whole block's limit fourteen times. Source: go-ethereum, eth/gasestimator.
"""

from eth.abc import ComputationAPI, SignedTransactionAPI, StateAPI
from eth.vm.spoof import SpoofTransaction

# An estimate lies above the least gas by at most this part of itself, as go-ethereum's does.
ERROR_PERCENT = 1.5
# A call keeps a 64th of its gas back (EIP-150), and one that sends ether is lent this much.
CALL_STIPEND = 2_300


def estimate(state: StateAPI, transaction: SignedTransactionAPI) -> int:
    """A gas limit with which the transaction succeeds on this state. Raises: VMError when it does with none."""
    intrinsic = transaction.intrinsic_gas
    if not _execute(state, transaction, intrinsic).is_error:
        return int(intrinsic)
    whole = _execute(state, transaction, state.gas_limit)
    whole.raise_if_error()
    # Refunds come at the end: until then all of it has to be there.
    used = intrinsic + whole.get_gas_used()
    too_little, enough = used - 1, state.gas_limit
    tried = (used + CALL_STIPEND) * 64 // 63
    while tried < enough and enough - too_little > enough * ERROR_PERCENT / 100:
        if _execute(state, transaction, tried).is_error:
            too_little = tried
        else:
            enough = tried
        tried = (too_little + enough) // 2
    return int(enough)


def _execute(state: StateAPI, transaction: SignedTransactionAPI, gas: int) -> ComputationAPI:
    snapshot = state.snapshot()
    try:
        return state.apply_transaction(SpoofTransaction(transaction, gas=gas))
    finally:
        state.revert(snapshot)
