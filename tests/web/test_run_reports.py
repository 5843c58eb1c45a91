"""Runs made elsewhere: reported by the adapters to a server, with a token, and shown as claims."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from headwater.errors import InvalidInput
from headwater.reporting import catalog_reporter
from headwater.reporting.collecting import described
from headwater_catalog.accounts import Role
from headwater_catalog.accounts.keys import create_token
from headwater_catalog.accounts.people import create_account, get_account, set_role
from headwater_catalog.repositories import add_repository, get_repository
from headwater_catalog.scan import scan
from headwater_catalog.store.database import Database
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.git_repo import GitRepo
from support.managed_demo import logged_in
from support.peer import find_peer
from support.served import served

pytestmark = pytest.mark.runs

_ENGINE = Path(__file__).parents[2] / "engine"
_SPEND = """\
import pandas as pd
from hamilton.function_modifiers import check_output


@check_output(range=(0, 15), importance="warn")
def spend_per_signup(spend: pd.Series, signups: pd.Series) -> pd.Series:
    return spend / signups


def broken(factor: int) -> float:
    return factor / 0
"""
_SCRIPT = """\
import sys
import pandas as pd
import spend
{imports}

reporter = {maker}(sys.argv[1], "shop", token=sys.argv[2], dataflow="weekly", config={{"region": "UK"}})
driver = {driver}
inputs = {{"spend": pd.Series([10.0, 40.0]), "signups": pd.Series([1, 2]), "factor": 3}}
try:
    print(driver.execute([sys.argv[3]], inputs=inputs))
except ZeroDivisionError:
    print("failed")
