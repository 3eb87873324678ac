"""Trees in tiles: leaf rows become the lowest tiles, with what stands above them; look-ups get the indexes they need"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from anchor_service.core import tiles
from anchor_service.core.merkle import MerkleTree

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
HASH_SIZE = 32

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INDEXES_BEFORE = (
    "ix_certificates_digest",
    "ix_certificates_place",
    "ix_certificates_waiting",
    "uq_live_code",
    "uq_live_digest",
    "uq_live_number",
)
INDEXES_AFTER = (*INDEXES_BEFORE[1:], "ix_retired_code", "ix_retired_digest")
LEAVES = sa.table("leaves", sa.column("batch_id"), sa.column("leaf_index"), sa.column("leaf_hash"))
TILES = sa.table(
    "tiles", sa.column("batch_id"), sa.column("level"), sa.column("number"), sa.column("hashes"), sa.column("inner")
)


def upgrade() -> None:
    op.create_table(
        "tiles",
        sa.Column("batch_id", BIG, autoincrement=False, nullable=False),
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", BIG, autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.Column("inner", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "level", "number"),
    )
    for batch_id in _batches(LEAVES):
        query = sa.select(LEAVES.c.leaf_hash).where(LEAVES.c.batch_id == batch_id).order_by(LEAVES.c.leaf_index)
        for one in tiles.cut(MerkleTree(op.get_bind().execute(query).scalars())):
            row = {"batch_id": batch_id, "level": one.level, "number": one.number}
            op.get_bind().execute(sa.insert(TILES).values(row | {"hashes": one.hashes, "inner": one.inner}))
    op.drop_table("leaves")
    for name in INDEXES_BEFORE:
        op.drop_index(name, "certificates")
    # SQLite finds an index of some rows by the words of the query, and those are SQLAlchemy's.
    live, retired = ("live = 1", "live"), ("live = 0", "NOT live")
    _partial("uq_live_digest", ["document_digest", "issuer_id"], *live, unique=True)
    _partial("uq_live_number", ["issuer_id", "number"], *live, unique=True)
    _partial("uq_live_code", ["code"], *(f"{one} AND code IS NOT NULL" for one in live), unique=True)
    _partial("ix_retired_digest", ["document_digest"], *retired)
    _partial("ix_retired_code", ["code"], *(f"{one} AND code IS NOT NULL" for one in retired))
    _partial("ix_certificates_waiting", ["issuer_id"], *(f"{one} AND batch_id IS NULL" for one in live))
    _partial("ix_certificates_place", ["batch_id", "leaf_hash"], "batch_id IS NOT NULL", "batch_id IS NOT NULL")


def downgrade() -> None:
    op.create_table(
        "leaves",
        sa.Column("batch_id", BIG, autoincrement=False, nullable=False),
        sa.Column("leaf_index", BIG, autoincrement=False, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=HASH_SIZE), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "leaf_index"),
    )
    for batch_id in _batches(TILES):
        query = sa.select(TILES.c.hashes).where(TILES.c.batch_id == batch_id, TILES.c.level == 0)
        leaves = b"".join(op.get_bind().execute(query.order_by(TILES.c.number)).scalars())
        rows = [
            {
                "batch_id": batch_id,
                "leaf_index": index,
                "leaf_hash": leaves[index * HASH_SIZE : (index + 1) * HASH_SIZE],
            }
            for index in range(len(leaves) // HASH_SIZE)
        ]
        op.get_bind().execute(sa.insert(LEAVES), rows)
    op.drop_table("tiles")
    for name in INDEXES_AFTER:
        op.drop_index(name, "certificates")
    op.create_index("ix_certificates_digest", "certificates", ["document_digest"])
    op.create_index("ix_certificates_place", "certificates", ["batch_id", "leaf_index"])
    _partial("ix_certificates_waiting", ["issuer_id"], *["live AND batch_id IS NULL"] * 2)
    _partial("uq_live_code", ["code"], "live", "live", unique=True)
    _partial("uq_live_digest", ["issuer_id", "document_digest"], "live", "live", unique=True)
    _partial("uq_live_number", ["issuer_id", "number"], "live", "live", unique=True)


def _batches(table: sa.TableClause) -> Iterator[int]:
    yield from op.get_bind().execute(sa.select(table.c.batch_id).distinct()).scalars().all()


def _partial(name: str, columns: list[str], sqlite: str, postgresql: str, *, unique: bool = False) -> None:
    op.create_index(
        name,
        "certificates",
        columns,
        unique=unique,
        sqlite_where=sa.text(sqlite),
        postgresql_where=sa.text(postgresql),
    )
