import pytest

from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.errors import NotFound
from headwater_catalog.history import Change, HistoryEntry, commit_changes, history
from headwater_catalog.repositories import add_repository, get_repository
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings

SPEND = "features.spend"


def test_the_history_tells_what_each_commit_did_newest_first(rows):
    code = "def spend(raw):\n    return raw\n"
    rows.commit("Add")
    rows.define("spend", ["raw"], source=code)
    rows.commit("Double")
    rows.define("spend", ["raw"], source="def spend(raw):\n    return raw * 2\n")
    rows.commit("Unrelated")
    rows.commit("Format")
    rows.define("spend", ["raw"], source="def spend(raw):\n    return raw*2\n")
    rows.commit("Document, tag")
    rows.define("spend", ["raw"], source="def spend(raw):\n    return raw*2\n", doc="x", tags={"a": "b"})
    rows.commit("Drop")
    rows.remove("spend")
    rows.commit("Bring back")
    rows.define("spend", ["raw"], source=code)

    entries = history(rows.session, rows.repository, SPEND, "spend")

    assert [(entry.commit.subject, entry.change, entry.classes) for entry in entries] == [
        ("Bring back", Change.ADDED, ()),
        ("Drop", Change.REMOVED, ()),
        ("Document, tag", Change.CHANGED, ("tags", "docs")),
        ("Format", Change.CHANGED, ("formatting",)),
        ("Double", Change.CHANGED, ("logic",)),
        ("Add", Change.ADDED, ()),
    ]


def test_a_history_as_of_a_commit_leaves_out_what_came_after(rows):
    rows.commit("Add")
    rows.define("spend")
    rows.commit("Change")
    rows.define("spend", ["raw"])
    rows.commit("Drop")
    rows.remove("spend")

    assert [e.commit.subject for e in history(rows.session, rows.repository, SPEND, "spend", 1)] == [
        "Change",
        "Add",
    ]
    assert [e.commit.subject for e in history(rows.session, rows.repository, SPEND, "spend", 0)] == ["Add"]


def test_variants_have_entries_of_their_own(rows):
    rows.commit("Add")
    rows.define("holidays", variant="holidays__uk")
    rows.commit("Add another")
    rows.define("holidays", variant="holidays__us")

    entries = history(rows.session, rows.repository, SPEND, "holidays")

    assert [(entry.variant, entry.change) for entry in entries] == [
        ("holidays__us", Change.ADDED),
        ("holidays__uk", Change.ADDED),
    ]


def test_a_type_that_changes_with_equal_code_is_a_change_of_the_signature(rows):
    rows.commit()
    rows.define("spend", type="int")
    rows.commit()
    rows.define("spend", type="float")

    assert history(rows.session, rows.repository, SPEND, "spend")[0].classes == ("signature",)


def test_an_entry_shows_how_the_code_changed(rows):
    rows.commit()
    rows.define("spend", source="def spend(a):\n    return a\n")
    rows.commit()
    rows.define("spend", source="def spend(a):\n    return -a\n")

    changed, added = history(rows.session, rows.repository, SPEND, "spend")

    assert changed.diff() == ("@@ -1,2 +1,2 @@", " def spend(a):", "-    return a", "+    return -a")
    assert added.diff() == ("@@ -0,0 +1,2 @@", "+def spend(a):", "+    return a")


def test_a_commit_lists_the_features_it_touched_and_no_others(rows):
    rows.commit()
    rows.define("kept")
    rows.define("changed")
    rows.define("removed")
    rows.commit()
    rows.define("changed", ["raw"])
    rows.remove("removed")
    rows.define("added", ["other"])
    rows.commit()
    rows.define("kept", ["raw"])

    changes = commit_changes(rows.session, rows.repository, 1)

    assert [(entry.key.partition(":")[2], entry.change) for entry in changes] == [
        ("added", Change.ADDED),
        ("changed", Change.CHANGED),
        ("removed", Change.REMOVED),
    ]


def moved(rows, old: str, new: str, module: str = SPEND, into: str = SPEND, source: str = "") -> None:
    rows.remove(old, module=module)
    rows.define(new, ["raw"], module=into, source=source or f"def {new}(raw):\n    return raw * 2\n")


