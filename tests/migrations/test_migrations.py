from importlib import resources

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, insert, inspect, text

from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Base


def _config(connection=None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("headwater_migrations")))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    yield database
    database.dispose()


def test_the_migrations_make_exactly_the_tables_of_the_models(database):
    database.upgrade()

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


def test_alembic_check_finds_nothing_to_do(database):
    database.upgrade()

    with database.engine.begin() as connection:
        command.check(_config(connection))


def test_a_downgrade_leaves_nothing_and_the_way_up_is_open_again(database):
    database.upgrade()
    with database.engine.begin() as connection:
        command.downgrade(_config(connection), "base")

        assert inspect(connection).get_table_names() == ["alembic_version"]
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 0

    database.upgrade()
    database.check()


def test_there_is_one_newest_revision_and_files_are_named_by_theirs():
    scripts = ScriptDirectory.from_config(_config())

    assert len(scripts.get_heads()) == 1
    revisions = list(scripts.walk_revisions())
    assert max(r.revision for r in revisions) == scripts.get_current_head()
    assert all(r.path.rpartition("/")[2].startswith(f"{r.revision}_") for r in revisions)


def test_files_that_runs_were_given_are_known_as_theirs(database):
    with database.engine.begin() as connection:
        command.upgrade(_config(connection), "0013")
        tables = MetaData()
        tables.reflect(connection)
        given = {"weekly": {"path": "a.csv", "upload": True, "sha256": "b" * 64}, "x": {"value": 1}}
        told = {"run": {"inputs": given}, "job": {"created_at": 77}, "commit": {"sha": "a" * 40}}
        for name in ("repository", "commit", "job", "run"):
            row = {**_row(tables.tables[name]), **told.get(name, {})}
            connection.execute(insert(tables.tables[name]).values(**row))
        command.upgrade(_config(connection), "0015")
        found = connection.execute(text("SELECT repository_id, sha256, needed_for, used_at FROM kept_input"))
        assert found.all() == [(1, "b" * 64, 1, 77)]


def _row(table):
    """Return a row of a table with something in each column that needs it."""
    values = {int: 1, str: "1", bool: False, dict: {}, object: {}, bytes: b""}
    columns = [column for column in table.columns if not column.nullable]
    return {column.name: values[column.type.python_type] for column in columns}
