"""The pages of the demo catalog say what they should."""

import re
import subprocess
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Repository
from headwater_web.app import create_app
from support.demo_catalog import make_demo_catalog, settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo

_FEATURE = "/r/demo/f/features.signups:spend_per_signup"
_OUTPUT = "spend_per_signup"
_TIMELESS = (
    "/",
    "/search",
    "/search?q=spend",
    "/search/quick?q=spend",
    "/runs",
    "/runs/1",
    "/runs/1/state",
    "/healthz",
    "/r/demo/compare?a=v1.0&b=main",
    "/r/demo/compare?a=main&b=v1.0&class=removed",
    "/r/demo/compare/reach?b=v1.0",
    "/r/demo/c/v1.0",
)
_DATED = (
    "/r/demo",
    "/search?repo=demo&q=spend",
    _FEATURE,
    "/r/demo/timeline",
    "/r/demo/timeline?touching=1",
    "/r/demo/m/features.spend",
    "/r/demo/d/marketing",
    "/r/demo/lineage?focus=features.signups:spend_per_signup",
    "/r/demo/lineage?focus=input:spend&up=1&down=10",
)


def _text(client: FlaskClient, path: str) -> str:
    answer = client.get(path, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def _visible(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", html))


@pytest.mark.parametrize("path", _TIMELESS + _DATED)
def test_every_page_answers(client: FlaskClient, path: str):
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", _DATED)
@pytest.mark.parametrize("at", ["main", "v1.0"])
def test_every_page_of_a_repository_answers_as_of_a_commit(client: FlaskClient, path: str, at: str):
    html = _text(client, f"{path}{'&' if '?' in path else '?'}at={at}")

    assert ("Show now" in html) == (at == "v1.0")


@pytest.mark.slow
def test_every_link_on_every_page_leads_somewhere(client: FlaskClient):
    links = {
        unescape(link)
        for path in _TIMELESS + _DATED + (f"{_FEATURE}?at=v1.0",)
        for link in re.findall(r'href="(/[^"#]*)', client.get(path).text)
    }

    broken = {
        link: client.get(link, follow_redirects=True, buffered=True).status_code for link in sorted(links)
    }
    assert {link: status for link, status in broken.items() if status != 200} == {}


def test_pages_are_the_same_on_postgresql(client: FlaskClient, postgres_url: str, tmp_path):
    settings = make_demo_catalog(tmp_path / "home", postgres_url)
    database = Database(settings.database_url)
    other = create_app(settings, database).test_client()

    timeless = [path for path in _DATED[1:] if "/d/" not in path]  # which says when its runs were
    for path in ("/search?q=spend", *timeless, f"{_FEATURE}?at=v1.0"):
        assert _stable(other.get(path).text) == _stable(client.get(path).text)
    database.dispose()


def _stable(html: str) -> str:
    return re.sub(r'csrf_token" value="[^"]*"|in (under )?\d+ ms|<time [^>]*>[^<]*', "", html)


def test_an_empty_catalog_says_how_to_begin(tmp_path):
    settings = settings_in(tmp_path)
    database = empty_catalog(settings.database_url)
    client = create_app(settings, database).test_client()

    assert "headwater repo add" in client.get("/").text
    assert "No feature is in the catalog yet" in client.get("/search").text
    assert "Nothing has run yet" in client.get("/runs").text
    database.dispose()


def test_a_database_of_another_version_is_told_by_healthz(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    answer = create_app(settings_in(tmp_path), database).test_client().get("/healthz")
    database.dispose()

    assert answer.status_code == 503
    assert "There is no catalog in" in answer.text


# Search


def test_the_exact_name_is_the_first_hit_with_its_words_marked(client: FlaskClient):
    html = client.get("/search?q=spend_per_signup").text
    first = re.search(r'data-hit href="([^"]*)">(.*?)</a>', html)

    assert first
    assert first[1] == _FEATURE
    assert "<mark>" in first[2]
    assert re.sub("<[^>]*>", "", first[2]) == "spend_per_signup"


def test_a_misspelt_name_finds_its_neighbours(client: FlaskClient):
    html = client.get("/search?q=spend_per_singup").text

    assert "No feature has “spend_per_singup”. Showing “spend_per_signup”." in html
    assert 'data-hit href="' + _FEATURE in html


def test_a_query_that_cannot_be_read_says_where(client: FlaskClient):
    html = _text(client, "/search?q=ownr:growth")

    assert "Unknown field 'ownr'" in html


def test_the_pages_of_a_search_follow_each_other(client: FlaskClient):
    html = client.get("/search").text
    following = re.search(r'rel="next" href="([^"]*)"', html)

    assert following
    second = client.get(unescape(following[1])).text
    names = [set(re.findall(r'data-hit href="([^"]*)"', page)) for page in (html, second)]
    assert names[0] and names[1] and not names[0] & names[1]
    assert 'rel="prev"' in second


def test_a_search_is_narrowed_by_what_its_hits_have(client: FlaskClient):
    path = "/search?q=spend&repo=demo&at=v1.0"
    narrower = re.findall(r'<a class="mono" href="(/search[^"]*)">([^<]*)</a>', client.get(path).text)
    total = _total(client, path)

    assert {term.partition(":")[0] for _, term in narrower} >= {"module", "type"}
    for link, term in narrower:
        assert re.match(r"/search\?q=[^&]+\+spend&", link)
        assert "repo=demo" in link and "at=v1.0" in link
        assert 0 < _total(client, unescape(link)) < total, term


def _total(client: FlaskClient, path: str) -> int:
    found = re.search(r"([\d,]+) features? in ", client.get(path).text)
    assert found
    return int(found[1])


def test_an_empty_box_drops_nothing_down(client: FlaskClient):
    assert client.get("/search/quick?q=+").text == ""


# Repositories


def test_the_page_of_a_repository_tells_what_it_is_made_of(client: FlaskClient):
    html = _text(client, "/r/demo")
    visible = _visible(html)

    assert "demo-repository" in visible
    assert "marketing declared in the project file" in visible
    assert "weekly: data/weekly.csv by week_start" in visible
    assert 'region = "UK"' in visible
    assert 'href="/r/demo/m/features.spend"' in html
    assert f'href="{_FEATURE}">spend_per_signup</a>' in html
    assert re.search(r"features\.spend\d+ features", visible)


def test_the_name_of_a_dataflow_leads_to_it(client: FlaskClient):
    for path in (_FEATURE, "/runs", "/runs/1", "/"):
        link = re.search(r'href="(/r/demo/d/marketing(?:\?at=\w+)?)"', client.get(path).text)
        assert link, path
        assert "<h1>marketing</h1>" in client.get(link[1]).text


@pytest.mark.parametrize("path", [_FEATURE, _DATED[3], "/r/demo/c/v1.0"])
def test_the_trail_of_a_page_begins_at_its_repository(client: FlaskClient, path: str):
    assert re.search(r'class="crumbs">\s*<li><a href="/r/demo">demo</a>', client.get(path).text)


def test_a_misspelt_repository_is_told_the_nearest_and_not_how_to_add_one(client: FlaskClient):
    answer = client.get("/r/dmeo")

    assert answer.status_code == 404
    assert "Did you mean 'demo'?" in unescape(answer.text)
    assert "repo add" not in answer.text


# Features


def test_a_feature_page_tells_all_about_it(client: FlaskClient):
    html = _text(client, _FEATURE)
    visible = _visible(html)

    assert "spend_per_signup(spend: pandas.Series, signups: pandas.Series) -> pandas.Series" in visible
    assert "The cost per signup in relation to spend." in visible
    assert "features/signups.py" in visible
    assert re.search(r'<time datetime="20\d\d-\d\d-\d\dT', html)
    assert "return" in html and "/r/demo/lineage?focus=input:spend" in html


def test_each_parameter_in_the_source_leads_to_what_makes_it(client: FlaskClient):
    html = client.get("/r/demo/f/spend_shift_3weeks_per_signup", follow_redirects=True).text
    source = html[html.index('class="code"') :]

    assert '<a class="n" href="/r/demo/f/features.spend:spend_shift_3weeks">spend_shift_3weeks</a>' in source


def test_variants_are_shown_with_their_conditions(client: FlaskClient):
    visible = _visible(_text(client, "/r/demo/f/holidays"))

    assert "holidays__uk where" in visible


def test_tags_lead_to_what_else_has_them(client: FlaskClient):
    html = _text(client, "/r/demo/f/height_zero_mean_unit_variance")

    assert "owner: Data-Science" in html
    assert "q=owner:Data-Science" in html


def test_a_bare_name_leads_to_the_full_address_and_keeps_the_commit(client: FlaskClient):
    answer = client.get("/r/demo/f/spend_per_signup?at=v1.0")

    assert answer.status_code == 302
    assert answer.headers["Location"].endswith("spend_per_signup?at=v1.0")


def test_a_name_that_does_not_exist_tells_the_nearest(client: FlaskClient):
    answer = client.get("/r/demo/f/spend_per_signups")

    assert answer.status_code == 404
    assert "spend_per_signup" in answer.text


def test_links_of_a_past_page_stay_in_the_past(client: FlaskClient):
    html = client.get(f"{_FEATURE}?at=v1.0").text
    main = html[html.index("<main") : html.index("</main")]
    links = [unescape(link) for link in re.findall(r'href="(/r/demo/(?:f|lineage)[^"]*)"', main)]

    assert links
    assert [link for link in links if "at=v1.0" not in link and not link.startswith(_FEATURE)] == []


def test_a_commit_page_tells_what_it_did_to_features(client: FlaskClient):
    html = client.get(_FEATURE).text
    commit = re.search(r'href="(/r/demo/c/\w+)"', html)

    assert commit
    assert "Features changed" in client.get(commit[1]).text


def test_every_parent_of_a_commit_leads_to_its_page(client: FlaskClient, demo_settings: Settings):
    merge, *parents = _merge(demo_settings)
    html = client.get(f"/r/demo/c/{merge}").text

    for parent in parents:
        assert f'href="/r/demo/c/{parent}"' in html
        assert client.get(f"/r/demo/c/{parent}").status_code == 200


def test_a_commit_beside_the_main_line_tells_where_it_left_and_what_it_brought(
    client: FlaskClient, demo_settings: Settings
):
    beside = _merge(demo_settings)[2]
    html = _text(client, f"/r/demo/c/{beside}")
    left = re.search(r'which it left at <a class="mono" href="(/r/demo/c/\w+)"', html)

    assert left
    assert client.get(left[1]).status_code == 200
    brought = re.findall(rf'href="(/r/demo/f/[^"?]+\?at={beside})"', html)
    assert brought
    page = _visible(_text(client, brought[0]))
    assert f"commit {beside[:8]}" in page and "beside the main line" in page
    leads = re.search(r'href="(/r/demo/run\?[^"]+)"', _text(client, brought[0]))
    assert leads
    form = _text(client, leads[1].replace("&amp;", "&"))
    assert f'name="at" value="{beside}"' in form and "button--main" in form
    assert "changed beside the main line, after" in page


@pytest.mark.parametrize("path", [path for path in _DATED if not path.startswith("/search")])
def test_every_page_of_a_repository_answers_beside_the_main_line(
    client: FlaskClient, demo_settings: Settings, path: str
):
    beside = _merge(demo_settings)[2]
    visible = _visible(_text(client, f"{path}{'&' if '?' in path else '?'}at={beside[:9]}"))

    assert "beside the main line" in visible
    assert "Show now" in visible


def _merge(settings: Settings) -> list[str]:
    """Return the last merge of the demo repository, with its parents."""
    return _git(settings.home / "demo-repository", "log", "--merges", "-1", "--format=%H %P").split()


def _git(repository: Path, *args: str) -> str:
    return subprocess.run(["git", *args], cwd=repository, capture_output=True, text=True, check=True).stdout


# Lineage


def test_an_input_tells_which_files_may_hold_it(client: FlaskClient):
    visible = _visible(_text(client, "/r/demo/lineage?focus=input:spend"))

    assert "It comes from outside the code." in visible
    assert "marketing reads data/weekly.csv" in visible
    assert "It needs nothing" not in visible


def test_an_input_that_is_a_feature_of_another_repository_leads_there(tmp_path):
    settings = settings_in(tmp_path / "home")
    database = empty_catalog(settings.database_url)
    sources = 'cost = { feature = "below:m:cost", at = "main" }'
    project = f'[dataflows.flow]\nmodules = ["m"]\n[dataflows.flow.sources]\n{sources}\n'
    for name, needed, toml in (("below", "raw", ""), ("above", "cost", project)):
        made = GitRepo(tmp_path / name)
        code = (
            f"def {'cost' if name == 'below' else 'spend'}({needed}: float) -> float:\n    return {needed}\n"
        )
        made.commit("Work", files={"m.py": code, "headwater.toml": toml})
        with database.write() as session:
            add_repository(session, name, str(made.path), 0)
        scan(database, settings, name)
    client = create_app(settings, database).test_client()

    for path in ("/r/above/lineage?focus=input:cost", "/r/above"):
        assert 'href="/r/below/f/m:cost?at=main">below:m:cost</a>' in _text(client, path)
    assert "cost" in _text(client, "/r/below/f/m:cost?at=main")
    database.dispose()


def test_the_module_of_a_lineage_leads_to_its_page(client: FlaskClient):
    html = _text(client, "/r/demo/lineage?focus=spend_per_signup")

    assert 'href="/r/demo/m/features.signups">features.signups</a>' in html


def test_the_list_beside_the_graph_has_all_that_is_drawn(client: FlaskClient):
    html = client.get("/r/demo/lineage?focus=spend_per_signup&up=10&down=10").text
    graph, lists = html[html.index("<svg width") :].split('class="explorer__side"')
    drawn = set(re.findall(r"<title>([\w]+):", graph)) - {"spend_per_signup"}

    assert drawn
    assert drawn <= set(re.findall(r">(\w+)</a>", lists))


def test_depth_zero_draws_only_the_focus(client: FlaskClient):
    html = client.get("/r/demo/lineage?focus=spend_per_signup&up=0&down=0").text

    assert html.count('data-key="features.signups:spend_per_signup"') == 1
    assert html.count('<a class="rim"') == 1
    assert "2 more upstream of spend_per_signup" in html


@pytest.mark.parametrize("depth", ["-1", "x", "²", "9" * 5000, ""])
def test_a_depth_that_is_no_number_does_no_harm(client: FlaskClient, depth: str):
    assert client.get(f"/r/demo/lineage?focus=spend_per_signup&up={depth}").status_code == 200


# Runs


def test_a_run_shows_its_table_and_how_long_each_node_took(client: FlaskClient):
    html = _text(client, "/runs/1")

    assert "succeeded" in html
    assert 'class="data values"' in html
    assert "<rect height" in html


def test_the_form_queues_a_run_at_the_commit_of_the_page(client: FlaskClient, demo_settings: Settings):
    page = client.get(f"/r/demo/run?output={_OUTPUT}").text
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page))
    assert fields["config.region"] == "UK"

    answer = client.post("/runs", data=fields)

    assert answer.status_code == 303
    shown = client.get(answer.headers["Location"]).text
    assert "queued" in shown
    assert 'http-equiv="refresh"' in shown
    assert 'hx-trigger="load delay' in shown


def test_a_run_of_what_is_not_there_is_told_kindly(client: FlaskClient):
    page = client.get(f"/r/demo/run?output={_OUTPUT}").text
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page)) | {"output": "spend_per_singup"}

    answer = client.post("/runs", data=fields)

    assert answer.status_code == 404
    assert "spend_per_signup" in answer.text


def test_a_classification_from_upstream_says_whence(client: FlaskClient):
    html = unescape(client.get("/r/demo/f/email_domain_signups", follow_redirects=True).text)

    assert "chip--derived" in html
    assert re.search(r"Because of .*email.* → .*email_domain_signups", html)
    own = client.get("/r/demo/f/email_normalized", follow_redirects=True).text
    assert "chip--derived" not in own


def test_the_file_of_a_feature_leads_to_its_git_host(demo_copy: FlaskClient):
    page = "/r/demo/f/features.signups:spend_per_signup"
    assert "github.com" not in demo_copy.get(page).text
    with demo_copy.application.extensions["headwater"].database.write() as session:
        session.execute(update(Repository).values(url="git@github.com:shop/features.git"))

    link = re.search(r'href="(https://github.com/[^"]*)"', demo_copy.get(page).text)
    assert link
    assert re.fullmatch(
        r"https://github\.com/shop/features/blob/[0-9a-f]{40}/features/signups\.py#L\d+", link[1]
    )
