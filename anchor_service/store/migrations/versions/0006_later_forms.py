"""Later forms, the registry of a database, numbers that are given once, statuses that are signed together"""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

LIVE_NUMBERS = ("uq_live_number", ["issuer_id", "number"], "")
LIVE_CODES = ("uq_live_code", ["code"], " AND code IS NOT NULL")
# Their rows may be deleted, and what was signed for them stays: what an attempt calls each.
NUMBERED = {"status_acts": "status", "night_closings": "night"}


def upgrade() -> None:
    op.create_table(
        "home",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("chain_id", BIG, nullable=False),
        sa.Column("registry_address", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _number(once=True)
    # A column that may be empty is added to a large table at once.
    op.add_column("status_acts", sa.Column("carried_by", sa.LargeBinary(32), nullable=True))
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
    op.drop_column("status_acts", "carried_by")
    _number(once=False)
    op.drop_table("home")


def _number(*, once: bool) -> None:
    """PostgreSQL's sequences give each number once as they are; SQLite has to be told."""
    if op.get_context().dialect.name != "sqlite":
        return
    for table, name in NUMBERED.items():
        with op.batch_alter_table(table, recreate="always", table_kwargs={"sqlite_autoincrement": once}):
            pass
        if once:
            _go_on_after(table, name)


def _go_on_after(table: str, name: str) -> None:
    """Begin behind every number that a row has, or had when something was signed for it."""
    own = sa.table(table, sa.column("id"))
    sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
    attempts = sa.table("attempts", sa.column("subject"), sa.column("subject_id"))
    bind = op.get_bind()
    signed = bind.scalar(sa.select(sa.func.max(attempts.c.subject_id)).where(attempts.c.subject == name))
    held = bind.scalar(sa.select(sa.func.max(own.c.id)))
    bind.execute(sa.delete(sequence).where(sequence.c.name == table))
    bind.execute(sa.insert(sequence).values(name=table, seq=max(signed or 0, held or 0)))


def _index(name: str, columns: list[str], more: str) -> None:
    op.create_index(
        name,
        "certificates",
        columns,
        unique=True,
        sqlite_where=sa.text(f"live = 1{more}"),
        postgresql_where=sa.text(f"live{more}"),
    )
