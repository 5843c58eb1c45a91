"""The page that compares two commits, and the list of commits."""

import re
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

HELPER = "def scale(x):\n    return x * {}\n"
CODE = """\
from headwater import tag
from helpers import scale

@tag(owner="growth")
def spend(raw: float) -> float:
    \"\"\"What we spent.\"\"\"
    return scale(raw)

def rate(spend: float, visits: float) -> float:
    return spend / visits

def trend(rate: float) -> float:
    return rate + 1
"""
PROJECT = "[dataflows.marketing]\nmodules = {}\noutputs = {}\n"
MANY = "".join(f"def f{n:03}(a: int) -> int:\n    return a + {n}\n\n\n" for n in range(120))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> GitRepo:
    made = GitRepo(tmp_path_factory.mktemp("compared") / "repository")
    files = {"m.py": CODE, "helpers.py": HELPER.format(2)}
    made.commit("First", files={**files, "headwater.toml": PROJECT.format('["m"]', '["trend"]')})
    made.tag("first")
    made.commit("Scale otherwise", files={"helpers.py": HELPER.format(3)})
    made.tag("helper")
    code = CODE.replace("rate + 1", "(rate  +  1)").replace('"growth"', '"sales"')
    made.commit("Own and lay out", files={"m.py": code})
    made.tag("owned")
    code = code.replace("visits: float", "heads: int").replace("/ visits", "/ heads")
    made.commit("Count heads", files={"m.py": f"{code}\ndef heads(rows: int) -> int:\n    return rows\n"})
    made.tag("heads")
    made.branch("side", "first")
    made.commit("Go aside", files={"m.py": CODE.replace("rate + 1", "rate + 2")})
    made.checkout("main")
    project = PROJECT.format('["m", "many"]', '["trend", "f001"]')
    made.commit("Bring many", files={"many.py": MANY, "headwater.toml": project})
    return made


@pytest.fixture(scope="module")
def database(repository: GitRepo) -> Iterator[Database]:
    database = empty_catalog(settings_in(repository.path.parent / "home").database_url)
    with database.write() as session:
        add_repository(session, "shop", str(repository.path), 0)
    scan(database, settings_in(repository.path.parent / "home"), "shop")
    yield database
    database.dispose()


@pytest.fixture(scope="module")
def client(repository: GitRepo, database: Database) -> FlaskClient:
    return create_app(settings_in(repository.path.parent / "home"), database).test_client()


