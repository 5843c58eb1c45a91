"""The home page: its figures lead to lists of as many, whoever looks."""

import re
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from headwater_catalog.jobs import State
from headwater_catalog.moments import moment_at
from headwater_catalog.repositories import add_repository, get_repository
from headwater_catalog.runs import request_run
from headwater_catalog.scan import scan
from headwater_catalog.scan_requests import request_scan
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Job
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.git_repo import GitRepo
from support.queries import counted_queries


class Home:
    """A catalog that grows, and its home page."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.settings, self.database = folder, settings_in(folder / "home", url), Database(url)
        self.client: FlaskClient = create_app(self.settings, self.database).test_client()

    def add(self, name: str, *, scanned: bool = True, **files: str) -> None:
        repository = GitRepo(self.folder / name)
        flow = f"[tool.headwater.dataflows.{name}]\nmodules = {sorted(files)}\n"
        repository.commit(
            f"Begin {name}", files={"pyproject.toml": flow, **{f"{k}.py": v for k, v in files.items()}}
        )
        with self.database.write() as session:
            add_repository(session, name, str(repository.path), 0)
        if scanned:
            scan(self.database, self.settings, name)

    def job(self, name: str, state: str, ago: int = 0) -> None:
        with self.database.write() as session:
            request_scan(session, get_repository(session, name), "maya", int(time.time()) - ago)
            job = session.scalars(select(Job).order_by(Job.id.desc())).first()
            assert job is not None
            job.state, job.finished_at = state, int(time.time()) - ago
            job.error = "It does not answer." if state == State.FAILED else None

    def run(self, name: str, state: str, ago: int) -> None:
        with self.database.write() as session:
            repository = get_repository(session, name)
            commit = moment_at(session, self.settings, repository).commit
            now = int(time.time()) - ago
            run = request_run(
                session, self.settings, repository, commit, name, ["b"], {}, {}, None, "maya", now
            )
            session.execute(update(Job).where(Job.id == run.job_id).values(state=state))

    @property
    def page(self) -> str:
        return unescape(self.client.get("/").text)

    @property
    def needs(self) -> list[tuple[str, int, str]]:
        found = re.findall(
            r'<li><a class="chip[^"]*" href="([^"]*)">([\d,]+)</a> <span>([^<]*)</span>', self.page
        )
        return [(href, int(count), what) for href, count, what in found]


@pytest.fixture
def home(tmp_path: Path, catalog_url: str) -> Iterator[Home]:
    home = Home(tmp_path, catalog_url)
    yield home
    home.database.dispose()


_OWNED = (
    'from headwater import tag\n\n\n@tag(owner="growth")\ndef a(x: int) -> int:\n    """A."""\n    return x\n'
)
_BARE = "def b(x: int) -> int:\n    return x\n\n\ndef c(b: int) -> int:\n    return b\n"


def test_an_empty_catalog_says_how_to_begin(home: Home):
    assert "Your catalog is empty" in home.page
    assert "headwater repo add" in home.page


def test_a_repository_that_was_never_scanned_is_told(home: Home):
    home.add("shop", scanned=False)

    assert home.needs == [("/repos?only=never", 1, "repository never scanned")]
    assert "Not scanned yet" in home.page


def test_what_is_all_right_needs_nobody(home: Home):
    home.add("shop", features=_OWNED)

    assert home.needs == []
    assert "Nothing: all is read, owned and described." in home.page
    assert '<dt>feature</dt><dd><a href="/search">1</a>' in home.page


def test_each_number_leads_to_a_list_of_as_many(home: Home):
    home.add("shop", features=_OWNED)
    home.add("farm", features=_BARE, broken="def (:\n")
    home.add("mill", features=_BARE, broken="def (:\n")
    home.add("port", scanned=False)
    home.job("shop", State.FAILED)
    home.job("farm", State.QUEUED, ago=1000)
    home.run("farm", State.FAILED, ago=60)
    home.run("farm", State.FAILED, ago=60 * 86_400)
    home.run("farm", State.SUCCEEDED, ago=60)

    told = {what: (href, count) for href, count, what in home.needs}
    assert {what: count for what, (_, count) in told.items()} == {
        "repository could not be scanned": 1,
        "job waiting for a worker": 1,
        "run failed in 7 days": 1,
        "repository never scanned": 1,
        "problems in files": 2,
        "features without owner": 4,
        "features without documentation": 4,
    }
    for what, (href, count) in told.items():
        path, _, query = href.partition("?")
        items = home.client.get(f"{path}.json?{query}").json["items"]
        assert (sum(i["problems"] for i in items) if "problems" in what else len(items)) == count, what


def test_the_latest_changes_of_all_repositories_lead_to_their_commits(home: Home):
    home.add("shop", features=_OWNED)
    home.add("farm", features=_BARE)

    links = re.findall(r'<a class="subject break" href="(/r/(\w+)/c/\w{40})">([^<]*)</a>', home.page)
    assert {(repo, subject) for _, repo, subject in links} == {("shop", "Begin shop"), ("farm", "Begin farm")}
    assert {home.client.get(link).status_code for link, _, _ in links} == {200}
    assert "2 added" in home.page


def test_a_new_commit_is_on_the_page_once_it_is_scanned(home: Home):
    home.add("shop", features=_BARE)
    assert home.needs[0][1] == 2
    GitRepo(home.folder / "shop").commit("Describe all", files={"features.py": _OWNED})
    scan(home.database, home.settings, "shop")

    assert home.needs == []
    assert "Describe all" in home.page


def test_the_page_takes_as_many_queries_for_many_repositories_as_for_few(
    tmp_path: Path, sqlite_catalog_url: str
):
    home = Home(tmp_path, sqlite_catalog_url)
    counts = []
    for number in range(9):
        home.add(f"shop{number}", features=_OWNED + _BARE)
        if number in (1, 8):
            home.client.get("/")  # what is kept of each head is made now
            with counted_queries(home.database) as statements:
                assert home.client.get("/").status_code == 200
            counts.append(len(statements))
    home.database.dispose()

    assert counts[0] == counts[1]
