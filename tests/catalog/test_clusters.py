"""Clusters that an administrator names: settings, what is offered, and what is refused where it is asked for."""

import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from headwater_catalog.accounts.events import list_events
from headwater_catalog.accounts.settings_log import WORKER, note_settings
from headwater_catalog.cluster_settings import ClusterSettings
from headwater_catalog.clusters_of_runs import ClusterOfRun, require_answer
from headwater_catalog.errors import Conflict, JobError, NotFound, SettingError
from headwater_catalog.ray_clients import environment
from headwater_catalog.repositories import get_repository, set_trust
from headwater_catalog.run_clusters import computing
from headwater_catalog.run_options import RunOptions
from headwater_catalog.settings import load_settings
from headwater_catalog.store.database import Database
from headwater_catalog.worker import Worker
from headwater_web.app import create_app
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog, make_repository

_FIELD = re.compile(r'name="([^"]+)" value="([^"]*)"')
_CLUSTERS = ClusterSettings(
    {
        "big": "dask://10.9.8.7:8786",
        "shop/own": "dask://10.9.8.6:8786",
        "cellar/other": "dask://10.9.8.5:8786",
    }
)


@pytest.fixture
def shop(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    """Give a catalog with a cluster for all, one of the repository, and one of another."""
    make_repository(git_repo)
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    made.settings = replace(made.settings, clusters=_CLUSTERS)
    yield made
    made.database.dispose()


def trust(shop: Catalog, is_trusted: bool = True) -> None:
    with shop.database.write() as session:
        set_trust(get_repository(session, "shop"), is_trusted)


def test_settings_name_clusters_by_their_kind(tmp_path: Path):
    text = "big=dask://scheduler.example.org:8786 shop/own=ray://[::1]:10001"
    settings = load_settings({"HEADWATER_CLUSTERS": text}, tmp_path)
    (tmp_path / "headwater-server.toml").write_text('[clusters]\n"shop/big" = "dask://own.example.org:1"\n')
    of_file = load_settings({}, tmp_path)

    assert {name: each.title for name, each in settings.clusters.of("shop").items()} == {
        "big": "Dask",
        "own": "Ray",
    }
    assert list(settings.clusters.of("cellar")) == ["big"]
    assert of_file.clusters.of("shop")["big"].place == "own.example.org:1"
    assert of_file.clusters.of("cellar") == {}
    assert "example" not in repr(settings.clusters) + repr(settings.clusters.of("shop"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("big", "no address of a cluster"),
        ("big=dask://u:secret@h:1", "no address of a cluster"),
        ("big=dask://h:1?token=secret", "no address of a cluster"),
        ("big=tcp://h:1", "no address of a cluster"),
        ("Big=dask://h:1", "no name of a cluster"),
        ("a23456789012345678901=dask://h:1", "no name of a cluster"),
        ("threads=dask://h:1", "on the machine of the worker"),
        ("shop/threads=dask://h:1", "on the machine of the worker"),
        ("big=ray://token@h:10001", "no address of a cluster"),
    ],
)
def test_settings_that_name_no_cluster_are_refused(tmp_path: Path, text: str, told: str):
    with pytest.raises(SettingError, match=told) as caught:
        load_settings({"HEADWATER_CLUSTERS": text}, tmp_path)

    assert "secret" not in str(caught.value) and "HEADWATER_CLUSTERS" in str(caught.value)


def test_clusters_of_ray_may_have_tokens_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret-of-all")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # of the worker's own user
    secret = tmp_path / "tokens"
    secret.write_text("own=secret-of-own==\nshop/big=secret-of-shop\n")
    secret.chmod(0o600)
    clusters = "big=ray://h:1 own=ray://h:2 shop/big=ray://h:3"
    given = {"HEADWATER_CLUSTERS": clusters, "HEADWATER_CLUSTER_TOKENS_FILE": str(secret)}
    settings = load_settings(given, tmp_path)

    shown = {
        (repository, name): computing(cluster, 1).environment.get("RAY_AUTH_TOKEN")
        for repository in ("shop", "cellar")
        for name, cluster in settings.clusters.of(repository).items()
    }
    assert shown == {
        **{("shop", "big"): "secret-of-shop", ("shop", "own"): "secret-of-own=="},
        **{("cellar", "big"): None, ("cellar", "own"): "secret-of-own=="},
    }
    assert "secret-of" not in repr(settings) + repr(settings.clusters.of("shop"))
    own = computing(settings.clusters.of("shop")["own"], 1)
    assert own.discreet("it is secret-of-own== here") == "it is ... here" and "of-own" not in repr(own)


def test_the_log_of_settings_tells_that_a_token_is_another_and_not_which(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path / 'headwater.db'}")
    database.upgrade()
    for token in ("s3cret-one", "s3cret-two"):
        (tmp_path / "headwater-server.toml").write_text(
            f'[clusters]\nown = "ray://h:1"\n[cluster_tokens]\nown = "{token}"\n'
        )
        note_settings(database, load_settings({}, tmp_path), WORKER, 1)
    with database.read() as session:
        last, first = (each.details for each in list_events(session, kind="settings changed"))
    database.dispose()

    assert list(last["cluster_tokens"]) == list(first["cluster_tokens"]) == ["own"]
    assert last["cluster_tokens"] != first["cluster_tokens"]
    assert "s3cret" not in str(last) + str(first)


@pytest.mark.parametrize("text", ["own", "s3cret", "big=s3cret", "other=s3cret", "own=", "own=s3crét"])
def test_settings_that_are_no_tokens_are_refused_without_telling_them(tmp_path: Path, text: str):
    clusters = {"HEADWATER_CLUSTERS": "big=dask://h:1 own=ray://h:2"}
    with pytest.raises(SettingError, match="HEADWATER_CLUSTER_TOKENS has") as caught:
        load_settings({**clusters, "HEADWATER_CLUSTER_TOKENS": text}, tmp_path)

    assert "s3cr" not in str(caught.value)


def test_the_token_of_ray_is_the_one_that_its_own_programs_would_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    without = environment()
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("of-home\n")
    of_home = environment()
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "other"))
    with pytest.raises(JobError, match="RAY_AUTH_TOKEN_PATH names"):
        environment()
    monkeypatch.setenv("RAY_AUTH_TOKEN", "given")
    given = environment()
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    disabled = environment()

    assert [each.get("RAY_AUTH_TOKEN") for each in (without, of_home, given, disabled)] == [
        *(None, "of-home", "given", None)
    ]
    assert [each["RAY_AUTH_MODE"] for each in (without, of_home, given, disabled)] == [
        *("disabled", "token", "token", "disabled")
    ]


