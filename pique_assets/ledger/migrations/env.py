"""What alembic runs for every command: it uses the connection, and the transaction, that it is given.

Belongs here: nothing more. Does not: logging set-up, which is the application's.
"""

from __future__ import annotations

from alembic import context

from pique_assets.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
