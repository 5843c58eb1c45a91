"""The audit of a file: by its stamp or its content, against the store, and against its own data."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from headwater_catalog import datasets
from headwater_catalog.accounts import restrict
from headwater_catalog.answers.datasets import audit_json
from headwater_catalog.audit import Audit, audit_file, find_origin
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.run_options import RunOptions
from headwater_catalog.scan import scan
from headwater_catalog.stamps import SIDECAR, stamp_bytes
from headwater_catalog.store.models import DatasetVersion
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog, make_repository, make_shop

Saved = Callable[[str], tuple[Catalog, Path]]


@pytest.fixture
def catalog(sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    make_repository(git_repo)
    made = make_catalog(sqlite_catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


def _save(catalog: Catalog, folder: Path, format: str) -> Path:
    """Save a dataset, and give a copy of its file; with its stamp beside it where it has one there."""
    run = catalog.run("spend_per_signup", "scaled", dataflow="marketing", save=format)
    version = catalog.version(run)
    assert version is not None, run.job.error
    return _copy(catalog, version, folder)


def _copy(catalog: Catalog, version: DatasetVersion, folder: Path) -> Path:
    kept = datasets.file_of(catalog.settings, version)
    copy = folder / f"copy{kept.suffix}"
    copy.write_bytes(kept.read_bytes())
    sidecar = kept.with_name(kept.name + SIDECAR)
    if sidecar.is_file():
        copy.with_name(copy.name + SIDECAR).write_bytes(sidecar.read_bytes())
    return copy


@pytest.fixture(scope="module")
def _catalogs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Catalog]]:
    """Give catalogs by the format in which the one run of each has saved its dataset, made when asked for."""
    made: dict[str, Catalog] = {}
    yield made
    for catalog in made.values():
        catalog.database.dispose()


@pytest.fixture
def saved(_catalogs: dict[str, Catalog], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Saved:
    """Give a catalog in which a dataset was saved once, to be looked at only, and a copy of its file."""

    def call(format: str) -> tuple[Catalog, Path]:
        if format not in _catalogs:
            folder = tmp_path_factory.mktemp("saved")
            catalog, _ = make_shop(folder)
            _save(catalog, folder, format)
            _catalogs[format] = catalog
        catalog = _catalogs[format]
        version = catalog.version(catalog.get(1))
        assert version is not None
        return catalog, _copy(catalog, version, tmp_path)

    return call


def _audit(catalog: Catalog, path: Path, **asked: Any) -> Audit:
    with catalog.database.read() as session:
        return audit_file(session, catalog.settings, path, **asked)


FORMATS = ("parquet", "arrow", "csv", "json")


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_is_known_by_its_stamp_and_by_its_content(saved: Saved, format: str):
    catalog, path = saved(format)
    found = _audit(catalog, path, verify=True)
    text = json.dumps(audit_json(found))

    assert (found.found.origin, found.found.store, found.found.differences) == ("stamp", "known", ())
    assert found.verified is not None and found.verified.is_same
    assert "return spend / signups" in text and "data/weekly.csv" in text

    path.with_name(path.name + SIDECAR).unlink(missing_ok=True)
    if format in ("parquet", "arrow"):
        _without_stamp(path, format)
    bare = _audit(catalog, path)
    assert (bare.found.origin, bare.found.store) == ("content", "known")
    assert bare.found.version is not None and bare.found.version.uid == found.found.version.uid  # type: ignore[union-attr]


def test_an_audit_says_that_the_data_is_a_sample(catalog: Catalog, tmp_path: Path):
    run = catalog.run("scaled", dataflow="marketing", save="parquet", options=RunOptions(sample=1))
    version = catalog.version(run)
    assert version is not None
    found = _audit(catalog, datasets.file_of(catalog.settings, version))
    stamp = audit_json(found)["stamp"]

    assert (stamp["sample"], stamp["env"]) == (1, None)


def _without_stamp(path: Path, format: str) -> None:
    if format == "parquet":
        pq.write_table(
            pq.read_table(path).replace_schema_metadata(), path, compression="zstd", row_group_size=1
        )
        return
    with pa.ipc.open_file(path) as file:
        table = file.read_all()
    plain = pa.schema([field.remove_metadata() for field in table.schema])
    with pa.ipc.new_file(str(path), plain) as writer:
        writer.write_table(table.cast(plain))


def test_a_csv_file_that_was_written_anew_is_found_by_its_values(saved: Saved):
    catalog, path = saved("csv")
    path.with_name(path.name + SIDECAR).unlink()
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line}\r\n" for line in lines).replace("10.0", "1e1"))

    assert _audit(catalog, path).found.origin == "content"


def test_the_same_content_in_several_versions_names_them_all(catalog: Catalog, tmp_path: Path):
    _save(catalog, tmp_path, "csv")
    path = _save(catalog, tmp_path, "csv")
    path.with_name(path.name + SIDECAR).unlink()
    found = _audit(catalog, path).found

    assert found.version is not None and len(found.others) == 1
    assert found.version.run_id > found.others[0].run_id


def test_a_file_of_nobody_is_told_so(tmp_path: Path, saved: Saved):
    catalog, _ = saved("csv")
    other = tmp_path / "other.csv"
    other.write_text("week,spend_per_signup,scaled\n2026-01-05,1,2\n")
    found = _audit(catalog, other)

    assert (found.found.stamp, found.found.store, found.standing) == (None, "unknown", None)


def _edit(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Change a Parquet file as somebody would who means to keep its description."""
    schema = pq.read_schema(path)
    table = pa.Table.from_pandas(change(pq.read_table(path).to_pandas()), preserve_index=False)
    pq.write_table(table.replace_schema_metadata(schema.metadata), path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.assign(scaled=t.scaled + 1), {"changed": ("scaled",)}),
        (lambda t: t.assign(new=1), {"added": ("new",)}),
        (lambda t: t.drop(columns="scaled"), {"removed": ("scaled",)}),
        (lambda t: t.rename(columns={"scaled": "s"}), {"renamed": (("scaled", "s"),)}),
        (lambda t: t.head(1), {"rows": (2, 1), "changed": ("week", "spend_per_signup", "scaled")}),
        (lambda t: t[::-1], {"changed": ("week", "spend_per_signup", "scaled")}),
        (lambda t: t[["scaled", "week", "spend_per_signup"]], {}),
    ],
)
def test_a_file_that_was_changed_is_told_column_by_column(
    saved: Saved, change: Callable[[pd.DataFrame], pd.DataFrame], told: dict[str, Any]
):
    catalog, path = saved("parquet")
    _edit(path, change)
    found = _audit(catalog, path, verify=True).verified
    assert found is not None
    nothing: dict[str, Any] = {"rows": (2, 2), "changed": (), "added": (), "removed": (), "renamed": ()}

    assert {name: getattr(found, name) for name in nothing} == {**nothing, **told}
    assert found.is_same == (not told)


