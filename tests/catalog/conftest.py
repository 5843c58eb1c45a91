"""Fixtures of the catalog's tests: an empty catalog on either database, and a short way to rows in it."""

from collections.abc import Iterator

import pytest

from headwater_catalog.store.database import Database
from support.catalog_rows import CatalogRows


@pytest.fixture
def database(catalog_url: str) -> Iterator[Database]:
    """Give an empty catalog."""
    database = Database(catalog_url)
    yield database
    database.dispose()


@pytest.fixture
def rows(database: Database) -> Iterator[CatalogRows]:
    """Give a session in which rows are made by what they mean."""
    with database.write() as session:
        yield CatalogRows(session)
