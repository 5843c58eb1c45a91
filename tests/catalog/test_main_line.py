"""The commits of a main line as a list, with counts of what they changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater_catalog.history import commit_changes
from headwater_catalog.main_line import count_changes, list_authors, list_commits
from headwater_catalog.repositories import get_repository
from support.git_repo import GitRepo
from support.queries import counted_queries
from support.scanned import Catalog

SPEND = '''\
from headwater import config, tag

@tag(owner="growth")
def spend(raw: float) -> float:
    """What we spent."""
    return raw
'''
RATE = "def rate(spend: float, visits: int) -> float:\n    return spend / visits\n"
UK = '\n@config.when(region="UK")\ndef days__uk(raw: int) -> int:\n    return raw\n'
US = '\n@config.when(region="US")\ndef days__us(raw: int) -> int:\n    return raw + 1\n'
BOB = "Bob Example <bob@example.com>"
STATES = (
    ("Add spend", {"m.py": SPEND}),
    ("Add a rate", {"m.py": SPEND, "n.py": RATE}),
    ("Say more", {"m.py": SPEND.replace("What", "All that").replace("growth", "sales"), "n.py": RATE}),
    ("Lay out", {"m.py": SPEND, "n.py": RATE.replace("spend / visits", "(spend  / visits)")}),
    ("Look at days", {"m.py": SPEND + UK + US, "n.py": RATE.replace("visits", "days")}),
    ("Move the rate", {"m.py": SPEND + UK, "o.py": RATE.replace("visits", "days")}),
    ("Rename it", {"m.py": SPEND, "o.py": RATE.replace("visits", "days").replace("def rate", "def share")}),
    ("Write", {"m.py": SPEND, "o.py": "", "README.md": "Nothing."}),
)


@pytest.fixture
def catalog(catalog_url: str, tmp_path: Path) -> Iterator[Catalog]:
    repo = GitRepo(tmp_path / "repo")
    for number, (message, files) in enumerate(STATES):
        repo.git("rm", "-r", "--quiet", "--force", "--ignore-unmatch", "--", ".")
        options = {"author": BOB} if number % 2 else {}
        repo.commit(message, files=files, **options)
    made = Catalog(catalog_url, tmp_path / "home", repo.path)
    made.scan()
    yield made
    made.database.dispose()


def _counted(entries):
    told = {
        (entry.key, what) for entry in entries for what in (entry.change, *entry.classes) if what != "changed"
    }
    return {what: sum(other == what for _, other in told) for _, what in told}


def test_counts_are_those_of_the_changes_that_each_commit_made(catalog: Catalog):
    with catalog.database.read() as session:
        repository = get_repository(session, "repo")
        counts = count_changes(session, repository, range(len(STATES)))
        expected = {
            position: _counted(commit_changes(session, repository, position))
            for position in range(len(STATES))
        }

    assert {position: dict(counts.get(position, {})) for position in expected} == expected
    assert {what for told in counts.values() for what in told} == {
        *("added", "removed", "moved", "logic", "signature", "tags", "docs", "formatting")
    }


def test_counting_takes_as_many_queries_for_many_commits_as_for_few(catalog: Catalog):
    with catalog.database.read() as session:
        repository = get_repository(session, "repo")
        sent = []
        for positions in ((4,), range(len(STATES))):
            with counted_queries(catalog.database) as statements:
                count_changes(session, repository, positions)
            sent.append(len(statements))

    assert sent == [3, 3]


def test_commits_come_newest_first_by_pages(catalog: Catalog):
    with catalog.database.read() as session:
        repository = get_repository(session, "repo")
        page = list_commits(session, repository, limit=3, offset=2)
        before = list_commits(session, repository, until=1)

    assert [commit.subject for commit in page.commits] == ["Move the rate", "Look at days", "Lay out"]
    assert page.total == len(STATES)
    assert [commit.subject for commit in before.commits] == ["Add a rate", "Add spend"]


def test_commits_are_chosen_by_author_and_by_whether_they_changed_features(catalog: Catalog):
    with catalog.database.read() as session:
        repository = get_repository(session, "repo")
        bobs = list_commits(session, repository, author="Bob Example")
        touching = list_commits(session, repository, touching=True)
        authors = list_authors(session, repository)

    assert [commit.position for commit in bobs.commits] == [7, 5, 3, 1]
    assert [commit.position for commit in touching.commits] == [7, 6, 5, 4, 3, 2, 1, 0]
    assert authors == ["Ada Example", "Bob Example"]


def test_a_commit_of_other_files_touches_no_feature(catalog_url: str, tmp_path: Path):
    repo = GitRepo(tmp_path / "repo")
    repo.commit("Add", files={"m.py": SPEND})
    repo.commit("Write", files={"README.md": "Nothing."})
    catalog = Catalog(catalog_url, tmp_path / "home", repo.path)
    catalog.scan()

    with catalog.database.read() as session:
        touching = list_commits(session, get_repository(session, "repo"), touching=True)
    catalog.database.dispose()

    assert [commit.subject for commit in touching.commits] == ["Add"]
    assert touching.total == 1
