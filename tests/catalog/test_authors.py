"""Where nobody owns a feature, the authors of the lines that it has today know most of it."""

from datetime import UTC, datetime

import pytest

from headwater_catalog.authors import surviving_authors
from headwater_catalog.history import history
from headwater_catalog.repositories import add_repository, get_repository
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database

MAYA, JONAS, PRIYA = "Maya <maya@example.com>", "Jonas <jonas@example.com>", "Priya <priya@example.com>"
WRITTEN = "def spend(a: int, b: int) -> int:\n    total = a\n    total += b\n\n    return total\n"


@pytest.fixture
def authors_of(catalog_url, git_repo, tmp_path):
    database = Database(catalog_url)
    settings = Settings(home=tmp_path / "home", database_url=catalog_url, secret_key="k")
    with database.write() as session:
        add_repository(session, "shop", str(git_repo.path), 0)

    def authors(module: str, name: str = "spend") -> list[tuple[str, int]]:
        scan(database, settings, "shop", now=1)
        with database.read() as session:
            repository = get_repository(session, "shop")
            entries = history(session, repository, module, name)
            found = surviving_authors(session, repository, f"{module}:{name}", entries)
            return [(author.name, author.lines) for author in found]

    yield authors
    database.dispose()


def test_each_line_belongs_to_who_brought_it(authors_of, git_repo):
    git_repo.commit("Write", files={"p/f.py": WRITTEN}, author=MAYA)
    git_repo.commit("Double", files={"p/f.py": WRITTEN.replace("+= b", "+= 2 * b")}, author=JONAS)
    git_repo.commit(
        "Add", files={"p/f.py": WRITTEN.replace("+= b", "+= 2 * b\n    total += 1")}, author=PRIYA
    )

    assert authors_of("p.f") == [("Maya", 3), ("Jonas", 1), ("Priya", 1)]


def test_lines_that_went_count_no_more_and_those_that_came_back_are_new(authors_of, git_repo):
    git_repo.commit("Write", files={"p/f.py": WRITTEN}, author=MAYA)
    git_repo.commit("Shorten", files={"p/f.py": "def spend(a: int) -> int:\n    return a\n"}, author=JONAS)
    git_repo.commit("Write again", files={"p/f.py": WRITTEN}, author=PRIYA)

    assert authors_of("p.f") == [("Priya", 4)]


def test_a_feature_that_moved_keeps_its_authors(authors_of, git_repo):
    git_repo.commit("Write", files={"p/f.py": WRITTEN}, author=MAYA)
    git_repo.move("p/f.py", "p/g.py")
    git_repo.commit("Move", author=JONAS)
    git_repo.commit("Rename", files={"p/g.py": WRITTEN.replace("spend", "cost")}, author=PRIYA)

    assert authors_of("p.g", "cost") == [("Maya", 3), ("Priya", 1)]


def test_what_a_branch_brought_belongs_to_its_author_and_not_to_who_merged(authors_of, git_repo):
    git_repo.commit("Begin", files={"README.md": "1"}, author=MAYA)
    git_repo.branch("side")
    git_repo.commit("Write", files={"p/f.py": WRITTEN}, author=JONAS)
    git_repo.checkout("main")
    git_repo.merge("side", "Merge", author=MAYA)

    assert authors_of("p.f") == [("Jonas", 4)]


def test_variants_count_together_and_names_of_one_address_are_one_author(authors_of, git_repo):
    source = (
        "from headwater import config\n"
        "@config.when(r='a')\ndef spend__a(a: int) -> int:\n    return a\n"
        "@config.when(r='b')\ndef spend__b(b: int) -> int:\n    return b\n"
    )
    git_repo.commit("Write", files={"p/f.py": source}, author="maya <Maya@example.com>")
    git_repo.commit(
        "Change",
        files={"p/f.py": source.replace("return b", "return -b")},
        author=MAYA,
        date=datetime(2026, 1, 1, tzinfo=UTC),
    )

    assert authors_of("p.f") == [("Maya", 6)]


def test_a_huge_function_is_not_compared_line_by_line(authors_of, git_repo):
    body = "".join(f"    a += {n % 7}\n" for n in range(3_000))
    other = "".join(f"    a += {n % 11}\n" for n in range(3_000))
    git_repo.commit(
        "Write", files={"p/f.py": f"def spend(a: int) -> int:\n{body}    return a\n"}, author=MAYA
    )
    git_repo.commit(
        "Rewrite", files={"p/f.py": f"def spend(a: int) -> int:\n{other}    return a\n"}, author=JONAS
    )

    (most, *_) = authors_of("p.f")
    assert most[0] == "Jonas"
    assert most[1] > 2_900
