"""What a change reaches: downstream features, modules, owners, outputs, and datasets that runs have saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater_catalog.compare import compare
from headwater_catalog.impact import Impact, impact_of
from headwater_catalog.impacted_datasets import impacted_datasets
from headwater_catalog.repositories import get_repository
from support.git_repo import GitRepo
from support.queries import counted_queries
from support.revisions import Revisions
from support.run_catalog import make_catalog, make_repository

SPEND = """\
import pandas as pd
from headwater import tag

@tag(owner="growth")
def spend(raw: pd.Series) -> pd.Series:
    return raw

def unrelated(raw: pd.Series) -> pd.Series:
    return raw
"""
RATIOS = """\
import pandas as pd
from headwater import extract_columns, tag

@tag(owner=["finance", "growth"])
def ratio(spend: pd.Series, signups: pd.Series) -> pd.Series:
    return spend / signups

def trend(ratio: pd.Series) -> pd.Series:
    return ratio.diff()

@extract_columns("low", "high")
def table(trend: pd.Series) -> pd.DataFrame:
    return trend.describe()
"""
PROJECT = """\
[tool.headwater.dataflows.weekly]
modules = ["features.spend", "features.ratios"]
outputs = ["trend", "unrelated", "high"]
"""
STATE = {"features/spend.py": SPEND, "features/ratios.py": RATIOS, "pyproject.toml": PROJECT}


@pytest.fixture(scope="module")
def revisions(tmp_path_factory: pytest.TempPathFactory) -> Revisions:
    return Revisions(GitRepo(tmp_path_factory.mktemp("revisions")))


def impact(revisions: Revisions, state: dict[str, str]) -> Impact:
    before, after = revisions.of(STATE, state)
    return impact_of(compare(before, after), before.snapshot, after.snapshot)


def test_a_change_of_meaning_reaches_all_downstream_with_distances_owners_and_outputs(revisions):
    found = impact(
        revisions, {**STATE, "features/spend.py": SPEND.replace("return raw\n\n", "return -raw\n\n")}
    )
    reached = [(each.key.partition(":")[2], each.steps, each.owners) for each in found.reached]

    assert [(change.key, change.classes) for change in found.changed] == [
        ("features.spend:spend", ("logic",))
    ]
    assert reached == [
        ("ratio", 1, ("finance", "growth")),
        ("trend", 2, ()),
        ("table", 3, ()),
        ("high", 4, ()),
        ("low", 4, ()),
    ]
    assert {each.because for each in found.reached} == {("features.spend:spend",)}
    assert found.modules == {"features.ratios": (0, 5), "features.spend": (1, 0)}
    assert found.owners == {"": (0, 4), "finance": (0, 1), "growth": (1, 1)}
    assert found.outputs == {"weekly": ("trend", "high")}


def test_what_changes_no_meaning_reaches_nothing(revisions):
    text = SPEND.replace('"growth"', '"sales"').replace("return raw\n\n", "return (raw)  # all\n\n")
    found = impact(revisions, {**STATE, "features/spend.py": text})

    assert (found.changed, found.reached, found.outputs) == ((), (), {})


def test_a_feature_that_is_gone_reaches_who_needed_it(revisions):
    found = impact(
        revisions,
        {
            **STATE,
            "features/spend.py": SPEND.replace("def spend", "def cost").replace(
                "return raw\n\n", "return -raw\n\n"
            ),
        },
    )

    assert [change.classes for change in found.changed] == [("added",), ("removed",)]
    assert [each.key for each in found.reached][:2] == ["features.ratios:ratio", "features.ratios:trend"]
    assert found.keys > {"features.spend:cost", "features.spend:spend"}


@pytest.mark.runs
def test_datasets_whose_outputs_are_reached_are_named_and_no_others(
    catalog_url: str, git_repo: GitRepo, tmp_path: Path
):
    make_repository(git_repo)
    catalog = make_catalog(catalog_url, git_repo, tmp_path / "home")
    run = catalog.run("scaled", save="csv", dataset="scaled spend")
    catalog.run("spend_per_signup", save="csv", dataset="ratios")
    before = git_repo.head()
    text = (git_repo.path / "features/spend.py").read_text()
    after = git_repo.commit(
        "Change", files={"features/spend.py": text.replace("spend * factor", "spend + factor")}
    )
    old, new = Revisions(git_repo).read(before, after)
    found = impact_of(compare(old, new), old.snapshot, new.snapshot)
    with catalog.database.read() as session:
        repository = get_repository(session, "shop")
        with counted_queries(catalog.database) as statements:
            (dataset,) = impacted_datasets(session, repository, found, old.snapshot, new.snapshot)
    catalog.database.dispose()

    assert (dataset.name, dataset.run, dataset.outputs) == ("scaled spend", run.id, ("scaled",))
    assert dataset.sha == before
    assert len(statements) == 1  # of however many datasets, each with however many versions
