"""Who may see and do what on the pages: every address, every role, every thing."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from headwater_catalog.accounts import Role
from headwater_catalog.accounts.people import create_account, get_account, set_role
from headwater_catalog.accounts.setup import setup_code
from headwater_catalog.kept_findings import keep_findings
from headwater_catalog.repositories import add_repository, get_repository
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo
from support.saved_dataset import save_a_dataset

GOOD = "seven quiet lanterns"
BY = ("maya", "")
_ROLES = {"ada": (Role.ADMINISTRATOR, None), "rita": (Role.RUNNER, "open"), "vera": (Role.VIEWER, "open")}
_SOURCE = "import pandas as pd\n\n\ndef {0}_sales({0}_raw: pd.Series) -> pd.Series:\n    return {0}_raw\n"
_SHARED = (
    "import pandas as pd\n\n\ndef {0}_score(spend: pd.Series) -> pd.Series:\n"
    "    return (spend - spend.mean()) / spend.std() * 2\n"
)
_POLICY = "[{0}-owned]\nquery = '-has:owner'\n"
_DATA = (
    "[tool.headwater.dataflows.{0}]\nmodules = ['{0}', '{0}_shared']\noutputs = ['{0}_sales']\n"
    "partitions = {{ key = 'day', from = 2026-01-01, until = 2026-01-09 }}\n"
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    """Give a catalog of two repositories with accounts: roles in the first, and an account with none."""
    folder = tmp_path_factory.mktemp("accounts")
    settings = replace(settings_in(folder / "home"), auth="accounts")
    database = empty_catalog(settings.database_url)
    for name in ("open", "cellar"):
        git_repo = GitRepo(folder / name)
        files = {f"{name}.py": _SOURCE.format(name), "pyproject.toml": _DATA.format(name)}
        files["policies/all.toml"] = _POLICY.format(name)
        files[f"{name}_shared.py"] = _SHARED.format(name)
        git_repo.commit(f"Work on {name}", files=files)
        with database.write() as session:
            add_repository(session, name, str(git_repo.path), 0)
        scan(database, settings, name)
        keep_findings(database, settings, name)
        with database.write() as session:
            save_a_dataset(session, settings, name)
    with database.write() as session:
        for name, (role, where) in _ROLES.items():
            account = create_account(session, name, GOOD, BY, 0)
            set_role(session, account, role, get_repository(session, where) if where else None, BY, 0)
        create_account(session, "nora", GOOD, BY, 0)
    database.dispose()
    return settings


@pytest.fixture(scope="module")
def app(settings) -> Iterator[Flask]:
    database = Database(settings.database_url)
    yield create_app(settings, database)
    database.dispose()


def _logged_in(app: Flask, name: str) -> FlaskClient:
    client = app.test_client()
    answer = _post(client, "/login", name=name, password=GOOD)
    assert answer.status_code == 303, answer.text
    return client


@pytest.fixture(scope="module")
def clients(app) -> dict[str, FlaskClient]:
    return {name: _logged_in(app, name) for name in (*_ROLES, "nora")}


def _post(client: FlaskClient, path: str, **form: str):
    """Send a form with the token that a page of the same browser holds."""
    page = client.get("/login" if client.get("/account").status_code != 200 else "/account")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token
    return client.post(path, data={"csrf_token": token[1], **form})


_CLOSED = (
    *("/", "/search", "/search?q=sales", "/search/quick?q=sales", "/r/open", "/r/open/f/open:open_sales"),
    *("/r/open/lineage?focus=open:open_sales", "/runs", "/runs/1", "/account", "/accounts", "/events"),
    *("/events/export",),
)


@pytest.mark.parametrize("path", _CLOSED)
def test_a_stranger_is_led_to_the_login(app, path):
    answer = app.test_client().get(path)

    assert answer.status_code == 302
    assert answer.location.startswith("/login")


def test_every_address_but_a_few_asks_who_is_there(app):
    """Addresses that come later are closed, too, unless somebody opens them here."""
    is_open = {"static", "health.healthz", "login.login_page", "login.log_in"}
    is_open |= {"login.setup_page", "login.set_up", "hooks.call"}
    is_open |= {"oidc.begin", "oidc.come_back", "feeds.feed", "feeds.mail", "feeds.answer_mail"}
    stranger, rules = app.test_client(), list(app.url_map.iter_rules())
    assert len(rules) > 20
    for rule in rules:
        if rule.endpoint in is_open:
            continue
        path = re.sub(r"<int[^>]*>", "1", str(rule))
        path = re.sub(r"<[^>]*>", "open", path)
        answer = stranger.get(path) if "GET" in rule.methods else stranger.post(path)
        # Without a token for forms, they are refused before anybody is asked.
        is_refused = answer.status_code in (400, 401) or "/login" in (answer.location or "")
        assert is_refused, (rule, answer.status_code)


_PAGES = (
    "/r/{0}",
    "/r/{0}/f/{0}:{0}_sales",
    "/r/{0}/lineage?focus={0}:{0}_sales",
    "/r/{0}/lineage.svg?focus={0}:{0}_sales",
    "/r/{0}/lineage.csv?focus={0}:{0}_sales",
    "/r/{0}/map",
    "/r/{0}/c/main",
    "/r/{0}/compare?a=main&b=main",
    "/r/{0}/compare/reach?b=main",
    "/r/{0}/timeline",
    "/r/{0}/m/{0}",
    "/r/{0}/d/{0}",
    "/r/{0}/partitions?dataflow={0}",
    "/r/{0}/partitions.csv?dataflow={0}",
    "/search?q={0}_sales&repo={0}",
    "/search.json?q={0}_sales&repo={0}",
    "/r/{0}/timeline.csv",
    "/r/{0}/modules.json",
    "/r/{0}/dataflows.csv",
    "/r/{0}/problems.json",
    "/r/{0}/catalog.sqlite",
    "/api/v1/repositories/{0}/catalog",
    "/r/{0}/m/{0}.csv",
    "/r/{0}/d/{0}.json",
    "/r/{0}/compare/governance?b=main",
    "/governance?repo={0}",
    "/governance.csv?repo={0}",
    "/governance/coverage?repo={0}",
    "/governance/coverage.json?repo={0}&list=owner",
    "/governance/drift?repo={0}",
    "/governance/drift.csv?repo={0}",
    "/governance/origins?repo={0}",
    "/governance/origins.json?repo={0}&lacks=all",
    "/api/v1/repositories/{0}/coverage",
    "/api/v1/repositories/{0}/coverage/history",
    "/api/v1/drift?repo={0}",
    "/api/v1/origins?repo={0}",
    "/policies?repo={0}",
    "/policies.json?repo={0}",
    "/api/v1/policies?repo={0}",
    "/api/v1/why/{0}/{0}_sales",
    "/api/v1/repositories/{0}/classifications",
    "/duplicates?repo={0}",
    "/duplicates.csv?repo={0}",
    "/dead?repo={0}",
    "/dead.json?repo={0}",
    "/deprecated?repo={0}",
    "/r/{0}/reach?of=input:{0}_raw",
    "/r/{0}/reach.csv?of=input:{0}_raw",
    "/api/v1/duplicates?repo={0}",
    "/api/v1/dead?repo={0}",
    "/api/v1/deprecations?repo={0}",
    "/api/v1/repositories/{0}/reach?of=input:{0}_raw",
    "/api/v1/repositories/{0}/suggestions",
    "/api/v1/review/{0}",
    "/r/{0}/suggestions",
    "/r/{0}/suggestions.csv",
    "/datasets/{0}/{0}",
    "/api/v1/datasets/{0}/{0}/versions",
)


def test_the_event_log_is_verified_and_exported_by_administrators_alone(clients):
    for path in ("/events", "/events?verify=yes", "/events/export", "/api/v1/events/verification"):
        assert clients["ada"].get(path).status_code == 200, path
        for name in ("rita", "vera", "nora"):
            assert clients[name].get(path).status_code == 403, path
    assert "The log is whole" in clients["ada"].get("/events?verify=yes").text
    assert clients["ada"].get("/events/export").text.splitlines()[-1].startswith('{"last": {"id":')
    assert clients["ada"].get("/api/v1/events/verification").json["ok"] is True


@pytest.mark.parametrize("name", ["rita", "vera", "nora"])
def test_erasures_are_for_stewards(clients, name):
    for path in ("/erasure", "/erasure?repo=cellar"):
        assert clients[name].get(path).status_code == 403
    for path in ("/erasure.csv", "/erasure.json", "/api/v1/erasures"):
        assert "cellar" not in clients[name].get(path).text
    asked = {"repo": "open", "column": "open_raw", "reference": "D-1"}
    sees = name != "nora"
    for repository in ("open", "cellar", "nowhere"):  # whether it is there or not
        assert _post(clients[name], "/erasure", **{**asked, "repo": repository}).status_code == 403
    sent = {"repository": "open", "columns": ["open_raw"], "reference": "D-1"}
    answer = clients[name].post("/api/v1/erasures", json=sent)
    assert answer.status_code == (403 if sees else 404)
    assert clients["ada"].get("/erasure.json").json["items"] == []


@pytest.mark.parametrize("name", ["ada", "rita", "vera", "nora"])
@pytest.mark.parametrize("page", _PAGES)
def test_pages_of_a_repository_are_there_for_those_only_who_may_see_it(clients, name, page):
    sees = {"ada": {"open", "cellar"}, "rita": {"open"}, "vera": {"open"}, "nora": set[str]()}[name]
    for repository in ("open", "cellar"):
        answer = clients[name].get(page.format(repository))
        assert answer.status_code == (200 if repository in sees else 404)


@pytest.mark.parametrize("name", ["rita", "vera", "nora"])
@pytest.mark.parametrize(
    "path",
    ["/", "/search", "/search?q=", "/search?q=sales", "/search?q=repo:open", "/search/quick?q=sales"]
    + ["/search?q=celar_sale", "/search?q=downstream:open_sales", "/runs", "/account", "/r/cella"]
    + ["/search.json", "/search.csv?sort=used", "/repos", "/repos.json", "/runs.csv", "/jobs", "/jobs.json"]
    + ["/governance", "/governance.csv", "/findings", "/findings?state=all", "/findings.json", "/policies"]
    + ["/governance/coverage", "/governance/coverage.csv", "/governance/coverage.csv?list=module"]
    + ["/governance/drift", "/governance/origins?lacks=all", "/governance/origins.csv?lacks=all"]
    + ["/api/v1/drift", "/api/v1/origins?lacks=all"]
    + ["/policies.csv", "/api/v1/findings", "/api/v1/findings?state=all", "/api/v1/policies"]
    + [
        "/duplicates",
        "/duplicates.json",
        "/dead?state=unknown",
        "/dead.json",
        "/deprecated",
        "/deprecated.csv",
    ]
    + ["/api/v1/duplicates", "/api/v1/dead", "/api/v1/deprecations", "/r/open/reach?of=input:open_raw"]
    + ["/datasets", "/datasets.json", "/api/v1/datasets", "/datasets/cella/cella", "/datasets/open/cella"]
    + ["/r/open/map", "/r/open/map?node=cellar:cellar_sales", "/r/open/lineage.json?focus=open_sales"]
    + ["/search?q=name:sales", "/search?q=author:maya", "/r/open?at=cella", "/r/open/lineage?focus=cella"],
)
def test_lists_counts_and_guesses_hold_nothing_of_what_is_hidden(clients, name, path):
    assert "cellar" not in clients[name].get(path).text


def test_the_administrator_finds_what_the_others_do_not(clients):
    """Or else the tests above would pass with pages that never show anything."""
    assert "cellar_sales" in clients["ada"].get("/search?q=sales").text
    assert "open_sales" in clients["vera"].get("/search?q=sales").text
    assert 'href="/r/cellar' in clients["ada"].get("/").text
    for path in ("/governance", "/findings", "/policies", "/api/v1/findings", "/api/v1/policies"):
        assert "cellar-owned" in clients["ada"].get(path).text
    for path in (
        "/governance/coverage",
        "/governance/coverage.csv?list=module",
        "/governance/origins?lacks=all",
        "/duplicates",
        "/duplicates.csv",
        "/dead?state=unknown",
        "/api/v1/duplicates",
        "/api/v1/dead",
    ):
        assert "cellar" in clients["ada"].get(path).text


@pytest.mark.parametrize(
    ("name", "repository", "status"),
    [("ada", "cellar", 303), ("rita", "open", 303), ("rita", "cellar", 404), ("vera", "open", 403)]
    + [("vera", "cellar", 404), ("nora", "open", 404)],
)
def test_features_are_executed_by_those_only_who_may(clients, name, repository, status):
    form = {"repo": repository, "output": f"{repository}:{repository}_sales", "dataflow": repository}

    answer = _post(clients[name], "/runs", **form)
    assert answer.status_code == status
    if status == 303:
        seen = clients["rita"].get(answer.location)
        assert seen.status_code == (200 if repository == "open" else 404)
        assert (f"</svg> {name}," in seen.text) == (repository == "open")


@pytest.mark.parametrize(
    ("name", "repository", "status"),
    [("ada", "cellar", 303), ("rita", "open", 303), ("rita", "cellar", 404), ("vera", "open", 403)]
    + [("vera", "cellar", 404), ("nora", "open", 404)],
)
def test_partitions_are_asked_for_by_those_only_who_may_run(clients, name, repository, status):
    address = f"/r/{repository}/partitions?dataflow={repository}"

    answer = _post(clients[name], address, which="due")
    assert answer.status_code == status
    page = clients[name].get(address)
    if status == 404:
        unknown = clients[name].get(address.replace(repository, "nowhere"))
        assert page.text.replace(repository, "nowhere") == unknown.text
    else:
        assert ("Compute</button>" in page.text) == (status == 303)
        assert ("Runs need the role runner" in page.text) == (status == 403)


@pytest.mark.parametrize(
    ("name", "run", "status"),
    [("ada", 1, 200), ("ada", 2, 200), ("rita", 1, 200), ("rita", 2, 404), ("vera", 1, 403)]
    + [("vera", 2, 404), ("nora", 1, 404), ("nora", 2, 404)],
)
def test_files_of_datasets_are_for_those_only_who_could_make_them(clients, name, run, status):
    """Who may look at code need not be allowed to see data."""
    answer = clients[name].get(f"/runs/{run}/file", buffered=True)

    assert answer.status_code == status
    assert ("_sales\n1" in answer.text) == (status == 200)
    page = clients[name].get("/datasets/open/open").text
    assert ("/runs/1/file" in page) == (name in ("ada", "rita"))
    assert clients[name].get(f"/runs/{run}/again").status_code == (404 if status == 404 else 200)
    # What was saved without a stamp cannot be made again, which is told to those only who might.
    again = _post(clients[name], f"/runs/{run}/again").status_code
    assert again == (409 if status == 200 else status)


@pytest.mark.parametrize(
    ("name", "repository", "status"),
    [("ada", "cellar", 303), ("rita", "open", 303), ("rita", "cellar", 404), ("vera", "open", 403)]
    + [("vera", "cellar", 404), ("nora", "open", 404)],
)
def test_values_are_compared_by_those_only_who_may_run(clients, name, repository, status):
    feature = f"{repository}:{repository}_sales"
    form = {"repo": repository, "output": feature, "dataflow": repository, "before": "HEAD"}
    sent = {"repository": repository, "outputs": [feature], "dataflow": repository, "before": "HEAD"}

    answer = _post(clients[name], "/runs", **form)
    assert answer.status_code == status
    by_program = clients[name].post("/api/v1/runs/compare", json=sent).status_code
    assert by_program == (202 if status == 303 else status)
    if status == 303:
        asked = dict(part.split("=") for part in answer.location.partition("?")[2].split("&"))
        for other in ("rita", "vera", "nora"):
            sees = repository == "open" and other != "nora"
            assert clients[other].get(answer.location).status_code == (200 if sees else 404)
            if other != "rita":
                cancelled = _post(clients[other], "/runs/compare/cancel", **asked).status_code
                assert cancelled == (403 if sees else 404)
        assert _post(clients[name], "/runs/compare/cancel", **asked).status_code == 303


_ADMINISTRATION = {
    "/accounts": {"name": "zoe", "password": GOOD},
    "/accounts/vera/role": {"role": "administrator"},
    "/accounts/vera/password": {"password": GOOD},
    "/accounts/ada/disabled": {"disabled": "yes"},
}


@pytest.mark.parametrize("name", ["rita", "vera", "nora"])
def test_accounts_and_events_are_for_administrators_of_everything(clients, name):
    assert clients[name].get("/accounts").status_code == 403
    assert clients[name].get("/events").status_code == 403
    for path, form in _ADMINISTRATION.items():
        assert _post(clients[name], path, **form).status_code == 403


@pytest.mark.parametrize("name", ["rita", "vera", "nora"])
def test_subscriptions_are_for_those_only_whose_they_are_and_find_what_these_see(app, clients, name):
    """Everybody may have some; of what they may not see, these find and say nothing."""
    form = {"name": "cellar watch", "query": "sales", "repository": "cellar"}
    theirs = _post(clients["ada"], "/subscriptions", **form).location
    made = _post(clients[name], "/subscriptions", name="mine", query="sales").location
    page = clients[name].get(made).text
    assert f">{0 if name == 'nora' else 1} feature" in page
    assert "cellar" not in page
    for path in ("/subscriptions", "/subscriptions.json", "/api/v1/subscriptions", "/subscriptions/new"):
        assert "cellar" not in clients[name].get(path).text, path
    hidden = clients[name].get(_post(clients[name], "/subscriptions", **form).location).text
    assert "0 features" in hidden
    assert "You may not see a repository" in hidden
    api = f"/api/v1{theirs}"
    for path in (theirs, f"{theirs}/feed", f"{theirs}/told/1", api, f"{api}/told", f"{api}/told/1"):
        assert clients[name].get(path).status_code == 404, path
    for path in ("", "/paused", "/try", "/remove"):
        assert _post(clients[name], f"{theirs}{path}", **form).status_code == 404
    assert clients[name].patch(api, json={"name": "x"}).status_code == 404
    assert clients[name].delete(api).status_code == 404
    assert clients[name].post(f"{api}/try", json={}).status_code == 404
    assert app.test_client().get(api).status_code == 401
    assert clients["ada"].get(theirs).status_code == 200


def test_an_administrator_makes_an_account_and_gives_it_a_role(app, clients):
    ada = clients["ada"]
    assert _post(ada, "/accounts", name="Bo@shop.example", password=GOOD).status_code == 303
    assert _post(ada, "/accounts/bo@shop.example/role", role="viewer", repo="open").status_code == 303
    assert "open_sales" in _logged_in(app, "bo@shop.example").get("/search").text
    answer = _post(ada, "/accounts", name="bo@shop.example", password=GOOD)
    assert answer.status_code == 409
    assert "There is an account" in answer.text
    assert "account created" in ada.get("/events").text
    bo = _logged_in(app, "bo@shop.example")
    assert _post(ada, "/accounts/bo@shop.example/disabled", disabled="yes").status_code == 303
    assert bo.get("/").status_code == 302
    assert _post(app.test_client(), "/login", name="bo@shop.example", password=GOOD).status_code == 403


@pytest.mark.parametrize(
    ("there", "reached"),
    [("/runs?x=1", "/runs?x=1"), ("//evil.example", "/"), ("https://evil.example/", "/")]
    + [("/\\evil.example", "/"), ("javascript:alert(1)", "/"), ("", "/"), ("/\tevil", "/")],
)
def test_the_login_leads_to_this_site_only(app, there, reached):
    client = app.test_client()

    assert _post(client, "/login", name="vera", password=GOOD, next=there).location == reached


def test_a_login_leaves_nothing_of_the_cookie_before_it(app):
    client = app.test_client()
    client.get("/login")
    before = client.get_cookie("headwater_session")
    _post(client, "/login", name="vera", password=GOOD)
    after = client.get_cookie("headwater_session")

    assert before
    assert after
    assert before.value != after.value
    assert (after.http_only, after.same_site) == (True, "Lax")


def test_after_the_logout_the_old_cookie_is_worth_nothing(app):
    client = _logged_in(app, "vera")
    cookie = client.get_cookie("headwater_session")
    assert cookie
    assert _post(client, "/logout").status_code == 303
    client.set_cookie("headwater_session", cookie.value)

    assert client.get("/").status_code == 302


def test_ending_the_session_of_another_browser_logs_that_out(app):
    there = _logged_in(app, "vera")
    newest = max(int(n) for n in re.findall(r"/account/sessions/(\d+)/end", there.get("/account").text))
    here = _logged_in(app, "vera")

    assert _post(here, f"/account/sessions/{newest}/end").status_code == 303
    assert there.get("/").status_code == 302
    assert here.get("/").status_code == 200


def test_a_session_or_token_of_somebody_else_cannot_be_ended(app, clients):
    vera, rita = _logged_in(app, "vera"), clients["rita"]
    _post(rita, "/account/tokens", name="report", role="viewer", days="7")
    session = re.search(r"/account/sessions/(\d+)/end", rita.get("/account").text)
    token = re.search(r"/account/tokens/(\d+)/revoke", rita.get("/account").text)
    assert session
    assert token
    assert _post(vera, f"/account/sessions/{session[1]}/end").status_code == 404
    assert _post(vera, f"/account/tokens/{token[1]}/revoke").status_code == 404
    assert rita.get("/account").status_code == 200


def test_a_new_password_needs_the_old_one(app):
    client = _logged_in(app, "nora")
    wrong = _post(client, "/account/password", old="not it at all", new="eight other kettles")
    assert wrong.status_code == 403
    assert "password is not right" in wrong.text
    assert _post(client, "/account/password", old=GOOD, new="short").status_code == 409
    assert _post(client, "/account/password", old=GOOD, new="eight other kettles").status_code == 303
    assert client.get("/").status_code == 302
    again = app.test_client()
    assert _post(again, "/login", name="nora", password="eight other kettles").status_code == 303
    assert _post(again, "/account/password", old="eight other kettles", new=GOOD).status_code == 303


def test_a_token_is_shown_once(clients):
    made = _post(clients["rita"], "/account/tokens", name="nightly", role="runner", days="30", repo="open")
    token = re.search(r"hw_[\w-]{40,}", made.text)

    assert made.status_code == 201
    assert token
    assert token[0] not in clients["rita"].get("/account").text
    assert "nightly" in clients["rita"].get("/account").text


def test_a_form_from_elsewhere_is_refused(clients):
    for path in ("/login", "/logout", "/setup", "/account/tokens", "/accounts", "/runs"):
        assert clients["ada"].post(path, data={"name": "x"}).status_code == 400


def test_the_first_administrator_needs_the_code_and_is_made_once(tmp_path):
    settings = replace(settings_in(tmp_path / "home"), auth="accounts")
    database = empty_catalog(settings.database_url)
    app, code = create_app(settings, database), setup_code(settings)
    client = app.test_client()
    assert client.get("/setup").status_code == 403
    assert client.get("/setup?code=0123").status_code == 403
    assert "no account yet" in client.get("/login").text
    page = client.get(f"/setup?code={code}")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token
    form = {"csrf_token": token[1], "code": code, "name": "ada", "password": GOOD}
    weak = client.post("/setup", data={**form, "password": "short"})
    assert weak.status_code == 409
    assert client.post("/setup", data={**form, "code": "x"}).status_code == 403
    assert client.post("/setup", data=form).status_code == 303
    assert client.get("/accounts").status_code == 200
    assert client.get(f"/setup?code={code}").status_code == 404
    with database.read() as session:
        assert get_account(session, "ada").grants[0].role == "administrator"
    database.dispose()


def test_without_accounts_there_is_nothing_to_log_in_to(settings):
    database = Database(settings.database_url)
    client = create_app(replace(settings, auth="single"), database).test_client()
    for path in ("/account", "/accounts", "/setup"):
        assert client.get(path).status_code == 404
    assert client.get("/login").location == "/"
    assert 'href="/account' not in client.get("/").text
    database.dispose()


def test_failed_logins_count_for_who_tries_and_not_for_the_server_between(settings):
    database = Database(settings.database_url)
    client = create_app(replace(settings, proxies=1), database).test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").text)
    assert token
    form = {"csrf_token": token[1], "name": "rita", "password": "none of hers"}

    def attempt(address: str, **more: str) -> int:
        headers = {"X-Forwarded-For": f"10.9.9.9, {address}"}
        return client.post("/login", data={**form, **more}, headers=headers).status_code

    assert [attempt("10.0.0.7") for _ in range(11)] == [403] * 10 + [429]
    assert attempt("10.0.0.8", password=GOOD) == 303
    database.dispose()


def test_the_cookie_travels_encrypted_only_where_readers_come_by_https(settings):
    https = replace(settings, url="https://features.example.org")
    database = Database(settings.database_url)
    client = create_app(https, database).test_client()
    answer = client.get("/login", base_url="https://features.example.org")
    database.dispose()

    assert answer.status_code == 200
    assert "Secure" in answer.headers["Set-Cookie"]


def _token(client: FlaskClient, role: str, **more: str) -> dict[str, str]:
    made = _post(client, "/account/tokens", name="a program", role=role, days="7", **more)
    token = re.search(r"hw_[\w-]{40,}", made.text)
    assert token
    return {"Authorization": f"Bearer {token[0]}"}


_API = (
    *("/api/v1/repositories/{0}", "/api/v1/features?repo={0}", "/api/v1/features/{0}/{0}:{0}_sales"),
    *("/api/v1/dataflows/{0}", "/api/v1/commits/{0}", "/api/v1/repositories/{0}/refs"),
)


@pytest.mark.parametrize("path", _API)
def test_a_token_finds_by_the_api_what_its_account_may_see_and_no_more(app, clients, path):
    program, hers = app.test_client(), _token(clients["vera"], "viewer")
    everything = _token(clients["ada"], "viewer")
    narrowed = _token(clients["ada"], "viewer", repo="open")

    assert program.get(path.format("open")).status_code == 401
    assert program.get(path.format("open"), headers={"Authorization": "Bearer hw_x"}).status_code == 401
    assert program.get(path.format("open"), headers={"Authorization": "Basic eDp5"}).status_code == 401
    for headers, repository, status in (
        *((hers, "open", 200), (hers, "cellar", 404), (everything, "cellar", 200)),
        *((narrowed, "open", 200), (narrowed, "cellar", 404)),
    ):
        answer = program.get(path.format(repository), headers=headers)
        assert answer.status_code == status, answer.text
        assert "cellar_sales" not in answer.text or repository == "cellar"


def test_lists_of_the_api_hold_nothing_of_what_is_hidden(app, clients):
    program, hers = app.test_client(), _token(clients["vera"], "viewer")
    for path in ("repositories", "features", "features?q=sales&facets=true", "runs", "search/quick?q=sales"):
        assert "cellar" not in program.get(f"/api/v1/{path}", headers=hers).text
    everything = _token(clients["ada"], "viewer")
    assert "cellar" in program.get("/api/v1/repositories", headers=everything).text


def test_a_token_executes_features_only_where_it_lends_that(app, clients):
    program = app.test_client()
    body = {"repository": "open", "outputs": ["open:open_sales"], "dataflow": "open"}
    for headers, status in (
        *((_token(clients["rita"], "runner"), 202), (_token(clients["rita"], "viewer"), 403)),
        *((_token(clients["vera"], "runner"), 403), ({}, 401)),
    ):
        answer = program.post("/api/v1/runs", json=body, headers=headers)
        assert answer.status_code == status, answer.text
    hidden = {**body, "repository": "cellar"}
    assert (
        program.post("/api/v1/runs", json=hidden, headers=_token(clients["rita"], "runner")).status_code
        == 404
    )


def test_a_token_opens_no_pages_and_manages_no_accounts(app, clients):
    program, headers = app.test_client(), _token(clients["ada"], "administrator")

    assert program.get("/accounts", headers=headers).status_code == 302
    assert program.get("/", headers=headers).status_code == 302


def test_another_site_cannot_make_a_browser_use_the_api(clients):
    body = {"repository": "open", "outputs": ["open:open_sales"], "dataflow": "open"}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert clients["rita"].post("/api/v1/runs", json=body, headers=headers).status_code == 403
    plain = clients["rita"].post("/api/v1/runs", data='{"repository": "open"}', content_type="text/plain")
    assert plain.status_code == 415
