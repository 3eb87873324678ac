"""What admin, accreditor, regulator, pauser and an institute's keys do to a registry by hand."""

from collections.abc import Sequence
from typing import Any

from hexbytes import HexBytes
from web3 import Web3

from anchor_service.chain.contract import artifact, asking, code_hash
from anchor_service.chain.transactions import STATUSES, sign, status_call
from anchor_service.core.errors import RegistryRefused
from anchor_service.core.states import RequestedStatus
from anchor_service.ports import CUSTODIES, Signer, StatusChange

WAIT_SECONDS = 120


class Administration:
    """Acts of one account on one registry, each waited for until it is in a block."""

    def __init__(self, client: Web3, signer: Signer, registry: str, chain_id: int) -> None:
        self._client = client
        self._signer = signer
        self._chain_id = chain_id
        address = Web3.to_checksum_address(registry)
        self._functions = client.eth.contract(address=address, abi=artifact()["abi"]).functions

    @property
    def account(self) -> str:
        """Address of the account that acts."""
        return str(self._signer.address)

    def grant_role(self, role: str, account: str) -> None:
        """Give an account one of ROLES."""
        self._send(self._functions.grantRole(self._role(role), Web3.to_checksum_address(account)))

    def revoke_role(self, role: str, account: str) -> None:
        """Take one of ROLES from an account."""
        self._send(self._functions.revokeRole(self._role(role), Web3.to_checksum_address(account)))

    def open_window(self, issuer_id: bytes, until: int, scope: int, profile_digest: bytes) -> None:
        """Accredit an issuer from now on."""
        self._send(self._functions.openWindow(issuer_id, 0, until, scope, profile_digest))

    def close_window(self, issuer_id: bytes, window: int) -> None:
        """End an issuer's window at once."""
        self._send(self._functions.closeWindow(issuer_id, window, 0))

    def add_key(self, issuer_id: bytes, key: str, purposes: int, custody: str) -> None:
        """Give an issuer a key. `purposes` is a set of bits: 1 anchor, 2 status, 4 close (nights)."""
        self._send(self._functions.addKey(issuer_id, Web3.to_checksum_address(key), purposes, CUSTODIES.index(custody)))

    def retire_key(self, issuer_id: bytes, key: str) -> None:
        """Retire an issuer's key."""
        self._send(self._functions.retireKey(issuer_id, Web3.to_checksum_address(key)))

    def declare_compromise(self, issuer_id: bytes, key: str, since: int) -> None:
        """Declare an issuer's key stolen since an instant (seconds since 1970; 0 is now)."""
        self._send(self._functions.declareCompromise(issuer_id, Web3.to_checksum_address(key), since))

    def reattest(self, issuer_id: bytes, anchors: Sequence[tuple[int, bytes]]) -> None:
        """Put this account's weight behind anchors, each a sequence number with its root."""
        self._send(self._functions.reattest(issuer_id, list(anchors)))

    def set_statuses(self, issuer_id: bytes, leaf_hashes: Sequence[bytes], asked: RequestedStatus) -> None:
        """Write one status for many leaves of an issuer, in one transaction. It has no successor."""
        leaves, number = list(leaf_hashes), STATUSES.index(asked.status)
        self._send(self._functions.setStatus(issuer_id, leaves, number, asked.reason, asked.from_beginning))

    def supersede(self, change: StatusChange) -> None:
        """Write that a leaf supersedes another, with the proof of the newer one."""
        self._send(status_call(self._functions, change))

    def pause(self) -> None:
        """Stop new anchors and accreditations for a while."""
        self._send(self._functions.pause())

    def unpause(self) -> None:
        """End a pause early."""
        self._send(self._functions.unpause())

    def set_successor(self, successor: str) -> None:
        """Name the registry that carries on, for good."""
        self._send(self._functions.setSuccessor(Web3.to_checksum_address(successor)))

    def begin_admin_transfer(self, account: str) -> None:
        """First step of a change of admin; the new one accepts after the delay."""
        self._send(self._functions.beginDefaultAdminTransfer(Web3.to_checksum_address(account)))

    def cancel_admin_transfer(self) -> None:
        """Take the first step back."""
        self._send(self._functions.cancelDefaultAdminTransfer())

    def accept_admin(self) -> None:
        """Second step of a change of admin, by the new one."""
        self._send(self._functions.acceptDefaultAdminTransfer())

    def _role(self, role: str) -> bytes:
        with asking(self._client, "reading a role"):
            return bytes(getattr(self._functions, f"{role}_ROLE")().call())

    def _send(self, call: Any) -> None:
        _send(self._client, self._signer, call, self._chain_id)


def deploy(client: Web3, signer: Signer, admin: str, admin_delay_seconds: int, chain_id: int) -> str:
    """Deploy a registry with this admin; returns its address. Raises: RegistryUnavailable, RegistryRefused."""
    factory = client.eth.contract(abi=artifact()["abi"], bytecode=artifact()["bytecode"])
    call = factory.constructor(admin_delay_seconds, Web3.to_checksum_address(admin))
    tx_receipt = _send(client, signer, call, chain_id)
    return str(tx_receipt["contractAddress"]).lower()


def _send(client: Web3, signer: Signer, call: Any, chain_id: int) -> Any:
    """What is signed is good on this chain and on no other."""
    with asking(client, "writing to the registry", writes=True):
        nonce = client.eth.get_transaction_count(Web3.to_checksum_address(signer.address), "pending")
        signed = sign(client, signer, call, nonce, chain_id)
        client.eth.send_raw_transaction(signed.raw)
        tx_receipt = client.eth.wait_for_transaction_receipt(
            HexBytes(signed.transaction_hash),
            timeout=WAIT_SECONDS,
            poll_latency=0.2,
        )
        if tx_receipt["status"] != 1:
            raise RegistryRefused("revert", f"transaction 0x{signed.transaction_hash.hex()}")
    return tx_receipt


def policy_pins(client: Web3, registry: str) -> dict[str, Any]:
    """What a policy pins, read from the node: chain id, genesis, registry and code hash."""
    with asking(client, "reading the chain"):
        code = code_hash(client, registry, "latest")
        genesis = client.eth.get_block(0)["hash"]
        return {
            "chain_id": client.eth.chain_id,
            "genesis": "0x" + bytes(genesis).hex(),
            "registry": registry.lower(),
            "code_hash": "0x" + code.hex(),
        }
