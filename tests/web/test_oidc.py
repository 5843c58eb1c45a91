"""Logging in by OpenID Connect: whom a provider is believed to have sent, and whom not."""

import base64
import hmac
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from sqlalchemy import select

from headwater_catalog.accounts import Role
from headwater_catalog.accounts.events import list_events
from headwater_catalog.accounts.people import create_account, get_account, set_disabled, set_role
from headwater_catalog.oidc_settings import OidcSettings
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Account, Identity
from headwater_web import oidc
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.oidc_provider import CLIENT, SECRET, Provider, provider

_BY = ("ada", "")
_PASSWORD = "seven quiet lanterns"


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the providers of other tests, which may have had the same port."""
    monkeypatch.setattr(oidc, "_KNOWN", {})


@pytest.fixture
def served() -> Iterator[Provider]:
    with provider() as served:
        yield served


@pytest.fixture
def database(sqlite_catalog_url: str) -> Iterator[Database]:
    database = Database(sqlite_catalog_url)
    with database.write() as session:
        ada = create_account(session, "ada", _PASSWORD, _BY, 0)
        set_role(session, ada, Role.ADMINISTRATOR, None, _BY, 0)
    yield database
    database.dispose()


@pytest.fixture
def settings(served: Provider, database: Database, tmp_path: Any) -> Settings:
    oidc = OidcSettings(served.issuer, CLIENT, SECRET, "Log in by Shop", None, "groups", {})
    return replace(settings_in(tmp_path / "home", database.url), auth="accounts", oidc=oidc)


@pytest.fixture
def client(settings: Settings, database: Database) -> FlaskClient:
    return create_app(settings, database).test_client()


def _log_in(client: FlaskClient, served: Provider, there: str = "") -> Any:
    """Follow the button of the login page to the provider and back."""
    return client.get(served.log_in(client.get("/login/oidc", query_string={"next": there}).location))


def _events(database: Database, kind: str) -> list[Any]:
    with database.read() as session:
        return list(list_events(session, kind=kind))


def test_somebody_logs_in_and_gets_an_account_that_may_nothing_yet(client, served, database):
    page = client.get("/login?next=/repos").text
    assert re.search(r'href="/login/oidc\?next=/repos"[^>]*>Log in by Shop<', page)
    answer = _log_in(client, served, "/repos")

    assert (answer.status_code, answer.location) == (302, "/repos")
    page = client.get("/account")
    assert (page.status_code, "Present password" in page.text) == (200, False)
    with database.read() as session:
        bo = get_account(session, "bo")
        assert (bo.password, bo.grants) == ("", [])
    assert [(event.actor, event.details) for event in _events(database, "logged in")] == [
        ("bo", {"by": served.issuer})
    ]


def test_the_second_time_it_is_the_same_account_whatever_it_is_called_there(client, served, database):
    _log_in(client, served)
    served.person["preferred_username"] = "robert"
    _log_in(client.application.test_client(), served)

    with database.read() as session:
        assert set(session.scalars(select(Account.name))) == {"ada", "bo"}
        assert len(session.scalars(select(Identity)).all()) == 1


@pytest.mark.parametrize(
    "person",
    [
        {"preferred_username": "ada"},
        {"email": "ada", "email_verified": True},
        {"preferred_username": "Ada!"},
    ],
)
def test_an_account_with_a_password_is_never_taken_over(client, served, database, person):
    served.person = {"sub": "somebody else", **person}
    _log_in(client, served)

    with database.read() as session:
        (name,) = session.scalars(select(Account.name).where(Account.name != "ada"))
        assert name.startswith("ada-")
    assert client.get("/accounts").status_code == 403


def test_nobody_logs_in_by_an_empty_password_to_an_account_without_one(client, served):
    _log_in(client, served)
    stranger = client.application.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', stranger.get("/login").text)[1]
    answer = stranger.post("/login", data={"csrf_token": token, "name": "bo", "password": ""})

    assert answer.status_code == 403


def _unsigned(served: Provider, claims: dict[str, Any]) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    coded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join([*coded, ""])


def _by_the_secret(served: Provider, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET.ljust(32, "x")))


def _by_its_public_key(served: Provider, claims: dict[str, Any]) -> str:
    parts = ({"alg": "HS256", "kid": "one"}, claims)
    said = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = hmac.digest(served.key.as_pem(private=False), said, "sha256")
    return f"{said.decode()}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


_STRANGE_KEY = RSAKey.generate_key(2048, {"kid": "one"})
_LIES: dict[str, Callable[[Provider], Any]] = {
    "another nonce": lambda p: setattr(p, "change", lambda claims: {**claims, "nonce": "another"}),
    "no nonce": lambda p: setattr(p, "change", lambda claims: _without(claims, "nonce")),
    "another audience": lambda p: setattr(p, "change", lambda claims: {**claims, "aud": "other"}),
    "more audiences": lambda p: setattr(p, "change", lambda claims: {**claims, "aud": [CLIENT, "other"]}),
    "no audience": lambda p: setattr(p, "change", lambda claims: _without(claims, "aud")),
    "another issuer": lambda p: setattr(p, "change", lambda c: {**c, "iss": "https://evil.example"}),
    "expired": lambda p: setattr(p, "change", lambda c: {**c, "exp": int(time.time()) - 120}),
    "no end": lambda p: setattr(p, "change", lambda claims: _without(claims, "exp")),
    "no subject": lambda p: setattr(p, "change", lambda claims: _without(claims, "sub")),
    "empty subject": lambda p: setattr(p, "change", lambda claims: {**claims, "sub": ""}),
    "long subject": lambda p: setattr(p, "change", lambda claims: {**claims, "sub": "x" * 256}),
    "unsigned": lambda p: setattr(p, "sign", _unsigned),
    "signed by the secret": lambda p: setattr(p, "sign", _by_the_secret),
    "signed by the public key": lambda p: setattr(p, "sign", _by_its_public_key),
    "signed by somebody else": lambda p: setattr(p, "sign", lambda s, c: s.signed(c, _STRANGE_KEY)),
    "no token": lambda p: setattr(p, "sign", lambda _served, _claims: None),
    "no text": lambda p: setattr(p, "sign", lambda _served, _claims: "hello"),
}


def _without(claims: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != name}


@pytest.mark.parametrize("lie", _LIES)
def test_a_token_that_cannot_be_believed_is_refused_with_a_page(client, served, database, lie):
    _LIES[lie](served)
    answer = _log_in(client, served)

    assert answer.status_code == 403
    assert "login service" in answer.text
    assert client.get("/").status_code == 302
    with database.read() as session:
        assert session.scalars(select(Account.name)).all() == ["ada"]
    assert len(_events(database, "login refused")) == 1


def test_an_answer_is_taken_once_and_by_the_browser_only_that_asked(client, served):
    back = served.log_in(client.get("/login/oidc").location)
    other = client.application.test_client()
    assert other.get(back).status_code == 403
    other.get("/login/oidc")
    assert other.get(back).status_code == 403
    assert client.get(back).status_code == 302
    assert client.get(back).status_code == 403
    assert client.get("/account").status_code == 200


@pytest.mark.parametrize(
    "query",
    ["", "?code=x", "?state=&code=x", "?error=access_denied&state={state}", "?code=x&state={state}"]
    + ["?state={state}", "?code=x&state={state}&iss=https://evil.example"],
)
def test_what_comes_back_wrong_is_refused(client, served, query):
    state = parse_qs(urlsplit(client.get("/login/oidc").location).query)["state"][0]
    answer = client.get(f"/login/oidc/callback{query.format(state=state)}")

    assert answer.status_code == 403
    assert "Log in again" in answer.text


def test_a_login_that_took_too_long_is_refused(client, served):
    back = served.log_in(client.get("/login/oidc").location)
    with client.session_transaction() as cookie:
        cookie["oidc"] = [*cookie["oidc"][:4], cookie["oidc"][4] - 601]

    assert "too long" in client.get(back).text


@pytest.mark.parametrize(
    "there", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:1"]
)
def test_a_login_leads_to_this_site_only(client, served, there):
    assert _log_in(client, served, there).location == "/"


def test_a_login_leaves_nothing_of_the_cookie_before_it_and_ends_at_the_logout(client, served):
    client.get("/login")
    with client.session_transaction() as cookie:
        before = cookie["csrf_token"]
    _log_in(client, served)
    with client.session_transaction() as cookie:
        assert "csrf_token" not in cookie and "oidc" not in cookie
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/account").text)[1]
    assert token != before
    assert client.post("/logout", data={"csrf_token": token}).status_code == 303
    assert client.get("/account").status_code == 302


def test_who_is_disabled_or_lacks_what_is_required_is_refused(client, served, database, settings):
    _log_in(client, served)
    with database.write() as session:
        set_disabled(session, get_account(session, "bo"), True, _BY, 0)
    assert "may log in no more" in _log_in(client, served).text

    strict = replace(settings, oidc=replace(settings.oidc, required=("groups", "data")))
    demanding = create_app(strict, database).test_client()
    served.person = {"sub": "zoe", "groups": ["sales"]}
    assert _log_in(demanding, served).status_code == 403
    served.person["groups"] = ["sales", "data"]
    assert _log_in(demanding, served).status_code == 302


def test_groups_give_the_highest_of_their_roles_at_each_login(served, database, settings):
    roles = {"data": "viewer", "platform": "administrator"}
    app = create_app(replace(settings, oidc=replace(settings.oidc, roles=roles)), database)
    for groups, status in ((["data", "platform"], 200), ("data", 403), ([], 403), (None, 403)):
        served.person["groups"] = groups
        client = app.test_client()
        _log_in(client, served)
        assert client.get("/accounts").status_code == status
    told = [event.details["role"] for event in _events(database, "role set") if event.subject == "bo"]
    assert told == [None, "viewer", "administrator"]


@pytest.mark.parametrize(
    "describe",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://10.0.0.1/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": "http://evil.example/keys"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
    ],
)
def test_a_provider_that_leads_astray_is_not_followed(client, served, describe):
    served.describe = describe
    answer = client.get("/login/oidc")

    assert answer.status_code == 503
    assert "login service" in answer.text


def test_a_provider_that_does_not_answer_is_told(settings, database):
    gone = replace(settings, oidc=replace(settings.oidc, issuer="http://127.0.0.1:1"))
    answer = create_app(gone, database).test_client().get("/login/oidc")

    assert answer.status_code == 503
    assert "Try again later" in answer.text


@pytest.mark.parametrize(
    ("methods", "sent"),
    [(["client_secret_post"], SECRET), (["client_secret_post", "client_secret_basic"], None)],
)
def test_the_secret_is_sent_as_the_provider_wants_it(client, served, methods, sent):
    served.describe = {"token_endpoint_auth_methods_supported": methods}

    assert _log_in(client, served).status_code == 302
    assert [form.get("client_secret") for form in served.seen] == [sent]


@pytest.mark.parametrize("keys", [None, {}, [], "x", [1], [{"kty": "RSA"}], [{"use": "sig"}]])
def test_keys_that_are_none_prove_nothing(client, served, keys):
    served.keys = keys

    assert _log_in(client, served).status_code == 403


def test_without_the_setting_there_is_no_button_and_no_way(settings, database):
    client = create_app(replace(settings, oidc=None), database).test_client()

    assert "/login/oidc" not in client.get("/login").text
    assert client.get("/login/oidc").status_code == 404
    assert client.get("/login/oidc/callback").status_code == 404
