import subprocess
import sys
import threading

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from headwater_catalog.errors import SchemaOutdated, SettingError
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Feature, Repository


def _repository(name: str) -> Repository:
    return Repository(name=name, url="/somewhere", added_at=0)


def test_a_database_without_schema_says_which_command_makes_it(database_url):
    database = Database(database_url)

    with pytest.raises(SchemaOutdated, match=r"headwater (init|db upgrade)"):
        database.check()

    database.dispose()


def test_an_upgraded_database_is_current(database):
    database.check()
    database.upgrade()
    database.check()


def test_alembic_is_loaded_only_where_there_is_something_to_migrate(catalog_url, tmp_path):
    code = (
        "import sys; from headwater_catalog.store.database import Database\n"
        "for url in sys.argv[1:]: Database(url).upgrade(); print('alembic' in sys.modules)"
    )
    urls = [catalog_url, f"sqlite:///{tmp_path / 'new.db'}"]
    done = subprocess.run([sys.executable, "-c", code, *urls], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "True"]


def test_a_database_of_a_newer_headwater_is_refused(database):
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    for attempt in (database.check, database.upgrade):
        with pytest.raises(SchemaOutdated, match=r"9999.*Install the newer Headwater"):
            attempt()


def test_processes_that_upgrade_together_make_one_schema(database_url):
    code = (
        "import sys; from headwater_catalog.store.database import Database; Database(sys.argv[1]).upgrade()"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, database_url]) for _ in range(3)]

    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    database = Database(database_url)
    database.check()
    database.dispose()


def test_a_write_is_kept_as_a_whole_or_not_at_all(database):
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(_repository("one"))
        session.flush()
        session.add(_repository("one"))

    with database.read() as session:
        assert session.scalars(select(Repository)).all() == []


def test_what_a_reader_changes_is_not_kept(database):
    with database.write() as session:
        session.add(_repository("one"))
    try:
        with database.read() as session:
            session.execute(text("DELETE FROM repository"))
    except Exception:  # PostgreSQL refuses at once
        pass

    with database.read() as session:
        assert session.scalar(select(Repository.name)) == "one"


def test_a_reader_sees_one_state_through_all_its_queries(database):
    with database.read() as reading:
        before = reading.scalars(select(Repository.name)).all()
        with database.write() as session:
            session.add(_repository("late"))

        assert reading.scalars(select(Repository.name)).all() == before == []

    with database.read() as reading:
        assert reading.scalars(select(Repository.name)).all() == ["late"]


def test_writers_that_read_first_lose_no_update(database):
    with database.write() as session:
        session.add(_repository("one"))

    def count() -> None:
        for _ in range(20):
            with database.write() as session:
                one = session.scalars(select(Repository).with_for_update()).one()
                one.added_at += 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with database.read() as session:
        assert session.scalar(select(Repository.added_at)) == 80


def test_who_has_little_patience_waits_for_no_other_writer(database):
    with database.write() as session:
        session.add(_repository("one"))

    def rename(name: str, **how: float) -> None:
        with database.write(**how) as session:
            session.execute(text("UPDATE repository SET name = :name"), {"name": name})

    with database.write() as session:
        session.execute(text("UPDATE repository SET added_at = 1"))
        with pytest.raises(OperationalError):
            rename("two", patience=0.05)
        waiting = threading.Thread(target=rename, args=("three",))  # with the connection of before
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
    waiting.join()

    with database.read() as session:
        assert session.execute(select(Repository.name, Repository.added_at)).all() == [("three", 1)]


def test_a_row_cannot_refer_to_one_that_is_not_there(database):
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(Feature(repository_id=7, module="m", name="f"))


def test_deleting_a_repository_deletes_what_is_its_own(database):
    with database.write() as session:
        one = _repository("one")
        session.add(one)
        session.flush()
        session.add(Feature(repository_id=one.id, module="m", name="f"))
    with database.write() as session:
        session.execute(text("DELETE FROM repository"))

    with database.read() as session:
        assert session.scalars(select(Feature)).all() == []


@pytest.mark.parametrize("url", ["mysql://host/db", "nonsense", ""])
def test_another_kind_of_database_is_a_setting_error(url):
    with pytest.raises(SettingError, match="sqlite:///"):
        Database(url)


def test_the_folder_of_a_database_file_is_made(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/deep/er/catalog.db")
    database.upgrade()
    database.dispose()

    assert (tmp_path / "deep" / "er" / "catalog.db").is_file()
