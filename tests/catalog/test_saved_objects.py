"""Values that are no tables: kept as files by a saver in the sandbox, and known by their bytes."""

import json
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from headwater.errors import InvalidInput
from headwater_catalog import datasets
from headwater_catalog.errors import Conflict
from headwater_catalog.reproduce import DIFFERS, IDENTICAL, request_reproduction, verdict_of
from headwater_catalog.run_options import RunOptions
from headwater_catalog.saved_objects import file_name, finish_object
from headwater_catalog.scan import scan
from headwater_catalog.store.models import DatasetVersion, Reproduction, Run
from headwater_catalog.worker import Worker
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog

pytestmark = pytest.mark.runs

MODELS = """
    import os
    import pandas as pd

    class Model:
        def __init__(self, slope):
            self.slope = slope

    def slope(spend: pd.Series, signups: pd.Series) -> float:
        return float(spend.sum() / signups.sum())

    def model(slope: float) -> Model:
        return Model(slope)

    def weights(slope: float) -> dict:
        return {"slope": slope}

    def fickle() -> bytes:
        return os.urandom(8)
"""
PROJECT = """
    [tool.headwater.dataflows.models]
    modules = ["models"]
    [tool.headwater.dataflows.models.sources]
    weekly = { path = "weekly.csv" }
"""


@pytest.fixture
def catalog(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    git_repo.write("pyproject.toml", dedent(PROJECT))
    git_repo.write("models.py", dedent(MODELS))
    git_repo.write("weekly.csv", "spend,signups\n10,1\n20,4\n")
    git_repo.commit("Begin")
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


def _saved(catalog: Catalog, output: str, saver: str) -> tuple[Run, DatasetVersion]:
    run = catalog.run(output, options=RunOptions(saver=saver))
    version = catalog.version(run)
    assert version is not None, run.job.error
    return run, version


@pytest.mark.runs(databases=True)
def test_a_model_is_a_version_of_a_dataset_bound_to_what_made_it(catalog: Catalog):
    run, version = _saved(catalog, "model", "pickle")
    file = datasets.file_of(catalog.settings, version)

    assert (version.format, version.rows) == ("pickle", 0)
    assert b"Model" in file.read_bytes()
    assert version.sha256 == datasets.file_sha256(file)
    assert version.fingerprint == f"bytes:{version.sha256}"
    (column,) = version.columns
    assert (column["name"], column["feature"], column["type"]) == ("model", "models:model", "Model")
    assert column["lineage"] and run.commit.sha == (version.stamp or {})["commit"]
    assert catalog.leftovers() == []


def test_plain_values_are_readable_by_anything(catalog: Catalog):
    _, version = _saved(catalog, "weights", "json")

    assert json.loads(datasets.file_of(catalog.settings, version).read_bytes()) == {"slope": 6.0}


def test_it_is_audited_by_its_bytes_and_by_its_stamp(catalog: Catalog, git_repo: GitRepo, tmp_path: Path):
    _, version = _saved(catalog, "weights", "pickle")
    kept = datasets.file_of(catalog.settings, version).read_bytes()
    git_repo.write("models.py", dedent(MODELS).replace("spend.sum()", "2 * spend.sum()"))
    change = git_repo.commit("Double it")
    scan(catalog.database, catalog.settings, "shop")
    copy = tmp_path / "copy.pkl"
    copy.write_bytes(kept)
    alone = json.loads(catalog.headwater("audit", str(copy), "--json").output)

    assert (alone["origin"], alone["store"]) == ("content", "known")
    assert alone["verified"]["same"]
    (column,) = alone["standing"]["columns"]
    assert column["state"] == "changed" and [c["sha"] for c in column["commits"]] == [change]

    assert "'weights', which is no table" in catalog.headwater("audit", str(copy)).output

    copy.with_name("copy.pkl.headwater.json").write_text(json.dumps(version.stamp))
    copy.write_bytes(pickle.dumps({"slope": 7.0}))
    changed = json.loads(catalog.headwater("audit", str(copy), "--verify", "--json").output)
    assert changed["origin"] == "stamp" and changed["verified"]["changed"] == ["weights"]


def test_what_nobody_saved_is_told_so(catalog: Catalog, tmp_path: Path):
    other = tmp_path / "other.pkl"
    other.write_bytes(b"something")

    assert "This is nothing that Headwater has saved" in catalog.headwater("audit", str(other)).output


@pytest.mark.parametrize(
    ("output", "saver", "word"), [("weights", "pickle", IDENTICAL), ("fickle", "file", DIFFERS)]
)
def test_it_is_made_again_and_compared_by_its_bytes(catalog: Catalog, output: str, saver: str, word: str):
    _, version = _saved(catalog, output, saver)
    with catalog.database.write() as session:
        known = session.get_one(DatasetVersion, version.id)
        again = request_reproduction(session, catalog.settings, known, "auditor", 1_700_000_000)
        number, job = again.id, again.job_id
    assert Worker(catalog.database, catalog.settings).perform_next(job)
    with catalog.database.read() as session:
        verdict = verdict_of(session.get_one(Reproduction, number))
        assert verdict.word == word, verdict.reason


@pytest.mark.parametrize(
    ("output", "saver", "said"),
    [
        ("model", "pickel", "There is no saver 'pickel'. Did you mean 'pickle'?"),
        ("model", "json", "The saver 'json' does not take 'model', which is a Model"),
        ("model", "memory", "can tell it a path alone"),
    ],
)
def test_a_saver_that_does_not_fit_is_told(catalog: Catalog, output: str, saver: str, said: str):
    run = catalog.run(output, options=RunOptions(saver=saver))

    assert run.job.state == "failed"
    assert said in (run.job.error or "")
    assert catalog.version(run) is None and catalog.leftovers() == []


def test_a_saver_saves_one_value_and_no_table(catalog: Catalog):
    with pytest.raises(Conflict, match="saves one value, and these are 2 outputs"):
        catalog.request("model", "weights", options=RunOptions(saver="pickle"))
    with pytest.raises(Conflict, match="not both"):
        catalog.request("model", save="csv", options=RunOptions(saver="pickle"))
    with pytest.raises(Conflict, match="no name of a saver"):
        RunOptions(saver="../x")


def test_what_is_no_file_of_its_own_is_not_taken(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    place = tmp_path / file_name("pickle")
    for put in (place.symlink_to, place.hardlink_to):
        put(secret)
        with pytest.raises(InvalidInput, match="left no file"):
            finish_object(tmp_path, "pickle", "model", "Model")
        place.unlink()
    os.mkfifo(place)
    with pytest.raises(InvalidInput, match="left no file"):
        finish_object(tmp_path, "pickle", "model", "Model")


def test_the_command_line_writes_a_copy_with_its_stamp_beside_it(catalog: Catalog, tmp_path: Path):
    said = catalog.headwater("run", "weights", "--saver", "pickle", "--save", str(tmp_path / "w.pkl")).output

    assert pickle.loads((tmp_path / "w.pkl").read_bytes()) == {"slope": 6.0}, said
    assert (
        json.loads((tmp_path / "w.pkl.headwater.json").read_text())["columns"][0]["feature"]
        == "models:weights"
    )
