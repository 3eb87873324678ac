"""Who acts: actors, what they did to rows that were there, and who caused each new row"""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CAUSED = ("issuers", "api_keys", "codes", "certificates", "status_acts", "approvals", "erasures")


def upgrade() -> None:
    op.create_table(
        "actors",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "interventions",
        sa.Column("id", BIG, nullable=False),
        sa.Column("actor_id", BIG, nullable=False),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("done_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_interventions_subject", "interventions", ["subject", "subject_id"])
    # A column that may be empty is added to a large table at once.
    for table in CAUSED:
        op.add_column(table, sa.Column("actor_id", BIG, nullable=True))


def downgrade() -> None:
    for table in CAUSED:
        op.drop_column(table, "actor_id")
    op.drop_table("interventions")
    op.drop_table("actors")
