from importlib import resources

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

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