def test_a_changed_csv_file_is_told_by_its_sidecar(saved: Saved):
    catalog, path = saved("csv")
    path.write_text(path.read_text().replace("5.0", "6.0"))
    found = _audit(catalog, path, verify=True).verified

    assert found is not None and found.changed == ("spend_per_signup",)


def test_a_number_that_became_a_text_is_told_in_a_changed_json_file(saved: Saved):
    catalog, path = saved("json")
    path.write_text(path.read_text().replace('"spend_per_signup": 5.0', '"spend_per_signup": "5.0"'))
    found = _audit(catalog, path, verify=True).verified

    assert found is not None and found.changed == ("spend_per_signup",)


def _restamp(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    sidecar = path.with_name(path.name + SIDECAR)
    content = json.loads(sidecar.read_bytes())
    change(content)
    sidecar.write_bytes(stamp_bytes(content))


def test_a_stamp_that_was_written_over_differs_from_the_store(saved: Saved):
    catalog, path = saved("csv")
    _restamp(path, lambda stamp: stamp.update(made_by="somebody else", commit="b" * 40))
    found = _audit(catalog, path)

    assert (found.found.store, found.found.differences) == ("differs", ("commit", "made_by"))


def test_a_stamp_of_another_catalog_is_unknown_and_still_read(saved: Saved):
    catalog, path = saved("csv")
    _restamp(path, lambda stamp: stamp.update(version="f" * 32))
    found = _audit(catalog, path)

    assert (found.found.store, found.found.version) == ("unknown", None)
    assert found.standing is not None and found.standing.reason == ""


def test_a_damaged_stamp_is_told_and_the_content_found(saved: Saved):
    catalog, path = saved("csv")
    path.with_name(path.name + SIDECAR).write_text("{}")
    found = _audit(catalog, path)

    assert "is damaged" in found.found.damage
    assert found.found.origin == "content"


def test_what_somebody_may_not_see_is_unknown_to_them(saved: Saved):
    catalog, path = saved("csv")
    with catalog.database.read() as session:
        restrict(session, frozenset())
        found = audit_file(session, catalog.settings, path)
        path.with_name(path.name + SIDECAR).unlink()
        bare = audit_file(session, catalog.settings, path)

    assert (found.found.store, found.found.version, found.definitions) == ("unknown", None, {})
    assert found.standing is not None and "No repository" in found.standing.reason
    assert bare.found.stamp is None


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("x.txt", b"hello", "nothing that Headwater has saved"),
        ("x.parquet", b"PAR1 nothing", "a part of it is missing"),
        ("x.parquet", b"PAR1" + b"\xff" * 40 + b"\x10\0\0\0PAR1", "cannot be read"),
        ("x.arrow", b"ARROW1\0\0" + b"\xff" * 40 + b"ARROW1", "cannot be read"),
        ("x.csv", b"", "cannot be read as csv"),
        ("x.json", b"[" * 100_000, "cannot be read as json"),
        ("x.json", b'{"a": 1}', "no list of objects"),
    ],
)
def test_what_is_no_table_is_an_error(catalog: Catalog, tmp_path: Path, name: str, data: bytes, told: str):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(Conflict, match=told):
        _audit(catalog, tmp_path / name)
    with pytest.raises(NotFound, match="There is no file"):
        _audit(catalog, tmp_path / "nothing.csv")


