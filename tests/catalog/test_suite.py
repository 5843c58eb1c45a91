"""Which features the tests of a repository name."""

import random
from pathlib import Path

import pytest

from headwater_catalog.commit_snapshots import read_commit
from headwater_catalog.git import GitSource
from headwater_catalog.moments import snapshot_at
from headwater_catalog.query import parse_query
from headwater_catalog.query.find import find
from headwater_catalog.query.index import Index
from headwater_catalog.query.subjects import Scope
from headwater_catalog.read.named import NOTHING_NAMED, is_test_file, named_in
from headwater_catalog.repositories import get_repository
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.suite import Suite, suite_of
from headwater_catalog.tree_snapshots import read_folder
from support.git_repo import GitRepo
from support.random_snapshots import make_feature
from support.scanned import Catalog
from support.slow import slow

_SPEND = (
    "def spend(raw: int) -> int: return raw\n"
    "def ratio(spend: int) -> int: return spend\n"
    "def share__uk(spend: int) -> int: return spend\n"
)
_FUNCTIONS = [
    ("features.spend", "spend", "spend"),
    ("features.spend", "ratio", "ratio"),
    ("features.spend", "share", "share__uk"),
    ("features.other", "ratio", "ratio"),
]


def named(**files: str) -> set[str]:
    """Return what tests name, as `module:function`; `__` in names of files is a slash."""
    texts = {f"{path.replace('__', '/')}.py": text.encode() for path, text in files.items()}
    return {f"{module}:{variant}" for module, _, variant in suite_of(texts).named(_FUNCTIONS)}


@pytest.mark.parametrize(
    ("imports", "body", "expected"),
    [
        ("from features.spend import ratio", "ratio(1)", {"features.spend:ratio"}),
        ("from features.spend import ratio as asked", "asked(1)", {"features.spend:ratio"}),
        ("from features import spend", "spend.ratio(1)", {"features.spend:ratio"}),
        ("import features.spend", "features.spend.ratio(1)", {"features.spend:ratio"}),
        ("import features.spend as s", "s.share__uk(1)", {"features.spend:share__uk"}),
        ("from features import spend", 'driver(spend).execute(["ratio"])', {"features.spend:ratio"}),
        ("from features import spend", 'driver(spend).execute(["share"])', {"features.spend:share__uk"}),
        ("from features import spend", 'run(spend, inputs={"ratio": 1})', set()),  # that goes in
        ("from features import spend", "ratio = spend\n    ratio(1)", set()),  # a name of the test's own
        ("from features.spend import spend", "ratio = spend(1)", {"features.spend:spend"}),
        ("from features.spend import *", "ratio(1)", {"features.spend:ratio"}),
        (
            "from importlib import import_module",
            'import_module("features.spend").ratio',
            {"features.spend:ratio"},
        ),
        ("import pandas", 'frame["ratio"]', set()),  # nothing of the module
        ("import features.spend", "# ratio", set()),
    ],
)
def test_a_test_names_a_feature_that_it_takes_from_its_module(imports: str, body: str, expected: set[str]):
    assert named(tests__test_spend=f"{imports}\n\ndef test_it():\n    {body}\n") == expected


def test_fixtures_above_a_test_have_modules_for_it_but_name_nothing():
    asks = 'def test_it(driver):\n    assert driver.execute(["ratio"])\n'
    has = "from features.spend import spend\nimport features.spend\n"

    assert named(tests__a__test_spend=asks) == set()
    assert named(tests__a__test_spend=asks, tests__conftest=has) >= {"features.spend:ratio"}
    assert named(tests__a__test_spend=asks, tests__b__conftest=has) == set()
    assert named(tests__conftest="import features.spend\nfeatures.spend.ratio\n") == set()


def test_relative_imports_are_followed_from_the_file():
    text = "from ..spend import ratio\ndef test_it(): ratio(1)\n"

    assert named(features__tests__test_spend=text) == {"features.spend:ratio"}
    assert named(tests__test_spend="from .....spend import ratio\ndef test_it(): ratio(1)\n") == set()


