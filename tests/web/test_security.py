"""What every answer and every request must hold."""

import hashlib
import re
import tomllib

import pytest
from flask.testing import FlaskClient

from headwater_web.assets import STATIC
from headwater_web.security import CONTENT_SECURITY_POLICY

_EVERY_KIND = (
    "/",
    "/search?q=spend",
    "/r/demo/f/nothing",
    "/runs/999999",
    "/healthz",
    "/static/base.css",
    "/nowhere",
    "/search?q=%22",
    "/api/v1/repositories",
    "/api/v1/docs",
    "/api/v1/nowhere",
)


@pytest.mark.parametrize("path", _EVERY_KIND)
def test_every_answer_carries_the_security_headers(client: FlaskClient, path: str):
    headers = client.get(path, buffered=True).headers

    assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_the_policy_allows_nothing_inline_and_nothing_foreign():
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY


def test_templates_hold_no_inline_script_style_or_handler():
    templates = (STATIC.parent / "templates").glob("*.html")
    inline = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|hx-on|\|\s*safe\b|hx-vals=.js:")

    assert [path.name for path in templates if inline.search(path.read_text("utf-8"))] == []


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.4:8000", "[::2]", "[", ""]
)
def test_a_host_header_that_is_not_this_machine_is_refused(client: FlaskClient, host: str):
    answer = client.get("/", headers={"Host": host})

    assert answer.status_code == 400
    assert "Host header" in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:5", "[::1]:8000", "LOCALHOST"])
def test_this_machine_may_be_named_in_each_of_its_ways(client: FlaskClient, host: str):
    assert client.get("/", headers={"Host": host}).status_code == 200


def test_a_form_without_its_token_is_refused(client: FlaskClient):
    answer = client.post("/runs", data={"repo": "demo", "output": "spend_per_signup"})

    assert answer.status_code == 400
    assert "out of date" in answer.text


def test_a_form_with_the_token_of_another_session_is_refused(client: FlaskClient, app):
    other = app.test_client().get("/r/demo/run?output=spend_per_signup").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', other)
    client.get("/r/demo/run?output=spend_per_signup")

    assert token
    assert client.post("/runs", data={"repo": "demo", "csrf_token": token[1]}).status_code == 400


def test_cookies_stay_with_this_site(client: FlaskClient):
    cookie = client.get("/r/demo/run?output=spend_per_signup").headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e%2f%2e%2e%2fapp.py",
        "/static/..%5capp.py",
        "/static//etc/passwd",
        "/r/..%2f..%2fetc/f/passwd",
        "/r/demo/f/..%2f..%2fetc%2fpasswd",
        "/r/demo/f/%00",
        "/r/demo/c/--upload-pack=x",
        "/r/demo/c/..",
        "/r/demo;x/f/spend",
        "/runs/1;x",
        "/runs/-1",
        "/runs/99999999999999999999",
    ],
)
def test_tricks_with_paths_find_nothing(client: FlaskClient, path: str):
    answer = client.get(path)

    assert answer.status_code in (308, 400, 404)
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "path", ["/search?q=%00", "/search?%00=x", "/r/demo/f/%00", "/r/demo/lineage?focus=a%00"]
)
def test_nul_characters_are_refused(client: FlaskClient, path: str):
    assert client.get(path).status_code == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_pages_are_only_for_reading(client: FlaskClient, method: str):
    assert client.open("/search", method=method).status_code in (400, 405)


def test_vendored_files_are_those_of_the_manifest():
    folder = STATIC / "vendor"
    manifest = tomllib.loads((folder / "manifest.toml").read_text("utf-8"))
    hashes = {name: sha for package in manifest["package"] for name, sha in package["files"].items()}
    files = {path.name: path for path in folder.iterdir() if path.name != "manifest.toml"}

    assert hashes == {
        name: f"sha512:{hashlib.sha512(path.read_bytes()).hexdigest()}" for name, path in files.items()
    }


def test_static_files_asked_for_by_their_hash_are_kept_for_long(client: FlaskClient):
    address = re.search(r'href="(/static/base\.css\?v=\w+)"', client.get("/").text)

    assert address
    assert "max-age=31536000" in client.get(address[1], buffered=True).headers["Cache-Control"]
    assert "no-cache" in client.get("/static/base.css", buffered=True).headers["Cache-Control"]
    assert "no-cache" in client.get("/").headers["Cache-Control"]
