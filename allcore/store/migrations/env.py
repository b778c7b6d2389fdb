"""Alembic's entry point; the connection comes from `migrations.upgrade`, never from a file."""

from alembic import context

from allcore.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
