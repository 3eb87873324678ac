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
    for name in ("ix_certificates_digest", "ix_certificates_place", "uq_live_digest", "uq_live_code"):
        op.drop_index(name, "certificates")
    _partial("ix_certificates_place", ["batch_id", "leaf_hash"], "batch_id IS NOT NULL")
    _partial("uq_live_digest", ["document_digest", "issuer_id"], "live", unique=True)
    _partial("uq_live_code", ["code"], "live AND code IS NOT NULL", unique=True)
    _partial("ix_retired_digest", ["document_digest"], "NOT live")
    _partial("ix_retired_code", ["code"], "NOT live AND code IS NOT NULL")


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
    for name in ("ix_retired_code", "ix_retired_digest", "uq_live_code", "uq_live_digest", "ix_certificates_place"):
        op.drop_index(name, "certificates")
    op.create_index("ix_certificates_digest", "certificates", ["document_digest"])
    op.create_index("ix_certificates_place", "certificates", ["batch_id", "leaf_index"])
    _partial("uq_live_code", ["code"], "live", unique=True)
    _partial("uq_live_digest", ["issuer_id", "document_digest"], "live", unique=True)


def _batches(table: sa.TableClause) -> Iterator[int]:
    yield from op.get_bind().execute(sa.select(table.c.batch_id).distinct()).scalars().all()


def _partial(name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, "certificates", columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
