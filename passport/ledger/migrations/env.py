"""Runs the ledger's revisions on the connection it is handed; there is no address of its own."""

from alembic import context

from passport.ledger.database import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
