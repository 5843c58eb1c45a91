"""The pages of a repository that declares nothing, has a broken file, and once had none."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
from flask.testing import FlaskClient

from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo

_SIZE = """
def height(height_cm: float) -> float:
    return height_cm / 100


def bmi(height: float, weight: float) -> float:
    return weight / height**2


def limit() -> float:
    return 25.0
"""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    folder = tmp_path_factory.mktemp("people")
    repository = GitRepo(folder / "repository")
    repository.commit("Add sizes", files={"people/size.py": _SIZE})
    repository.tag("clean")
    repository.commit("Break a file", files={"people/broken.py": "def broken(:\n    pass\n"})
    settings = settings_in(folder / "home")
    database = empty_catalog(settings.database_url)
    with database.write() as session:
        add_repository(session, "people", str(repository.path), 0)
    scan(database, settings, "people")
    yield create_app(settings, database).test_client()
    database.dispose()


def _visible(client: FlaskClient, path: str) -> str:
    answer = client.get(path, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", "", answer.text)))


def test_a_problem_in_a_file_is_told_with_its_place(people: FlaskClient):
    visible = _visible(people, "/r/people")

    assert "1 problem in files" in visible
    assert "people/broken.py:1" in visible


def test_problems_are_told_as_of_the_commit(people: FlaskClient):
    visible = _visible(people, "/r/people?at=clean")

    assert "people/broken.py" not in visible
    assert "None: every file was read as meant." in visible


def test_the_home_page_counts_problems_and_leads_to_them(people: FlaskClient):
    html = people.get("/").text

    assert re.search(r'href="/r/people#problems">\s*1 problem in files', html)


def test_what_needs_inputs_that_nothing_supplies_says_which_and_how_to_supply_them(people: FlaskClient):
    assert "needs height_cm, weight from outside" in _visible(people, "/r/people/f/people.size:bmi")
    visible = _visible(people, "/r/people/run?output=people.size:bmi")

    assert "needs height_cm, weight from outside" in visible
    assert '[tool.headwater.dataflows.people] modules = ["people.size"]' in visible
    assert "[tool.headwater.dataflows.people.sources]" in visible


def test_what_needs_nothing_from_outside_can_run_without_a_source(people: FlaskClient):
    assert "from outside" not in _visible(people, "/r/people/f/people.size:limit")
    assert "from outside" not in _visible(people, "/r/people/run?output=people.size:limit")


def test_an_input_that_no_dataflow_supplies_comes_from_outside(people: FlaskClient):
    visible = _visible(people, "/r/people/lineage?focus=input:weight")

    assert "It comes from outside the code." in visible
    assert "reads" not in visible


def test_one_is_not_many(people: FlaskClient):
    visible = _visible(people, "/") + _visible(people, "/search?q=limit") + _visible(people, "/r/people")

    assert not re.findall(r"\b1 (?:features|problems|dataflows|modules|commits)\b", visible)
