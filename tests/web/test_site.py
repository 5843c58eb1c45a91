"""The catalog of one commit as a folder of pages: every link leads somewhere, and nothing leads to a server."""

from __future__ import annotations

import csv
import getpass
import html
import json
import multiprocessing
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

import headwater_web.site.writing
from headwater_catalog.artefact.origin import origin_in
from headwater_catalog.errors import CatalogError, Conflict
from headwater_web.cli import main
from headwater_web.security import CONTENT_SECURITY_POLICY, FILE_POLICY
from headwater_web.site.file_names import file_name
from headwater_web.site.writing import export_site
from support import hostile
from support.git_repo import GitRepo

_ADDRESS = re.compile(r'<[a-z][^>]*\s(href|src|action|hx-[a-z]+|data-svg|data-key)="([^"]*)"')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)

ODD = (
    "Spend",
    "SPEND",
    "nul",
    "Con",
    "../../up",
    "a/b",
    "x" * 230,
    "größe",
    "<b>bold</b>",
    "\u202egnp",
    "a:b",
    "two\nlines\n",
)
ODD_FEATURES = f'''
import pandas as pd
from headwater import extract_columns, tag


@tag(owner="../../../etc", note="<script>alert(1)</script>", pii="true")
@extract_columns("spend", *{ODD!r})
def table(raw: pd.DataFrame) -> pd.DataFrame:
    """[up](../../up.html) [local](file:///etc/passwd) [there](https://example.com/a)"""
    return raw
'''


