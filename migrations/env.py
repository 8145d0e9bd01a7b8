"""Alembic's entry: runs the versions on the connection that `syncd.postgres.migrate` hands over, or prints their SQL.

Must not read a configuration file, choose a database or touch logging: that is the caller's business.
"""

from alembic import context

SCHEMA = "syncd"


def run() -> None:
    """Run what the caller asked for, all versions in one transaction, so that a failure leaves nothing behind."""
    connection = context.config.attributes.get("connection")
    if connection is None:
        context.configure(dialect_name="postgresql", version_table_schema=SCHEMA, literal_binds=True)
    else:
        context.configure(connection=connection, version_table_schema=SCHEMA)
    with context.begin_transaction():
        context.run_migrations()


run()
