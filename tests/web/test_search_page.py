import re
from html import unescape

from flask.testing import FlaskClient

from headwater_catalog.query import FIELDS


def test_the_page_explains_every_term_of_the_language(client: FlaskClient):
    html = unescape(client.get("/search").text)

    for field in FIELDS.values():
        assert f"<code>{field.example}</code>" in html
        assert field.help in html


def test_each_count_beside_a_term_is_that_of_the_list_behind_it(client: FlaskClient):
    html = client.get("/search?q=spend+OR+signups&repo=demo").text
    facets = re.findall(r'<a class="mono" href="(/search[^"]*)">[^<]*</a> ([\d,]+)<', html)

    assert len(facets) > 5
    for link, count in facets[::3]:
        assert f"{count} feature{'s' * (count != '1')} in " in client.get(unescape(link)).text, link


def test_a_query_may_look_at_another_moment_and_compare_with_a_base(client: FlaskClient):
    then = client.get("/search?q=at:v1.0&repo=demo").text
    new = client.get("/search?q=new:feature&base=v1.0&repo=demo").text

    assert re.search(r"\d+ features in ", then)
    assert re.search(r"\d+ features? in ", new)
    assert "none is given" in client.get("/search?q=new:feature&repo=demo").text


def test_a_feature_that_is_gone_is_shown_at_its_last_commit(client: FlaskClient):
    html = client.get("/search?q=removed:<100y&repo=demo").text
    gone = re.findall(r'data-hit href="([^"]*\?at=\w{40})"', html)

    for link in gone[:3]:
        assert client.get(unescape(link)).status_code == 200
    assert html.count('<span class="chip">gone</span>') == len(gone)