def _html(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def _seen(client: FlaskClient, path: str) -> str:
    html = _html(client, path)
    main = html[html.index("<main") : html.index("</main")]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", "", main)))


def _filters(client: FlaskClient, path: str) -> dict[str, tuple[str, int]]:
    found = re.findall(
        r'class="chip" href="([^"]*)"[^>]*>([\w ]+) <span class="muted">([\d,]+)<', _html(client, path)
    )
    return {name: (unescape(link), int(count)) for link, name, count in found}


def _compare(first: str, second: str, more: str = "") -> str:
    return f"/r/shop/compare?a={first}&b={second}{more}"


def test_without_arguments_the_last_commit_is_compared_with_its_parent(client: FlaskClient):
    seen = _seen(client, "/r/shop/compare")

    assert "Count heads by Ada Example" in seen and "Bring many by Ada Example" in seen
    assert "120 features changed in meaning" in seen


def test_a_change_is_said_in_a_sentence_with_its_reason_and_who_feels_it(client: FlaskClient):
    seen = _seen(client, _compare("first", "helper"))

    assert "spend (m) logic Because helpers.scale changed; 2 features downstream feel it." in seen
    assert "1 feature changed in meaning, which reaches 2 more." in seen
    assert "rate (m) upstream only It feels m:spend upstream." in seen


def test_signatures_and_tags_are_told_in_words(client: FlaskClient):
    seen = _seen(client, _compare("helper", "heads"))

    assert "tag owner is sales, and was growth" in seen
    assert "it needs heads now" in seen and "it no longer needs visits" in seen


def test_the_code_of_a_change_is_shown_line_by_line(client: FlaskClient):
    html = _html(client, _compare("helper", "heads"))

    assert '<span class="del">-    return spend / visits</span>' in html
    assert '<span class="add">+    return spend / heads</span>' in html


@pytest.mark.parametrize("field", ["class", "module", "owner"])
def test_each_count_leads_to_just_the_changes_that_it_counts(client: FlaskClient, field: str):
    path = _compare("first", "main")
    if field == "class":
        for name, (link, count) in _filters(client, path).items():
            assert _listed(client, link) == count, name
    else:
        wanted = {"module": ("m", 4), "owner": ("sales", 1)}[field]
        assert f"{field}={wanted[0]}" in unescape(_html(client, path))
        assert _listed(client, f"{path}&{field}={wanted[0]}") == wanted[1]


def _listed(client: FlaskClient, path: str) -> int:
    seen = re.search(r'id="changes">Features</h2><span class="count">([\d,]+)<', _html(client, path))
    assert seen
    return int(seen[1])


def test_formatting_is_hidden_until_it_is_asked_for(client: FlaskClient):
    path = _compare("helper", "owned")

    assert "trend" not in _filters(client, path) and _listed(client, path) == 1
    switch = re.search(
        r'class="filter__switch" href="([^"]*)">Show 1 of formatting only', _html(client, path)
    )
    assert switch
    assert _listed(client, unescape(switch[1])) == 2
    assert "Hide 1 of formatting only" in _html(client, unescape(switch[1]))


def test_the_swap_leads_the_other_way(client: FlaskClient):
    swap = re.search(r'swap" href="([^"]*)"', _html(client, _compare("owned", "heads")))

    assert swap
    seen = _seen(client, unescape(swap[1]))
    assert "heads (m) removed" in seen
    assert "it needs visits now" in seen


def test_edges_that_came_and_went_are_drawn_and_listed_with_signs(client: FlaskClient):
    html, seen = _html(client, _compare("owned", "heads")), _seen(client, _compare("owned", "heads"))

    assert "2 new edges, 1 gone" in seen
    assert "+New: m:rate needs m:heads" in seen
    assert "\N{MINUS SIGN}Gone: m:rate needs input:visits" in seen
    assert html.count('class="edge is-added"') == 2
    assert html.count('class="edge is-removed"') == 1
    assert "2 new edges, drawn solid, and 1 that are gone, drawn dashed" in seen


def test_many_changes_come_by_pages_and_say_how_to_get_all(client: FlaskClient):
    path = _compare("heads", "main")
    html = _html(client, path)

    assert html.count('class="card change"') == 50
    assert "headwater diff" in html and "All of them at once" in html
    assert "… and 20 more" in _seen(client, path)  # edges
    following = re.search(r'rel="next" href="([^"]*)"', html)
    assert following and "f050" in _seen(client, unescape(following[1]))
    assert len(html) < 150_000


def test_dataflows_and_owners_that_change_are_named(client: FlaskClient):
    seen = _seen(client, _compare("first", "main"))

    assert "module many was added; output f001 was added" in seen
    assert "Outputs of marketingtrend, f001" in seen
    assert re.search(r"sales\d changed, \d reached", seen)


def test_two_commits_that_parted_are_told_with_a_link_to_what_one_alone_brought(client: FlaskClient):
    html = _html(client, _compare("main", "side"))
    alone = re.search(r'they parted at .*?<a href="([^"]*)">Only what side brought', html)

    assert alone
    seen = _seen(client, unescape(alone[1]))
    assert "1 feature changed in meaning" in seen and "trend (m) logic" in seen
    assert "parted" not in seen


def test_the_first_commit_is_compared_with_nothing(client: FlaskClient):
    seen = _seen(client, "/r/shop/compare?b=first")

    assert "nothing: this is a first commit" in seen
    assert "3 features changed in meaning" in seen


def test_the_same_commit_twice_is_no_change(client: FlaskClient):
    assert "It is the same commit on both sides" in _seen(client, _compare("main", "main"))


@pytest.mark.parametrize("path", ["a=nope", "b=nope", "a=--all", "b=a%20b"])
def test_a_name_that_nothing_has_is_told(client: FlaskClient, path: str):
    assert client.get(f"/r/shop/compare?{path}").status_code == 404


def test_links_lead_to_features_as_the_commits_have_them(client: FlaskClient, repository: GitRepo):
    heads, owned = (repository.git("rev-parse", name) for name in ("heads", "owned"))
    html = _html(client, _compare("heads", "owned"))

    assert f'href="/r/shop/f/m:rate?at={owned}"' in html
    assert f'href="/r/shop/f/m:heads?at={heads}"' in html


@pytest.mark.parametrize(
    ("few", "many"),
    [
        (_compare("first", "helper"), _compare("first", "main")),
        ("/r/shop/timeline?at=owned", "/r/shop/timeline?at=main"),
    ],
)
def test_a_page_takes_as_many_queries_for_many_rows_as_for_few(
    client: FlaskClient, database: Database, few: str, many: str
):
    sent = []
    for path in (few, many):
        client.get(path)  # what is kept in memory is made now
        with counted_queries(database) as statements:
            assert client.get(path).status_code == 200
        sent.append(len(statements))

    assert sent[0] == sent[1] <= 12


# The list of commits


def test_commits_are_listed_with_what_they_changed_and_what_is_named_there(client: FlaskClient):
    seen = _seen(client, "/r/shop/timeline")

    assert "5 commits of the main line" in seen
    assert re.search(r"Bring many branch main \w{8} 120 added", seen)
    assert re.search(r"Own and lay out tag owned \w{8} 1 tags 1 formatting", seen)
    assert "Go aside" not in seen


def test_commits_link_to_their_page_and_to_what_changed_since(client: FlaskClient, repository: GitRepo):
    first, main = (repository.git("rev-parse", name) for name in ("first", "main"))
    html = unescape(_html(client, "/r/shop/timeline"))

    assert f'href="/r/shop/c/{first}"' in html
    assert f'href="/r/shop/compare?a={first}&b={main}"' in html


def test_commits_are_filtered_and_stay_in_the_past(client: FlaskClient):
    assert "1 commit of the main line that changed a feature" in _seen(
        client, "/r/shop/timeline?touching=1&at=helper"
    )
    assert "No such commit" in _seen(client, "/r/shop/timeline?author=Nobody")
    assert "Count heads" not in _seen(client, "/r/shop/timeline?at=owned")


def test_pages_lead_to_comparisons(client: FlaskClient, repository: GitRepo):
    for path in ("/r/shop", "/r/shop/c/heads", "/r/shop/f/m:spend", "/r/shop/timeline"):
        assert re.search(r'href="/r/shop/compare', _html(client, path)), path


def test_the_code_of_a_page_is_bounded(tmp_path: Path):
    repo = GitRepo(tmp_path / "repository")
    long = "".join(
        f"def f{n:02}(a: int) -> int:\n    return a + len('{'x' * 20_000}')\n\n\n" for n in range(3)
    )
    wide = "".join(
        f"def g{n:02}(a: int) -> int:\n"
        + "".join(f"    a = a + {'1' * 900}{m}\n" for m in range(250))
        + "    return a\n\n\n"
        for n in range(3)
    )
    repo.commit("Begin", files={"m.py": ""})
    repo.commit("Add", files={"m.py": long + wide})
    settings = settings_in(tmp_path / "home")
    database = empty_catalog(settings.database_url)
    with database.write() as session:
        add_repository(session, "long", str(repo.path), 0)
    scan(database, settings, "long")
    html = create_app(settings, database).test_client().get("/r/long/compare").text
    database.dispose()

    assert "Its code is left out" in html
    assert len(html) < 700_000
