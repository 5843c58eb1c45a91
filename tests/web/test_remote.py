"""Commands asked of a catalog that is served elsewhere print what they print of the same one here."""

import json
from collections.abc import Iterator
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from headwater_catalog.cli import COMMANDS, command_line
from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_web.app import create_app
from headwater_web.cli import main
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo
from support.managed_demo import catalog_of, managed_demo
from support.served import served

_FEATURE = "features.signups:spend_per_signup"
_ASKED = (
    ("repo", "list"),
    ("repo", "refs", "demo"),
    ("search", "spend"),
    ("search", "spend", "--facets", "--limit", "3"),
    ("search", "spend", "--limit", "2", "--offset", "1"),
    ("search", "spend", "--at", "v1.0"),
    ("search", "spnd"),
    ("search", "spend", "--sort", "used", "--facets"),
    ("search", "--sort", "changed", "--limit", "3", "--offset", "2"),
    ("search", "nothing_like_it_at_all"),
    ("show", "spend_per_signup"),
    ("show", f"demo:{_FEATURE}", "--at", "v1.0"),
    ("history", _FEATURE),
    ("history", _FEATURE, "--diff", "--all"),
    ("lineage", "spend_per_signup", "--up", "1"),
    ("lineage", "input:spend", "--since", "v1.0"),
    ("lineage", "spend_per_signup", "--across"),
    ("lineage", "spend_per_signup", "--dataflow", "marketing"),
    ("path", "input:spend", "spend_per_signup"),
    ("path", "input:spend", "spend_per_signup", "--all", "--limit", "2"),
    ("path", "spend_per_signup", "input:spend", "--across"),
    ("diff", "v1.0..main"),
    ("diff", "v1.0...main"),
    ("diff", "v1.0..", "--all"),
    ("diff", "main"),
    ("impact", "v1.0..main"),
    ("impact", "main"),
    ("dead",),
    ("dead", "--state", "all", "--days", "365", "--repo", "demo"),
    ("duplicates", "--kind", "same"),
    ("review", "v1.0..main"),
    ("review", "main", "--day", "2030-01-31"),
    ("suggest", "--repo", "demo"),
)


@pytest.fixture(scope="module")
def url(app: Flask) -> Iterator[str]:
    with served(app) as url:
        yield url


def _run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(command_line(), arguments, env=environment)


def _here(settings: Settings, *arguments: str) -> Result:
    return _run(*arguments, HEADWATER_HOME=str(settings.home), HEADWATER_DATABASE_URL=settings.database_url)


@pytest.mark.parametrize("asked", _ASKED, ids=" ".join)
@pytest.mark.parametrize("how", [(), ("--json",)], ids=["text", "json"])
def test_a_command_prints_the_same_of_a_catalog_here_and_elsewhere(
    demo_settings: Settings, url: str, tmp_path: Path, asked: tuple[str, ...], how: tuple[str, ...]
):
    here = _here(demo_settings, *asked, *how)
    there = _run("--remote", url, *asked, *how, HEADWATER_HOME=str(tmp_path / "none"))

    assert (there.stdout, there.stderr) == (here.stdout, here.stderr)
    assert there.exit_code == here.exit_code == 0


@pytest.mark.parametrize(
    "asked",
    [
        ("show", "spend_per_signu"),
        ("search", 'spend "'),
        ("search", "spend", "--at", "nothing"),
        ("diff", "v1.0..nothing"),
        ("lineage", "spend", "--dataflow", "marketin"),
        ("lineage", "spend_per_signup", "--dataflow", "marketing", "--across"),
        ("lineage", "spend_per_signup", "--since", "v1.0", "--across"),
        ("repo", "refs", "dem"),
    ],
    ids=" ".join,
)
def test_a_command_fails_alike_here_and_elsewhere(demo_settings: Settings, url: str, asked: tuple[str, ...]):
    here, there = _here(demo_settings, *asked), _run("--remote", url, *asked)

    assert there.stderr == here.stderr
    assert there.exit_code == here.exit_code > 1


def test_the_environment_names_the_catalog_too(url: str):
    asked = _run("search", "spend", "--json", HEADWATER_REMOTE=url)

    assert asked.exit_code == 0
    assert '"total"' in asked.stdout


@pytest.mark.parametrize("name", sorted(name for name, command in COMMANDS.items() if not command.asks))
def test_a_command_that_works_here_only_says_so(url: str, name: str):
    refused = _run("--remote", url, *name.split(), "x")

    assert refused.exit_code == 2
    assert f"cannot be asked of the catalog at {url}" in refused.stderr
    assert "Did you mean" not in refused.stderr


def test_commands_that_need_no_catalog_work_wherever_the_catalog_is(url: str, git_repo: GitRepo):
    git_repo.commit("Begin", files={"features/a.py": "def a(x: int) -> int:\n    return x\n"})
    for asked in (("read", str(git_repo.path), "--json"), ("diff", "HEAD", "--path", str(git_repo.path))):
        assert _run("--remote", url, *asked).exit_code == 0


def test_a_token_says_who_asks(demo_settings: Settings, tmp_path: Path):
    app = managed_demo(demo_settings, tmp_path / "home")
    made = _run(
        *("token", "create", "vera", "shell", "--json"),
        HEADWATER_HOME=str(catalog_of(app).settings.home),
        HEADWATER_DATABASE_URL=catalog_of(app).settings.database_url,
    )
    token = made.stdout.split('"')[3]
    with served(app) as url:
        refused = _run("--remote", url, "repo", "list")
        good = _run("--remote", url, "repo", "list", HEADWATER_TOKEN=token)
    catalog_of(app).database.dispose()

    assert refused.exit_code == 3
    assert "HEADWATER_TOKEN" in refused.stderr
    assert (good.exit_code, "demo" in good.stdout) == (0, True)


