"""The registry's ports over a real node."""

from typing import Any

from eth_typing import BlockNumber
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import TransactionNotFound, Web3RPCError

from anchor_service.chain.contract import artifact, asking, newest, require_chain
from anchor_service.chain.log import events
from anchor_service.chain.transactions import STATUSES, replace, sign, status_call
from anchor_service.core.errors import FeeTooLow, RegistryUnavailable
from anchor_service.core.hashing import IssuerId, LeafHash, RootHash
from anchor_service.core.states import RequestedStatus
from anchor_service.ports import Anchor, Approval, Head, Mined, Signed, Signer, StatusChange, Window, WrittenStatus

# What nodes say of bytes that they have, had, or can no longer use: none of it decides anything.
_ORDINARY = ("already known", "nonce too low", "known transaction", "already imported")
# What they say when the fee is too low, for the block or for the place of another transaction.
_TOO_LOW = ("underpriced", "fee per gas less than", "gas price below", "fee cap less than")


class Web3Reader:
    """`ports.RegistryReader`: the registry at one address on one chain, with a rule of finality."""

    def __init__(self, client: Web3, chain_id: int, address: str, depth: int) -> None:
        """`depth` blocks on top make a block final; 0 on a chain that never goes back. Asks nothing yet."""
        self._client = client
        self._chain_id = chain_id
        self._depth = depth
        self._contract = client.eth.contract(address=Web3.to_checksum_address(address), abi=artifact()["abi"])

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""
        return self._chain_id

    def head(self) -> Head:
        """The newest final block."""
        with asking(self._client, "reading the head"):
            number = self._final()
            return Head(number, int(self._client.eth.get_block(number)["timestamp"]))

    def open_window(self, issuer_id: IssuerId) -> Window | None:
        """The issuer's window that is open at the newest block, final or not: signing is for the next one."""
        with asking(self._client, "reading the issuer's windows"):
            now = int(self._client.eth.get_block("latest")["timestamp"])
            count = self._contract.functions.windowCount(issuer_id).call()
            for index in range(count - 1, max(count - 3, -1), -1):
                from_, until, scope, digest = self._contract.functions.windowOf(issuer_id, index).call()
                if from_ <= now < until:
                    return Window(index, scope, bytes(digest))
        return None

    def last_sequence(self, issuer_id: IssuerId) -> int:
        """The issuer's last anchored sequence number; zero before the first."""
        with asking(self._client, "reading the last sequence number"):
            return int(self._contract.functions.lastSequence(issuer_id).call(block_identifier=self._final()))

    def last_night(self, issuer_id: IssuerId) -> int:
        """The issuer's last closed night, as days since 1970-01-01; zero before the first."""
        with asking(self._client, "reading the last closed night"):
            return int(self._contract.functions.lastNight(issuer_id).call(block_identifier=self._final()))

    def anchor_of(self, issuer_id: IssuerId, sequence: int) -> Anchor | None:
        """The anchor of a sequence number, or nothing while no final block holds one."""
        with asking(self._client, "reading an anchor"):
            call = self._contract.functions.anchorOf(issuer_id, sequence)
            root, size, time, block, _, _ = call.call(block_identifier=self._final())
        return Anchor(RootHash(bytes(root)), size, block, time) if size else None

    def anchor_transaction(self, issuer_id: IssuerId, sequence: int, block_number: int) -> bytes:
        """Hash of the transaction that anchored this sequence number in this block."""
        with asking(self._client, "reading an anchor's event"):
            events = self._contract.events.Anchored.get_logs(
                from_block=block_number,
                to_block=block_number,
                argument_filters={"issuerId": issuer_id, "sequence": sequence},
            )
            if len(events) != 1:
                raise RegistryUnavailable(
                    f"the node shows {len(events)} events of anchor {sequence} in block {block_number}"
                )
            return bytes(events[0]["transactionHash"])

    def anchor_profile(self, issuer_id: IssuerId, sequence: int) -> bytes:
        """The profile's digest in the window under which an anchor was made; zeros where there is none."""
        with asking(self._client, "reading an anchor's profile"):
            final = self._final()
            functions = self._contract.functions
            _, size, _, _, window, _ = functions.anchorOf(issuer_id, sequence).call(block_identifier=final)
            _, _, _, digest = functions.windowOf(issuer_id, window).call(block_identifier=final)
            return bytes(digest) if size else bytes(32)

    def status_of(self, issuer_id: IssuerId, leaf_hash: LeafHash) -> RequestedStatus | None:
        """What stands for a leaf; nothing where no status was ever written, or none carries weight."""
        with asking(self._client, "reading a status"):
            call = self._contract.functions.statusOf(issuer_id, leaf_hash)
            status, from_beginning, _, reason, time, _, successor = call.call(block_identifier=self._final())
            return _requested(status, reason, from_beginning, successor) if time else None

    def statuses_of(self, issuer_id: IssuerId) -> list[WrittenStatus]:
        """Every change of status of an issuer's leaves, in order."""
        changed, own = self._contract.events.StatusChanged, {"issuerId": issuer_id}

        def ask(first: BlockNumber, last: BlockNumber) -> Any:
            return changed.get_logs(from_block=first, to_block=last, argument_filters=own)

        with asking(self._client, "reading the issuer's statuses"):
            return [_written(event) for event in events(self._final(), ask)]

    def mined(self, transaction_hash: bytes) -> Mined | None:
        """Where a transaction ended, or nothing while no final block holds it."""
        with asking(self._client, "reading a transaction's receipt"):
            try:
                tx_receipt = self._client.eth.get_transaction_receipt(HexBytes(transaction_hash))
            except TransactionNotFound:
                return None
            if tx_receipt["blockNumber"] > self._final():
                return None
            return Mined(tx_receipt["blockNumber"], tx_receipt["status"] == 1)

    def _final(self) -> BlockNumber:
        require_chain(self._client, self._chain_id)
        return BlockNumber(max(0, newest(self._client) - self._depth))


