"""Run by Alembic: migrates the connection that `ringback.storage.schema` hands over."""

from alembic import context

from ringback.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite changes a column by copying the table; Alembic does that behind the same calls.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
