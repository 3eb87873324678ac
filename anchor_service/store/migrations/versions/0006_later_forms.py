"""Later forms: several files of one certificate, under its number and its code"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

LIVE_NUMBERS = ("uq_live_number", ["issuer_id", "number"], "")
LIVE_CODES = ("uq_live_code", ["code"], " AND code IS NOT NULL")


def upgrade() -> None:
    # A column that may be empty is added to a large table at once.
    op.add_column("certificates", sa.Column("form_of", sa.LargeBinary(32), nullable=True))
    for name, columns, more in (LIVE_NUMBERS, LIVE_CODES):
        op.drop_index(name, "certificates")
        _index(name, columns, f"{more} AND form_of IS NULL")
    op.create_index(
        "ix_forms",
        "certificates",
        ["issuer_id", "form_of"],
        sqlite_where=sa.text("form_of IS NOT NULL"),
        postgresql_where=sa.text("form_of IS NOT NULL"),
    )


def downgrade() -> None:
    # One number has one live file there; the others stay, as what was replaced does.
    forms = sa.table("certificates", sa.column("live", sa.Boolean()), sa.column("form_of", sa.LargeBinary()))
    op.execute(sa.update(forms).where(forms.c.form_of.is_not(None)).values(live=False))
    op.drop_index("ix_forms", "certificates")
    for name, columns, more in (LIVE_NUMBERS, LIVE_CODES):
        op.drop_index(name, "certificates")
        _index(name, columns, more)
    op.drop_column("certificates", "form_of")


def _index(name: str, columns: list[str], more: str) -> None:
    op.create_index(
        name,
        "certificates",
        columns,
        unique=True,
        sqlite_where=sa.text(f"live = 1{more}"),
        postgresql_where=sa.text(f"live{more}"),
    )
