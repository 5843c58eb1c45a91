"""The problems in files are told as they were at a commit."""

from collections.abc import Iterator

import pytest

from headwater_catalog.problems import Problem, count_problems, list_problems
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Diagnostic
from support.catalog_rows import CatalogRows


@pytest.fixture
def rows(catalog_url: str) -> Iterator[CatalogRows]:
    database = Database(catalog_url)
    with database.write() as session:
        yield CatalogRows(session)
    database.dispose()


def test_problems_are_told_in_the_order_of_files_and_lines_for_as_long_as_they_last(rows: CatalogRows):
    spans = [("b.py", 7, 0, None), ("b.py", 2, 0, None), ("a.py", 0, 0, 1), ("c.py", 1, 1, None)]
    for path, line, since, until in spans:
        rows.session.add(
            Diagnostic(
                repository_id=rows.repository.id,
                path=path,
                line=line,
                message=f"In {path}.",
                valid_from=since,
                valid_until=until,
            )
        )
    rows.session.flush()

    before, after = (list_problems(rows.session, rows.repository, position) for position in (0, 1))

    assert [problem.where for problem in before] == ["a.py", "b.py:2", "b.py:7"]
    assert [problem.where for problem in after] == ["b.py:2", "b.py:7", "c.py:1"]
    assert before[0] == Problem("a.py", 0, "In a.py.")
    rows.repository.scanned_position = 0
    assert count_problems(rows.session) == {"shop": 3}


def test_problems_of_another_repository_are_not_told(rows: CatalogRows):
    other = CatalogRows(rows.session, "other")
    rows.session.add(
        Diagnostic(
            repository_id=other.repository.id,
            path="x.py",
            line=1,
            message="x",
            valid_from=0,
            valid_until=None,
        )
    )
    rows.session.flush()

    assert list_problems(rows.session, rows.repository, 0) == ()
    assert count_problems(rows.session) == {}
