"""Alembic runs inside the caller's transaction."""

from alembic import context

from anchor_service.store import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata(),
    render_as_batch=True,
)
context.run_migrations()