@pytest.fixture(scope="module")
def site(demo_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the demo_repository as a folder of pages."""
    place = tmp_path_factory.mktemp("exported") / "site"
    export_site(origin_in(demo_repository, None), place)
    return place


@pytest.fixture(scope="module")
def odd_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the pages of a repository whose names are no names of files, and whose texts are markup."""
    folder = tmp_path_factory.mktemp("odd")
    repository = hostile.build(GitRepo(folder / "repository"))
    files = {"aux/Nul.py": ODD_FEATURES, "aux/nul.py": "def spend(raw: int) -> int:\n    return raw\n"}
    files["aux/data/csv.py"] = "def of_csv(spend: int) -> int:\n    return spend\n"
    files["aux/data.py"] = ""
    files["pyproject.toml"] = (
        hostile.PROJECT + '\n[tool.headwater.dataflows."../x.csv"]\nmodules = ["aux.*"]\n'
    )
    repository.commit("Add <i>names</i>", files=files)
    export_site(origin_in(repository.path, None, "odd"), folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> GitRepo:
    """Give a repository with few features, of which one came after the tag v1."""
    repository = GitRepo(tmp_path_factory.mktemp("shop") / "shop")
    repository.commit("Begin", files={"features.py": "def spend(raw: float) -> float:\n    return raw\n"})
    repository.tag("v1")
    more = {"more.py": "def twice(spend: float) -> float:\n    return 2 * spend\n"}
    repository.commit("Add", files=more)
    return repository


def _headwater(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def _faults(site: Path) -> list[tuple[str, str]]:
    """Return the addresses on all pages that lead nowhere, or somewhere else than to a file of the site."""
    texts = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    faults = []
    for path, text in texts.items():
        for name, escaped in _ADDRESS.findall(text):
            address = html.unescape(escaped)
            parts = urlsplit(address)
            place = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            is_there = place.is_file() and place.is_relative_to(site)
            is_led = not parts.fragment or f'id="{parts.fragment}"' in texts.get(place, "")
            if (
                parts.scheme not in ("", "https")
                or address.startswith("/")
                or name.startswith(("hx", "data"))
                or (not parts.scheme and not (is_there and is_led))
            ):
                faults.append((str(path.relative_to(site)), address))
    return faults


@pytest.mark.slow
@pytest.mark.parametrize("which", ["site", "odd_site"])
def test_every_link_of_every_page_leads_to_a_file_of_the_site(which: str, request: pytest.FixtureRequest):
    folder: Path = request.getfixturevalue(which)
    pages = list(folder.rglob("*.html"))

    assert len(pages) > 20
    assert _faults(folder) == []


@pytest.mark.parametrize("which", ["site", "odd_site"])
def test_names_of_files_hold_on_every_file_system(which: str, request: pytest.FixtureRequest):
    folder: Path = request.getfixturevalue(which)
    names = [each.relative_to(folder).as_posix() for each in folder.rglob("*")]

    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        for part in name.split("/"):
            assert re.fullmatch(r"[a-z0-9_.~-]{1,100}", part), name
            assert not _RESERVED.fullmatch(part), name
            assert not part.endswith(".")


def test_no_two_texts_have_one_name_and_names_as_they_are_need_no_hash():
    texts = (*ODD, "spend", "features.spend", "a-b", "a b", "", "-", ".", "..", "com1", "com1.x", "spend.")
    names = [file_name(text) for text in texts]

    assert len(set(names)) == len(texts)
    assert file_name("features.spend") == "features.spend"
    assert file_name(file_name("Spend")) != file_name("Spend")


def test_pages_are_those_of_the_server(site: Path, client: FlaskClient):
    """What the server says of a feature, and of all of them, the site says, too."""
    served = client.get("/r/demo/f/features.spend:spend_net").text
    kept = (site / "features/features.spend/spend_net.html").read_text()
    words = re.compile(r'<code><b>.*?</code>|<pre class="code".*?</pre>', re.DOTALL)

    assert [re.sub("<[^>]*>", "", found) for found in words.findall(kept)] == [
        re.sub("<[^>]*>", "", found) for found in words.findall(served)
    ]
    rows = json.loads(client.get("/search.json?repo=demo").text)["items"]
    features = json.loads((site / "features.json").read_text())["items"]
    assert {row["key"] for row in rows} == {row["key"] for row in features}
    assert (site / "findings.csv").read_text().count("\n") > 10
    with (site / "modules.csv").open(newline="") as file:
        assert {row["module"] for row in csv.DictReader(file)} > {"features.spend"}


def test_it_tells_its_commit_and_holds_the_policy_of_the_server(site: Path, demo_repository: Path):
    sha = origin_in(demo_repository, None).commit.sha
    for path in site.rglob("*.html"):
        text = path.read_text()
        assert f'<span class="mono">{sha[:12]}</span>' in text
        assert FILE_POLICY in html.unescape(text)
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", text)
        assert " ago</time>" not in text
    parts = set(CONTENT_SECURITY_POLICY.split("; "))
    assert set(FILE_POLICY.split("; ")) <= parts  # never more than there
    assert json.loads((site / "headwater-export.json").read_text())["commit"] == sha


def test_there_is_nothing_in_it_that_only_a_server_can_do(site: Path):
    for path in site.rglob("*.html"):
        text = path.read_text()
        assert text.count("<form") == 1, path  # the box, which leads to a page of the site
        assert "<select" not in text
        assert "htmx" not in text
        assert "csrf" not in text
    assert sorted(each.name for each in (site / "static").iterdir()) == [
        *("base.css", "code.css", "favicon.svg", "headwater.js", "pages.css", "search-index.js", "site.js"),
    ]


def test_it_holds_nothing_of_the_machine(site: Path, demo_repository: Path):
    secrets = [
        str(demo_repository.parent),
        str(Path.home()),
        "headwater-export-",
        "localhost",
        "127.0.0.1",
        "@example.com>",
    ]
    user = getpass.getuser()
    for path in site.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert not [secret for secret in secrets if secret in text], path
            assert not re.search(rf"/home/{user}|/{user}/", text), path


def _bytes(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_the_same_commit_gives_the_same_bytes_however_many_write_it(
    shop: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(shop.path, tmp_path / "elsewhere" / "shop")
    export_site(origin_in(shop.path, None), tmp_path / "one")
    monkeypatch.setattr(headwater_web.site.writing, "_MANY", 1)
    export_site(origin_in(tmp_path / "elsewhere" / "shop", "main"), tmp_path / "other", processes=2)

    assert len(_bytes(tmp_path / "one")) > 20
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "other")


def test_texts_of_a_repository_stay_texts(odd_site: Path):
    for path in odd_site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        for markup in (
            "<script>alert",
            "<img",
            "<b>bold",
            "<i>names",
            "onerror=alert(1)>",
            'href="javascript',
        ):
            assert markup not in text, (path, markup)
        assert "{{" not in text or "{{ 7 * 191 }}" in html.unescape(text)
        assert not any(f'"{turning}' in text or turning in text for turning in hostile.TURNING), path
    index = (odd_site / "static" / "search-index.js").read_text(encoding="ascii")
    told = json.loads(index.removeprefix("window.headwaterIndex = ").removesuffix(";\n"))
    for name, module, _, _, file in told["features"]:
        assert (odd_site / "features" / told["modules"][module][1] / f"{file or name}.html").is_file()


def test_an_earlier_commit_is_written_as_it_was_in_place_of_another(shop: GitRepo, tmp_path: Path):
    export_site(origin_in(shop.path, None), tmp_path / "site")
    assert (tmp_path / "site" / "features" / "more" / "twice.html").is_file()
    export_site(origin_in(shop.path, "v1"), tmp_path / "site")

    assert ">more<" not in (tmp_path / "site" / "index.html").read_text()
    assert not list((tmp_path / "site").rglob("twice.html"))
    assert "twice" not in (tmp_path / "site" / "static" / "search-index.js").read_text()
    assert [each.name for each in tmp_path.iterdir()] == ["site"]


# The command


def test_the_command_writes_a_commit_of_the_catalog(
    shop: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    for words in (("db", "upgrade"), ("repo", "add", "our-shop", shop.path), ("scan",)):
        done = _headwater(*words)
        assert done.exit_code == 0, done.output
    told = json.loads(_headwater("export", tmp_path / "site", "--at", "v1", "--json").stdout)
    file = _headwater("export", tmp_path / "shop.sqlite", "--at", "v1")

    assert (told["kind"], told["repository"]) == ("site", "our-shop")
    assert told["files"] == len(_bytes(tmp_path / "site"))
    assert file.stdout.startswith(f"{tmp_path / 'shop.sqlite'}: our-shop at {told['commit'][:10]}, 1 file, ")
    assert _faults(tmp_path / "site") == []
    for content in (*_bytes(tmp_path / "site").values(), (tmp_path / "shop.sqlite").read_bytes()):
        assert str(tmp_path).encode() not in content
        assert str(shop.path).encode() not in content


def test_a_repository_without_features_and_with_any_name_is_written_all_the_same(tmp_path: Path):
    repository = GitRepo(tmp_path / "My Shop (2)")
    repository.commit("Begin", files={"README": "nothing yet"})

    done = _headwater("export", tmp_path / "site", "--path", repository.path)

    assert done.exit_code == 0, done.output
    assert "No module here looks like one of features" in (tmp_path / "site" / "index.html").read_text()
    assert "<h1>my-shop-2</h1>" in (tmp_path / "site" / "index.html").read_text()
    assert _faults(tmp_path / "site") == []


def test_what_is_there_already_is_left_alone(demo_repository: Path, tmp_path: Path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")

    result = _headwater("export", folder, "--path", demo_repository)

    assert result.exit_code == 3
    assert "nothing that `headwater export` has written" in result.stderr
    assert [each.name for each in folder.iterdir()] == ["thesis.txt"]
    with pytest.raises(Conflict, match="and no folder"):
        export_site(origin_in(demo_repository, None), folder / "thesis.txt")


def test_a_page_that_fails_ends_the_export_and_leaves_nothing(
    shop: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "static").mkdir()  # without its styles
    monkeypatch.setattr(headwater_web.site.writing, "STATIC", tmp_path / "static")

    with pytest.raises(CatalogError):
        export_site(origin_in(shop.path, None), tmp_path / "site")

    assert [each.name for each in tmp_path.iterdir()] == ["static"]


@pytest.mark.slow
def test_a_process_that_is_ended_from_outside_ends_the_export(
    shop: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(headwater_web.site.writing, "_MANY", 1)
    monkeypatch.setattr(headwater_web.site.writing, "_AT_ONCE", 1)

    def end_all(_done: int, _total: int, _what: str) -> None:
        for process in multiprocessing.active_children():
            process.kill()

    with pytest.raises(CatalogError, match="was ended from outside"):
        export_site(origin_in(shop.path, None), tmp_path / "site", processes=2, progress=end_all)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("--at", "nowhere"), 3, "No commit, branch or tag 'nowhere'"),
        (("--day", "tomorrow"), 2, "--day is 'tomorrow'"),
        (("--repo", "No Name"), 3, "cannot name a repository"),
    ],
)
def test_wrong_use_is_told(
    demo_repository: Path, tmp_path: Path, words: tuple[str, ...], status: int, told: str
):
    result = _headwater("export", tmp_path / "site", "--path", demo_repository, *words)

    assert (result.exit_code, told in result.stderr) == (status, True), result.stderr
    assert not list(tmp_path.iterdir())


def test_a_site_has_the_pages_of_tables(tmp_path: Path):
    repository = GitRepo(tmp_path / "shop")
    project = (
        "[dataflows.main]\nmodules = ['features']\noutputs = ['spend']\n"
        "[dataflows.main.sources]\nraw = { connection = 'w', table = 'sales.raw' }\n"
        "[dataflows.main.sinks]\nout = { url = 's3://lake/out.parquet' }\n"
    )
    code = "def spend(raw: float) -> float:\n    return raw\n"
    repository.commit("Begin", files={"features.py": code, "headwater.toml": project})
    export_site(origin_in(repository.path, None), tmp_path / "site")

    site = tmp_path / "site"
    assert _faults(site) == []
    assert len(list((site / "tables").glob("*.html"))) == 2
    assert (site / "tables.csv").is_file() and (site / "tables.json").is_file()
    assert "sales.raw" in (site / "features" / "features" / "spend.html").read_text()
