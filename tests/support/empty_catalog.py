"""Empty catalogs, most of them copied from one that the migrations have made in this test process."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import make_url

from headwater_catalog.store.database import Database


def empty_catalog(url: str) -> Database:
    """Make an empty catalog, in a file on SQLite that does not exist, or on PostgreSQL.

    On SQLite it is a copy, which takes a hundredth of the time of the migrations.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        with Path(parsed.database).open("xb") as file:
            file.write(_made())
        return Database(url)
    database = Database(url)
    database.upgrade()
    return database


@cache
def _made() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "headwater.db"
        database = Database(f"sqlite:///{path}")
        database.upgrade()
        database.dispose()  # so that everything is in the one file
        return path.read_bytes()
