"""The jobs and how the installation does."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text

from headwater_catalog import jobs
from headwater_catalog.repositories import add_repository
from headwater_catalog.scan_requests import request_scan
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Job
from headwater_catalog.store.slow_queries import SLOW_SECONDS
from headwater_web.app import create_app
from support.demo_catalog import settings_in


@pytest.fixture
def database(catalog_url) -> Iterator[Database]:
    database = Database(catalog_url)
    yield database
    database.dispose()


@pytest.fixture
def client(database, catalog_url, tmp_path, git_repo) -> FlaskClient:
    git_repo.commit("One", files={"features/sales.py": "def sales(x: int) -> int:\n    return x\n"})
    with database.write() as session:
        shop = add_repository(session, "shop", str(git_repo.path), 0)
        for n in range(3):
            request_scan(session, shop, "maya", int(time.time()) - 600 * (3 - n))
            session.scalars(select(Job).order_by(Job.id.desc())).first().state = jobs.State.RUNNING
            session.flush()
    return create_app(settings_in(tmp_path / "home", catalog_url), database).test_client()


def _post(client: FlaskClient, path: str, **form: str):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/jobs").text)
    assert token
    return client.post(path, data={"csrf_token": token[1], **form})


def test_jobs_are_listed_by_state_and_can_be_cancelled_once(client, database):
    assert client.get("/jobs").text.count('<th scope="row">scan ') == 3
    assert _post(client, "/jobs/2/cancel").status_code == 303
    page = client.get("/jobs?state=cancelled").text
    assert re.findall(r'<th scope="row">scan (\d+)', page) == ["2"]
    assert "Cancelled by" in page
    assert _post(client, "/jobs/2/cancel").status_code == 409
    assert _post(client, "/jobs/99/cancel").status_code == 404


def test_every_attempt_is_told_with_its_worker_and_how_it_ended(client, database):
    with database.write() as session:
        for job in session.scalars(select(Job)):
            job.state = jobs.State.QUEUED
    jobs.lease(database, "host-a:1")
    with database.write() as session:
        jobs.get_job(session, 1).leased_until = 1
    jobs.release_expired(database)
    jobs.lease(database, "host-b:2", job_id=1)
    page = client.get("/jobs").text
    assert "2 attempts" in page
    assert re.search("host-a:1</span>: lost .*worker was lost", page)
    assert "host-b:2</span>: goes on" in page

    told = client.get("/api/v1/jobs/1").json["attempts"]
    assert [(attempt["worker"], attempt["outcome"]) for attempt in told] == [
        ("host-a:1", "lost"),
        ("host-b:2", None),
    ]
    kept = next(item for item in client.get("/jobs.json").json["items"] if item["job"] == 1)
    assert [attempt["worker"] for attempt in kept["attempts"]] == ["host-a:1", "host-b:2"]


def test_what_waits_can_be_given_a_priority(client, database):
    with database.write() as session:
        for job in session.scalars(select(Job)):
            job.state = jobs.State.QUEUED
    assert _post(client, "/jobs/3/priority", priority="7").status_code == 303
    assert client.get("/api/v1/jobs/3").json["priority"] == 7
    assert client.get("/api/v1/events").json["items"][0]["details"] == {"priority": 7}
    leased = jobs.lease(database, "w")
    assert leased is not None and leased.id == 3
    assert _post(client, "/jobs/3/priority", priority="8").status_code == 409
    for wrong in ("", "high", "101", "-101", "1.5"):
        assert _post(client, "/jobs/2/priority", priority=wrong).status_code == 409


def test_how_many_jobs_of_a_repository_run_at_once_is_set_beside_it(client, database):
    assert _post(client, "/repos/shop/jobs", at_once="1").status_code == 303
    assert client.get("/api/v1/repositories/shop").json["jobs_at_once"] == 1
    assert re.search('name="at_once"[^>]* value="1"', client.get("/repos").text)
    sent = client.patch("/api/v1/repositories/shop", json={"scan_every": None, "jobs_at_once": 0})
    assert (sent.status_code, sent.json["jobs_at_once"]) == (200, 0)
    kept = client.patch("/api/v1/repositories/shop", json={"scan_every": None})
    assert kept.json["jobs_at_once"] == 0
    assert _post(client, "/repos/shop/jobs", at_once="").status_code == 303
    assert client.get("/api/v1/repositories/shop").json["jobs_at_once"] is None
    for wrong in ("-1", "many", "1001"):
        assert _post(client, "/repos/shop/jobs", at_once=wrong).status_code == 409


@pytest.fixture
def set_free(monkeypatch) -> Callable[[int], None]:
    """Have a disk of 1,000 bytes, of which so many are free, whatever this machine has."""

    def _set(free: int) -> None:
        usage = type(shutil.disk_usage("/"))(1_000, 1_000 - free, free)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)

    return _set


def test_what_needs_somebody_is_told_and_nothing_else(client, database, set_free):
    set_free(100)
    with database.write() as session:
        for job in session.scalars(select(Job)):
            job.state, job.finished_at = jobs.State.SUCCEEDED, 1
    assert "was never scanned" in client.get("/operations").text
    with database.write() as session:
        last = session.scalars(select(Job).order_by(Job.id.desc())).first()
        last.state, last.error = jobs.State.FAILED, "The origin does not answer."
    assert "The origin does not answer." in client.get("/operations").text
    with database.write() as session:
        last = session.scalars(select(Job).order_by(Job.id.desc())).first()
        last.state, last.created_at = jobs.State.QUEUED, int(time.time()) + 3_600  # however slow this is
    assert "A job has waited" not in client.get("/operations").text
    with database.write() as session:
        last = session.scalars(select(Job).order_by(Job.id.desc())).first()
        last.created_at = int(time.time()) - 600
    assert "A job has waited for 10 minutes" in client.get("/operations").text
    with database.write() as session:
        session.execute(text("UPDATE repository SET scanned_sha = 'a'"))
        for job in session.scalars(select(Job)):
            job.state = jobs.State.SUCCEEDED
    assert "All is well" in client.get("/operations").text
    set_free(99)
    assert "The disk is nearly full: 9 % of it are free." in client.get("/operations").text


def test_the_figures_lead_to_lists_of_as_many(client):
    page = client.get("/operations").text
    counts = re.findall(r'href="(/jobs\?state=\w+)">(\d+)<', page)

    assert dict(counts)["/jobs?state=running"] == "3"
    for link, count in counts:
        assert client.get(link).text.count('<th scope="row">scan ') == int(count)


def test_a_slow_query_is_kept_without_its_values(sqlite_catalog_url):
    database = Database(sqlite_catalog_url)
    database.engine.connect().close()
    with database.read() as session:
        raw = session.connection().connection.driver_connection
        raw.create_function("pause", 1, lambda seconds: time.sleep(seconds) or "done")
        session.execute(text("SELECT pause(:seconds), :secret"), {"seconds": SLOW_SECONDS, "secret": "hush"})
        session.execute(text("SELECT 1"))
    (query,) = database.slow_queries.slowest()
    database.dispose()

    assert query.seconds >= SLOW_SECONDS
    assert "pause" in query.statement
    assert "hush" not in query.statement


def test_the_page_tells_schema_and_size_and_no_password(client, database):
    page = client.get("/operations").text

    assert f"schema {database.version}" in page
    assert database.size > 10_000
    hidden = Database("postgresql://maya:secret@127.0.0.1:1/catalog")
    assert hidden.shown == "postgresql+psycopg://maya:***@127.0.0.1:1/catalog"


def test_the_disk_is_told_by_what_is_on_it(client):
    home = Path(client.get("/api/v1/operations").json["home"])
    for name, size in (("uploads", 1_000), ("values", 2_000)):
        (home / name).mkdir(parents=True)
        (home / name / "x").write_bytes(b"0" * size)
    disk, page = client.get("/api/v1/operations").json["disk"], client.get("/operations").text

    assert (disk["inputs"], disk["values"], disk["environments"]) == (1_000, 2_000, 0)
    assert "inputs 1.0 kB, values 2.0 kB, environments 0 Bytes" in page
