"""What a repository says is shown as text, whatever it says."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from support.hostile import TURNING

_PAGES = (
    "/",
    "/search",
    "/search?q=loud",
    "/search?q=script",
    "/search?q=%3Cscript%3Ealert(1)%3C/script%3E",
    "/search?q=owner:%22%3E%3Cimg",
    "/search?q=x:%3Cscript%3Ealert(1)%3C/script%3E",
    "/search/quick?q=script",
    "/search/quick?q=%3Cimg+src=x+onerror=alert(1)%3E",
    "/duplicates",
    "/dead?state=unknown",
    "/dead?repo=hostile&state=dead&days=1",
    "/deprecated",
    "/r/hostile/reach",
    "/r/hostile/reach?of=features:loud",
    "/r/hostile/reach?of=%3Cscript%3Ealert(1)%3C/script%3E",
    "/duplicates/%3Cscript%3Ealert(1)%3C",
    "/r/hostile/f/features:loud",
    "/r/hostile/f/features:after",
    "/r/hostile/f/features:turned",
    "/search?q=turned",
    "/search?q=%E2%80%AE",
    "/r/hostile/f/%E2%80%AE",
    "/r/hostile?at=%E2%80%AE",
    "/r/hostile/lineage?focus=features:turned",
    "/r/hostile/f/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "/r/%3Cscript%3Ealert(1)%3C%2Fscript%3E/f/x",
    "/r/hostile/lineage?focus=features:loud",
    "/r/hostile/lineage?focus=input:column",
    "/r/hostile/lineage?focus=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    "/r/hostile/lineage?focus=features:loud&dataflow=%3Cscript%3Ealert(1)%3C/script%3E",
    "/r/hostile",
    "/r/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "/r/hostile/c/main",
    "/r/hostile/compare",
    "/r/hostile/compare/reach",
    "/r/hostile/m/features",
    "/r/hostile/m/%3Cscript%3Ealert(1)%3C/script%3E",
    "/r/hostile/d/%3Cscript%3Ealert(1)%3C/script%3E",
    "/r/hostile/d/hostile",
    "/r/hostile/compare?class=%3Cscript%3Ealert(1)%3C/script%3E&module=%22%3E%3Cimg&owner=%E2%80%AE",
    "/r/hostile/compare?a=%3Cscript%3Ealert(1)%3C/script%3E",
    "/r/hostile/map",
    "/r/hostile/map?node=features:loud&lens=%3Cscript%3Ealert(1)%3C/script%3E&since=%22%3E",
    "/r/hostile/lineage?focus=features:loud&group=module&lens=owner&node=features:loud&up=all&down=all",
    "/r/hostile/lineage?focus=features:loud&open=down:%22%3E%3Cimg&hide=%22%3E%3Cimg&unfold=%3Cscript%3E&since=%22",
    "/r/hostile/timeline",
    "/r/hostile/timeline?author=%3Cscript%3Ealert(1)%3C/script%3E",
    "/r/hostile/c/%3Cscript%3E",
    "/r/hostile/f/features:loud?at=%3Cscript%3Ealert(1)%3C/script%3E",
    "/r/hostile/f/features:after?dataflow=%3Cscript%3E",
    "/runs",
)


@pytest.mark.parametrize("path", _PAGES)
def test_no_text_of_a_repository_or_an_address_becomes_markup(hostile_client: FlaskClient, path: str):
    html = hostile_client.get(path).text
    tags = re.findall(r"<[a-z][^>]*>", html, re.IGNORECASE)

    assert "<script>alert" not in html
    assert "<img" not in html
    assert "<b onclick" not in html
    assert not [tag for tag in tags if re.search(r"\son\w+=", re.sub(r'"[^"]*"', '""', tag))]
    assert not re.search(r'(href|src|action)="\s*(javascript|data|vbscript):', html, re.IGNORECASE)
    assert "1337" not in html


@pytest.mark.parametrize("path", _PAGES)
def test_no_text_turns_the_text_around_it(hostile_client: FlaskClient, path: str):
    assert not set(TURNING) & set(hostile_client.get(path).text)


@pytest.mark.parametrize(
    "path", ["/r/hostile/f/features:turned", "/r/hostile/f/features:after", "/r/hostile/c/main"]
)
def test_what_would_turn_text_is_shown_by_its_number(hostile_client: FlaskClient, path: str):
    html = hostile_client.get(path).text

    assert all(f"[U+{ord(character):04X}]" in html for character in TURNING)


@pytest.mark.parametrize(
    "at",
    ["-x", "--all", "--upload-pack=touch", "..", "main..main", "@{-1}", "main@{0}", ":/Add", "HEAD^{/Add}"]
    + ["HEAD:features.py", "^main", "a\nb", "\x1b[31m", "HEAD~99999999999999999999", "x" * 5000],
)
def test_what_names_no_commit_is_not_found(hostile_client: FlaskClient, at: str):
    answer = hostile_client.get("/r/hostile/f/features:loud", query_string={"at": at})

    assert answer.status_code == 404


def test_the_texts_are_there_to_be_read(hostile_client: FlaskClient):
    text = unescape(hostile_client.get("/r/hostile/f/features:loud").text)

    assert "<script>alert(1)</script>" in text
    assert "{{ 7 * 191 }}" in text
    assert 'href="https://example.com/" rel="nofollow noopener noreferrer"' in text


def test_a_dataflow_with_markup_in_its_names_can_be_asked_to_run(hostile_client: FlaskClient):
    page = hostile_client.get("/r/hostile/run?output=features:after").text
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page))

    assert unescape(fields["dataflow"]) == "<script>alert(2)</script>"
    answer = hostile_client.post(
        "/runs", data={unescape(name): unescape(value) for name, value in fields.items()}
    )
    assert answer.status_code == 303
    assert "<script>alert" not in hostile_client.get(answer.headers["Location"]).text
