"""Runs at commits beside the main line: of a branch, of what was pushed away, of what is merged later."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import select

from headwater_catalog.errors import NotFound
from headwater_catalog.manifests import statement_of
from headwater_catalog.openlineage import event_of
from headwater_catalog.reproduce import IDENTICAL, request_reproduction, verdict_of
from headwater_catalog.scan import scan
from headwater_catalog.stale import standing_of
from headwater_catalog.store.models import Commit, DatasetVersion, Reproduction
from headwater_catalog.worker import Worker
from support.git_repo import GitRepo
from support.run_catalog import SPEND, Catalog, make_catalog, make_repository

pytestmark = pytest.mark.runs

BRANCH = """
    import pandas as pd
    from headwater import tag

    @tag(pii="true")
    def doubled(spend_per_signup: pd.Series) -> pd.Series:
        return 2 * spend_per_signup
"""


@pytest.fixture
def catalog(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    make_repository(git_repo)
    git_repo.git("switch", "--quiet", "--create", "topic")
    git_repo.write("features/spend.py", dedent(SPEND).replace("spend / signups", "spend / signups + 1"))
    git_repo.write("features/extra/more.py", dedent(BRANCH))
    project = (git_repo.path / "pyproject.toml").read_text()
    git_repo.write(
        "pyproject.toml",
        project.replace('"features.holidays"]', '"features.holidays", "features.extra.more"]'),
    )
    git_repo.commit("Double it")
    git_repo.git("switch", "--quiet", "main")
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


def _version(catalog: Catalog, *outputs: str, at: str = "topic") -> DatasetVersion:
    run = catalog.run(*outputs, at=at, save="parquet")
    version = catalog.version(run)
    assert version is not None, run.job.error
    return version


def test_a_branch_computes_what_main_does_not_have(catalog: Catalog):
    with pytest.raises(NotFound, match="doubled"):
        catalog.request("doubled")
    run = catalog.run("doubled", at="topic")

    assert run.job.state == "succeeded", run.job.error
    assert run.commit.position is None and run.commit.subject == "Double it"
    assert run.preview is not None
    assert [row[-1] for row in run.preview["table"]["rows"]] == ["22.0", "12.0"]


def test_personal_data_of_a_branch_is_known_as_such(catalog: Catalog):
    assert catalog.run("doubled", at="topic").personal == ["doubled"]
    assert catalog.run("spend_per_signup").personal == []


def test_values_of_main_are_taken_where_the_branch_means_the_same(catalog: Catalog):
    first = catalog.run("scaled")
    second = catalog.run("scaled", at="topic")

    assert [node.kept_from for node in second.nodes if node.name == "scaled"] == [first.id]


@pytest.mark.runs(databases=True)
def test_a_dataset_of_a_branch_outlives_it(catalog: Catalog, git_repo: GitRepo):
    version = _version(catalog, "spend_per_signup", "doubled")
    stamp = version.stamp
    assert stamp is not None
    columns = {column["name"]: column for column in stamp["columns"]}
    assert columns["doubled"]["feature"] == "features.extra.more:doubled" and columns["doubled"]["lineage"]
    assert columns["doubled"]["introduced"] is None  # beside the main line

    git_repo.git("branch", "-D", "topic")
    scan(catalog.database, catalog.settings, "shop")
    with catalog.database.write() as session:
        known = session.get_one(DatasetVersion, version.id)
        again = request_reproduction(session, catalog.settings, known, "auditor", 1_700_000_000)
        number, job = again.id, again.job_id
    assert Worker(catalog.database, catalog.settings).perform_next(job)
    with catalog.database.read() as session:
        assert verdict_of(session.get_one(Reproduction, number)).word == IDENTICAL
        standing = standing_of(session, catalog.settings, "shop", stamp)
        now = {column.name: column for column in standing.columns}
    assert (now["spend_per_signup"].state, now["doubled"].state) == ("changed", "removed")
    assert now["spend_per_signup"].beside


def test_what_is_merged_later_is_the_same_commit(catalog: Catalog, git_repo: GitRepo):
    version = _version(catalog, "doubled")
    git_repo.git("merge", "--quiet", "--ff-only", "topic")
    scan(catalog.database, catalog.settings, "shop")

    with catalog.database.read() as session:
        commits = list(session.scalars(select(Commit).where(Commit.subject == "Double it")))
        assert [commit.position for commit in commits] == [1]
        assert version.stamp is not None
        standing = standing_of(session, catalog.settings, "shop", version.stamp)
        assert {column.state for column in standing.columns if column.feature} == {"same"}


def test_manifest_and_lineage_event_tell_what_a_branch_has_computed(catalog: Catalog):
    run = catalog.run("doubled", at="topic", save="csv")
    with catalog.database.read() as session:
        statement = statement_of(session, catalog.settings, run.id)
        event = event_of(session, catalog.settings, run.id)

    named = {each["name"] for each in statement["predicate"]["buildDefinition"]["resolvedDependencies"]}
    assert "definition/features.extra.more:doubled" in named
    fields = event["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert {leaf["field"] for leaf in fields["doubled"]["inputFields"]} == {"spend", "signups"}
