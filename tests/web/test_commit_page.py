"""The page of a commit: what it did, which files, and what it reaches."""

import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_catalog.store.database import Database
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo
from support.queries import counted_queries

CODE = """\
from headwater import tag

@tag(owner="growth")
def spend(raw: float) -> float:
    return raw

@tag(owner="sales")
def rate(spend: float) -> float:
    return spend / 2
"""
MANY = "".join(f"def f{n:04}(raw: int) -> int:\n    return raw + {n}\n\n\n" for n in range(600))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> GitRepo:
    made = GitRepo(tmp_path_factory.mktemp("commits") / "repository")
    made.commit("Begin", files={"m.py": CODE, "old.csv": "a\n", "many.py": "X = 1\n"})
    made.tag("begin")
    made.delete("old.csv")
    made.commit("Change", files={"m.py": CODE.replace("return raw", "return raw + 1"), "näme.csv": "a\n"})
    made.tag("change")
    made.branch("side", "begin")
    made.commit("Step aside", files={"m.py": CODE.replace("spend / 2", "spend / 3")})
    made.commit("Go further", files={"README.md": "Aside."})
    made.checkout("main")
    made.commit("Bring many", files={"many.py": MANY, **{f"data/{n:03}.csv": "a\n" for n in range(120)}})
    made.tag("many")
    many = MANY.replace("return raw", "return 1 + raw")
    made.commit("Change many", files={"many.py": many})
    made.tag("more")
    return made


@pytest.fixture(scope="module")
def database(repository: GitRepo) -> Iterator[Database]:
    settings = settings_in(repository.path.parent / "home")
    database = empty_catalog(settings.database_url)
    with database.write() as session:
        add_repository(session, "shop", str(repository.path), 0)
    scan(database, settings, "shop")
    yield database
    database.dispose()


@pytest.fixture(scope="module")
def client(repository: GitRepo, database: Database) -> FlaskClient:
    return create_app(settings_in(repository.path.parent / "home"), database).test_client()


def _html(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def _seen(client: FlaskClient, path: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", _html(client, path)))


def test_a_commit_names_the_files_that_it_changed(client: FlaskClient):
    seen = _seen(client, "/r/shop/c/change")

    assert "Files 3 files changed m.py changed näme.csv added old.csv removed" in seen


def test_a_first_commit_added_all_its_files(client: FlaskClient):
    assert "Files 3 files changed m.py added many.py added old.csv added" in _seen(client, "/r/shop/c/begin")


def test_of_many_files_the_first_are_named_and_all_are_counted(client: FlaskClient):
    seen = _seen(client, "/r/shop/c/many")

    assert "121 files changed" in seen and "… and 21 more" in seen


def test_a_commit_leads_to_what_it_reaches_with_and_without_scripts(client: FlaskClient):
    html = _html(client, "/r/shop/c/change")
    brought = re.search(r'hx-get="([^"]*/reach[^"]*)" hx-trigger="load"', html)
    plain = re.search(r'href="(/r/shop/compare[^"#]*)#reach"', html)

    assert brought and plain
    for address in (brought[1], plain[1]):
        seen = _seen(client, address)
        assert "m:rate 1 step, sales" in seen
        assert "growth 1 changed, 0 reached" in seen and "sales 0 changed, 1 reached" in seen


def test_what_a_commit_touches_leads_to_the_changes_of_just_that(client: FlaskClient):
    html = _html(client, "/r/shop/compare/reach?b=change")
    links = re.findall(r'href="(/r/shop/compare\?[^"]*(?:owner=growth|module=m)[^"]*)"', html)

    assert len(links) == 2
    for link in links:
        assert 'id="changes">Features</h2><span class="count">' in _html(client, link)
        assert "spend ( m ) logic" in _seen(client, link)


def test_a_first_commit_reaches_what_it_brings(client: FlaskClient):
    assert "2 features changed in meaning, 0 downstream" in _seen(client, "/r/shop/compare/reach?b=begin")


def test_parents_are_linked(client: FlaskClient, repository: GitRepo):
    parent = repository.git("rev-parse", "begin")

    assert f'parent <a class="mono" href="/r/shop/c/{parent}">' in _html(client, "/r/shop/c/change")


def test_a_commit_beside_the_main_line_is_compared_with_where_it_left(
    client: FlaskClient, repository: GitRepo
):
    seen = _seen(client, "/r/shop/c/side")
    begin, side = (repository.git("rev-parse", name) for name in ("begin", "side"))

    assert "What it brings since it left 1 feature changed rate ( m ) logic" in seen
    assert "Files 1 file changed README.md added" in seen
    assert f'href="/r/shop/compare?a={begin}&b={side}">Open comparison' in _html(client, "/r/shop/c/side")


def test_a_commit_without_its_mirror_tells_what_the_catalog_knows(client: FlaskClient, repository: GitRepo):
    sha = repository.git("rev-parse", "change")
    mirrors = repository.path.parent / "home" / "mirrors"
    shutil.move(mirrors, mirrors.with_name("away"))
    seen = _seen(client, f"/r/shop/c/{sha}")
    shutil.move(mirrors.with_name("away"), mirrors)

    assert "m:spend logic" in seen
    assert "The mirror of the repository cannot be read now" in seen


def test_where_history_is_cut_off_a_commit_is_compared_with_nothing(repository: GitRepo, tmp_path: Path):
    shallow = tmp_path / "shallow"
    repository.git("clone", "--quiet", "--depth=2", f"file://{repository.path}", str(shallow))
    settings = settings_in(tmp_path / "home")
    database = empty_catalog(settings.database_url)
    with database.write() as session:
        add_repository(session, "shallow", str(shallow), 0)
    scan(database, settings, "shallow")
    client = create_app(settings, database).test_client()
    commit, compared, reached = (
        _seen(client, f"/r/shallow/{path}main~1") for path in ("c/", "compare?b=", "compare/reach?b=")
    )
    database.dispose()

    assert "Bring many" in commit
    assert "nothing: this is a first commit" in compared
    assert "602 features changed in meaning" in reached


@pytest.mark.parametrize("path", ["/r/shop/c/{}", "/r/shop/compare/reach?b={}"])
def test_a_page_takes_as_many_queries_for_many_changes_as_for_few(
    client: FlaskClient, database: Database, path: str
):
    sent = []
    for ref in ("change", "more"):
        client.get(path.format(ref))  # what is kept in memory is made now
        with counted_queries(database) as statements:
            assert client.get(path.format(ref)).status_code == 200
        sent.append(len(statements))

    assert sent[0] == sent[1] <= 12
