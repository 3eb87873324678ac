"""A new devnet's keys and balances. No key is well known: each is made here."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from eth_account import Account

# Who acts on a registry: its admin, accreditor, regulator and pauser, and an institute's signer.
ACCOUNTS = ("admin", "accreditor", "regulator", "pauser", "institute")
BALANCE_WEI = 10**24
# Keys of a chain that anybody can begin anew need no slow key derivation.
SCRYPT_ROUNDS = 1 << 13


@dataclass(frozen=True, slots=True)
class Genesis:
    """What a devnet folder was begun with."""

    chain_id: int
    alloc: dict[bytes, int]


def open_or_begin(folder: Path, chain_id: int) -> Genesis:
    """The genesis of a folder; makes keys and `genesis.json` where there is none.

    Files: keystore/NAME.json for each of ACCOUNTS, `password`, `genesis.json`; all for the owner only.
    Raises: ValueError when the folder was begun with another chain id.
    """
    path = folder / "genesis.json"
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "keystore").mkdir(mode=0o700, exist_ok=True)
        password = secrets.token_urlsafe(24)
        _write(folder / "password", password + "\n")
        alloc = {}
        for name in ACCOUNTS:
            account = Account.from_key(secrets.token_bytes(32))
            encrypted = Account.encrypt(account.key, password, kdf="scrypt", iterations=SCRYPT_ROUNDS)
            _write(folder / "keystore" / f"{name}.json", json.dumps(encrypted) + "\n")
            alloc[account.address] = str(BALANCE_WEI)
        # Written last: a folder with a genesis is a folder with all its keys.
        _write(path, json.dumps({"chain_id": chain_id, "alloc": alloc}, indent=1) + "\n")
    stored = json.loads(path.read_text())
    if stored["chain_id"] != chain_id:
        raise ValueError(f"{folder} holds chain {stored['chain_id']}, not {chain_id}: name another folder with --data")
    return Genesis(chain_id, {bytes.fromhex(address[2:]): int(wei) for address, wei in stored["alloc"].items()})


def _write(path: Path, text: str) -> None:
    temporary = path.with_suffix(path.suffix + ".new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
