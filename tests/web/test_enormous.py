"""Pages of what is enormous, of what is named to mislead, and of a database that is away."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_catalog.store.database import Database
from headwater_web.app import create_app
from headwater_web.docs import render_doc, render_lead
from headwater_web.highlighting import highlight
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> GitRepo:
    """Give a repository whose first commit brings more features than anybody reads, and one more commit."""
    made = GitRepo(tmp_path_factory.mktemp("enormous") / "repository")
    many = "".join(f"def f{n:04}(a: int) -> int:\n    return a + {n}\n\n\n" for n in range(1_050))
    made.commit("Add", files={"m.py": many})
    made.tag("first")
    made.commit("Go on", files={"m.py": f"{many}def last(f0001: int) -> int:\n    return f0001\n"})
    made.git("branch", "a/branch")
    # A branch of the name that people give to another commit.
    made.git("update-ref", f"refs/heads/{made.git('rev-parse', 'first')[:12]}", "main")
    return made


@pytest.fixture(scope="module")
def client(repository: GitRepo) -> Iterator[FlaskClient]:
    settings = settings_in(repository.path.parent / "home")
    database = empty_catalog(settings.database_url)
    with database.write() as session:
        add_repository(session, "many", str(repository.path), 0)
    scan(database, settings, "many")
    yield create_app(settings, database).test_client()
    database.dispose()


def test_a_commit_of_many_features_counts_all_and_compares_the_first(client: FlaskClient):
    html = client.get("/r/many/c/first").text

    assert '<span class="count">1050</span>' in html
    assert html.count('<pre class="diff"') == 100
    assert "and 50 more features" in html
    assert "m:f0999" in html and "m:f1000" not in html


def test_links_of_a_commit_lead_to_it_though_a_branch_is_named_like_it(
    client: FlaskClient, repository: GitRepo
):
    sha = repository.git("rev-parse", "first")
    html = client.get(f"/r/many/c/{sha}").text

    assert set(re.findall(r"[?&](?:amp;)?at=(\w+)", html)) == {sha}


def test_a_branch_with_a_slash_has_the_page_of_its_commit(client: FlaskClient):
    assert "Go on" in client.get("/r/many/c/a/branch").text


@pytest.mark.parametrize("path", ["/r/many/lineage?focus=m:lst", "/r/many/f/m:lst"])
def test_a_misspelled_key_is_told_with_the_nearest(client: FlaskClient, path: str):
    answer = client.get(path)

    assert answer.status_code == 404
    assert "Did you mean &#39;m:last&#39;" in answer.text


def test_long_code_is_shown_whole_without_colours():
    source = "def f():\n" + "    x = 1 + 2\n" * 3_000
    html = highlight(source, links={"x": "/there"})

    assert html.count('class="line"') == 3_001
    assert "/there" not in html
    assert re.sub(r"<[^>]+>", "", html) == source.rstrip("\n")


def test_a_docstring_without_end_is_shown_as_text():
    doc = "What it <b>means</b>.\n\n" + "[*" * 15_000

    assert render_doc(doc) == f"<pre>{'[*' * 15_000}</pre>"
    assert render_lead(doc) == "What it &lt;b&gt;means&lt;/b&gt;."


@pytest.mark.parametrize("path", ["/", "/search", "/healthz"])
def test_a_database_that_is_away_is_told(tmp_path: Path, path: str):
    settings = settings_in(tmp_path / "home", "postgresql://nobody@127.0.0.1:1/none")
    database = Database(settings.database_url)
    answer = create_app(settings, database).test_client().get(path)
    database.dispose()

    assert answer.status_code == 503
    assert "The database does not answer" in answer.text
