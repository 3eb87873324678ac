"""Everything that the chain must not forget, in one SQLite file that one process holds."""

import fcntl
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eth.db.backends.base import BaseDB

_SCHEMA = """
CREATE TABLE IF NOT EXISTS kv (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pool (
  arrival INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, sender BLOB NOT NULL, nonce INTEGER NOT NULL,
  raw BLOB NOT NULL,
  UNIQUE (sender, nonce)
);
CREATE TABLE IF NOT EXISTS transactions (
  hash BLOB PRIMARY KEY, block_number INTEGER NOT NULL, position INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS transactions_by_block ON transactions (block_number);
CREATE TABLE IF NOT EXISTS logs (
  block_number INTEGER NOT NULL, log_index INTEGER NOT NULL, position INTEGER NOT NULL, transaction_hash BLOB NOT NULL,
  address BLOB NOT NULL, topic0 BLOB, topic1 BLOB, topic2 BLOB, topic3 BLOB, data BLOB NOT NULL,
  PRIMARY KEY (block_number, log_index)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS logs_by_address ON logs (address, block_number);
"""


class AlreadyRunning(Exception):
    """Another process holds this chain."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is in use by another process; stop it first, or name another folder with --data")


class ChainFile(BaseDB):  # type: ignore[misc]  # py-evm is untyped here
    """py-evm's key-value store, the transaction pool and the indexes, all under one transaction."""

    def __init__(self, path: Path) -> None:
        """Open and lock the file. Raises: AlreadyRunning."""
        self._lock = path.with_suffix(".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(path) from None
        self.sql = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.sql.execute("PRAGMA journal_mode=WAL")
        # An acknowledged transaction must outlive a power cut: WAL alone does not promise that.
        self.sql.execute("PRAGMA synchronous=FULL")
        self.sql.executescript(_SCHEMA)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All or nothing: what happens inside is durable when the block is left, or never was."""
        self.sql.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.sql.execute("ROLLBACK")
            raise
        self.sql.execute("COMMIT")

    def close(self) -> None:
        """Close the file and give up the lock."""
        self.sql.close()
        self._lock.close()

    def __getitem__(self, key: bytes) -> bytes:
        row = self.sql.execute("SELECT value FROM kv WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return bytes(row[0])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.sql.execute("INSERT OR REPLACE INTO kv VALUES (?, ?)", (key, value))

    def __delitem__(self, key: bytes) -> None:
        if not self.sql.execute("DELETE FROM kv WHERE key = ?", (key,)).rowcount:
            raise KeyError(key)

    def _exists(self, key: bytes) -> bool:
        return self.sql.execute("SELECT 1 FROM kv WHERE key = ?", (key,)).fetchone() is not None


@dataclass(frozen=True, slots=True)
class Pooled:
    """A transaction that was acknowledged and waits for a block."""

    hash: bytes
    sender: bytes
    nonce: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class IndexedLog:
    """One event log with its place."""

    block_number: int
    log_index: int
    position: int
    transaction_hash: bytes
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


def pool_add(file: ChainFile, pooled: Pooled) -> None:
    """Add a transaction, in the place of one with the same sender and nonce."""
    file.sql.execute("DELETE FROM pool WHERE sender = ? AND nonce = ?", (pooled.sender, pooled.nonce))
    file.sql.execute(
        "INSERT INTO pool (hash, sender, nonce, raw) VALUES (?, ?, ?, ?)",
        (pooled.hash, pooled.sender, pooled.nonce, pooled.raw),
    )


def pool_remove(file: ChainFile, hashes: Iterable[bytes]) -> None:
    """Forget these transactions."""
    file.sql.executemany("DELETE FROM pool WHERE hash = ?", [(hash_,) for hash_ in hashes])


def pool_all(file: ChainFile) -> list[Pooled]:
    """All waiting transactions, in order of arrival."""
    rows = file.sql.execute("SELECT hash, sender, nonce, raw FROM pool ORDER BY arrival")
    return [Pooled(*row) for row in rows]


def pool_find(file: ChainFile, *, hash_: bytes) -> Pooled | None:
    """A waiting transaction by its hash."""
    row = file.sql.execute("SELECT hash, sender, nonce, raw FROM pool WHERE hash = ?", (hash_,)).fetchone()
    return Pooled(*row) if row else None


def index_block(file: ChainFile, number: int, hashes: Iterable[bytes], logs: Iterable[IndexedLog]) -> None:
    """Make a block's transactions and logs findable."""
    file.sql.executemany(
        "INSERT INTO transactions VALUES (?, ?, ?)", [(hash_, number, place) for place, hash_ in enumerate(hashes)]
    )
    file.sql.executemany(
        "INSERT INTO logs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                log.block_number,
                log.log_index,
                log.position,
                log.transaction_hash,
                log.address,
                *(log.topics[place] if place < len(log.topics) else None for place in range(4)),
                log.data,
            )
            for log in logs
        ],
    )


def unindex_after(file: ChainFile, number: int) -> None:
    """Forget the indexes of all blocks above this one."""
    file.sql.execute("DELETE FROM transactions WHERE block_number > ?", (number,))
    file.sql.execute("DELETE FROM logs WHERE block_number > ?", (number,))


def transaction_place(file: ChainFile, hash_: bytes) -> tuple[int, int] | None:
    """Block number and position of a transaction."""
    row = file.sql.execute("SELECT block_number, position FROM transactions WHERE hash = ?", (hash_,)).fetchone()
    return (row[0], row[1]) if row else None


def find_logs(
    file: ChainFile, first: int, last: int, addresses: list[bytes], topics: list[list[bytes]], limit: int
) -> list[IndexedLog]:
    """The logs of a block range; an empty list of addresses or topics means any."""
    query = "SELECT * FROM logs WHERE block_number BETWEEN ? AND ?"
    values: list[object] = [first, last]
    for column, wanted in [("address", addresses), *((f"topic{place}", topic) for place, topic in enumerate(topics))]:
        if wanted:
            query += f" AND {column} IN ({','.join('?' * len(wanted))})"
            values += wanted
    query += " ORDER BY block_number, log_index LIMIT ?"
    rows = file.sql.execute(query, (*values, limit + 1)).fetchall()
    return [
        IndexedLog(
            row[0], row[1], row[2], row[3], row[4], tuple(topic for topic in row[5:9] if topic is not None), row[9]
        )
        for row in rows
    ]
