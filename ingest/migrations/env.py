"""Runs the revisions of ingestion on the connection it is handed; it knows no address of its own."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="alembic_version_ingest",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
