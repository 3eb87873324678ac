"""The first tables"""

import sqlalchemy as sa
from alembic import op

# SQLite numbers rows by itself only in a column that is exactly INTEGER.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("transaction_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("subject_id", BIG, nullable=False),
        sa.Column("signer", sa.String(), nullable=False),
        sa.Column("nonce", BIG, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("transaction_hash"),
        sa.UniqueConstraint("signer", "nonce", "ordinal"),
    )
    op.create_index("ix_attempts_subject", "attempts", ["subject", "subject_id"])

    op.create_table(
        "issuers",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "leaves",
        sa.Column("batch_id", BIG, autoincrement=False, nullable=False),
        sa.Column("leaf_index", BIG, autoincrement=False, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "leaf_index"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("issuer_id", sa.LargeBinary(), nullable=False),
        sa.Column("secret_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("expires_at", BIG, nullable=True),
        sa.Column("revoked_at", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["issuer_id"],
            ["issuers.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_api_keys_issuer_id", "api_keys", ["issuer_id"])

    op.create_table(
        "batches",
        sa.Column("id", BIG, nullable=False),
        sa.Column("issuer_id", sa.LargeBinary(), nullable=False),
        sa.Column("sequence", BIG, nullable=False),
        sa.Column("tree_size", BIG, nullable=False),
        sa.Column("root_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sealed_at", BIG, nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("block_number", BIG, nullable=True),
        sa.Column("transaction_hash", sa.LargeBinary(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["issuer_id"],
            ["issuers.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("issuer_id", "sequence"),
    )
    op.create_index("ix_batches_state", "batches", ["state"])

    op.create_table(
        "certificates",
        sa.Column("id", BIG, nullable=False),
        sa.Column("issuer_id", sa.LargeBinary(), nullable=False),
        sa.Column("document_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("metadata_text", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("received_at", BIG, nullable=False),
        sa.Column("batch_id", BIG, nullable=True),
        sa.Column("leaf_index", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["issuer_id"],
            ["issuers.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_certificates_digest", "certificates", ["document_digest"])
    op.create_index("ix_certificates_place", "certificates", ["batch_id", "leaf_index"])
    op.create_index(
        "ix_certificates_waiting",
        "certificates",
        ["issuer_id"],
        sqlite_where=sa.text("live AND batch_id IS NULL"),
        postgresql_where=sa.text("live AND batch_id IS NULL"),
    )
    op.create_index(
        "uq_live_code",
        "certificates",
        ["code"],
        unique=True,
        sqlite_where=sa.text("live"),
        postgresql_where=sa.text("live"),
    )
    op.create_index(
        "uq_live_digest",
        "certificates",
        ["issuer_id", "document_digest"],
        unique=True,
        sqlite_where=sa.text("live"),
        postgresql_where=sa.text("live"),
    )
    op.create_index(
        "uq_live_number",
        "certificates",
        ["issuer_id", "number"],
        unique=True,
        sqlite_where=sa.text("live"),
        postgresql_where=sa.text("live"),
    )

    op.create_table(
        "codes",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("issuer_id", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["issuer_id"],
            ["issuers.id"],
        ),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "status_acts",
        sa.Column("id", BIG, nullable=False),
        sa.Column("issuer_id", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=False),
        sa.Column("from_beginning", sa.Boolean(), nullable=False),
        sa.Column("successor", sa.LargeBinary(length=32), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("block_number", BIG, nullable=True),
        sa.Column("transaction_hash", sa.LargeBinary(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["issuer_id"],
            ["issuers.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_status_acts_leaf", "status_acts", ["issuer_id", "leaf_hash"])
    op.create_index("ix_status_acts_state", "status_acts", ["state"])


def downgrade() -> None:
    op.drop_table("status_acts")
    op.drop_table("codes")
    op.drop_table("certificates")
    op.drop_table("batches")
    op.drop_table("api_keys")
    op.drop_table("leaves")
    op.drop_table("issuers")
    op.drop_table("attempts")
