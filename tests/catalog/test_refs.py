"""Branches and tags are known as the last scan saw them, and help who asks for another."""

from pathlib import Path

import pytest

from headwater_catalog.commit_snapshots import read_repository
from headwater_catalog.errors import NotFound
from headwater_catalog.git import GitSource
from headwater_catalog.refs import RefView, list_refs
from headwater_catalog.repositories import add_repository, get_repository, resolve_at
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from support.git_repo import GitRepo

SPEND = "def spend(a: int) -> int:\n    return a\n"


class Catalog:
    def __init__(self, url: str, home: Path, origin: Path) -> None:
        self.database = Database(url)
        self.settings = Settings(home=home, database_url=url, secret_key="k")
        with self.database.write() as session:
            add_repository(session, "shop", str(origin), 0)

    def refs(self) -> list[RefView]:
        with self.database.read() as session:
            return list_refs(session, get_repository(session, "shop"))

    def resolve(self, at: str) -> str:
        with self.database.read() as session:
            return resolve_at(session, self.settings, get_repository(session, "shop"), at).sha

    def scan(self) -> None:
        scan(self.database, self.settings, "shop", now=1)


@pytest.fixture
def catalog(catalog_url, git_repo, tmp_path):
    catalog = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    yield catalog
    catalog.database.dispose()


def test_branches_and_tags_are_those_of_the_last_scan(catalog: Catalog, git_repo: GitRepo):
    first = git_repo.commit("One", files={"spend.py": SPEND})
    git_repo.tag("v1")
    git_repo.tag("v1-signed", "The first one")
    git_repo.git("tag", "v1-again", "v1-signed")
    git_repo.git("tag", "only-a-tree", "HEAD^{tree}")
    git_repo.git("branch", "side/one")
    catalog.scan()
    tags = [RefView(name, "tag", first) for name in ("v1", "v1-again", "v1-signed")]
    branches = [RefView(name, "branch", first) for name in ("main", "side/one")]
    assert catalog.refs() == [*branches, *tags]

    git_repo.git("branch", "--move", "side/one", "side/two")
    git_repo.tag("v2")
    catalog.scan()  # which finds no new commit
    second = git_repo.commit("Two", files={"README.md": "2"})
    git_repo.git("tag", "--delete", "v1-again")
    assert [ref.name for ref in catalog.refs()] == ["main", "side/two", "v1", "v1-again", "v1-signed", "v2"]
    catalog.scan()
    assert [ref.name for ref in catalog.refs()] == ["main", "side/two", "v1", "v1-signed", "v2"]
    assert catalog.refs()[0].sha == second


def test_a_tag_of_a_tag_means_its_commit(git_repo: GitRepo, tmp_path: Path):
    sha = git_repo.commit("One", files={"spend.py": SPEND})
    git_repo.tag("inner", "Inner")
    git_repo.tag("outer", "Outer", "inner")
    with GitSource.mirror(str(git_repo.path), tmp_path / "mirror.git") as source:
        assert source.refs() == dict.fromkeys(("refs/heads/main", "refs/tags/inner", "refs/tags/outer"), sha)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("v1.O", "Did you mean 'v1.0'?"),
        ("origin/main", "Did you mean 'main'?"),
        ("nothing", "Its branches and tags are: main, v1.0."),
    ],
)
def test_who_asks_for_no_ref_is_told_of_those_that_are_near(
    catalog: Catalog, git_repo: GitRepo, asked: str, told: str
):
    git_repo.commit("One", files={"spend.py": SPEND})
    git_repo.tag("v1.0")
    catalog.scan()

    with pytest.raises(NotFound) as error:
        catalog.resolve(asked)
    assert str(error.value).endswith(told)


def test_a_clone_knows_the_branches_of_its_origin_by_their_names_there(git_repo: GitRepo, tmp_path: Path):
    git_repo.commit("One", files={"spend.py": SPEND})
    git_repo.branch("side")
    git_repo.commit("Two", files={"cost.py": SPEND.replace("spend", "cost")})
    git_repo.checkout("main")
    git_repo.git("clone", "--quiet", str(git_repo.path), str(tmp_path / "clone"))
    git_repo.commit("Three", files={"more.py": SPEND.replace("spend", "more")})
    git_repo.git("-C", str(tmp_path / "clone"), "fetch", "--quiet")

    def names(ref: str) -> list[str]:
        return [feature.name for feature in read_repository(tmp_path / "clone", ref).features]

    assert names("origin/side") == ["cost", "spend"]
    assert names("main") == ["spend"]
    assert names("origin/main") == ["more", "spend"]
