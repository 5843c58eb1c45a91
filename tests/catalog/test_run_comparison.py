"""Two runs side by side."""

from pathlib import Path
from textwrap import dedent

import pytest

from headwater_catalog.run_comparison import compare_runs
from headwater_catalog.run_options import RunOptions
from headwater_catalog.scan import scan
from support.git_repo import GitRepo
from support.run_catalog import SPEND, Catalog, make_catalog, make_repository


@pytest.fixture
def shop(sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Catalog:
    make_repository(git_repo)
    return make_catalog(sqlite_catalog_url, git_repo, tmp_path / "home")


def test_what_differs_is_told_and_nothing_else(shop: Catalog, git_repo: GitRepo):
    first = shop.run("spend_per_signup", "holiday_count")
    git_repo.write("features/spend.py", dedent(SPEND).replace("spend / signups", "2 * spend / signups"))
    git_repo.commit("Count both ways")
    scan(shop.database, shop.settings, "shop")
    kept = shop.run("spend_per_signup", "holiday_count", at="main~1")
    second = shop.run(
        "spend_per_signup", "holiday_count", config={"region": "US"}, options=RunOptions(sample=1)
    )
    with shop.database.read() as session:
        found = compare_runs(session, shop.settings, first, second, sees_personal=True)
        same = compare_runs(session, shop.settings, first, kept, sees_personal=True)

    assert [change.key for change in found.code] == ["features.spend:spend_per_signup"]
    assert [(each.name, each.before, each.after) for each in found.config] == [("region", "UK", "US")]
    assert [each.name for each in found.surroundings] == ["sample"]
    assert [each.name for each in found.inputs] == ["weekly"]  # of which fewer rows were read
    assert found.rows is not None and (found.rows.before, found.rows.after) == (2, 1)
    figures = {each.name: {f.name: (f.before, f.after) for f in each.figures} for each in found.columns}
    assert figures["spend_per_signup"]["mean"] == (7.5, 20.0)
    assert figures["holiday_count"] == {"value": ("8", "11")}
    assert kept.inputs["weekly"].get("rows") is None  # its values were kept, so it had no need to read them
    assert not (same.code or same.config or same.inputs or same.surroundings or same.rows)
    assert all(not column.figures for column in same.columns)
    shop.database.dispose()
