import pytest

from headwater_catalog.errors import Conflict, NotFound, RepositoryError
from headwater_catalog.repositories import (
    add_repository,
    get_repository,
    list_repositories,
    mirror_path,
    resolve_at,
)
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings


@pytest.fixture
def settings(catalog_url, tmp_path):
    return Settings(home=tmp_path / "home", database_url=catalog_url, secret_key="k")


@pytest.fixture
def session(database):
    with database.write() as session:
        yield session


@pytest.mark.parametrize("name", ["a", "growth-features", "v2.0_x", "9lives", "a" * 100])
def test_a_name_is_small_letters_digits_dots_dashes_and_underscores(session, git_repo, name):
    assert add_repository(session, name, str(git_repo.path), 5).added_at == 5


@pytest.mark.parametrize("name", ["", "A", "-a", ".a", "a/b", "a b", "ä", "a" * 101, "a\n"])
def test_another_name_is_refused_with_the_rule(session, git_repo, name):
    with pytest.raises(RepositoryError, match=r"cannot name a repository\. Use"):
        add_repository(session, name, str(git_repo.path), 0)


def test_adding_the_same_again_is_the_same(session, git_repo, monkeypatch):
    first = add_repository(session, "one", str(git_repo.path), 0)
    monkeypatch.chdir(git_repo.path)

    assert add_repository(session, "one", ".", 9) is first
    assert first.added_at == 0


def test_a_name_stands_for_one_address(session, git_repo):
    add_repository(session, "one", str(git_repo.path), 0)

    with pytest.raises(Conflict, match="Choose another name"):
        add_repository(session, "one", "https://example.com/other.git", 0)


def test_a_repository_is_got_by_name_and_a_typo_told(session, git_repo):
    added = [add_repository(session, name, str(git_repo.path), 0) for name in ("zeta", "alpha")]

    assert get_repository(session, "zeta") is added[0]
    assert list_repositories(session) == added[::-1]
    with pytest.raises(NotFound, match="Did you mean 'alpha'"):
        get_repository(session, "alpa")


def test_what_is_not_scanned_yet_says_how_to(session, settings, git_repo):
    one = add_repository(session, "one", str(git_repo.path), 0)

    with pytest.raises(NotFound, match="headwater scan one"):
        resolve_at(session, settings, one, None)


def test_a_moment_is_a_branch_a_tag_or_any_commit_of_the_mirror(database, settings, git_repo):
    first = git_repo.commit("One", files={"a.py": "1"})
    git_repo.tag("v1")
    git_repo.branch("side")
    beside = git_repo.commit("Two\n\nMore.", files={"b.py": "1"}, author="Tom Okafor <tom@example.com>")
    side = git_repo.commit("Three", files={"b.py": "2"})
    git_repo.checkout("main")
    last = git_repo.commit("Four", files={"a.py": "2"})
    with database.write() as session:
        add_repository(session, "one", str(git_repo.path), 0)
    scan(database, settings, "one")

    with database.read() as session:
        one = get_repository(session, "one")
        names = (None, "main", "v1", first, first[:9], "side", side[:9], beside)
        found = {at: resolve_at(session, settings, one, at) for at in names}
        assert {at: commit.sha for at, commit in found.items()} == {
            **dict.fromkeys((None, "main"), last),
            **dict.fromkeys(("v1", first, first[:9]), first),
            **dict.fromkeys(("side", side[:9]), side),
            beside: beside,
        }
        assert [found[at].position for at in ("v1", None, "side", beside)] == [0, 1, None, None]
        told = found[beside]
        assert (told.subject, told.body, told.author_name) == ("Two", "More.", "Tom Okafor")
        assert told.parents == [first]
        assert told.authored_at == int(git_repo.git("log", "-1", "--format=%at", beside))
        for unknown in ("v2", "-x", "", "0" * 40):
            with pytest.raises(NotFound, match="'one': No commit, branch or tag"):
                resolve_at(session, settings, one, unknown)


def test_a_commit_of_the_main_line_is_found_without_its_mirror(database, settings, git_repo):
    first = git_repo.commit("One", files={"a.py": "1"})
    with database.write() as session:
        add_repository(session, "one", str(git_repo.path), 0)
    scan(database, settings, "one")

    with database.read() as session:
        one = get_repository(session, "one")
        mirror_path(settings, one).rename(settings.home / "elsewhere")

        assert resolve_at(session, settings, one, first).position == 0
        with pytest.raises(NotFound, match="The mirror of 'one' is gone"):
            resolve_at(session, settings, one, "main")


def test_the_mirror_of_a_repository_is_named_by_its_number(session, settings, git_repo):
    one = add_repository(session, "one", str(git_repo.path), 0)

    assert mirror_path(settings, one) == settings.home / "mirrors" / f"{one.id}.git"
