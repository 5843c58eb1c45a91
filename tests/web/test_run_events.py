"""What people do with runs and datasets is in the event log, whichever way they do it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from headwater_catalog.accounts.events import list_events, verify_log
from headwater_catalog.cli.runs import who_asks
from headwater_catalog.store.models import Event
from headwater_web.app import create_app
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog, make_repository


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """Give a catalog whose first run has saved a dataset."""
    folder = tmp_path_factory.mktemp("events")
    repo = GitRepo(folder / "repo")
    make_repository(repo)
    empty_catalog(f"sqlite:///{folder / 'headwater.db'}").dispose()
    made = make_catalog(f"sqlite:///{folder / 'headwater.db'}", repo, folder / "home")
    made.run("spend_per_signup", dataflow="marketing", save="csv")
    yield made
    made.database.dispose()


class _Pages:
    """Does things by the pages."""

    def __init__(self, shop: Catalog) -> None:
        self.client: FlaskClient = create_app(shop.settings, shop.database).test_client()

    def _send(self, path: str, **form: str) -> None:
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get("/audit").text)
        assert token
        assert self.client.post(path, data={"csrf_token": token[1], **form}).status_code == 303

    def request(self) -> None:
        self._send("/runs", repo="shop", output="scaled", dataflow="marketing")

    def cancel(self, run: int) -> None:
        self._send(f"/runs/{run}/cancel")

    def reproduce(self) -> None:
        self._send("/runs/1/again")

    def download(self, folder: Path) -> None:
        assert self.client.get("/runs/1/file", buffered=True).status_code == 200


class _Api:
    """Does things by the API."""

    def __init__(self, shop: Catalog) -> None:
        self.client: FlaskClient = create_app(shop.settings, shop.database).test_client()

    def _send(self, path: str, **body: Any) -> None:
        assert self.client.post(f"/api/v1{path}", json=body).status_code in (200, 202)

    def request(self) -> None:
        self._send("/runs", repository="shop", outputs=["scaled"], dataflow="marketing")

    def cancel(self, run: int) -> None:
        self._send(f"/runs/{run}/cancel")

    def reproduce(self) -> None:
        self._send("/datasets/shop/marketing/versions/1/reproductions")

    def download(self, folder: Path) -> None:
        assert self.client.get("/api/v1/runs/1/file", buffered=True).status_code == 200


class _Commands:
    """Does things by the command line, where a request is a run at once."""

    def __init__(self, shop: Catalog) -> None:
        self.shop = shop

    def _call(self, *arguments: str) -> None:
        done = self.shop.headwater(*arguments)
        assert done.exit_code == 0, done.output

    def request(self) -> None:
        self._call("run", "scaled", "--dataflow", "marketing")

    def cancel(self, run: int) -> None:
        self._call("cancel", str(run))

    def reproduce(self) -> None:
        self._call("reproduce", "marketing@1")

    def download(self, folder: Path) -> None:
        self._call(
            "run", "scaled", "--dataflow", "marketing", "--dataset", "mine", "--save", str(folder / "a.csv")
        )


def _last(shop: Catalog, kind: str) -> Event:
    with shop.database.read() as session:
        found = list_events(session, kind=kind, limit=1)
        assert verify_log(session).is_whole
    assert found, kind
    return found[0]


@pytest.mark.parametrize("way", [_Pages, _Api, _Commands])
def test_what_is_done_with_runs_is_noted(shop: Catalog, tmp_path: Path, way: Any):
    hand = way(shop)
    waiting, _ = shop.request("scaled", dataflow="marketing")
    job = shop.get(waiting).job_id

    hand.cancel(waiting)
    cancelled = _last(shop, "job cancelled")
    assert (cancelled.actor, cancelled.subject) == (who_asks(), f"run {job} of shop")

    hand.request()
    requested = _last(shop, "run requested")
    assert (requested.actor, requested.details["outputs"]) == (who_asks(), ["scaled"])
    assert requested.id > cancelled.id

    hand.reproduce()
    again = _last(shop, "reproduction requested")
    assert (again.actor, again.subject) == (who_asks(), "marketing of run 1 in shop")
    assert again.id > requested.id

    hand.download(tmp_path)
    given = _last(shop, "dataset downloaded")
    assert (given.actor, given.details["personal"], given.id > again.id) == (who_asks(), [], True)


def test_what_a_run_saves_is_noted_with_who_asked_for_it(shop: Catalog):
    with shop.database.read() as session:
        (first,) = list_events(session, kind="dataset saved", actor="tester")

    assert first.subject == "marketing of run 1 in shop"
    version = shop.version(shop.get(1))
    assert version is not None
    assert first.details == {"sha256": version.sha256, "personal": []}


def test_what_is_refused_is_not_noted(shop: Catalog):
    client = create_app(shop.settings, shop.database).test_client()
    before = [_last(shop, kind).id for kind in ("run requested", "dataset saved")]
    assert client.post("/api/v1/runs/1/cancel", json={}).status_code == 409
    assert client.post("/api/v1/runs", json={"repository": "shop", "outputs": ["nothing"]}).status_code == 404

    assert [_last(shop, kind).id for kind in ("run requested", "dataset saved")] == before
    with shop.database.read() as session:
        run = shop.get(1)
        assert not [
            e for e in list_events(session, kind="job cancelled") if e.subject == f"run {run.job_id} of shop"
        ]
