"""Functions that do the same, or almost: what is found, what is left alone, and what a change brings."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from headwater_catalog.commit_snapshots import borrowed
from headwater_catalog.definitions_at import DefinitionReader, definitions_of, head_to_define
from headwater_catalog.governance.bodies import Body, body_of
from headwater_catalog.governance.changed import Change
from headwater_catalog.governance.check import check
from headwater_catalog.governance.duplicates import Duplicates, functions_of, group_functions
from headwater_catalog.governance.near_functions import LEAST, near_pairs
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.revisions import RevisionReader
from headwater_catalog.store.models import Commit, CommitDefinitions
from headwater_catalog.tokens import name_parts
from headwater_catalog.worker import Worker
from support.git_repo import GitRepo
from support.scanned import Catalog

_HEAD = "from headwater import tag, parameterize, source, config, check_output, extract_columns\n\n"
_FLOWS = "[dataflows.all]\nmodules = ['one', 'two']\n"
_SCORE = "    return (({0} - {0}.mean()) / {0}.std()).clip(-3, 3).fillna(0)\n"


def _read(git_repo: GitRepo, one: str, two: str = "", flows: str = _FLOWS) -> Revision:
    files = {"one.py": _HEAD + one, "two.py": _HEAD + two, "headwater.toml": flows}
    git_repo.commit("Next", files=files)
    with borrowed(git_repo.path) as source:
        return RevisionReader(source).read(source.head())


def _found(revision: Revision) -> Duplicates:
    definitions = definitions_of(revision.snapshot, revision.lineages)
    return group_functions(functions_of("shop", revision.snapshot, definitions))


def _told(found: Duplicates) -> list[tuple[str, list[str]]]:
    return [(each.kind, sorted(key for m in each.members for key in m.keys)) for each in found.groups]


def _function(name: str, parameters: str, body: str) -> str:
    return f"def {name}({parameters}) -> float:\n{body}\n\n"


def test_the_same_code_on_the_same_data_means_the_same_under_another_name(git_repo: GitRepo):
    one = _function("cost", "spend: float, tax: float", '    """What we pay."""\n    return spend * tax\n')
    two = _function("total", "spend: float, tax: float", "    # all\n    return (spend * tax)\n")
    (group,) = _found(_read(git_repo, one, two)).groups

    assert (group.kind, [m.place for m in group.members]) == ("same", ["shop:one:cost", "shop:two:total"])
    assert group.differing == ("modules", "names", "docs")


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("    return spend\n", "    return spend\n"),
        ("    return 3\n", "    return 3\n"),
        ("    ...\n", "    ...\n"),
        ("    raise NotImplementedError('later')\n", "    raise NotImplementedError('later')\n"),
        ("    return spend * 2\n", "    return spend * 3\n"),
    ],
    ids=["passed on", "constant", "nothing", "not there", "another"],
)
def test_what_does_nothing_or_something_else_is_no_duplicate(git_repo: GitRepo, one: str, two: str):
    functions = _function("cost", "spend: float", one) + _function("total", "spend: float", two)

    assert _told(_found(_read(git_repo, functions))) == []


def test_a_copy_on_other_data_is_told_where_it_is_large_enough(git_repo: GitRepo):
    score = _function("spend_score", "spend: float", _SCORE.format("spend"))
    score += _function("clicks_score", "clicks: float", _SCORE.format("clicks"))
    small = _function("spend_mean", "spend: float", "    return spend.mean()\n")
    small += _function("clicks_mean", "clicks: float", "    return clicks.mean()\n")
    (group,) = _found(_read(git_repo, score + small)).groups

    assert (group.kind, len(group.members)) == ("copy", 2)
    assert group.differing == ("names", "code", "data")


def test_the_same_code_that_calls_other_helpers_is_a_copy(git_repo: GitRepo):
    score = _function("spend_score", "spend: float", "    return _scaled(spend - spend.mean()) / 2 + 1\n")
    helper = "def _scaled(x):\n    return x * {}\n\n\n"
    (group,) = _found(_read(git_repo, helper.format(2) + score, helper.format(3) + score)).groups

    assert (group.kind, group.differing) == ("copy", ("modules", "what they call"))
    same = _found(_read(git_repo, helper.format(2) + score, helper.format(2) + score)).groups
    assert [each.kind for each in same] == ["same"]


def test_what_reaches_something_unknown_never_counts_as_the_same(git_repo: GitRepo):
    cost = _function("{}", "spend: float", "    return eval('spend') * 2 + spend / 3 - spend.min()\n")
    (group,) = _found(_read(git_repo, cost.format("cost") + cost.format("total"))).groups

    assert (group.kind, group.differing) == ("copy", ("names", "perhaps what they call"))


def test_outputs_and_variants_of_one_feature_are_no_duplicates(git_repo: GitRepo):
    code = (
        "@parameterize(a={'x': source('spend')}, b={'x': source('clicks')})\n"
        + _function("scored", "x: float", _SCORE.format("x"))
        + "@config.when(region='uk')\n"
        + _function("cost__uk", "spend: float", _SCORE.format("spend"))
        + "@config.when(region='us')\n"
        + _function("cost__us", "spend: float", _SCORE.format("spend"))
    )
    assert _told(_found(_read(git_repo, code))) == []


def test_the_same_data_means_the_same_feature_and_not_only_the_same_name(git_repo: GitRepo):
    """Two dataflows make `spend` otherwise, so that what needs it means something else."""
    flows = "[dataflows.a]\nmodules = ['one']\n[dataflows.b]\nmodules = ['two']\n"
    score = _function("spend_score", "spend: float", _SCORE.format("spend"))
    spend = _function("spend", "raw: float", "    return raw * {}\n")
    (group,) = _found(_read(git_repo, spend.format(2) + score, spend.format(3) + score, flows)).groups

    assert (group.kind, group.differing) == ("copy", ("modules", "data"))
    same = _found(_read(git_repo, spend.format(2) + score, spend.format(2) + score, flows))
    assert _told(same) == [
        ("same", ["one:spend_score", "two:spend_score"]),
        ("same", ["one:spend", "two:spend"]),
    ]


def test_near_are_like_names_on_the_same_data_with_much_the_same_code(git_repo: GitRepo):
    body = "    return (({0} - {0}.mean()) / {0}.std()).clip(-{1}, 3).fillna(0)\n"
    code = "".join(_function(f"spend_score_{n}", "spend: float", body.format("spend", n)) for n in (2, 3, 4))
    code += _function("spend_score_raw", "spend: float", "    return (spend - 1) * 2 + spend.min() / 4\n")
    code += _function("clicks_score_2", "clicks: float", body.format("clicks", 5))
    (group,) = _found(_read(git_repo, code)).groups

    assert group.kind == "near"
    assert [m.name for m in group.members] == ["spend_score_2", "spend_score_3", "spend_score_4"]
    assert group.likeness is not None
    assert group.likeness.data == 1.0
    assert LEAST.code <= group.likeness.code < 1


def test_a_function_that_cannot_be_read_is_left_out_and_one_that_cannot_run_is_not():
    assert body_of("def broken(:\n", "x") is None
    assert body_of("def odd(x):\n    global x\n    return x + 1\n", "z") is not None
    assert body_of("", "y") is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def a(x): return [y for y in x]", "def b(z): return [w for w in z]"),
        ("def a(x):\n    try:\n        x()\n    except E as e:\n        return e", "def b(y):\n    try:\n        y()\n    except E as f:\n        return f"),
        ("def a(x):\n    import p.q as o\n    return o.f(x)", "def b(y):\n    import p.q as r\n    return r.f(y)"),
        ("def a(x):\n    import os as o\n    return o.f(x)", "def b(y):\n    import os as p\n    return p.f(y)"),
        ("def a(x):\n    def f(z): return z\n    return f(x)", "def b(y):\n    def g(q): return q\n    return g(y)"),
    ],
)  # fmt: skip
def test_names_that_a_function_binds_do_not_tell_copies_apart(one: str, other: str):
    bodies = [body_of(source, source) for source in (one, other)]

    assert bodies[0] is not None and bodies[1] is not None
    assert bodies[0].shape == bodies[1].shape
    assert bodies[0].code != bodies[1].code


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def a(x): return x - y", "def b(x): return y - x"),
        ("def a(x, y): return x - y", "def b(x, y): return y - x"),
        ("def a(x): return f(x)", "def b(x): return g(x)"),
        ("def a(x): return x.mean()", "def b(x): return x.sum()"),
        ("def a(x):\n    global y\n    y = x", "def b(x):\n    global z\n    z = x"),
    ],
)
def test_names_from_elsewhere_tell_functions_apart(one: str, other: str):
    bodies = [body_of(source, source) for source in (one, other)]

    assert bodies[0] is not None and bodies[1] is not None
    assert bodies[0].shape != bodies[1].shape


_WORDS = st.sampled_from(["spend", "click", "mean", "score", "week", "rate"])
_ITEMS = st.lists(
    st.tuples(
        st.lists(_WORDS, min_size=1, max_size=3).map("_".join),
        st.frozensets(st.sampled_from("abcde"), max_size=4),
        st.frozensets(st.integers(0, 12), min_size=1, max_size=9),
    ),
    max_size=30,
)


@given(_ITEMS)
def test_the_pairs_that_are_near_are_just_those_that_a_look_at_each_pair_finds(items):
    from array import array

    functions = [
        (name, needs, Body("", str(number), 9, array("q", sorted(pieces))))
        for number, (name, needs, pieces) in enumerate(items)
    ]

    def share(one: frozenset[object], other: frozenset[object]) -> float:
        return len(one & other) / len(one | other) if one & other else 0.0

    expected = set()
    for one, other in combinations(range(len(items)), 2):
        (n1, d1, p1), (n2, d2, p2) = items[one], items[other]
        named = share(frozenset(name_parts(n1)), frozenset(name_parts(n2)))
        if share(p1, p2) >= LEAST.code and share(d1, d2) >= LEAST.data and named >= LEAST.names:
            expected.add((one, other))

    found = near_pairs(functions)
    assert set(found.pairs) == expected
    assert found.crowded == 0


def test_too_many_functions_alike_are_told_and_not_compared():
    from array import array

    pieces = array("q", range(10))
    functions = [("spend_score", frozenset("a"), Body("", str(n), 9, pieces)) for n in range(100)]
    found = near_pairs(functions)

    assert (dict(found.pairs), found.crowded) == ({}, 100)


def test_a_change_that_brings_a_duplicate_is_told_once(git_repo: GitRepo):
    def checked(one: str, two: str = "") -> list[tuple[str, str, str, str]]:
        nonlocal before
        after = _read(git_repo, one, two)
        found = check("shop", after.snapshot, "2026-06-30", change=Change(before, after)).findings
        before = after
        return [(each.rule, each.severity, each.key, each.about) for each in found]

    cost = _function("cost", "spend: float, tax: float", "    return spend * tax\n")
    total = _function("total", "spend: float, tax: float", "    return spend * tax\n")
    before = _read(git_repo, cost)

    assert checked(cost, total) == [("duplicate", "note", "two:total", "one:cost")]
    assert checked(cost, total := total.replace("    return", "    # why\n    return")) == []
    assert checked(cost + total) == []  # it only moved
    assert checked(cost + total.replace("* tax", "- tax")) == []
    assert checked(cost + total) == [("duplicate", "note", "one:total", "one:cost")]


def test_a_worker_keeps_what_the_head_means_and_lets_earlier_heads_go(
    catalog_url: str, git_repo: GitRepo, tmp_path: Path
):
    def kept() -> list[str]:
        with catalog.database.read() as session:
            wanted = select(Commit.sha).join(CommitDefinitions, CommitDefinitions.commit_id == Commit.id)
            return list(session.scalars(wanted))

    shas = [
        git_repo.commit("Begin", files={"one.py": _function("cost", "spend: float", "    return spend\n")})
    ]
    catalog = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    catalog.scan_on()
    worker = Worker(catalog.database, catalog.settings)
    with catalog.database.read() as session:
        assert head_to_define(session) == ("repo", shas[0])
    assert worker._define_more()
    assert kept() == shas
    assert not worker._define_more()

    shas.append(
        git_repo.commit("Next", files={"one.py": _function("cost", "spend: float", "    return 2\n")})
    )
    catalog.scan_on()
    DefinitionReader().keep_head(catalog.database, catalog.settings, "repo")
    assert kept() == shas[1:]
    catalog.database.dispose()
