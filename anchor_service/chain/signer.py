"""Who signs: an encrypted keystore file, or a remote signer whose key never enters this process.

The remote one speaks web3signer's JSON-RPC (`eth_signTransaction`); it is believed in nothing: what comes back has to
be exactly what was asked for, under the account that was configured.
"""

import getpass
import json
import os
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import Web3RPCError
from web3.types import RPCEndpoint

from anchor_service.chain.contract import asking, connect, describe
from anchor_service.core.errors import KeystoreRejected, SignerRejected

_SIGNATURE = ("v", "r", "s")


class KeystoreSigner:
    """`ports.Signer` over a key in this process."""

    def __init__(self, account: LocalAccount) -> None:
        self._account = account

    @property
    def address(self) -> str:
        """The account, with 0x and its checksum."""
        return str(self._account.address)

    def sign(self, transaction: dict[str, Any]) -> tuple[bytes, bytes]:
        """The signed bytes and the hash of a transaction."""
        signed = self._account.sign_transaction(transaction)
        return bytes(signed.raw_transaction), bytes(signed.hash)


class RemoteSigner:
    """`ports.Signer` over a web3signer, or whatever speaks as it does."""

    def __init__(self, url: str, address: str) -> None:
        """Asks nothing yet."""
        self._client = connect(url)
        self._address = Web3.to_checksum_address(address)

    @property
    def address(self) -> str:
        """The account, with 0x and its checksum."""
        return self._address

    def sign(self, transaction: dict[str, Any]) -> tuple[bytes, bytes]:
        """The signed bytes and the hash of a transaction.

        Raises: RegistryUnavailable when the signer does not answer; SignerRejected when it refuses, or
        signs anything but what it was asked for.
        """
        asked = {name: hex(value) if type(value) is int else value for name, value in transaction.items()}
        asked["data"] = HexBytes(transaction["data"]).to_0x_hex()
        with asking(self._client, "asking the signer"):
            try:
                answer = self._client.manager.request_blocking(RPCEndpoint("eth_signTransaction"), [asked])
            except Web3RPCError as error:
                raise SignerRejected(f"the signer refuses: {describe(self._client, error)}") from None
        try:
            raw = bytes(HexBytes(answer))
            signed = _fields(TypedTransaction.from_bytes(HexBytes(raw)).as_dict())
            account = Account.recover_transaction(raw)
        except Exception as error:  # noqa: BLE001  (whatever libraries raise over a stranger's bytes)
            raise SignerRejected(
                f"the signer's answer is no signed transaction: {describe(self._client, error)}"
            ) from None
        if account != self._address or signed != _fields(transaction):
            raise SignerRejected(f"the signer signed another transaction than was asked, or as {account}")
        return raw, bytes(Web3.keccak(raw))


def _fields(transaction: dict[str, Any]) -> dict[str, Any]:
    """What a transaction says, without who asks for it and without the signature, in one form."""
    kept = {name: value for name, value in transaction.items() if name not in (*_SIGNATURE, "from", "type")}
    kept |= {name: bytes(HexBytes(kept[name])) for name in ("to", "data")}
    return {"value": 0, "accessList": (), **kept}


def load(keystore: Path, password_file: Path | None) -> LocalAccount:
    """The account of a Web3 Secret Storage file. Without a password file, asks on the terminal.

    Raises: KeystoreRejected.
    """
    try:
        encrypted: dict[str, Any] = json.loads(keystore.read_text())
        if password_file is None:
            password = getpass.getpass(f"Password of {keystore}: ")
        else:
            password = password_file.read_text().rstrip("\r\n")
    except OSError as error:
        raise KeystoreRejected(f"{error.filename} cannot be read: {error.strerror}") from None
    except (ValueError, EOFError) as error:
        raise KeystoreRejected(f"{keystore} is no keystore, or no password was given: {error}") from None
    try:
        account: LocalAccount = Account.from_key(Account.decrypt(encrypted, password))
    except (ValueError, KeyError, TypeError) as error:
        raise KeystoreRejected(f"{keystore} does not open: {error}") from None
    return account


def create(keystore: Path, password_file: Path) -> str:
    """Make a new key in a new keystore file, for its owner only. Returns its address.

    Raises: KeystoreRejected when the file exists or the password cannot be read.
    """
    try:
        password = password_file.read_text().rstrip("\r\n")
        descriptor = os.open(keystore, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise KeystoreRejected(f"{error.filename}: {error.strerror}") from None
    account = Account.create()
    with os.fdopen(descriptor, "w") as file:
        json.dump(Account.encrypt(account.key, password), file)
        file.flush()
        os.fsync(file.fileno())
    return str(account.address)
