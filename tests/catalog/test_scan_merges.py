"""The commit behind a merge that brought a definition is known, and owners are kept over time."""

import pytest

from support.scanned import Catalog


@pytest.fixture
def catalog(catalog_url, git_repo, tmp_path):
    catalog = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    yield catalog
    catalog.database.dispose()


BODY = "def {0}(x: int) -> int:\n    return x{1}\n"


SIGNED = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Ada Example"), ("EMAIL", "ada@example.com"), ("DATE", "2025-02-01T12:00Z"))
}


def introduced(catalog) -> dict:
    """The commits that brought the versions, where a merge brought them, by name and position."""
    return {(row["name"], row["from"]): row["introduced"] for row in catalog.rows()["features"]}


def test_the_commit_behind_a_merge_that_brought_a_definition_is_known(catalog, git_repo):
    git_repo.commit("Begin", files={"p/f.py": BODY.format("a", ""), "README.md": "1"})
    git_repo.branch("side")
    git_repo.commit("Draft", files={"p/f.py": BODY.format("a", " + 1"), "p/g.py": BODY.format("b", " + 0")})
    changed = git_repo.commit("Change", files={"p/f.py": BODY.format("a", "") + BODY.format("c", " * 2")})
    done = git_repo.commit(
        "Finish", files={"p/g.py": BODY.format("b", " - 1"), "p/h.py": BODY.format("d", "")}
    )
    git_repo.commit("Touch", files={"p/g.py": "# b\n" + BODY.format("b", " - 1")})
    git_repo.checkout("main")
    git_repo.commit("Meanwhile", files={"README.md": "2"})
    git_repo.merge("side", "Merge side")
    git_repo.commit("After", files={"p/i.py": BODY.format("e", "")})
    catalog.scan()

    assert introduced(catalog) == {
        ("a", 0): None,
        ("b", 2): done,
        ("c", 2): changed,
        ("d", 2): done,
        ("e", 3): None,
    }
    assert catalog.same_as_new(git_repo.path)


def test_what_a_merge_itself_makes_is_its_own_and_moved_text_is_found_where_it_was_written(catalog, git_repo):
    git_repo.commit("Begin", files={"p/f.py": BODY.format("a", "")})
    git_repo.branch("one")
    first = git_repo.commit("Write", files={"p/new.py": BODY.format("b", " + 1") + BODY.format("c", "")})
    git_repo.checkout("main")
    git_repo.git("merge", "--quiet", "--no-ff", "--no-commit", "one", **SIGNED)
    git_repo.move("p/new.py", "p/moved.py")
    git_repo.write("p/moved.py", BODY.format("b", " + 1") + BODY.format("c", " + 3"))
    git_repo.commit("Merge one, and mend it")
    catalog.scan()

    assert introduced(catalog) == {("a", 0): None, ("b", 1): first, ("c", 1): None}


def test_an_octopus_of_unrelated_and_merged_branches_names_the_first_that_brought_a_text(catalog, git_repo):
    git_repo.commit("Begin", files={"README.md": "1"})
    git_repo.branch("one")
    one = git_repo.commit("One", files={"p/f.py": BODY.format("a", "")})
    git_repo.branch("two", "main")
    two = git_repo.commit("Two", files={"p/g.py": BODY.format("b", "")})
    git_repo.git("checkout", "--quiet", "--orphan", "three")
    git_repo.git("rm", "-r", "--quiet", "--force", ".")
    three = git_repo.commit("Three", files={"p/h.py": BODY.format("c", "")})
    git_repo.checkout("one")
    git_repo.git("merge", "--quiet", "-m", "Join", "--allow-unrelated-histories", "three", **SIGNED)
    git_repo.checkout("main")
    git_repo.git("merge", "--quiet", "--no-ff", "-m", "All", "one", "two", **SIGNED)
    catalog.scan()

    assert introduced(catalog) == {("a", 1): one, ("b", 1): two, ("c", 1): three}


def test_a_change_of_owners_reads_no_module(catalog, git_repo):
    git_repo.commit("Add", files={"p/f.py": BODY.format("a", ""), "p/g.py": BODY.format("b", "")})
    catalog.scan()
    git_repo.commit("Own", files={"CODEOWNERS": "p/ @data\nq/ no-owner\n"})
    git_repo.commit("Default", files={"pyproject.toml": "[tool.headwater.owners]\np = ['Maya', 'Priya']\n"})
    report = catalog.scan()

    assert (report.blobs, report.opened, report.ended) == (0, 0, 0)
    codeowners = {"path": "CODEOWNERS", "rules": [["p/", ["@data"], 1]]}
    assert [row[1:3] for row in catalog.rows()["owners"]] == [(1, 2), (2, None)]
    assert catalog.rows()["owners"][0][3] == {**codeowners, "project": "", "defaults": []}
    assert catalog.rows()["owners"][1][3]["defaults"] == [["p", ["Maya", "Priya"]]]
    assert [(path, line, since, until) for path, line, _, since, until in catalog.diagnostics()] == [
        ("CODEOWNERS", 2, 1, -1)
    ]
    git_repo.delete("CODEOWNERS")
    git_repo.commit("Own no more", files={"pyproject.toml": ""})
    catalog.scan()
    assert [row[1:3] for row in catalog.rows()["owners"]] == [(1, 2), (2, 3)]
    assert catalog.same_as_new(git_repo.path)