"""
_HEADWATER = _SCRIPT.format(
    imports="from headwater import Driver\nfrom headwater.reporting import catalog_reporter",
    maker="catalog_reporter",
    driver='Driver({"region": "UK"}, spend, adapter=reporter)',
)
_HAMILTON = _SCRIPT.format(
    imports="from hamilton import driver as hd\nfrom headwater.reporting import hamilton_reporter",
    maker="hamilton_reporter",
    driver='hd.Builder().with_config({"region": "UK"}).with_modules(spend).with_adapters(reporter).build()',
)


class Site:
    """A served catalog with the repository `shop`, an account that may run there, and its token."""

    def __init__(self, url: str, token: str, client: FlaskClient, checkout: GitRepo) -> None:
        self.url = url
        self.token = token
        self.client = client
        self.checkout = checkout

    def script(
        self, text: str, output: str, python: str = sys.executable
    ) -> subprocess.CompletedProcess[str]:
        """Run a script in the checkout."""
        file = self.checkout.path.parent / "script.py"
        file.write_text(text)
        environment = {
            **os.environ,
            "PYTHONPATH": f"{_ENGINE}{os.pathsep}{self.checkout.path}",
            "HAMILTON_TELEMETRY_ENABLED": "false",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.run(
            [python, str(file), self.url, self.token, output],
            cwd=self.checkout.path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
        )

    def runs(self) -> list[dict]:
        return self.client.get("/api/v1/runs").json["items"]

    def run(self, number: int) -> dict:
        return self.client.get(f"/api/v1/runs/{number}").json


@pytest.fixture
def site(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Site]:
    git_repo.commit("Begin", files={"spend.py": _SPEND})
    settings = replace(settings_in(tmp_path / "home", catalog_url), auth="accounts")
    database = Database(catalog_url)
    with database.write() as session:
        shop = add_repository(session, "shop", str(git_repo.path), 0)
        account = create_account(session, "rita", "seven quiet lanterns", ("ada", ""), 0)
        set_role(session, account, Role.RUNNER, shop, ("ada", ""), 0)
        token = create_token(
            session, account.id, "script", Role.RUNNER, None, 7, ("rita", ""), int(time.time())
        )
    scan(database, settings, "shop")
    app = create_app(settings, database)
    with served(app) as url:
        yield Site(url, token, logged_in(app, "rita"), git_repo)
    database.dispose()


def told_in_full(site: Site, script: str, framework: str, python: str) -> None:
    """Hold a report of a run of the table against what was run."""
    done = site.script(script, "spend_per_signup", python)
    assert done.returncode == 0, done.stderr
    assert "20.0" in done.stdout
    (row,) = site.runs()
    run = site.run(row["id"])

    assert (run["reported"], run["state"], run["requested_by"]) == (True, "succeeded", "rita")
    assert run["commit"] == site.checkout.git("rev-parse", "HEAD")
    assert run["config"] == {"region": "UK"}
    assert run["inputs"]["factor"] == {"value": 3}
    assert run["inputs"]["spend"]["summary"] == "Series 2"
    assert run["inputs"]["spend"]["fingerprint"]
    assert "spend_per_signup" in {node["name"] for node in run["nodes"]}
    assert [(check["node"], check["passed"]) for check in run["checks"]] == [("spend_per_signup", False)]
    assert run["origin"]["framework"] == framework
    graph = {node["name"]: node for node in run["origin"]["graph"]}
    assert graph["spend"]["is_input"] and graph["broken"]["needs"] == ["factor"]
    assert run["environment"]["packages"]["pandas"]
    assert {node["name"]: node["summary"] for node in run["nodes"]}["spend_per_signup"] == "Series 2"
    page = site.client.get(f"/runs/{row['id']}").text
    assert "everything on this page is their claim" in page
    assert f"Made elsewhere, by {framework}, and reported by rita." in page
    assert "Signed manifest" not in page
    assert "reported" in site.client.get("/runs").text
    assert site.client.get(f"/api/v1/runs/{row['id']}/manifest").status_code == 409


def failure_is_told(site: Site, script: str, python: str) -> None:
    """Hold a report of a run that failed, in a tree with changes, against what was run."""
    source = site.checkout.path / "spend.py"
    source.write_text(source.read_text() + "\n\ndef added(factor: int) -> int:\n    return factor\n")
    site.checkout.write("notes.txt", "scratch")
    done = site.script(script, "broken", python)
    assert (done.returncode, done.stdout.strip()) == (0, "failed"), done.stderr
    (row,) = site.runs()
    run = site.run(row["id"])

    assert run["state"] == "failed"
    assert (run["failure"]["node"], run["failure"]["error"]) == ("broken", "ZeroDivisionError")
    assert "+def added(factor: int) -> int:" in run["origin"]["patch"]
    assert run["origin"]["unknown_files"] == ["notes.txt"]
    page = site.client.get(f"/runs/{row['id']}").text
    assert "The working tree had changes beside the commit" in page
    assert "+def added(factor: int)" in page


@pytest.mark.runs(databases=True)
def test_a_script_on_our_driver_reports_its_run(site: Site):
    text = f"from headwater import compat\ncompat.activate()\n{_HEADWATER}"
    told_in_full(site, text, "headwater", sys.executable)


def test_a_run_that_failed_is_reported_with_the_changes_of_its_tree(site: Site):
    failure_is_told(site, f"from headwater import compat\ncompat.activate()\n{_HEADWATER}", sys.executable)


@pytest.mark.slow
def test_the_real_hamilton_reports_its_run(site: Site):
    told_in_full(site, _HAMILTON, "hamilton", str(find_peer()))


@pytest.mark.slow
def test_a_run_of_the_real_hamilton_that_failed_is_reported(site: Site):
    failure_is_told(site, _HAMILTON, str(find_peer()))


def test_a_commit_that_was_not_pushed_is_told_and_the_run_goes_on(site: Site):
    site.checkout.commit("Not scanned", files={"other.py": "x = 1\n"})
    text = f"from headwater import compat\ncompat.activate()\n{_HEADWATER}"
    done = site.script(text, "spend_per_signup")

    assert done.returncode == 0
    assert "Push the commit that was run" in done.stderr
    assert site.runs() == []


def test_a_token_that_is_none_stops_no_run(site: Site):
    site.token = "wrong"
    text = f"from headwater import compat\ncompat.activate()\n{_HEADWATER}"
    done = site.script(text, "spend_per_signup")

    assert done.returncode == 0
    assert "does not take the run" in done.stderr
    assert "wrong" not in done.stderr
    assert site.runs() == []


def report(**changes) -> dict:
    told = {
        **{"repository": "shop", "commit": "main", "dataflow": "weekly", "outputs": ["spend_per_signup"]},
        **{"config": {}, "inputs": {}, "nodes": [], "checks": [], "graph": [], "environment": {}},
        **{"origin": {"framework": "hamilton"}, "succeeded": True, "failure": None},
        **{"started_at": 10, "finished_at": 20},
    }
    return {**told, **changes}


@pytest.mark.parametrize(
    ("changes", "status", "why"),
    [
        ({"finished_at": 5}, 409, "before it began"),
        ({"succeeded": False}, 409, "one that failed has one"),
        ({"failure": {"node": None, "error": "E", "message": ""}}, 409, "has no failure"),
        ({"commit": "nowhere"}, 404, "Push the commit"),
        ({"repository": "cellar"}, 404, "cellar"),
        ({"started_at": "now"}, 422, "whole number"),
        ({"nodes": [{"name": "a", "seconds": -1, "summary": ""}]}, 422, "seconds"),
        ({"surprise": 1}, 422, "surprise"),
        # What held a run is measured, and nobody's claim.
        (
            {"environment": {"isolation": [{"name": "files", "held": True, "detail": "All."}]}},
            422,
            "isolation",
        ),
        ({"environment": {"built_from": "requirements.txt"}}, 422, "built_from"),
        ({"environment": {"packages": ["pandas"]}}, 422, "packages"),
        ({"environment": {"packages": {"pandas": [2]}}}, 422, "packages"),
        ({"environment": {"python": {"a": 1}}}, 422, "python"),
    ],
)
def test_a_report_that_cannot_be_is_refused_with_the_reason(site: Site, changes, status: int, why: str):
    headers = {"Authorization": f"Bearer {site.token}"}
    sent = site.client.post("/api/v1/runs/report", json=report(**changes), headers=headers)

    assert sent.status_code == status
    assert why in sent.text
    assert site.runs() == []


_CLASSIFIED = """\
from headwater import external_input, tag


