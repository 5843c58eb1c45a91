"""The pages and the API of erasure: from a plan to its record, and who may."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from headwater_catalog.accounts import Role
from headwater_catalog.accounts.people import create_account, get_account, set_role
from headwater_catalog.repositories import add_repository, get_repository, remove_repository
from headwater_catalog.scan import scan
from headwater_catalog.worker import Worker
from headwater_web.app import create_app
from support.empty_catalog import empty_catalog
from support.erasing import write_people
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog

pytestmark = pytest.mark.runs

ROLES = {
    "ada": (Role.ADMINISTRATOR, None),
    "sten": (Role.STEWARD, "shop"),
    "adam": (Role.ADMINISTRATOR, "shop"),
    "rita": (Role.RUNNER, "shop"),
    "otto": (Role.STEWARD, "export"),
}
GOOD = "seven quiet lanterns"


class Site:
    """A catalog of two repositories with accounts, of which the second draws from the first."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.app = create_app(replace(catalog.settings, auth="accounts"), catalog.database)
        self.clients: dict[str, FlaskClient] = {}

    def by(self, name: str) -> FlaskClient:
        if name not in self.clients:
            client = self.app.test_client()
            token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").text)
            assert token
            form = {"csrf_token": token[1], "name": name, "password": GOOD}
            assert client.post("/login", data=form).status_code == 303
            self.clients[name] = client
        return self.clients[name]

    def post(self, name: str, path: str, **form: object):
        client = self.by(name)
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/account").text)
        assert token
        return client.post(path, data={"csrf_token": token[1], **form})

    def work(self) -> None:
        Worker(self.catalog.database, self.catalog.settings).run(once=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("erasure")
    url = f"sqlite:///{folder / 'headwater.db'}"
    empty_catalog(url).dispose()
    repo, other = GitRepo(folder / "repo"), GitRepo(folder / "export")
    write_people(repo)
    catalog = make_catalog(url, repo, folder / "home")
    other.write("m.py", "def mails(domain: str) -> str:\n    return domain\n")
    declared = '[dataflows.flow.sources]\ndomain = { feature = "shop:features.people:domain" }\n'
    other.write("headwater.toml", f'[dataflows.flow]\nmodules = ["m"]\n{declared}')
    other.commit("Draw")
    with catalog.database.write() as session:
        add_repository(session, "export", str(other.path), 0)
    scan(catalog.database, catalog.settings, "export")
    assert catalog.run("domain", "bucket", save="csv").job.state == "succeeded"
    with catalog.database.write() as session:
        for name, (role, where) in ROLES.items():
            account = create_account(session, name, GOOD, ("x", ""), 0)
            set_role(session, account, role, get_repository(session, where) if where else None, ("x", ""), 0)
    yield Site(catalog)
    catalog.database.dispose()


def _text(html: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", html).split())


@pytest.fixture(scope="module")
def planned(site) -> int:
    """Give the number of an erasure that a steward has asked for."""
    answer = site.post("sten", "/erasure", repo="shop", column="email\n", reference="DSR-17")
    assert answer.status_code == 303
    assert "The plan is being made" in site.by("sten").get(answer.location).text
    site.work()
    return int(answer.location.rpartition("/")[2])


def test_what_is_asked_wrongly_is_told_beside_the_form(site):
    answer = site.post("sten", "/erasure", repo="shop", column="emial", reference="DSR-17")

    assert answer.status_code == 404
    assert "never had an input or a feature &#39;emial&#39;" in answer.text
    assert 'value="DSR-17"' in answer.text
    assert site.post("sten", "/erasure", repo="shop", column="email", reference="a@b").status_code == 409
    assert site.post("sten", "/erasure", repo="export", column="domain", reference="D").status_code == 404


def test_the_page_tells_what_there_is_and_every_number_opens_its_list(site, planned):
    page = site.by("ada").get(f"/erasure/{planned}").text

    assert "people@1" in page
    assert "held back by the barrier features.people:bucket" in page
    links = re.findall(rf'<td class="num"><a href="(/erasure/{planned}\?[^"]+)">([0-9,]+)</a>', page)
    assert links
    for href, count in links:
        found = site.by("ada").get(href.replace("&amp;", "&").replace("?", ".json?")).json["items"]
        assert len(found) == int(count), href
    assert "item,repository,kind" in site.by("ada").get(f"/erasure/{planned}.csv").text
    assert site.by("sten").get("/erasure.json").json["items"][0]["reference"] == "DSR-17"


def test_who_may_see_it_sees_only_what_is_theirs(site, planned):
    """The plan reaches a repository that the steward of the first may not see."""
    mine = site.by("sten").get(f"/erasure/{planned}").text
    assert "m:mails" not in mine
    assert "export" not in mine
    assert "Some of it is in repositories that you may not see." in mine
    assert "m:mails" in site.by("ada").get(f"/erasure/{planned}").text
    for path in (f"/erasure/{planned}", f"/erasure/{planned}.json", f"/api/v1/erasures/{planned}"):
        assert [site.by(name).get(path).status_code for name in ("sten", "rita", "otto")] == [200, 403, 404]
    assert site.by("rita").get("/erasure").status_code == 403
    assert site.by("otto").get("/erasure.json").json["items"] == []
    assert site.by("rita").get("/api/v1/erasures").json["items"] == []
    assert "/erasure" in site.by("sten").get("/governance").text
    assert 'href="/erasure' not in site.by("rita").get("/governance").text


def test_only_who_administers_all_of_it_has_it_erased(site, planned):
    for name in ("sten", "adam", "rita"):
        assert site.post(name, f"/erasure/{planned}/erase", sure="yes").status_code == 403, name
        sent = site.by(name).post(f"/api/v1/erasures/{planned}/erase", json={})
        assert sent.status_code == 403, name
    for name in ("sten", "adam"):
        assert site.post(name, f"/erasure/{planned}/close").status_code == 403
        assert site.by(name).get(f"/erasure/{planned}/record").status_code == 403
        marks = {"kind": "file", "state": "kept", "note": "so"}
        assert site.by(name).post(f"/api/v1/erasures/{planned}/marks", json=marks).status_code == 403
    assert site.post("otto", f"/erasure/{planned}/withdraw").status_code == 404
    assert site.post("ada", f"/erasure/{planned}/erase").status_code == 409  # nobody is sure


def test_from_the_plan_to_the_record(site, planned):
    assert site.post("ada", f"/erasure/{planned}/erase", sure="yes", unknown="yes").status_code == 303
    job = site.by("ada").get(f"/api/v1/erasures/{planned}").json["job"]
    assert site.post("rita", f"/jobs/{job}/cancel").status_code == 403
    assert site.by("ada").get(f"/erasure/{planned}").text.count("It is being erased") == 1
    site.work()

    told = _text(site.by("ada").get("/datasets/shop/people").text)
    assert "Its file was erased on" in told and f"by erasure {planned} (DSR-17)" in told
    assert "was erased on" in site.by("ada").get("/runs/1/file").text
    assert "by erasure" in _text(site.by("ada").get("/runs/1").text)
    assert "one.example" not in site.by("ada").get("/runs/1").text
    assert site.post("ada", f"/erasure/{planned}/close").status_code == 409
    assert site.post("ada", f"/erasure/{planned}/mark", state="kept", note="x").status_code == 409
    kept = site.post("ada", f"/erasure/{planned}/mark", all="yes", state="kept", note="until 2027")
    assert kept.status_code == 303
    assert site.post("ada", f"/erasure/{planned}/close").status_code == 303

    record = site.by("ada").get(f"/erasure/{planned}/record").json
    assert record["is_final"] and record["state"] == "closed"
    assert {item["state"] for item in record["items"]} == {"done", "kept"}
    assert record == site.by("ada").get(f"/api/v1/erasures/{planned}/record").json
    assert "one.example" not in json.dumps(record)
    again = site.by("ada").post(f"/api/v1/erasures/{planned}/close", json={})
    assert again.status_code == 409


def test_a_run_that_is_asked_for_later_is_told_on_its_page(site, planned):
    number, _ = site.catalog.request("domain")

    assert f"It computes from columns of erasure {planned}" in site.by("ada").get(f"/runs/{number}").text
    assert site.by("ada").get(f"/api/v1/runs/{number}").json["erasures"] == [planned]


def test_the_api_pages_through_items_and_gives_up_a_plan(site):
    asked = {"repository": "shop", "columns": ["spend"], "reference": "DSR-18"}
    made = site.by("sten").post("/api/v1/erasures", json=asked)
    assert made.status_code == 202
    number = made.json["erasure"]
    assert made.headers["Location"] == f"/api/v1/erasures/{number}"
    site.work()
    path, seen = f"/api/v1/erasures/{number}/items?limit=1", []
    while True:
        page = site.by("ada").get(path).json
        seen += [item["item"] for item in page["items"]]
        if page["next"] is None:
            break
        path = f"/api/v1/erasures/{number}/items?limit=1&cursor={page['next']}"
    assert (
        len(seen)
        == len(set(seen))
        == sum(each["count"] for each in site.by("ada").get(f"/api/v1/erasures/{number}").json["counts"])
    )
    assert site.by("ada").post(f"/api/v1/erasures/{number}/withdraw", json={}).json["state"] == "withdrawn"


def test_a_repository_that_came_to_draw_from_it_later_is_left_to_its_own_administrators(site, tmp_path):
    """What is in repositories beyond the plan is added, and stays until who administers these has it erased."""
    number = _asked_for(site)
    _draw(site, tmp_path, "later")
    given = {"repository": "later", "outputs": ["theirs"], "inputs": {"domain": {"value": "one.example"}}}
    assert site.by("ada").post("/api/v1/runs", json=given).status_code == 202
    site.work()
    with site.catalog.database.write() as session:
        for name, role in (("adam", Role.ADMINISTRATOR), ("sten", Role.STEWARD)):
            account = get_account(session, name)
            set_role(session, account, role, get_repository(session, "export"), ("x", ""), 0)

    assert site.by("adam").post(f"/api/v1/erasures/{number}/erase", json={}).status_code == 202
    site.work()

    assert _states(site, number, "later") == {"open"}
    assert site.by("ada").get(f"/api/v1/erasures/{number}").json["state"] == "erased"
    assert site.by("adam").post(f"/api/v1/erasures/{number}/erase", json={}).status_code == 403
    assert site.by("adam").post(f"/api/v1/erasures/{number}/close", json={}).status_code == 403
    assert "Some of it is in repositories that you may not see." in site.by("sten").get(
        f"/erasure/{number}"
    ).text.replace("\n", " ")
    also = {"also": ["unknown"]}
    assert site.by("ada").post(f"/api/v1/erasures/{number}/erase", json=also).status_code == 202
    site.work()
    assert _states(site, number, "later") == {"done"}


def test_what_is_of_a_repository_that_is_gone_holds_nobody_up(site, tmp_path):
    _draw(site, tmp_path, "passing")
    number = _asked_for(site)
    asked = f"/api/v1/erasures/{number}"
    assert "passing" in site.by("ada").get(asked).json["counts_as"]
    assert site.by("sten").get(asked).json["not_looked_at"]
    with site.catalog.database.write() as session:
        remove_repository(session, site.catalog.settings, get_repository(session, "passing"))

    assert "passing" not in site.by("ada").get(asked).json["counts_as"]
    assert site.by("ada").get(asked).json["not_looked_at"] == []
    assert site.by("ada").post(f"{asked}/withdraw", json={}).status_code == 200


def test_a_plan_that_was_never_made_can_be_given_up_on_its_page(site):
    asked = site.post("sten", "/erasure", repo="shop", column="email", reference="DSR-19")
    number = int(asked.location.rpartition("/")[2])
    job = site.by("sten").get(f"/api/v1/erasures/{number}").json["job"]
    assert site.post("ada", f"/jobs/{job}/cancel").status_code == 303

    page = site.by("sten").get(asked.location).text

    assert "It was left before its end." in page
    assert f'action="/erasure/{number}/withdraw"' in page
    assert site.post("sten", f"/erasure/{number}/withdraw").status_code == 303
    assert f"/erasure/{number}/withdraw" not in site.by("sten").get(asked.location).text


def _asked_for(site: Site) -> int:
    """Return the number of a new erasure of which the plan is made."""
    asked = {"repository": "shop", "columns": ["email"], "reference": "DSR-18"}
    number = site.by("sten").post("/api/v1/erasures", json=asked).json["erasure"]
    site.work()
    return int(number)


def _draw(site: Site, folder: Path, name: str) -> None:
    """Add a repository that draws from the shop."""
    repo = GitRepo(folder / name)
    repo.write("m.py", "def theirs(domain: str) -> str:\n    return domain\n")
    declared = '[dataflows.flow.sources]\ndomain = { feature = "shop:features.people:domain" }\n'
    repo.write("headwater.toml", f'[dataflows.flow]\nmodules = ["m"]\n{declared}')
    repo.commit("Draw")
    with site.catalog.database.write() as session:
        add_repository(session, name, str(repo.path), 0)
    scan(site.catalog.database, site.catalog.settings, name)


def _states(site: Site, number: int, repository: str) -> set[str]:
    items = site.by("ada").get(f"/api/v1/erasures/{number}/items?limit=500").json["items"]
    return {each["state"] for each in items if each["repository"] == repository}
