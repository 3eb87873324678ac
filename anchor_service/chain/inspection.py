"""What anybody reads of a registry: who governs it, what it knows of an issuer, a key, a leaf."""

from typing import Any

from web3 import Web3

from anchor_service.chain.contract import artifact, asking
from anchor_service.chain.transactions import STATUSES
from anchor_service.chain.versions import NEWEST, version_of
from anchor_service.ports import CUSTODIES

_CLIQUE_EXTRA_BYTES = 32 + 65
_NOBODY = "0x" + "00" * 20


class Inspection:
    """Readings of one registry at the newest block. Every method raises RegistryUnavailable."""

    def __init__(self, client: Web3, registry: str) -> None:
        self._client = client
        self._registry = Web3.to_checksum_address(registry)
        self._functions = client.eth.contract(address=self._registry, abi=artifact()["abi"]).functions

    def registry(self) -> dict[str, Any]:
        """Governance, pause, successor and the log's checkpoint."""
        with asking(self._client, "reading the registry"):
            pending, scheduled = self._functions.pendingDefaultAdmin().call()
            size, root = self._functions.checkpoint().call()
            paused_until = self._functions.pausedUntil().call()
            now = self._client.eth.get_block("latest")["timestamp"]
            version = version_of(bytes(self._client.eth.get_code(self._registry)))
            return {
                "chain_id": self._client.eth.chain_id,
                "registry": self._registry.lower(),
                "version": version,
                # The name that is printed since the first release.
                "code_is_this_release's": version == NEWEST,
                "admin": self._functions.defaultAdmin().call().lower(),
                "admin_delay_seconds": self._functions.defaultAdminDelay().call(),
                "pending_admin": _address(pending),
                "pending_admin_from": scheduled or None,
                "paused_until": paused_until if paused_until > now else None,
                "successor": _address(self._functions.successor().call()),
                "log_size": size,
                "log_root": bytes(root).hex(),
            }

    def is_contract(self, account: str) -> bool:
        """Whether an account has code: then it judges signatures itself (ERC-1271)."""
        with asking(self._client, "reading an account's code"):
            return bool(self._client.eth.get_code(Web3.to_checksum_address(account)))

    def is_sealed_by_clique(self) -> bool:
        """Whether the newest header is Clique's, whose blocks go back now and then. Source: EIP-225.

        Its difficulty is 1 or 2, its mix hash is empty, and its extra data hold 32 bytes of vanity and 65 of a seal.
        """
        with asking(self._client, "reading the newest header"):
            block = self._client.eth.get_block("latest")
            extra = bytes(block.get("proofOfAuthorityData", block.get("extraData", b"")))
            is_unmixed = not any(bytes(block.get("mixHash", b"")))
            return block.get("difficulty") in (1, 2) and is_unmixed and len(extra) >= _CLIQUE_EXTRA_BYTES

    def issuer(self, issuer_id: bytes) -> dict[str, Any]:
        """An issuer's windows, how far it came, and its last closed night."""
        with asking(self._client, "reading an issuer"):
            count = self._functions.windowCount(issuer_id).call()
            windows = [self._functions.windowOf(issuer_id, index).call() for index in range(count)]
            return {
                "issuer": issuer_id.hex(),
                "windows": [
                    {"from": from_, "until": until, "scope": hex(scope), "profile_digest": bytes(digest).hex()}
                    for from_, until, scope, digest in windows
                ],
                "last_sequence": self._functions.lastSequence(issuer_id).call(),
                "last_night": self._functions.lastNight(issuer_id).call() or None,
            }

    def key(self, issuer_id: bytes, key: str) -> dict[str, Any]:
        """A key of an issuer; all empty when it has none of that address."""
        with asking(self._client, "reading a key"):
            found = self._functions.keyOf(issuer_id, Web3.to_checksum_address(key)).call()
            from_, until, compromised_since, purposes, custody = found
            names = [name for bit, name in ((1, "anchor"), (2, "status"), (4, "close")) if purposes & bit]
            return {
                "key": key.lower(),
                "from": from_ or None,
                "until": until or None,
                "compromised_since": compromised_since or None,
                "purposes": names,
                "custody": CUSTODIES[custody],
            }

    def status(self, issuer_id: bytes, leaf_hash: bytes) -> dict[str, Any]:
        """What stands for a leaf, and every record that it keeps, with or without weight, oldest first."""
        with asking(self._client, "reading a status"):
            count = self._functions.statusCount(issuer_id, leaf_hash).call()
            records = [self._functions.statusAt(issuer_id, leaf_hash, index).call() for index in range(count)]
            standing = self._functions.statusOf(issuer_id, leaf_hash).call()
            said = {"standing": _record(standing), "records": [_record(record) for record in records]}
        return {"leaf_hash": leaf_hash.hex(), **said}

    def anchor(self, issuer_id: bytes, sequence: int) -> dict[str, Any]:
        """An anchor with what weighs it."""
        with asking(self._client, "reading an anchor"):
            root, size, time, block, window, key = self._functions.anchorOf(issuer_id, sequence).call()
            by, at = self._functions.reattestationOf(issuer_id, sequence).call()
            weighs = self._functions.carriesWeight(issuer_id, sequence).call()
        return {
            "sequence": sequence,
            "root": bytes(root).hex(),
            "size": size,
            "time": time or None,
            "block": block or None,
            "window": window,
            "key": _address(key),
            "reattested_by": _address(by),
            "reattested_at": at or None,
            "carries_weight": weighs,
        }


def _address(given: str) -> str | None:
    return None if given == _NOBODY else given.lower()


def _record(given: Any) -> dict[str, Any]:
    status, from_beginning, by_regulator, reason, time, writer, successor = given
    return {
        "status": STATUSES[status].value,
        "reason": reason,
        "from_beginning": from_beginning,
        "by_regulator": by_regulator,
        "time": time or None,
        "writer": _address(writer),
        "successor": bytes(successor).hex() if any(successor) else None,
    }