@tag(pii="true")
@external_input()
def email() -> str:
    "An address."


def domain(email: str) -> str:
    return email.partition("@")[2]
"""


def test_what_a_report_tells_of_personal_data_is_for_stewards(site: Site):
    site.checkout.commit("Classify", files={"crm.py": _CLASSIFIED})
    catalog = site.client.application.extensions["headwater"]
    scan(catalog.database, catalog.settings, "shop")
    secret = "zed@example.org"
    body = report(
        inputs={"email": {"value": secret}, "email (override)": {"value": secret}},
        config={"unheard_of": secret},
        nodes=[{"name": "domain", "seconds": 1, "summary": f"str '{secret}'"}],
        checks=[{"node": "domain", "validator": "v", "passed": False, "message": secret}],
        outputs=["domain"],
        succeeded=False,
        failure={"node": secret, "error": f"{secret}Error", "message": secret},
    )
    headers = {"Authorization": f"Bearer {site.token}"}
    sent = site.client.post("/api/v1/runs/report", json=body, headers=headers)
    number = sent.json["id"]

    assert sent.status_code == 201 and secret not in sent.text
    paths = (
        f"/runs/{number}",
        f"/api/v1/runs/{number}",
        "/runs",
        "/runs.csv",
        "/jobs",
        "/jobs.json",
        "/api/v1/runs",
    )
    for path in paths:
        assert secret not in site.client.get(path).text, path
    with catalog.database.write() as session:
        set_role(
            session,
            get_account(session, "rita"),
            Role.STEWARD,
            get_repository(session, "shop"),
            ("ada", ""),
            0,
        )
    assert secret in site.client.get(f"/runs/{number}").text


def test_what_came_out_is_reported_by_type_and_shape_alone():
    assert described("zed@example.org") == "str"
    assert described(20.5) == "float"
    assert described([1, 2]) == "list of 2"


def test_what_a_report_says_cannot_steer_the_page(site: Site):
    evil = "<script>alert(1)</script>"
    body = report(
        origin={"framework": evil, "patch": evil, "branch": evil, "is_patch_whole": True},
        dataflow=evil,
        nodes=[{"name": evil, "seconds": 1.5, "summary": evil}],
        config={evil: evil},
        outputs=["nul \0", "half \ud800"],
    )
    headers = {"Authorization": f"Bearer {site.token}"}
    number = site.client.post("/api/v1/runs/report", json=body, headers=headers).json["id"]

    for path in (f"/runs/{number}", "/runs", "/", "/jobs"):
        answer = site.client.get(path)
        assert answer.status_code == 200
        assert evil not in answer.text
    assert [event["kind"] for event in _events(site)].count("run reported") == 1


def _events(site: Site) -> list[dict]:
    catalog = site.client.application.extensions["headwater"]
    from headwater_catalog.accounts.events import list_events

    with catalog.database.read() as session:
        return [{"kind": event.kind} for event in list_events(session)]


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "127.0.0.1:8000", "http://", "https://x.example?a=1", "http://x.example"]
)
def test_an_address_that_cannot_be_used_is_refused_at_once(url: str):
    with pytest.raises(InvalidInput):
        catalog_reporter(url, "shop", token="t")


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """Give a server that leads away, and what it was asked."""
    asked: list[str] = []

    class Leads(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(307)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/stolen")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Leads)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_token_is_never_led_elsewhere(elsewhere: tuple[str, list[str]], tmp_path: Path, caplog):
    from headwater import Driver
    from headwater.ad_hoc import create_temporary_module

    url, asked = elsewhere

    def one() -> int:
        return 1

    reporter = catalog_reporter(url, "shop", token="secret", folder=tmp_path)
    found = Driver({}, create_temporary_module(one, module_name="one_only"), adapter=reporter).execute(
        ["one"]
    )

    assert found["one"].tolist() == [1]
    assert asked == ["/api/v1/runs/report"]
    assert reporter.answer is None
    assert "does not take the run" in caplog.text