def _requested(status: int, reason: int, from_beginning: bool, successor: bytes) -> RequestedStatus:  # noqa: FBT001  (as the contract has it)
    return RequestedStatus(STATUSES[status], reason, from_beginning, bytes(successor) if any(successor) else None)


def _written(event: Any) -> WrittenStatus:
    said = event["args"]
    return WrittenStatus(
        LeafHash(bytes(said["leafHash"])),
        _requested(said["status"], said["reason"], said["fromBeginning"], said["successor"]),
        said["loggedAt"],
        event["blockNumber"],
        bytes(event["transactionHash"]),
    )


class Web3Writer(Web3Reader):
    """`ports.RegistryWriter`: the same, with one signer."""

    def __init__(self, client: Web3, chain_id: int, address: str, depth: int, signer: Signer) -> None:
        super().__init__(client, chain_id, address, depth)
        self._signer = signer

    @property
    def signer(self) -> str:
        """The signing account's address, lowercase, with 0x."""
        return self._signer.address.lower()

    def next_nonce(self, signer: str | None = None) -> int:
        """The first nonce of this signer, or of the account that is named, that no final block has used."""
        with asking(self._client, "reading the signer's nonce"):
            account = Web3.to_checksum_address(signer or self._signer.address)
            return int(self._client.eth.get_transaction_count(account, self._final()))

    def sign_anchor(
        self,
        issuer_id: IssuerId,
        sequence: int,
        root_hash: RootHash,
        tree_size: int,
        nonce: int,
        approval: Approval | None = None,
    ) -> Signed:
        """Sign, without sending; with an approval, the signer only relays it.

        Raises: RegistryRefused when the registry would revert.
        """
        functions = self._contract.functions
        with asking(self._client, "preparing an anchor", writes=True):
            if approval is None:
                call = functions.anchor(issuer_id, sequence, root_hash, tree_size)
            else:
                approver = Web3.to_checksum_address(approval.approver)
                call = functions.anchorApproved(
                    issuer_id, sequence, root_hash, tree_size, approval.deadline, approver, approval.signature
                )
            return sign(self._client, self._signer, call, nonce, self._chain_id)

    def sign_night(self, issuer_id: IssuerId, night: int, sequence: int, nonce: int) -> Signed:
        """Sign, without sending, that a night had nothing to anchor after `sequence`. Raises: RegistryRefused."""
        with asking(self._client, "preparing the closing of a night", writes=True):
            call = self._contract.functions.closeNight(issuer_id, night, sequence)
            return sign(self._client, self._signer, call, nonce, self._chain_id)

    def sign_status(self, change: StatusChange, nonce: int) -> Signed:
        """Sign, without sending. Raises: RegistryRefused when the registry would revert."""
        with asking(self._client, "preparing a change of status", writes=True):
            return sign(
                self._client, self._signer, status_call(self._contract.functions, change), nonce, self._chain_id
            )

    def sign_replacement(self, raw: bytes) -> Signed | None:
        """The same call under the same nonce, at higher fees; nothing on a chain without fees."""
        with asking(self._client, "preparing a replacement", writes=True):
            return replace(self._client, self._signer, raw)

    def send(self, raw: bytes) -> None:
        """Hand signed bytes to the chain; sending them again, or too late, is no error. Raises: FeeTooLow."""
        with asking(self._client, "sending a transaction", writes=True):
            try:
                self._client.eth.send_raw_transaction(raw)
            except Web3RPCError as error:
                said = str(error).lower()
                if any(word in said for word in _TOO_LOW):
                    raise FeeTooLow(f"sending a transaction: {error}") from error
                if not any(ordinary in said for ordinary in _ORDINARY):
                    raise
