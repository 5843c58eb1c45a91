"""Run the migrations on the connection that Database.upgrade() gives."""

from __future__ import annotations

from alembic import context

from headwater_catalog.store.models import Base

__all__: list[str] = []


def _run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


_run()
