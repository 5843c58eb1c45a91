"""The pages of modules and of dataflows."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
from flask.testing import FlaskClient

from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Repository
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo
from support.queries import counted_queries

SPEND = '''\
from headwater import config, tag

def second(first: float) -> float:
    """It needs the first one."""
    return first * 2

@tag(owner="growth")
def first(raw: float, factor: int) -> float:
    return raw * factor
'''
RATE = "def rate(second: float, first: float) -> float:\n    return second / first\n"
MANY = "".join(f"def f{n:03}(raw: int) -> int:\n    return raw + {n}\n\n\n" for n in range(250))
PROJECT = """\
[dataflows.marketing]
modules = ["shop.spend", "shop.rate"]
config = { factor = 2 }
outputs = ["rate", "nothing"]
[dataflows.marketing.sources]
weekly = { path = "data/weekly.csv" }
"""
MORE = PROJECT + '[dataflows.many]\nmodules = ["shop.many", "shop.empty"]\n'


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> GitRepo:
    made = GitRepo(tmp_path_factory.mktemp("modules") / "repository")
    made.commit("Begin", files={"shop/spend.py": SPEND, "shop/rate.py": RATE, "headwater.toml": PROJECT})
    made.tag("begin")
    made.commit("Write", files={"README.md": "Shop."})
    broken = f"{SPEND}\ndef broken(:\n    pass\n"
    made.commit(
        "Go on",
        files={
            "shop/spend.py": broken,
            "shop/many.py": MANY,
            "shop/empty.py": "X = 1\n",
            "headwater.toml": MORE,
        },
    )
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
    html = _html(client, path)
    main = html[html.index("<main") : html.index("</main")]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", main))


def test_a_module_lists_its_features_in_the_order_of_the_file(client: FlaskClient):
    html = _html(client, "/r/shop/m/shop.spend?at=begin")

    assert re.findall(r'href="/r/shop/f/(shop\.spend:\w+)\?at=begin"', html) == [
        "shop.spend:second",
        "shop.spend:first",
    ]
    seen = _seen(client, "/r/shop/m/shop.spend?at=begin")
    assert "second float line 3 It needs the first one." in seen


def test_a_module_tells_who_owns_it_and_its_neighbours(client: FlaskClient):
    seen = _seen(client, "/r/shop/m/shop.spend?at=begin")

    assert "nobody 1 feature , growth 1 feature" in seen
    assert "Needs from 0 modules No other module." in seen
    assert "Gives to 1 module shop.rate 1 feature" in seen
    assert "Inputs from outside 2 factor raw" in seen
    rate = _seen(client, "/r/shop/m/shop.rate")
    assert "Needs from 1 module shop.spend 2 features" in rate


def test_a_module_tells_its_problems_and_the_commits_that_changed_its_file(client: FlaskClient):
    seen = _seen(client, "/r/shop/m/shop.spend")

    assert "Problems in its file 1 shop/spend.py:" in seen
    assert "Go on" in seen and "Begin" in seen and "Write" not in seen
    before = _seen(client, "/r/shop/m/shop.spend?at=begin")
    assert "Problems in its file" not in before and "Go on" not in before


def test_a_module_that_only_a_dataflow_names_has_a_page(client: FlaskClient):
    assert "It defines no feature at this commit." in _seen(client, "/r/shop/m/shop.empty")


def test_the_file_of_a_module_leads_to_its_git_host(
    client: FlaskClient, repository: GitRepo, database: Database
):
    path = "/r/shop/m/shop.rate?at=begin"
    assert "github.com" not in _html(client, path)
    _move(database, "https://github.com/shop/features.git")
    html = _html(client, path)
    _move(database, str(repository.path))

    sha = repository.git("rev-parse", "begin")
    assert f'href="https://github.com/shop/features/blob/{sha}/shop/rate.py"' in html


def _move(database: Database, url: str) -> None:
    with database.write() as session:
        session.get_one(Repository, 1).url = url


def test_a_dataflow_tells_what_it_needs_and_what_comes_out(client: FlaskClient):
    seen = _seen(client, "/r/shop/d/marketing")

    assert "marketing declared in the project file" in seen
    assert "factor int 1 its configuration" in seen
    assert "raw float 1 data/weekly.csv" in seen
    assert "Outputs 2 rate nothing nothing makes it" in seen
    assert "factor = 2" in seen
    assert "Latest runs None yet." in seen


def test_a_small_dataflow_is_drawn_and_a_large_one_leads_to_the_lineage(client: FlaskClient):
    assert _html(client, "/r/shop/d/marketing").count("<rect x=") == 5
    html = _html(client, "/r/shop/d/many")
    assert "<rect x=" not in html
    begin = re.search(r'<a href="(/r/shop/lineage\?[^"]*)">Begin at', html)
    assert begin and client.get(begin[1]).status_code == 200


@pytest.mark.parametrize(("path", "page"), [("/r/shop/d/many", 100), ("/r/shop/m/shop.many", 200)])
def test_many_features_come_by_pages(client: FlaskClient, path: str, page: int):
    first = _html(client, path)
    following = re.search(r'rel="next" href="([^"]*)"', first)

    assert following
    second = _html(client, following[1])
    names = [set(re.findall(r'mono break" href="[^"]*many:(f\d+)"', html)) for html in (first, second)]
    assert len(names[0]) == page and names[1] and not names[0] & names[1]


@pytest.mark.parametrize(
    ("few", "many"),
    [("/r/shop/m/shop.rate", "/r/shop/m/shop.many"), ("/r/shop/d/marketing", "/r/shop/d/many")],
)
def test_a_page_takes_as_many_queries_for_many_features_as_for_few(
    client: FlaskClient, database: Database, few: str, many: str
):
    sent = []
    for path in (few, many):
        client.get(path)  # what is kept in memory is made now
        with counted_queries(database) as statements:
            assert client.get(path).status_code == 200
        sent.append(len(statements))

    assert sent[0] == sent[1] <= 6


@pytest.mark.parametrize(
    ("path", "hint"), [("m/shop.spent", "shop.spend"), ("d/markting", "marketing"), ("d/many?at=begin", "")]
)
def test_what_is_not_there_is_told_with_the_nearest(client: FlaskClient, path: str, hint: str):
    answer = client.get(f"/r/shop/{path}")

    assert answer.status_code == 404
    assert not hint or f"Did you mean '{hint}'" in unescape(answer.text)


@pytest.mark.parametrize("path", ["/", "/r/shop", "/r/shop/f/shop.spend:first", "/r/shop/lineage?focus=rate"])
def test_where_a_module_is_named_its_page_is_linked(client: FlaskClient, path: str):
    links = re.findall(r'href="(/r/shop/m/[^"]*)"', _html(client, path))

    assert links
    assert {client.get(link).status_code for link in links} == {200}