def test_of_several_repositories_the_one_that_has_the_feature_is_asked(tmp_path: Path):
    settings = settings_in(tmp_path / "home")
    database = empty_catalog(settings.database_url)
    for name in ("one", "two"):
        repository = GitRepo(tmp_path / name)
        source = f"def {name}(x: int) -> int:\n    return x\n\n\ndef both({name}: int) -> int:\n    return {name}\n"
        repository.commit("Begin", files={"features/m.py": source})
        with database.write() as session:
            add_repository(session, name, str(repository.path), 0)
        scan(database, settings, name)
    with served(create_app(settings, database)) as url:
        for asked in (
            *(("show", "two"), ("show", "both"), ("show", "nothing"), ("diff", "HEAD")),
            *(
                ("show", "two:features.m:both"),
                ("show", "both", "--repo", "one"),
                ("search", "x", "--at", "HEAD"),
            ),
            *(("show", "two:features.m:both", "--repo", "one"), ("lineage", "input:x"), ("search", "both")),
        ):
            here, there = _here(settings, *asked), _run("--remote", url, *asked)
            assert (there.stdout, there.stderr, there.exit_code) == (here.stdout, here.stderr, here.exit_code)
    database.dispose()


@pytest.mark.parametrize("url", ["nothing", "ftp://127.0.0.1/", "http://127.0.0.1:1"])
def test_an_address_where_no_catalog_is_served_is_told(url: str):
    asked = _run("--remote", url, "repo", "list")

    assert asked.exit_code == 3
    assert url in asked.stderr


_STEERING = "\x1b]0;title\x07\x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}words"


def _anything(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Answer every request with what no catalog would, and with what would steer a terminal."""
    start_response("200 OK", [("Content-Type", "application/json")])
    told = {"id": _STEERING, "state": "failed", "error": _STEERING, "dataset": [], "items": [{_STEERING: 1}]}
    yield json.dumps({**told, "next": None}).encode()


@pytest.mark.parametrize(
    "asked",
    [
        *(("search", "x"), ("show", "x"), ("lineage", "x"), ("history", "x"), ("diff", "a..b"), ("stale",)),
        *(("run", "x", "--repo", "shop"), ("reproduce", "x@1"), ("why", "x", "pii"), ("stale", "x@1")),
    ],
)
def test_what_is_no_catalog_steers_no_terminal_and_ends_no_command_in_a_crash(asked: tuple[str, ...]):
    with served(_anything) as url:
        done = CliRunner().invoke(command_line(), ["--remote", url, *asked])

    assert done.exit_code in (1, 2, 3), done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert not any(sign in done.output for sign in "\x1b\x07\N{RIGHT-TO-LEFT OVERRIDE}")


def test_a_fault_of_a_command_that_asks_nobody_is_not_put_down_to_the_catalog_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def fails(*_: object) -> None:
        raise KeyError("a fault of ours")

    monkeypatch.setattr("headwater_catalog.tree_snapshots.read_folder", fails)
    done = CliRunner().invoke(
        command_line(), ["read", str(tmp_path)], env={"HEADWATER_REMOTE": "https://catalog.example.org"}
    )

    assert isinstance(done.exception, KeyError)
    assert "catalog.example.org" not in done.output


def test_an_exported_file_comes_from_there_as_it_is_written_here(
    app: Flask, demo_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HEADWATER_HOME", str(demo_settings.home))
    monkeypatch.setenv("HEADWATER_DATABASE_URL", demo_settings.database_url)
    here, there, page = (tmp_path / name for name in ("here.sqlite", "there.sqlite", "page.sqlite"))
    assert CliRunner().invoke(main, ["export", str(here), "--at", "v1.0"]).exit_code == 0
    with served(app) as url:
        got = CliRunner().invoke(main, ["--remote", url, "export", str(there), "--at", "v1.0", "--json"])
        refused = CliRunner().invoke(main, ["--remote", url, "export", str(tmp_path / "site")])
        missing = CliRunner().invoke(main, ["--remote", url, "export", str(page), "--at", "nowhere"])
    answer = app.test_client().get("/r/demo/catalog.sqlite?at=v1.0")

    told = json.loads(got.stdout)
    assert here.read_bytes() == there.read_bytes() == answer.data
    assert (told["repository"], told["bytes"]) == ("demo", len(answer.data))
    assert f"demo-{told['commit'][:12]}.sqlite" in answer.headers["Content-Disposition"]
    assert (refused.exit_code, "ends with .sqlite" in refused.stderr) == (2, True)
    assert (missing.exit_code, "nowhere" in missing.stderr) == (3, True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["here.sqlite", "there.sqlite"]


@pytest.mark.parametrize(
    ("length", "told"),
    [("1000", "has not sent all of the file: 993 bytes are missing"), ("7", "is no exported catalog")],
)
def test_what_is_no_whole_exported_file_takes_no_place(
    demo_repository: Path, tmp_path: Path, length: str, told: str
):
    def answers(_environ, start_response):
        start_response("200 OK", [("Content-Length", length)])
        return [b"SQLite "]

    place = tmp_path / "shop.sqlite"
    assert CliRunner().invoke(main, ["export", str(place), "--path", str(demo_repository)]).exit_code == 0
    before = place.read_bytes()
    with served(answers) as url:
        cut = CliRunner().invoke(main, ["--remote", url, "export", str(place), "--repo", "shop"])

    assert (cut.exit_code, told in cut.stderr) == (3, True), cut.stderr
    assert place.read_bytes() == before
    assert list(tmp_path.iterdir()) == [place]
