from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headwater_catalog.errors import NotFound, QueryError
from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_catalog.search import SearchPage, heads, search, warm
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo

MAYA = "Maya Lindqvist <maya.lindqvist@example.com>"
TOM = "Tom Okafor <tom@example.com>"

Look = Callable[..., SearchPage]


def source(*names: str, body: str = "x", tags: str = "") -> str:
    decorator = f"@tag({tags})\n" if tags else ""
    functions = (f"{decorator}def {name}(x: int) -> int:\n    return {body}\n\n\n" for name in names)
    return "from headwater import tag\n\n\n" + "".join(functions)


def day(number: int) -> datetime:
    return datetime(2025, 3, number, 12, tzinfo=UTC)


@pytest.fixture
def repository(git_repo: GitRepo) -> GitRepo:
    """Four commits: two features; one of them changed and one more; one removed; and one beside the main line."""
    git_repo.commit("One", files={"a.py": source("spend", "old_spend")}, author=MAYA, date=day(1))
    git_repo.tag("v1")
    git_repo.branch("side")
    git_repo.commit("Aside", files={"c.py": source("side_spend")}, author=TOM, date=day(2))
    git_repo.checkout("main")
    git_repo.commit("Two", files={"b.py": source("email", tags="pii='true'")}, author=MAYA, date=day(10))
    git_repo.commit("Three", files={"a.py": source("spend", body="x + 1")}, author=TOM, date=day(20))
    return git_repo


@pytest.fixture
def look(database: Database, tmp_path: Path, repository: GitRepo) -> Iterator[Look]:
    settings = Settings(home=tmp_path / "home", database_url="", secret_key="not secret")
    with database.write() as session:
        add_repository(session, "shop", str(repository.path), 0)
    scan(database, settings, "shop", now=1)
    with database.read() as session:
        yield lambda text, **options: search(heads(session, settings), text, **options)


def names(page: SearchPage) -> list[str]:
    return [hit.name for hit in page.hits]


def test_a_query_may_ask_for_another_moment(look: Look):
    assert names(look("spend")) == ["spend"]
    assert names(look("spend at:v1")) == ["spend", "old_spend"]
    assert names(look("at:v1")) == ["old_spend", "spend"]


def test_a_commit_beside_the_main_line_is_searched_like_any(look: Look):
    assert names(look("side_spend at:side downstream:x")) == ["side_spend"]

    with pytest.raises(
        QueryError, match="asks for the history, which is only known of commits on the scanned main"
    ):
        look("changed:<30d at:side")


def test_a_moment_that_no_repository_has_is_an_error_at_its_place_in_the_query(look: Look):
    with pytest.raises(QueryError, match=r"'at:' at position 6: .*v9") as error:
        look("spend at:v9")
    assert error.value.position == 6


def test_instants_are_those_of_the_main_line_and_ages_count_from_the_moment(look: Look):
    assert names(look("changed:<5d")) == ["spend"]
    assert names(look("changed:<5d at:v1")) == ["old_spend", "spend"]
    assert names(look("added:>2025-03-05")) == ["email"]
    assert names(look("added:2025-03-01")) == ["spend"]
    assert names(look("author:tom")) == ["spend"]
    assert names(look("author:maya at:v1")) == ["old_spend", "spend"]


def test_what_is_gone_is_found_by_when_it_went_and_links_to_its_last_commit(look: Look, repository: GitRepo):
    (hit,) = look("removed:2025-03-20").hits

    assert (hit.name, hit.last_sha) == ("old_spend", repository.git("rev-parse", "main~1"))
    assert names(look("removed:>2025-03-20")) == []
    assert names(look("removed:<1y OR email")) == ["email", "old_spend"]
    assert names(look("removed:<1y -new:feature", base="v1")) == ["old_spend"]
    assert names(look("old_spend")) == []


def test_what_is_new_and_who_changed_it_is_told_against_a_base(look: Look):
    assert names(look("new:feature", base="v1")) == ["email"]
    assert names(look("new:tag:pii", base="v1")) == ["email"]
    assert names(look("new:feature", base="main")) == []
    assert names(look("changed_by:tom", base="v1")) == ["spend"]
    assert names(look("changed_by:maya", base="v1")) == ["email"]
    with pytest.raises(NotFound, match="v9"):
        look("new:feature", base="v9")
    with pytest.raises(QueryError, match="Name an earlier commit"):
        look("new:feature")
    with pytest.raises(QueryError, match=r"No feature or input 'spnd'. Near to it: spend"):
        look('new:"uses:spnd"', base="v1")
    assert names(look('new:"uses:x"', base="v1")) == ["email"]


def test_facets_count_all_hits_and_their_terms_find_just_these(look: Look):
    page = look("at:v1 spend", facets=True, limit=1)
    values = {(facet.field, value.value): value for facet in page.facets for value in facet.values}

    assert values["module", "a"].count == 2
    assert values["is", "root"].count == 2
    for value in values.values():
        assert look(page.query.narrowed(value.term)).total == value.count, value.term
    assert look("spend").facets == ()


def test_a_name_of_lineage_must_be_in_one_of_the_repositories(look: Look, database: Database, tmp_path: Path):
    other = GitRepo(tmp_path / "other")
    other.commit("One", files={"m.py": source("clicks")})
    settings = Settings(home=tmp_path / "home", database_url="", secret_key="not secret")
    with database.write() as session:
        add_repository(session, "another", str(other.path), 0)
    scan(database, settings, "another", now=1)
    with database.read() as session:
        everywhere = heads(session, settings)

        assert [hit.repository for hit in search(everywhere, "uses:x").hits] == ["another", "shop", "shop"]
        assert names(search(everywhere, "at:v1 spend")) == ["spend", "old_spend"]
        assert search(everywhere, "used_by:clicks").total == 0
        with pytest.raises(QueryError, match="Near to it: clicks"):
            search(everywhere, "used_by:clics")


def test_a_scan_of_something_new_is_searched_at_once(look: Look, database, tmp_path, repository: GitRepo):
    assert names(look("brand_new")) == []
    settings = Settings(home=tmp_path / "home", database_url="", secret_key="not secret")
    repository.commit("Four", files={"d.py": source("brand_new")}, author=TOM, date=day(21))
    scan(database, settings, "shop", now=2)

    with database.read() as session:
        assert names(search(heads(session, settings), "brand_new")) == ["brand_new"]


def test_a_search_after_one_more_commit_finds_what_one_in_a_new_process_would(
    database: Database, tmp_path: Path, repository: GitRepo, look: Look
):
    settings = Settings(home=tmp_path / "home", database_url="", secret_key="not secret")
    look("spend", facets=True)
    both = source("spend", body="x + signups", tags="owner='growth'") + source("signups")
    repository.commit("Four", files={"a.py": both, "b.py": source("email", "phone", body="x + 2")})
    scan(database, settings, "shop", now=2)
    other = empty_catalog(f"sqlite:///{tmp_path / 'other.db'}")
    with other.write() as session:
        add_repository(session, "shop", str(repository.path), 0)
    scan(other, settings, "shop", now=2)

    with database.read() as warm_session, other.read() as anew_session:
        warmed, anew = heads(warm_session, settings), heads(anew_session, settings)
        warm(warmed)
        assert warmed[0].snapshot == anew[0].snapshot
        for text in ("", "spend", "x", "growth", "phone", '"x signups"', "sinups", "uses:x", "changed:<1d"):
            assert search(warmed, text, facets=True) == search(anew, text, facets=True), text
        assert names(search(warmed, "signups", base="v1")) == ["signups", "spend"]
    other.dispose()
