"""Alembic environment and versions of the catalog database."""
