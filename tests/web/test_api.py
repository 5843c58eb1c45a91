"""What the API answers: the words and shapes of the commands, by pages that stay as they are."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from headwater_catalog.cli import command_line
from headwater_catalog.repositories import add_repository, get_repository, remove_repository
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.git_repo import GitRepo

_API = "/api/v1"
_FEATURE = "features.signups:spend_per_signup"
_LISTS = (
    "repositories",
    "repositories/demo/refs",
    "features?q=spend",
    "features?repo=demo&at=v1.0",
    "search?q=spend",
    f"history/demo/{_FEATURE}?formatting=true",
    "commits/demo",
    "commits/demo/v1.0",
    "dataflows/demo",
    "runs",
)
_SAME = (
    (["list"], "repositories", "items"),
    (["repo", "refs", "demo"], "repositories/demo/refs", "items"),
    (["show", _FEATURE], f"features/demo/{_FEATURE}", None),
    (["show", "spend_per_signup", "--at", "v1.0"], "features/demo/spend_per_signup?at=v1.0", None),
    (["history", _FEATURE, "--diff", "--all"], f"history/demo/{_FEATURE}?diff=true&formatting=true", "items"),
    (["history", _FEATURE], f"history/demo/{_FEATURE}", "items"),
    (["diff", "v1.0..main"], "compare/demo?a=v1.0&b=main", None),
    (["diff", "main", "--all"], "compare/demo?formatting=true", None),
    (["diff", "v1.0...main"], "compare/demo?a=v1.0&b=main&parted=true", None),
    (["impact", "v1.0..main"], "impact/demo?a=v1.0&b=main", None),
)


def _get(client: FlaskClient, path: str, **more: Any) -> Any:
    answer = client.get(f"{_API}/{path}", **more)
    assert answer.status_code == 200, answer.text
    return answer.json


def _printed(settings: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    monkeypatch.setenv("HEADWATER_HOME", str(settings.home))
    monkeypatch.setenv("HEADWATER_DATABASE_URL", settings.database_url)
    group = {"list": ["repo"]}.get(arguments[0], [])
    result = CliRunner().invoke(command_line(), [*group, *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


@pytest.mark.parametrize(("command", "path", "part"), _SAME, ids=lambda each: str(each))
def test_the_api_answers_what_the_command_prints(
    command: list[str],
    path: str,
    part: str | None,
    client: FlaskClient,
    demo_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
):
    answer = _get(client, path)

    assert (answer if part is None else answer[part]) == _printed(demo_settings, monkeypatch, *command)


def test_a_search_answers_what_the_command_prints(
    client: FlaskClient, demo_settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    answer = _get(client, "search?q=spend&facets=true&limit=20")
    printed = _printed(demo_settings, monkeypatch, "search", "spend", "--facets")

    assert answer.pop("items") == printed.pop("hits")
    assert answer.pop("next") is None
    assert answer == printed


def test_lineage_answers_what_the_commands_print(
    client: FlaskClient, demo_settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    near = _get(client, f"lineage/demo/{_FEATURE}?up=2&down=1&since=v1.0")
    ways = _get(client, "paths/demo?source=input:spend&target=spend_per_signup&longer=true")

    options = ("--up", "2", "--down", "1", "--since", "v1.0")
    printed = _printed(demo_settings, monkeypatch, "lineage", _FEATURE, *options)
    assert {**near, "unresolved": []} == printed
    printed = _printed(demo_settings, monkeypatch, "path", "input:spend", "spend_per_signup", "--all")
    assert {**ways, "unresolved": []} == printed


@pytest.mark.parametrize("path", _LISTS)
def test_small_pages_together_are_the_whole_list(client: FlaskClient, path: str):
    whole = _get(client, f"{path}{'&' if '?' in path else '?'}limit=500")
    found, address = [], f"{_API}/{path}{'&' if '?' in path else '?'}limit=2"
    while address:
        answer = client.get(address)
        assert answer.json and len(answer.json["items"]) <= 2
        found += answer.json["items"]
        link = re.fullmatch(r'<(\?.+)>; rel="next"', answer.headers.get("Link", ""))
        assert (link is None) == (answer.json["next"] is None)
        address = link and f"{_API}/{path.partition('?')[0]}{link[1]}"

    assert whole["next"] is None
    assert found == whole["items"]


def test_a_list_goes_on_as_of_the_commit_that_it_began_with(git_repo: GitRepo, tmp_path, catalog_url: str):
    settings = settings_in(tmp_path / "home", catalog_url)
    git_repo.write("features.py", "".join(f"def f{n}(x: int) -> int:\n    return x\n\n\n" for n in range(4)))
    git_repo.commit("Begin")
    database = Database(settings.database_url)
    with database.write() as session:
        add_repository(session, "shop", str(git_repo.path), 0)
    scan(database, settings, "shop")
    client = create_app(settings, database).test_client()
    lists = ("features", "features?repo=shop", "commits/shop", "search?q=f", "history/shop/f1")
    begun = {path: _get(client, path + ("&" if "?" in path else "?") + "limit=1") for path in lists}

    git_repo.write("features.py", "def f0(x: int) -> int:\n    return x + 1\n")
    git_repo.commit("Leave one of them")
    scan(database, settings, "shop")

    for path in ("features", "features?repo=shop", "search?q=f"):
        rest = _get(client, f"{path}{'&' if '?' in path else '?'}limit=10&cursor={begun[path]['next']}")
        assert [hit["name"] for hit in begun[path]["items"] + rest["items"]] == ["f0", "f1", "f2", "f3"]
    assert begun["commits/shop"]["next"] is None
    assert _get(client, "features")["total"] == 1
    newest = _get(client, "commits/shop?limit=1")
    rest = _get(client, f"commits/shop?cursor={newest['next']}")
    assert [each["subject"] for each in newest["items"] + rest["items"]] == ["Leave one of them", "Begin"]
    database.dispose()


def test_a_search_in_all_repositories_goes_on_until_one_of_them_is_gone(
    git_repo: GitRepo, tmp_path: Path, catalog_url: str
):
    settings = settings_in(tmp_path / "home", catalog_url)
    git_repo.write("features.py", "".join(f"def f{n}(x: int) -> int:\n    return x\n\n\n" for n in range(4)))
    git_repo.commit("Begin")
    database = Database(settings.database_url)
    for name in ("one", "two"):
        with database.write() as session:
            add_repository(session, name, str(git_repo.path), 0)
        scan(database, settings, name)
    client = create_app(settings, database).test_client()
    begun = _get(client, "features?limit=2")
    assert _keys(begun) == ["one:f0", "two:f0"]
    assert _keys(_get(client, f"features?cursor={begun['next']}"))[:3] == ["one:f1", "two:f1", "one:f2"]

    with database.write() as session:
        remove_repository(session, settings, get_repository(session, "two"))

    gone = client.get(f"{_API}/features?cursor={begun['next']}")
    database.dispose()
    assert gone.status_code == 404
    assert "begin anew" in gone.json["detail"]


def _keys(answer: Any) -> list[str]:
    return [f"{hit['repository']}:{hit['name']}" for hit in answer["items"]]


@pytest.mark.parametrize("path", ["repositories", f"features/demo/{_FEATURE}", "openapi.json"])
def test_an_answer_that_is_the_same_still_is_not_sent_again(client: FlaskClient, path: str):
    first = client.get(f"{_API}/{path}")
    again = client.get(f"{_API}/{path}", headers={"If-None-Match": first.headers["ETag"]})
    other = client.get(f"{_API}/{path}", headers={"If-None-Match": '"another"'})

    assert not first.headers["ETag"].startswith("W/")
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert "private" in first.headers["Cache-Control"] and "private" in again.headers["Cache-Control"]
    assert other.status_code == 200


def test_a_feature_answers_as_it_was_at_a_commit(client: FlaskClient):
    now, then = (_get(client, f"features/demo/spend_per_signup{at}") for at in ("", "?at=v1.0"))

    assert now["key"] == _FEATURE
    assert now["variants"][0]["documentation"]["summary"]
    assert now["tagged_by"] == [{"key": "owner", "value": "Growth", "variants": ["spend_per_signup"]}]
    assert now != then


def test_a_commit_tells_what_it_did_to_features(client: FlaskClient):
    answer = _get(client, "commits/demo/v1.0?diff=true")

    assert answer["sha"] == _get(client, "commits/demo?at=v1.0&limit=1")["items"][0]["sha"]
    assert sum(answer["counts"].values()) >= len({change["key"] for change in answer["items"]})
    assert all("diff" in change for change in answer["items"])


def test_a_name_with_a_slash_and_a_node_from_outside_can_be_asked_for(client: FlaskClient):
    assert _get(client, "lineage/demo/input:spend")["focus"] == "input:spend"
    assert client.get(f"{_API}/features/demo/a%2Fb").json["detail"].startswith("No feature 'a/b'")


def test_quick_suggestions_are_the_first_hits(client: FlaskClient):
    quick, found = (_get(client, path) for path in ("search/quick?q=sp&limit=3", "search?q=sp&limit=3"))

    assert [hit["key"] for hit in quick["items"]] == [hit["key"] for hit in found["items"]]
    assert quick["total"] == found["total"]


def test_a_program_asks_for_a_run_as_the_form_does(demo_copy: FlaskClient):
    asked = {"repository": "demo", "dataflow": "marketing", "outputs": ["spend_per_signup"]}
    made = demo_copy.post(f"{_API}/runs", json=asked)

    assert made.status_code == 202
    assert made.json["state"] == "queued"
    assert made.json["outputs"] == ["spend_per_signup"]
    shown = demo_copy.get(made.headers["Location"])
    assert shown.json == made.json
    listed = demo_copy.get(f"{_API}/runs?limit=1").json["items"][0]
    assert listed.items() <= made.json.items()


def test_texts_of_every_kind_are_kept_in_the_configuration_of_a_run(
    git_repo: GitRepo, tmp_path: Path, catalog_url: str
):
    settings = settings_in(tmp_path / "home", catalog_url)
    git_repo.write("features.py", "def f(x: str) -> str:\n    return x\n")
    git_repo.commit("Begin")
    database = Database(settings.database_url)
    with database.write() as session:
        add_repository(session, "shop", str(git_repo.path), 0)
    scan(database, settings, "shop")
    client = create_app(settings, database).test_client()
    asked = {"repository": "shop", "outputs": ["f"]}
    config = {"x": ["a\0b", "\N{SNOWMAN}", {"deep": 1.5}]}

    made = client.post(f"{_API}/runs", json={**asked, "config": config})
    broken = client.post(f"{_API}/runs", json={**asked, "config": {"x": "\ud800"}})
    database.dispose()

    assert (made.status_code, made.json["config"]) == (202, config)
    assert (broken.status_code, broken.content_type) == (409, "application/problem+json")


def test_a_run_that_was_performed_tells_what_came_of_it(client: FlaskClient):
    run = _get(client, "runs/1")

    assert run["state"] == "succeeded"
    assert run["dataset"]["name"] == "marketing"
    assert run["table"]["row_count"] > 0 and run["nodes"] and run["checks"]
