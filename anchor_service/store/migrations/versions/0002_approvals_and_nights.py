"""Approvals and closed nights"""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "night_closings",
        sa.Column("id", BIG, nullable=False),
        sa.Column("issuer_id", sa.LargeBinary(), nullable=False),
        sa.Column("night", BIG, nullable=False),
        sa.Column("sequence", BIG, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("block_number", BIG, nullable=True),
        sa.Column("transaction_hash", sa.LargeBinary(length=32), nullable=True),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuers.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("issuer_id", "night"),
    )
    op.create_index("ix_night_closings_state", "night_closings", ["state"])
    op.create_table(
        "approvals",
        sa.Column("batch_id", BIG, autoincrement=False, nullable=False),
        sa.Column("approver", sa.String(), nullable=False),
        sa.Column("deadline", BIG, nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("batch_id"),
    )


def downgrade() -> None:
    op.drop_table("approvals")
    op.drop_index("ix_night_closings_state", "night_closings")
    op.drop_table("night_closings")
