"""What a run saves: a dataset version with its stamp, whole or not at all."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pyarrow.parquet as pq
import pytest

from headwater_catalog import datasets
from headwater_catalog.confined_tables import contents_of
from headwater_catalog.git import GitSource
from headwater_catalog.repositories import get_repository, mirror_path, remove_repository
from headwater_catalog.sandbox import Limits
from headwater_catalog.scan import scan
from headwater_catalog.stamp_files import find_stamp
from headwater_catalog.stamps import SIDECAR, parse_stamp
from headwater_catalog.store.models import DatasetVersion
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog, make_repository
from support.slow import slow

pytestmark = pytest.mark.runs

ODD = """
    import pandas as pd

    def frame(spend: pd.Series) -> pd.DataFrame:
        return pd.DataFrame({"one": spend, "two": spend * 2})

    def mixed(spend: pd.Series) -> pd.Series:
        return pd.Series([1, "two"], index=spend.index, dtype=object)

    def large(spend: pd.Series, rows: int) -> pd.Series:
        return pd.Series(range(rows))

    def garbage(spend: pd.Series) -> pd.Series:
        from headwater_catalog import tables
        tables.save = lambda table, path: path.write_bytes(b"no table at all")
        return spend

    def torn(spend: pd.Series) -> pd.Series:
        from headwater_catalog import tables
        whole = tables.save
        def save(table, path):
            whole(table, path)
            data = bytearray(path.read_bytes())
            data[len(data) // 3 : len(data) // 2] = b"\\xff" * (len(data) // 2 - len(data) // 3)
            path.write_bytes(data)
        tables.save = save
        return spend

    def linked(spend: pd.Series) -> pd.Series:
        from headwater_catalog import tables
        tables.save = lambda table, path: path.symlink_to("/etc/passwd")
        return spend

    def nothing(spend: pd.Series) -> pd.Series:
        from headwater_catalog import tables
        tables.save = lambda table, path: None
        return spend

    def offsets(spend: pd.Series) -> pd.Series:
        import pyarrow as pa, numpy as np
        from headwater_catalog import tables
        def save(table, path):
            batch = pa.RecordBatch.from_arrays([pa.array(["abc", "def"])], names=["x"])
            with pa.ipc.new_file(str(path), batch.schema) as writer:
                writer.write_batch(batch)
            good, bad = (np.array(each, "i4").tobytes() for each in ([0, 3, 6], [0, 2**30, 2**31 - 1]))
            data = path.read_bytes()
            assert data.count(good) == 1
            path.write_bytes(data.replace(good, bad))
        tables.save = save
        return spend

    def prepared(spend: pd.Series) -> pd.Series:
        from pathlib import Path
        for name in ("saved.parquet", "saved.csv"):
            Path.home().joinpath(name).symlink_to("/proc/self/cwd/manifest-key.pem")
            Path.home().joinpath(name + ".headwater.json").write_text("forged")
        return spend

    def bomb(spend: pd.Series) -> pd.Series:
        import pyarrow as pa
        from headwater_catalog import tables
        def save(table, path):
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            zeros = pa.RecordBatch.from_arrays([pa.array(bytearray(1 << 25), pa.uint8())], names=["x"])
            with pa.ipc.new_file(str(path), zeros.schema, options=options) as writer:
                writer.write_batch(zeros)
        tables.save = save
        return spend
"""


@pytest.fixture
def catalog(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    make_repository(git_repo)
    project = (git_repo.path / "pyproject.toml").read_text()
    git_repo.write(
        "pyproject.toml", project.replace('"features.holidays"]', '"features.holidays", "features.odd"]')
    )
    git_repo.write("features/odd.py", dedent(ODD))
    git_repo.commit("Add odd features")
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


def _saved(catalog: Catalog, *outputs: str, format: str = "parquet") -> tuple[DatasetVersion, Path]:
    run = catalog.run(*outputs, dataflow="marketing", save=format)
    version = catalog.version(run)
    assert version is not None, run.job.error
    return version, datasets.file_of(catalog.settings, version)


def _everything(catalog: Catalog) -> list[Path]:
    return [path for path in (catalog.settings.home / "datasets").rglob("*") if path.is_file()]


@pytest.mark.parametrize("format", ["parquet", "csv", *slow("arrow", "json")])
def test_the_file_and_the_store_say_the_same(catalog: Catalog, git_repo: GitRepo, format: str):
    version, path = _saved(catalog, "spend_per_signup", "frame", format=format)
    found = find_stamp(path)
    assert found is not None
    stamp = parse_stamp(found)
    read = contents_of(path, format, [stamp.content["schema"]])[0]

    assert stamp.content == version.stamp
    assert version.uid == stamp.version
    assert version.fingerprint == f"{stamp.fingerprint_scheme}:{stamp.fingerprint}"
    assert not isinstance(read, str) and read.table == version.fingerprint
    assert stamp.content["commit"] == git_repo.git("rev-parse", "HEAD")
    assert (stamp.rows, stamp.content["made_by"], stamp.content["config"]) == (2, "tester", {"region": "UK"})
    assert stamp.content["inputs"]["weekly"]["rows"] == 2
    assert catalog.leftovers() == []
    assert (path.with_name(path.name + SIDECAR)).exists() == (format in ("csv", "json"))


@pytest.mark.runs(databases=True)
def test_each_column_is_bound_to_what_made_it(catalog: Catalog, git_repo: GitRepo):
    version, path = _saved(catalog, "spend_per_signup", "frame")
    assert version.stamp is not None
    columns = {column["name"]: column for column in version.stamp["columns"]}

    assert columns["week"]["kind"] == "index" and columns["week"]["source"] == "weekly"
    assert columns["spend_per_signup"]["feature"] == "features.spend:spend_per_signup"
    assert columns["one"]["feature"] == columns["two"]["feature"] == "features.odd:frame"
    assert columns["one"]["node"] == "frame"
    assert columns["spend_per_signup"]["introduced"] == git_repo.git("rev-parse", "HEAD~1")
    assert columns["one"]["introduced"] == git_repo.git("rev-parse", "HEAD")
    assert columns["one"]["lineage"] != columns["spend_per_signup"]["lineage"]
    field = pq.read_schema(path).field("one")
    assert json.loads(field.metadata[b"headwater"]) == columns["one"]


def test_an_equal_table_has_an_equal_fingerprint_in_another_format(catalog: Catalog):
    prints = {
        _saved(catalog, "spend_per_signup", format=format)[0].fingerprint for format in ("csv", "parquet")
    }

    assert len(prints) == 1


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("mixed", "Column 'mixed' cannot be saved: it holds int (1), str (1)"),
        ("garbage", "The table cannot be read as arrow"),
        ("torn", "The table"),
        ("linked", "The runner left no table."),
        ("nothing", "The runner left no table."),
        ("offsets", "damaged"),
    ],
)
def test_what_is_no_table_is_a_failed_run(catalog: Catalog, output: str, reason: str):
    run = catalog.run(output, dataflow="marketing", save="parquet")

    assert run.job.state == "failed"
    assert run.job.error is not None and reason in run.job.error
    assert catalog.version(run) is None
    assert _everything(catalog) == [] == catalog.leftovers()


def test_a_table_that_unpacks_beyond_all_bounds_is_a_failed_run(catalog: Catalog):
    run = catalog.run("bomb", dataflow="marketing", save="csv", limits=Limits(file_size=5_000_000))

    assert run.job.state == "failed"
    assert run.job.error is not None and "larger than a file of a run may be" in run.job.error
    assert _everything(catalog) == [] == catalog.leftovers()


@pytest.fixture
def small_disk(catalog: Catalog) -> Iterator[Path]:
    """Put the work folders onto a disk of 1.5 MB."""
    place = catalog.settings.home / "work"
    place.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(place)])
    if mounted.returncode:
        pytest.skip("a small disk can be mounted by root only")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("rows", [100_000, 300_000])
def test_a_full_disk_is_a_failed_run_and_leaves_nothing(catalog: Catalog, small_disk: Path, rows: int):
    """Of the fewer rows there is room for what the runner writes, and not for the file beside it."""
    asked = {"dataflow": "marketing", "save": "arrow", "config": {"rows": rows}}
    early = catalog.run("large", **asked)
    run = catalog.run("large", limits=Limits(spare_disk=0), **asked)

    assert "of the disk were left" in early.job.error
    assert run.job.state == early.job.state == "failed"
    assert run.job.error is not None
    assert "no room left on the disk" in run.job.error or "No space left on device" in run.job.error
    assert catalog.version(run) is None
    assert _everything(catalog) == [] == catalog.leftovers()


def test_a_file_whose_place_is_taken_leaves_nothing_beside_it(catalog: Catalog):
    folder = catalog.settings.home / "datasets/shop/marketing-1.csv"
    folder.mkdir(parents=True)
    run = catalog.run("spend_per_signup", dataflow="marketing", save="csv")

    assert run.job.error is not None and "could not be put in its place" in run.job.error
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.runs(databases=True)
def test_a_repository_that_goes_takes_its_files_with_what_is_beside_them(catalog: Catalog):
    run = catalog.run("spend_per_signup", dataflow="marketing", save="csv")
    assert len(list((catalog.settings.home / "datasets").rglob("*.csv*"))) == 2, run.job.error
    with catalog.database.write() as session:
        remove_repository(session, catalog.settings, get_repository(session, "shop"))

    assert list((catalog.settings.home / "datasets").rglob("*.csv*")) == []


@pytest.mark.runs(databases=True)
def test_a_commit_that_made_a_dataset_stays(catalog: Catalog, git_repo: GitRepo, tmp_path: Path):
    """Neither a force-push nor a garbage collection takes the code that made it."""
    version, _ = _saved(catalog, "spend_per_signup")
    made_at = git_repo.git("rev-parse", "HEAD")
    git_repo.git("reset", "--hard", "HEAD~1")
    git_repo.write("other.py", "def other() -> int:\n    return 1\n")
    git_repo.commit("Go another way")
    git_repo.git("reflog", "expire", "--expire=now", "--all")
    git_repo.git("gc", "--quiet", "--prune=now")
    scan(catalog.database, catalog.settings, "shop")
    with catalog.database.read() as session:
        mirror = mirror_path(catalog.settings, get_repository(session, "shop"))
    subprocess.run(["git", "--git-dir", mirror, "gc", "--quiet", "--prune=now"], check=True)

    with GitSource(mirror) as source:
        source.export_tree(made_at, tmp_path / "again")
    assert (tmp_path / "again/features/odd.py").is_file()
    assert catalog.get(version.run_id).commit.sha == made_at


@pytest.mark.runs(databases=True)
def test_a_lost_lease_takes_the_file_away(catalog: Catalog):
    from headwater_catalog import jobs
    from headwater_catalog.worker import Worker

    _, job_id = catalog.request("spend_per_signup", save="csv")
    leased = jobs.lease(catalog.database, "w", job_id=job_id)
    assert leased is not None
    Worker(catalog.database, catalog.settings).perform(replace(leased, fence=leased.fence - 1))

    assert _everything(catalog) == [] == catalog.leftovers()


@pytest.mark.parametrize("format", ["parquet", "csv"])
def test_what_feature_code_puts_in_place_of_the_saved_file_is_left_behind(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
):
    (tmp_path / "manifest-key.pem").write_text("secret")
    monkeypatch.chdir(tmp_path)  # where the worker is
    version, path = _saved(catalog, "prepared", format=format)

    assert not path.is_symlink() and path.stat().st_nlink == 1
    assert b"secret" not in path.read_bytes()
    assert version.sha256 == datasets.file_sha256(path)
    sidecar = path.with_name(path.name + SIDECAR)
    assert not sidecar.exists() if format == "parquet" else "forged" not in sidecar.read_text()
    assert (tmp_path / "manifest-key.pem").read_text() == "secret"
