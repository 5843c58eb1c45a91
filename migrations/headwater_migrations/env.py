"""Run the migrations on the connection that Database.upgrade() gives."""

from __future__ import annotations

from alembic import context

from headwater_catalog.store.models import Base

__all__: list[str] = []

_NOT_IN_MODELS = "feature_search"  # the search index: each database has its own kind, written by hand


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    # SQLite keeps a full-text table in several tables of its own, which share its name.
    return kind != "table" or name is None or not name.startswith(_NOT_IN_MODELS)


def _run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        include_name=_is_ours,
    )
    with context.begin_transaction():
        context.run_migrations()


_run()