def test_a_cluster_is_refused_before_anything_runs_where_nobody_trusts_the_repository(shop: Catalog):
    with pytest.raises(Conflict, match=r"headwater repo trust shop") as caught:
        shop.request("scaled", options=RunOptions(executor="big"))
    trust(shop)
    run, _ = shop.request("scaled", options=RunOptions(executor="own"))

    assert "10.9.8" not in str(caught.value)
    assert shop.get(run).executor == "own"


def test_clusters_of_other_repositories_are_not_known(shop: Catalog):
    trust(shop)
    with pytest.raises(NotFound, match="There is no executor 'other'") as caught:
        shop.request("scaled", options=RunOptions(executor="other"))

    told = str(caught.value)
    assert told.endswith("There are: synchronous, threads, processes, big, own.") and "cellar" not in told


@pytest.mark.runs
@pytest.mark.parametrize("lost", ["cluster", "trust"])
def test_a_run_whose_cluster_is_gone_before_it_begins_fails_and_says_so(shop: Catalog, lost: str):
    trust(shop)
    run, job = shop.request("scaled", options=RunOptions(executor="big"))
    if lost == "trust":
        trust(shop, False)
        told = "is not trusted"
    else:
        shop.settings = replace(shop.settings, clusters=ClusterSettings())
        told = "knows no cluster 'big'"
    Worker(shop.database, shop.settings).perform_next(job)
    ended = shop.get(run)

    assert ended.job.state == "failed"
    assert ended.job.error is not None and told in ended.job.error
    assert not any((shop.settings.home / "work").glob("*"))


def test_the_form_offers_clusters_to_trusted_repositories_and_says_what_they_mean(shop: Catalog):
    web = create_app(shop.settings, shop.database).test_client()
    before = unescape(web.get("/r/shop/run?output=scaled").text)
    trust(shop)
    after = unescape(web.get("/r/shop/run?output=scaled&executor=own").text)

    assert "big" not in re.findall(r'<option value="([a-z]+)"', before)
    assert '<option value="own" selected>own: on a cluster of Dask' in after
    assert "is held by the cluster alone" in after and "is held by the cluster alone" not in before
    assert "10.9.8" not in after and "other" not in re.findall(r'<option value="([a-z]+)"', after)


def test_the_form_and_the_api_refuse_alike(shop: Catalog):
    web = create_app(shop.settings, shop.database).test_client()
    shown = web.get("/r/shop/run?output=scaled&dataflow=marketing").text
    given = {unescape(name): unescape(text) for name, text in _FIELD.findall(shown)}
    form = web.post("/runs", data={**given, "output": "scaled", "executor": "big"})
    asked = {"repository": "shop", "outputs": ["scaled"], "executor": "big"}
    api = web.post("/api/v1/runs", json=asked)
    unknown = web.post("/api/v1/runs", json={**asked, "executor": "other"})
    trust(shop)
    taken = web.post("/api/v1/runs", json=asked)

    assert (form.status_code, api.status_code, unknown.status_code, taken.status_code) == (409, 409, 404, 202)
    assert "only trusted repositories may" in unescape(form.text)
    assert "only trusted repositories may" in api.text
    assert taken.json["executor"] == "big"
    assert all("10.9.8" not in each.text for each in (form, api, unknown, taken))


def test_the_command_line_tells_what_there_is(shop: Catalog):
    clusters = {"HEADWATER_CLUSTERS": "big=dask://10.9.8.7:8786"}
    refused = shop.headwater("run", "scaled", "--executor", "big", **clusters)
    unknown = shop.headwater("run", "scaled", "--executor", "bg", **clusters)
    compiled = shop.headwater("compile", "marketing", "--to", "script", "--executor", "big", **clusters)
    trust(shop)
    written = shop.headwater("compile", "marketing", "--to", "script", "--executor", "big", **clusters)

    assert refused.exit_code == 3 and "headwater repo trust shop" in refused.stderr
    assert unknown.exit_code == 3 and "Did you mean 'big'?" in unknown.stderr
    assert compiled.exit_code == 3 and "headwater repo trust shop" in compiled.stderr
    assert written.exit_code == 0 and "--executor big" in written.stdout


def test_a_cluster_that_is_just_starting_is_waited_for():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(listener.getsockname())
        starting = threading.Timer(0.5, listener.listen)
        starting.start()

        assert require_answer(ClusterOfRun("big", "ray", place, "e1")) == "127.0.0.1"
        starting.join()
