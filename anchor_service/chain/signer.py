"""The signing key: an encrypted keystore file and a password from a file or a prompt."""

import getpass
import json
import os
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from anchor_service.core.errors import KeystoreRejected


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