def test_a_file_that_unpacks_beyond_all_bounds_is_an_error(catalog: Catalog, tmp_path: Path):
    """Eight kilobytes of Parquet that hold sixteen gigabytes of text in one page."""
    text = pa.array(["x" * (1 << 20)])
    huge = pa.DictionaryArray.from_arrays(pa.array([0] * 16_000, pa.int32()), text)
    pq.write_table(pa.table({"x": huge}), tmp_path / "x.parquet", compression="zstd")
    assert (tmp_path / "x.parquet").stat().st_size < 100_000
    begun = time.monotonic()
    try:
        found = _audit(catalog, tmp_path / "x.parquet")
    except Conflict as error:
        assert "memory" in str(error) or "cannot be read" in str(error)
    else:  # it was read piece by piece
        assert found.found.stamp is None
    assert time.monotonic() - begun < 120


def test_judging_a_stamp_reads_no_data(saved: Saved, monkeypatch: pytest.MonkeyPatch):
    """So it takes as long for a large file as for a small one."""
    catalog, path = saved("parquet")
    with path.open("r+b") as file:  # nothing of its first column chunks is left
        file.seek(8)
        file.write(b"\xff" * 60)
    with catalog.database.read() as session:
        assert find_origin(session, path).store == "known"


@pytest.fixture
def headwater(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    return catalog.headwater


def test_the_command_line_audits_a_file_after_main_has_moved_on(
    catalog: Catalog, headwater: Callable[..., Result], git_repo: GitRepo
):
    assert headwater("run", "spend_per_signup", "--save", "mine.csv").exit_code == 0
    first = headwater("audit", "mine.csv", "--verify")
    assert first.exit_code == 0, first.output
    assert "The data is what was saved." in first.stdout
    assert headwater("stale").exit_code == 0

    spend = git_repo.path / "features/spend.py"
    git_repo.write("features/spend.py", spend.read_text().replace("spend / signups", "spend / signups * 2"))
    sha = git_repo.commit("Count twice")
    scan(catalog.database, catalog.settings, "shop")
    later = headwater("audit", "mine.csv")
    assert later.exit_code == 0
    assert f"{sha[:8]} Count twice" in later.stdout
    stale = headwater("stale", "--json")
    assert stale.exit_code == 1
    (told,) = json.loads(stale.stdout)
    assert [(c["name"], [x["sha"] for x in c["commits"]]) for c in told["columns"]] == [
        ("spend_per_signup", [sha])
    ]
    assert "To recompute: shop:marketing@1." in headwater("stale", "marketing").stderr
    assert headwater("stale", "marketin").exit_code == 3

    (Path.cwd() / "mine.csv").write_text("week,spend_per_signup\n2026-01-05,11\n2026-01-12,5\n")
    changed = headwater("audit", "mine.csv", "--verify")
    assert changed.exit_code == 1
    assert "other values: spend_per_signup" in changed.stdout
    assert (
        json.loads(headwater("audit", "mine.csv", "--verify", "--json").stdout)["verified"]["same"] is False
    )
    assert headwater("audit", "nothing.csv").exit_code == 3