def test_tests_are_read_only_where_somebody_asks_for_them():
    def read():
        raise AssertionError("Nobody has asked.")

    snapshot = Snapshot((make_feature("spend"),), (), (), tests=Suite(read))
    index = Index(Scope("shop", snapshot))

    assert find(parse_query("-has:owner has:type"), index).total == 1
    with pytest.raises(AssertionError, match="Nobody has asked"):
        find(parse_query("has:test"), index)


def test_what_cannot_be_read_names_nothing():
    assert named_in(b"def test_it(:\n  ratio") == NOTHING_NAMED
    assert named_in(b"\xff\xfe\x00") == NOTHING_NAMED
    assert named_in(b"x = 1\n" * 200_000) == NOTHING_NAMED
    assert named_in(("(" * 5_000).encode()) == NOTHING_NAMED


def test_files_of_tests_are_known_by_their_names():
    paths = ("tests/anything.py", "features/test_spend.py", "spend_test.py", "a/testing/b.py", "conftest.py")

    assert all(map(is_test_file, paths))
    assert not any(
        map(is_test_file, ("features/spend.py", "tests/data.csv", "tests/look.ipynb", ".venv/tests/a.py"))
    )


_BODIES = ("x.ratio", "spend.spend", '["share"]', "pass")


def _tests(rng: random.Random) -> str:
    lines = rng.sample(
        [
            "from features.spend import ratio",
            "import features.spend",
            "from features import spend",
            "import os",
        ],
        k=2,
    )
    lines += ["def test_it():" if rng.random() < 0.8 else "def fixture():"]
    lines += [f"    {rng.choice(_BODIES)}" for _ in range(2)]
    return "\n".join(lines)


@pytest.mark.parametrize("seed", [0, *slow(1)])
def test_tests_are_known_at_every_commit_however_they_came(
    catalog_url: str, git_repo: GitRepo, tmp_path: Path, seed: int
):
    rng = random.Random(seed)
    paths = ("tests/test_a.py", "tests/test_b.py", "tests/conftest.py", "tests/deep/test_c.py")
    git_repo.commit("Begin", files={"features/spend.py": _SPEND, "tests/test_a.py": _tests(rng)})
    catalog = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    for number in range(14):
        git_repo.write("notes.txt", str(number))
        path = rng.choice(paths)
        if (git_repo.path / path).exists() and rng.random() < 0.4:
            git_repo.delete(path)
        else:
            git_repo.write(path, _tests(rng))
        git_repo.commit(f"Step {number}")
        if rng.random() < 0.5:
            (catalog.scan if rng.random() < 0.5 else catalog.scan_on)()
    catalog.scan()

    assert catalog.same_as_new(git_repo.path)
    tested = []
    with catalog.database.read() as session, GitSource(git_repo.path / ".git") as source:
        repository = get_repository(session, "repo")
        for position, sha in enumerate(source.main_line_shas(source.head())):
            read, stored = read_commit(source, sha), snapshot_at(session, repository, position)
            assert stored == read, position
            assert stored.tested == read.tested
            tested.append(stored.tested)
    assert len(set(tested)) > 2
    assert read_folder(git_repo.path).tested == tested[-1]
    catalog.database.dispose()


def test_history_that_is_rewritten_takes_its_tests_along(catalog_url: str, git_repo: GitRepo, tmp_path: Path):
    test = "from features.spend import ratio\ndef test_it(): ratio(1)\n"
    git_repo.commit("Begin", files={"features/spend.py": _SPEND})
    git_repo.commit("Test it", files={"tests/test_spend.py": test})
    catalog = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    catalog.scan()
    git_repo.git("reset", "--hard", "--quiet", "HEAD~1")
    git_repo.commit("Write it down", files={"notes.txt": "later"})
    catalog.scan()

    assert catalog.rows()["tests"] == []
    catalog.database.dispose()