def test_a_moved_and_renamed_feature_keeps_its_history(rows):
    rows.commit("Add")
    moved(rows, "nothing", "spend")
    rows.commit("Change")
    rows.define("spend", ["raw"], source="def spend(raw):\n    return raw * 3\n")
    rows.commit("Move")
    moved(rows, "spend", "spend", into="features.money", source="def spend(raw):\n    return raw * 3\n")
    rows.commit("Rename")
    moved(rows, "spend", "cost", "features.money", "features.money", "def cost(raw):\n    return raw*3\n")

    entries = history(rows.session, rows.repository, "features.money", "cost")

    assert [(e.commit.subject, e.change, e.key, e.label) for e in entries] == [
        ("Rename", Change.MOVED, "features.money:cost", "was features.money:spend"),
        ("Move", Change.MOVED, "features.money:spend", f"was {SPEND}:spend"),
        ("Change", Change.CHANGED, f"{SPEND}:spend", "logic"),
        ("Add", Change.ADDED, f"{SPEND}:spend", "added"),
    ]


def test_what_moves_away_and_back_is_told_once(rows):
    rows.commit("Add")
    moved(rows, "nothing", "spend")
    rows.commit("Away")
    moved(rows, "spend", "cost")
    rows.commit("Back")
    moved(rows, "cost", "spend")

    entries = history(rows.session, rows.repository, SPEND, "spend")

    assert [(e.commit.subject, e.label) for e in entries] == [
        ("Back", f"was {SPEND}:cost"),
        ("Away", f"was {SPEND}:spend"),
        ("Add", "added"),
    ]
    assert [e.label for e in history(rows.session, rows.repository, SPEND, "cost", 1)] == [
        f"was {SPEND}:spend",
        "added",
    ]


def test_two_features_of_the_same_code_are_told_apart_by_their_names_or_not_at_all(rows):
    body = "(raw):\n    return raw\n"
    rows.commit("Add")
    for name in ("a", "b", "c"):
        rows.define(name, ["raw"], source=f"def {name}{body}")
    rows.commit("Move")
    moved(rows, "a", "a", into="features.money", source=f"def a{body}")
    moved(rows, "b", "x", source=f"def x{body}")
    moved(rows, "c", "y", source=f"def y{body}")

    changes = commit_changes(rows.session, rows.repository, 1)

    assert [(e.key, e.label) for e in changes] == [
        ("features.money:a", f"was {SPEND}:a"),
        (f"{SPEND}:b", "removed"),
        (f"{SPEND}:c", "removed"),
        (f"{SPEND}:x", "added"),
        (f"{SPEND}:y", "added"),
    ]


def test_a_feature_that_never_was_has_no_history(rows):
    rows.commit()

    with pytest.raises(NotFound, match=r"no feature 'features\.spend:nothing'"):
        history(rows.session, rows.repository, SPEND, "nothing")


def test_a_merge_tells_the_commit_that_brought_the_change(database, git_repo, tmp_path):
    git_repo.commit("Begin", files={"features/a.py": "def a(x: int) -> int:\n    return x\n"})
    git_repo.branch("side")
    brought = git_repo.commit("Add", files={"features/a.py": "def a(x: int) -> int:\n    return -x\n"})
    git_repo.checkout("main")
    merged = git_repo.merge("side", "Merge side")
    settings = Settings(home=tmp_path / "home", database_url=str(database.url), secret_key="k")
    with database.write() as session:
        add_repository(session, "shop", str(git_repo.path), 0)
    scan(database, settings, "shop")
    with database.read() as session:
        newest, oldest = history(session, get_repository(session, "shop"), "features.a", "a")

    assert (newest.commit.sha, newest.introduced and newest.introduced.sha) == (merged, brought)
    assert oldest.introduced is None


def test_an_entry_tells_whether_only_the_layout_changed(rows):
    rows.commit()
    rows.define("spend", source="def spend(a):\n    return a*2\n")
    rows.commit()
    rows.define("spend", source="def spend(a):\n    return a * 2\n")
    rows.commit()
    rows.define("spend", source="def spend(a):\n    return a * 3\n")

    entries = history(rows.session, rows.repository, SPEND, "spend")

    assert [entry.is_formatting for entry in entries] == [False, True, False]


def test_a_change_that_is_too_large_to_compare_is_shown_between_its_ends():
    commit = CommitRef("0" * 40, "Ada", 0, "Change", 1)
    before = [f"line {n % 7}" for n in range(40)]
    after = ["new", *before[1:], "more"]
    old, new = ("\n".join(["head", *middle, "tail"]) for middle in (before, after))
    entry = HistoryEntry(commit, "m:f", "f", Change.CHANGED, (), old, new)

    assert entry.diff(most=100) == (
        "@@ -2,40 +2,41 @@",
        *(f"-{line}" for line in before),
        *(f"+{line}" for line in after),
    )
    assert len(entry.diff()) < 20
