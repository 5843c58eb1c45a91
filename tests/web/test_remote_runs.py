"""Runs, datasets and files by the command line, of a catalog that is served elsewhere."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from headwater_catalog import datasets
from headwater_catalog.cli import command_line
from headwater_catalog.client import Audit as FileAudit
from headwater_catalog.client import Client, Reproduction, RunComparison, Version, VersionRow
from headwater_catalog.dsse import new_key
from headwater_catalog.errors import CatalogError
from headwater_catalog.scan import scan
from headwater_catalog.stamps import SIDECAR
from headwater_web.app import create_app
from support.run_catalog import Catalog, make_shop
from support.served import served
from support.worker_process import Workers, until


@dataclass(frozen=True)
class Shop:
    """A catalog that is served, with a worker, and a dataset of an old commit in it."""

    catalog: Catalog
    url: str

    def here(self, *arguments: str) -> Result:
        return self.catalog.headwater(*arguments)

    def there(self, *arguments: str) -> Result:
        return CliRunner().invoke(command_line(), arguments, env={"HEADWATER_REMOTE": self.url})

    def told(self, *arguments: str, ends: int = 0) -> Any:
        done = self.there(*arguments, "--json")
        assert done.exit_code == ends, done.output
        return json.loads(done.stdout)

    @property
    def file(self) -> Path:
        version = self.catalog.version(self.catalog.get(1))
        assert version is not None
        return datasets.file_of(self.catalog.settings, version)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    catalog, repo = make_shop(tmp_path_factory.mktemp("shop"))
    catalog.settings.keep_manifest_key(new_key())
    catalog.run("spend_per_signup", "scaled", dataflow="marketing", save="csv")
    source = (repo.path / "features/spend.py").read_text()
    repo.commit(
        "Count twice", files={"features/spend.py": source.replace("spend / signups", "spend / signups * 2")}
    )
    scan(catalog.database, catalog.settings, "shop")
    workers = Workers(catalog.settings)
    with served(create_app(catalog.settings, catalog.database)) as url:
        workers.start()
        yield Shop(catalog, url)
        workers.end()
    catalog.database.dispose()


def _tampered(shop: Shop, folder: Path) -> Path:
    """Leave the saved file with another number in it, and its stamp beside it."""
    changed = folder / "changed.csv"
    changed.write_text(shop.file.read_text().replace(",20\n", ",21\n"))
    changed.with_name(changed.name + SIDECAR).write_bytes(
        shop.file.with_name(shop.file.name + SIDECAR).read_bytes()
    )
    assert changed.read_text() != shop.file.read_text()
    return changed


_ASKED: dict[str, Callable[[Shop, Path], tuple[str, ...]]] = {
    "stale": lambda shop, folder: ("stale",),
    "stale of one": lambda shop, folder: ("stale", "marketing@1", "--repo", "shop"),
    "stale of none": lambda shop, folder: ("stale", "marketing@99"),
    "stale of an unknown one": lambda shop, folder: ("stale", "marketin"),
    "audit": lambda shop, folder: ("audit", str(shop.file)),
    "audit of a changed file": lambda shop, folder: ("audit", str(_tampered(shop, folder)), "--verify"),
    "audit of no file": lambda shop, folder: ("audit", str(folder / "none.csv")),
    "audit of no table": lambda shop, folder: ("audit", __file__),
    "cancel of what has ended": lambda shop, folder: ("cancel", "1"),
    "cancel of nothing": lambda shop, folder: ("cancel", "999"),
    "manifest": lambda shop, folder: ("manifest", "sign", "1"),
    "a manifest of nothing": lambda shop, folder: ("manifest", "sign", "999"),
    "run of nothing": lambda shop, folder: ("run", "spend_per_signu"),
    "run without a file": lambda shop, folder: ("run", "scaled", "--input", "weekly=none.csv"),
    "run of two": lambda shop, folder: ("run", "spend_per_signup", "broken"),
    "run elsewhere": lambda shop, folder: ("run", "scaled", "--at", "nothing"),
    "run with a wrong key": lambda shop, folder: ("run", "spend_per_signup", "--config", "regoin=UK"),
    "values of nothing": lambda shop, folder: ("values", "spend_per_signu", "HEAD"),
    "values before all": lambda shop, folder: ("values", "scaled", "HEAD~1"),
    "values at nothing": lambda shop, folder: ("values", "scaled", "nothing..HEAD"),
    "reproduce nothing": lambda shop, folder: ("reproduce", "marketing@99"),
    "reproduce exactly nothing": lambda shop, folder: ("reproduce", "nothing"),
}


@pytest.mark.parametrize("asked", _ASKED.values(), ids=_ASKED.keys())
def test_what_is_asked_of_runs_and_datasets_is_answered_alike_here_and_elsewhere(
    shop: Shop, tmp_path: Path, asked: Callable[[Shop, Path], tuple[str, ...]]
):
    arguments = asked(shop, tmp_path)
    here, there = shop.here(*arguments), shop.there(*arguments)

    assert (there.stdout, there.stderr, there.exit_code) == (here.stdout, here.stderr, here.exit_code)
    assert here.stdout or here.stderr


@pytest.mark.parametrize("asked", [("stale",), ("audit", "FILE", "--verify")], ids=" ".join)
def test_programs_are_told_alike_here_and_elsewhere(shop: Shop, asked: tuple[str, ...]):
    arguments = [str(shop.file) if word == "FILE" else word for word in (*asked, "--json")]
    here, there = shop.here(*arguments), shop.there(*arguments)

    assert json.loads(there.stdout) == json.loads(here.stdout)
    assert there.exit_code == here.exit_code


def test_a_run_elsewhere_reads_files_of_here_and_its_table_comes_back(shop: Shop, tmp_path: Path):
    given, saved = tmp_path / "mine.csv", tmp_path / "out.csv"
    given.write_text("week,spend,signups\n2026-02-02,30,10\n")
    asked = ("run", "spend_per_signup", "scaled", "--dataflow", "marketing", "--config", "region=US")
    asked = (*asked, "--input", f"weekly={given}", "--input", "factor=3", "--note", "a trial", "--no-cache")
    told = shop.told(*asked, "--save", str(saved), "--dataset", "trial")

    assert (told["state"], told["note"], told["config"]["region"]) == ("succeeded", "a trial", "US")
    assert told["inputs"]["factor"] == {"value": 3}
    assert told["inputs"]["weekly"]["path"] == "mine.csv"
    assert told["table"]["rows"] == [["2026-02-02", "6.0", "90"]]
    version = shop.catalog.version(shop.catalog.get(told["id"]))
    assert version is not None
    kept = datasets.file_of(shop.catalog.settings, version)
    assert saved.read_bytes() == kept.read_bytes()
    assert (tmp_path / f"out.csv{SIDECAR}").read_bytes() == kept.with_name(kept.name + SIDECAR).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.csv", "out.csv", f"out.csv{SIDECAR}"]
    audit = shop.told("audit", str(saved), "--verify")
    assert (audit["store"], audit["verified"]["same"]) == ("known", True)

    printed = shop.there("run", "scaled", "--dataflow", "marketing", "--input", f"weekly={given}")
    assert printed.exit_code == 0, printed.output
    assert [line.split() for line in printed.stdout.splitlines()] == [
        ["week", "scaled"],
        ["2026-02-02", "30"],
    ]
    assert "of dataflow 'marketing'" in printed.stderr


def test_what_fails_elsewhere_says_why_here(shop: Shop):
    failed = shop.there("run", "broken", "--dataflow", "traps", "--input", "x=1")

    assert failed.exit_code == 1
    assert "division by zero" in failed.stderr and "features/traps.py:" in failed.stderr
    assert shop.told("run", "broken", "--dataflow", "traps", "--input", "x=1", ends=1)["state"] == "failed"


def test_a_dataset_is_made_again_elsewhere(shop: Shop):
    again = shop.told("reproduce", "marketing@1")

    assert (again["verdict"], again["details"]["columns"]) == ("identical", [])
    assert shop.there("reproduce", "marketing@1").stdout.startswith("identical (run ")


def test_a_run_that_goes_on_elsewhere_is_cancelled_from_here(shop: Shop):
    client = Client(shop.url)
    number = client.request_run("shop", ["waiting"], dataflow="traps")["id"]
    until(lambda: client.run(number)["state"] == "running")
    cancelled = shop.there("cancel", str(number))

    assert (cancelled.exit_code, cancelled.stderr) == (0, f"Run {number} is cancelled.\n")
    assert client.run(number)["state"] == "cancelled"


def test_the_client_has_a_typed_method_for_each_of_these(shop: Shop, tmp_path: Path):
    client = Client(shop.url)
    rows = {row["dataset"]: row for row in client.datasets(repo="shop")}
    assert rows["marketing"]["stale"] == ["spend_per_signup"]
    version = client.version("shop", "marketing", 1)
    run = client.reproduce("shop", "marketing", 1, tolerance=0.0)["run"]
    made = next(iter(client.reproductions("shop", "marketing", 1)))
    assert (made["run"], made["tolerance"]) == (run, 0.0)
    for shape, answer in (
        (VersionRow, next(client.versions("shop", "marketing"))),
        (Version, version),
        (Reproduction, made),
        (FileAudit, client.audit("a.csv", b"a\n1\n")),
        (RunComparison, client.compare_runs(1, 1)),
    ):
        assert answer.keys() == shape.__required_keys__
    with (tmp_path / "file").open("wb") as file:
        client.download(1, file)
    assert (tmp_path / "file").read_bytes() == shop.file.read_bytes()
    with (tmp_path / "other").open("wb") as file, pytest.raises(CatalogError, match="no run 999"):
        client.download(999, file)
    with pytest.raises(CatalogError, match="is not known"):
        client.upload("shop", Path(__file__))


def test_values_of_two_commits_are_compared_elsewhere(shop: Shop, tmp_path: Path):
    given = tmp_path / "mine.csv"
    given.write_text("week,spend,signups\n2026-02-02,30,10\n2026-02-09,0,5\n")
    told = shop.told("values", "spend_per_signup", "HEAD", "--input", f"weekly={given}", "--key", "week")
    here = shop.here(
        "values", "spend_per_signup", "HEAD", "--input", f"weekly={given}", "--key", "week", "--json"
    )

    assert (told["values"]["verdict"], told["values"]["details"]["matched_by"]) == ("differs", ["week"])
    assert [row["cells"] for row in told["values"]["details"]["examples"]] == [
        {"spend_per_signup": ["3.0", "6.0"]}
    ]
    assert json.loads(here.stdout)["values"] == told["values"]


def test_a_file_that_is_too_large_to_be_sent_is_told_so(shop: Shop, tmp_path: Path):
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(35_000_001)
    refused = shop.there("audit", str(large))

    assert refused.exit_code == 3
    assert "35 MB" in refused.stderr and "/audit" in refused.stderr


@pytest.mark.parametrize(
    "asked",
    [
        *(("repo", "list"), ("search", "spend"), ("show", "scaled"), ("history", "scaled"), ("diff", "HEAD")),
        *(("stale",), ("audit", "FILE"), ("reproduce", "marketing@99"), ("run", "scaled", "--at", "nothing")),
        *(("values", "scaled", "nothing..main"), ("cancel", "1"), ("manifest", "sign", "1")),
        ("backfill", "marketing"),
    ],
    ids=" ".join,
)
def test_what_asks_a_catalog_elsewhere_loads_no_package_of_the_one_here(shop: Shop, asked: tuple[str, ...]):
    heavy = ["sqlalchemy", "pandas", "numpy", "pyarrow", "git", "flask", "alembic", "headwater_catalog.store"]
    program = (
        "import contextlib, sys\n"
        "from headwater_catalog.cli import command_line\n"
        "with contextlib.suppress(SystemExit):\n"
        "    command_line()(sys.argv[1:])\n"
        f"print('loaded:', [name for name in {heavy} if name in sys.modules])"
    )
    words = [str(shop.file) if word == "FILE" else word for word in asked]
    done = subprocess.run(
        [sys.executable, "-c", program, "--remote", shop.url, *words],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "loaded: []" in done.stdout, done.stdout + done.stderr
