"""Comparisons of commits of a catalog: the same as of the commits themselves, and made once."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headwater_catalog.compare import compare
from headwater_catalog.compared import Compared, compare_moments
from headwater_catalog.git import GitSource
from headwater_catalog.moments import moment_at
from headwater_catalog.repositories import add_repository, get_repository, remove_repository
from headwater_catalog.revisions import NOTHING, RevisionReader
from support.git_repo import GitRepo
from support.scanned import Catalog

pytestmark = pytest.mark.runs

HELPER = "def scale(x):\n    return x * {}\n"
SPEND = (
    "from h import scale\n\n"
    "def spend(raw: float) -> float:\n    return scale(raw)\n\n"
    "def rate(spend: float) -> float:\n    return spend / 2\n"
)


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    """Give a repository with three commits, the last of which leads away from the main line."""
    made = GitRepo(tmp_path / "repo")
    made.commit("First", files={"m.py": SPEND, "h.py": HELPER.format(2)})
    made.tag("first")
    made.commit("Scale", files={"h.py": HELPER.format(3)})
    made.branch("side", "first")
    made.commit("Go aside", files={"m.py": SPEND.replace("spend / 2", "(spend  / 2)")})
    made.checkout("main")
    return made


@pytest.fixture
def catalog(catalog_url: str, tmp_path: Path, repo: GitRepo) -> Iterator[Catalog]:
    made = Catalog(catalog_url, tmp_path / "home", repo.path)
    made.scan()
    yield made
    made.database.dispose()


def _compared(catalog: Catalog, before: str | None, after: str, name: str = "repo", **options) -> Compared:
    with catalog.database.read() as session:
        repository = get_repository(session, name)
        moments = [
            moment_at(session, catalog.settings, repository, ref) if ref else None for ref in (before, after)
        ]
        return compare_moments(*moments, **options)


@pytest.mark.parametrize(
    ("before", "after"), [("first", "main"), ("main", "side"), ("side", "first"), (None, "side")]
)
def test_a_comparison_of_the_catalog_is_that_of_the_commits(catalog: Catalog, repo: GitRepo, before, after):
    with GitSource(repo.path / ".git") as source:
        reader = RevisionReader(source)
        first = reader.read(source.resolve(before)) if before else NOTHING
        expected = compare(first, reader.read(source.resolve(after)), formatting=True)

    assert _compared(catalog, before, after).found == expected


def test_a_second_look_makes_nothing_again_and_the_way_back_is_made_ready(catalog: Catalog):
    first = _compared(catalog, "first", "main", both_ways=True)

    assert _compared(catalog, "first", "main") is first
    back = _compared(catalog, "main", "first")
    assert back is _compared(catalog, "main", "first")
    assert [change.key for change in back.impact.changed] == ["m:spend"]


def test_what_is_downstream_is_counted_of_what_is_gone_too(catalog: Catalog):
    there = _compared(catalog, "first", "main")
    (change,) = there.impact.changed
    gone = replace(change, after=())

    assert (there.downstream_of(change), there.downstream_of(gone)) == (1, 1)


@pytest.mark.parametrize(
    ("before", "after", "parted"),
    [
        ("first", "main", "first"),
        ("main", "first", "first"),
        ("main", "side", "first"),
        ("first", "side", "first"),
    ],
)
def test_where_two_commits_parted_is_told(catalog: Catalog, repo: GitRepo, before, after, parted):
    assert _compared(catalog, before, after).parted == repo.git("rev-parse", parted)


def test_a_repository_that_takes_the_number_of_a_removed_one_is_compared_for_itself(
    catalog: Catalog, tmp_path: Path
):
    _compared(catalog, "first", "main")
    other = GitRepo(tmp_path / "other")
    other.commit("Begin", files={"a.py": "def a(x: int) -> int:\n    return x\n"})
    other.tag("first")
    other.commit("Go on", files={"a.py": "def a(x: int) -> int:\n    return x + 1\n"})
    with catalog.database.write() as session:
        number = get_repository(session, "repo").id
        remove_repository(session, catalog.settings, get_repository(session, "repo"))
    with catalog.database.write() as session:
        added = add_repository(session, "other", str(other.path), 0)
        added.id = number
    catalog.scan("other")

    found = _compared(catalog, "first", "main", "other").found
    assert [change.key for change in found.features] == ["a:a"]


def test_a_comparison_without_formatting_is_one_that_never_looked_at_it(catalog: Catalog, repo: GitRepo):
    with GitSource(repo.path / ".git") as source:
        reader = RevisionReader(source)
        plain = compare(reader.read(source.resolve("main")), reader.read(source.resolve("side")))

    compared = _compared(catalog, "main", "side")
    assert "formatting" in compared.found.counts
    assert compared.found.without_formatting == plain
