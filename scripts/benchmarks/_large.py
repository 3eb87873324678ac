"""A database of many anchored certificates, made without a night: rows and trees as the service would have left them.

Leaves, trees and metadata are real, and any receipt verifies against its batch's root; nothing is on a chain. Rows go
in without indexes, which are made afterwards, so that 50 million take minutes.
"""

import hashlib
import sys
from collections.abc import Iterator

from sqlalchemy import Connection, Index

from anchor_service.core import profile, tiles
from anchor_service.core.merkle import MerkleTree
from anchor_service.core.states import OnChainState
from anchor_service.store import bulk, issuers, rows, sealing
from anchor_service.store.engine import Store
from anchor_service.store.intake import Row
from anchor_service.store.tables import Certificate, Issuer, NewBatch

ISSUER = hashlib.sha256(b"benchmark").digest()
A_BATCH = 1_000_000
NOW = 1_800_000_000
METADATA = (
    '{"issued_on":"2026-11-20","jp":40,"kind":"latsar","nonce":"%032x","number":"%08d/LATSAR/2026",'
    '"title":"Pelatihan Dasar Calon Pegawai Negeri Sipil"}'
)


def digest(number: int) -> bytes:
    """The digest of the certificate with this number."""
    return hashlib.sha256(b"%d" % number).digest()


def fill(url: str, certificates: int) -> None:
    """Make the tables, and fill them with so many anchored certificates in batches of a million."""
    store = Store(url)
    store.upgrade()
    table = rows.table(Certificate)
    indexes: list[Index] = sorted(table.indexes, key=lambda one: str(one.name))
    with store.writing() as connection:
        text = profile.from_fields("BENCH", "Lembaga Uji")
        issuers.add_issuer(connection, Issuer(id=ISSUER, profile=text, scope="latsar", created_at=NOW))
        for index in indexes:
            index.drop(connection)
    for sequence, first in enumerate(range(0, certificates, A_BATCH), start=1):
        with store.writing() as connection:
            _batch(connection, sequence, range(first, min(first + A_BATCH, certificates)), text)
        print(f"made {min(first + A_BATCH, certificates):,} certificates", file=sys.stderr, flush=True)
    with store.writing() as connection:
        for index in indexes:
            index.create(connection)
            print(f"indexed {index.name}", file=sys.stderr, flush=True)
        connection.exec_driver_sql("ANALYZE")
    # With its last connection SQLite's log goes into the file, which may be moved then.
    store.engine.dispose()


def _batch(connection: Connection, sequence: int, numbers: range, text: str) -> None:
    made = sorted(_certificates(numbers))
    tree = MerkleTree(leaf for leaf, *_ in made)
    new = NewBatch(
        issuer_id=ISSUER,
        sequence=sequence,
        tree_size=tree.tree_size,
        root_hash=tree.root_hash,
        profile=text,
        state=OnChainState.ANCHORED,
        sealed_at=NOW,
        block_number=sequence,
        transaction_hash=hashlib.sha256(b"transaction %d" % sequence).digest(),
    )
    batch = sealing.insert_batch(connection, new)
    sealing.insert_tiles(connection, batch.id, tiles.cut(tree))
    written = (
        Row(ISSUER, document, metadata, f"{number:08}/LATSAR/2026", None, leaf, NOW, True, batch.id, index)
        for index, (leaf, document, metadata, number) in enumerate(made)
    )
    bulk.insert_rows(connection, Certificate.__tablename__, Row._fields, written)


def _certificates(numbers: range) -> Iterator[tuple[bytes, bytes, str, int]]:
    # As core/hashing.py and docs/spec/leaf-and-tree.md say, in one line each.
    sha256 = hashlib.sha256
    for number in numbers:
        document, metadata = digest(number), METADATA % (number, number)
        leaf = sha256(b"\0\1" + ISSUER + document + sha256(metadata.encode()).digest()).digest()
        yield leaf, document, metadata, number
