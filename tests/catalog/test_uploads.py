"""Files given to runs: checked, kept by their bytes, removed when nobody needs them."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from headwater_catalog.errors import Conflict
from headwater_catalog.kept_inputs import input_file
from headwater_catalog.sandbox import Limits
from headwater_catalog.settings import Settings
from headwater_catalog.uploads import keep_upload
from headwater_catalog.worker import Worker
from support.git_repo import GitRepo
from support.run_catalog import make_catalog, make_repository

TABLE = pa.table({"week": ["2026-01-05", "2026-01-12"], "spend": [3, 4], "signups": [1, 2]})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, database_url="", secret_key="k", upload_megabytes=1)


def _bytes(write) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


PARQUET = _bytes(lambda stream: parquet.write_table(TABLE, stream))
ARROW = _bytes(lambda stream: feather.write_feather(TABLE, stream, compression="uncompressed"))
CSV = b"week,spend,signups\n2026-01-05,3,1\n2026-01-12,4,2\n"
JSON = b'[{"week":"2026-01-05","spend":3,"signups":1},{"week":"2026-01-12","spend":4,"signups":2}]'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.parquet", PARQUET),
        ("a.csv", CSV),
        pytest.param("a.arrow", ARROW, marks=pytest.mark.slow),
        pytest.param("a.feather", ARROW, marks=pytest.mark.slow),
        pytest.param("a.json", JSON, marks=pytest.mark.slow),
    ],
)
def test_a_file_of_each_format_is_kept_and_read_by_a_run(
    sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path, name: str, content: bytes
):
    make_repository(git_repo)
    catalog = make_catalog(sqlite_catalog_url, git_repo, tmp_path / "home")
    upload = catalog.send(content, name)
    run = catalog.run("scaled", inputs={"weekly": upload})

    assert run.job.error is None
    assert run.preview is not None and [row[1] for row in run.preview["table"]["rows"]] == ["3", "4"]
    told = {"path": name, "upload": True, "sha256": upload.sha256, "bytes": len(content), "rows": 2}
    assert run.inputs["weekly"] == told
    catalog.database.dispose()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.parquet", CSV, "does not begin and end with PAR1"),
        ("a.parquet", PARQUET[: len(PARQUET) // 2], "does not begin and end with PAR1"),
        ("a.parquet", b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1", "cut off"),
        ("a.arrow", PARQUET, "ARROW1"),
        ("a.csv", PARQUET, "NUL bytes"),
        ("a.csv", "caf\xe9,1\n".encode("latin-1"), "no UTF-8"),
        ("a.csv", b"\n1,2\n", "first line"),
        ("a.csv", b"<html>\n", "begins with '<html>'"),
        ("a.json", CSV, "neither"),
        ("a.csv", b"", "empty"),
        ("a.csv", b"a\n" + b"1\n" * 600_000, "larger than 1 MB"),
        ("a.xlsx", CSV, "format of 'a.xlsx' is not known"),
        ("data/", CSV, "format of 'data' is not known"),
        ("a\n.csv", CSV, "plain name"),
    ],
)
def test_what_is_not_what_it_says_is_refused_and_leaves_nothing(
    settings: Settings, name: str, content: bytes, message: str
):
    with pytest.raises(Conflict, match=message):
        keep_upload(settings, io.BytesIO(content), name)
    assert list(settings.home.glob("uploads/*")) == []


def test_an_upload_is_kept_under_the_hash_of_its_bytes_whatever_its_name(settings: Settings):
    first = keep_upload(settings, io.BytesIO(CSV), "C:\\data\\first.csv")
    second = keep_upload(settings, io.BytesIO(CSV), "second.csv")

    assert (first.name, first.sha256) == ("first.csv", second.sha256)
    assert input_file(settings, first.sha256).read_bytes() == CSV


def test_a_file_with_more_cells_than_names_shifts_no_column(
    sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path
):
    make_repository(git_repo)
    catalog = make_catalog(sqlite_catalog_url, git_repo, tmp_path / "home")
    wide, trailing = tmp_path / "wide.csv", tmp_path / "trailing.csv"
    wide.write_bytes(CSV.replace(b",1\n", b",1,9\n"))
    trailing.write_bytes(CSV.replace(b",1\n", b",1,\n"))
    failed = catalog.run("scaled", inputs={"weekly": wide})
    good = catalog.run("scaled", inputs={"weekly": trailing})
    catalog.database.dispose()

    assert "the first line has 3 names, and the first row 4 cells" in (failed.job.error or "")
    assert good.preview is not None and [row[1] for row in good.preview["table"]["rows"]] == ["3", "4"]


def test_a_small_file_that_unpacks_to_more_than_a_run_may_use_fails_with_the_reason(
    sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path
):
    make_repository(git_repo)
    catalog = make_catalog(sqlite_catalog_url, git_repo, tmp_path / "home")
    zeros = pa.table({"spend": pa.array(np.zeros(10_000_000, np.int64))})

    def write(stream) -> None:
        with parquet.ParquetWriter(stream, zeros.schema, compression="zstd") as writer:
            for _ in range(13):
                writer.write_table(zeros)

    bomb = _bytes(write)
    assert len(bomb) < 1_000_000
    upload = catalog.send(bomb, "bomb.parquet")
    run_id, job_id = catalog.request("scaled", inputs={"weekly": upload})
    limits = Limits(memory=900 * 1024 * 1024)
    assert Worker(catalog.database, catalog.settings, limits=limits).perform_next(job_id)

    run = catalog.get(run_id)
    assert run.job.state == "failed"
    assert "bomb.parquet" in (run.job.error or "") and "cannot be read" in (run.job.error or "")
    catalog.database.dispose()
