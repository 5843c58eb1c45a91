"""Lineage hashes: equal meaning has equal hashes, and whatever a feature reaches counts."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_catalog.lineage_hash import Revision
from support.git_repo import GitRepo
from support.revisions import Revisions

SPEND = """\
import pandas as pd
from headwater import tag
from features.helpers import scale
from features import limits

def spend(raw: pd.Series) -> pd.Series:
    return scale(raw, limits.TOP)

@tag(owner="growth")
def double(spend: pd.Series) -> pd.Series:
    return spend * 2

def other(raw: pd.Series) -> pd.Series:
    return raw
"""
HELPERS = """\
import numpy as np

FACTOR = 3
UNUSED = 1

def scale(x, top):
    return np.minimum(_inner(x), top)

def _inner(x):
    return x * FACTOR

def unused(x):
    return x
"""
STATE = {
    "features/spend.py": SPEND,
    "features/helpers.py": HELPERS,
    "features/limits.py": "TOP = 9\nLOW = 1\n",
}


@pytest.fixture(scope="module")
def revisions(tmp_path_factory: pytest.TempPathFactory) -> Revisions:
    return Revisions(GitRepo(tmp_path_factory.mktemp("revisions")))


def edited(path: str, *edits: tuple[str, str]) -> dict[str, str]:
    text = STATE[path]
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return {**STATE, path: text}


def differing(before: Revision, after: Revision) -> list[str]:
    old, new = before.lineages.hashes, after.lineages.hashes
    return [key.partition(":")[2] for key in new if new[key] != old.get(key)]


def meanings(revision: Revision) -> list[object]:
    lineages = revision.lineages
    own = [lineages.meaning(feature) for feature in revision.snapshot.features]
    return [own, lineages.hashes, lineages.opaque, lineages.unsettled]


REACHED = ["double", "spend"]
EDITS = {
    "a helper": ("features/helpers.py", ("_inner(x), top", "_inner(x), top + 1")),
    "a helper of a helper": ("features/helpers.py", ("x * FACTOR", "x + FACTOR")),
    "a constant of a helper": ("features/helpers.py", ("FACTOR = 3", "FACTOR = 4")),
    "a constant that is changed further down": ("features/helpers.py", ("UNUSED", "FACTOR += 1\nUNUSED")),
    "a constant of a module": ("features/limits.py", ("TOP = 9", "TOP = 8")),
    "a package that a helper names": ("features/helpers.py", ("numpy", "cupy")),
    "a block that sets a constant": ("features/limits.py", ("TOP = 9", "if LOW:\n    TOP = 9")),
    "its own default": ("features/spend.py", ("raw, limits.TOP)", "raw, 9)")),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_whatever_a_feature_reaches_counts_for_it_and_all_downstream(revisions, edit):
    path, change = edit

    assert differing(*revisions.of(STATE, edited(path, change))) == REACHED


SAME = {
    "layout and comments": (
        "features/spend.py",
        ("    return scale(raw, limits.TOP)", "    return scale(  # x\n  raw,\n limits.TOP)"),
    ),
    "docstrings": ("features/helpers.py", ("    return x * FACTOR", "    'Doc.'\n    return x * FACTOR")),
    "tags": ("features/spend.py", ('owner="growth"', 'owner="sales"')),
    "code that nobody reaches": (
        "features/helpers.py",
        ("    return x\n", "    return -x\n"),
        ("UNUSED = 1", "UNUSED = 2"),
    ),
    "another constant of the module": ("features/limits.py", ("LOW = 1", "LOW = 2")),
    "where modifiers are imported from": (
        "features/spend.py",
        ("from headwater import tag", "from hamilton.function_modifiers import tag"),
    ),
    "the text of an annotation": (
        "features/spend.py",
        ("pd.Series) -> pd.Series:\n    return raw", "'pd.Series') -> 'pd.Series':\n    return raw"),
    ),
}


@pytest.mark.parametrize("edit", SAME.values(), ids=SAME)
def test_what_says_nothing_about_meaning_does_not_count(revisions, edit):
    path, *changes = edit

    assert differing(*revisions.of(STATE, edited(path, *changes))) == []


def test_a_helper_that_moves_with_its_import_is_the_same(revisions):
    moved = {
        **STATE,
        "features/spend.py": SPEND.replace("features.helpers", "library.tools"),
        "library/tools.py": HELPERS,
    }
    del moved["features/helpers.py"]

    assert differing(*revisions.of(STATE, moved)) == []


def test_a_renamed_function_means_the_same_and_each_output_of_one_function_something_else(revisions):
    made = """\
    from headwater import parameterize, value
    def first(raw: int) -> int:
        return raw
    def second(raw: int) -> int:
        return raw
    @parameterize(low=dict(at=value(1)), high=dict(at=value(2)))
    def made(at: int) -> int:
        return at
    """
    (revision,) = revisions.of({"features/a.py": made})
    hashes = {key.partition(":")[2]: found for key, found in revision.lineages.hashes.items()}

    assert hashes["first"] == hashes["second"]
    assert len(set(hashes.values())) == 3


SOURCES = [
    "def f{0}(a: int) -> int:\n    return a + K{0}\n",
    "K{0} = {0}\n",
    "def g{0}(f{0}: int) -> int:\n    return h(f{0})\n",
]
STATEMENTS = [
    "import math\n",
    "def h(x):\n    return x + math.pi\n",
    *(s.format(i) for i in range(3) for s in SOURCES),
]


@settings(max_examples=8, deadline=None)
@given(st.permutations(STATEMENTS))
def test_the_order_of_definitions_does_not_count(revisions, order):
    before, after = revisions.of({"features/a.py": "".join(STATEMENTS)}, {"features/a.py": "".join(order)})

    assert after.lineages.hashes == before.lineages.hashes
    assert len(after.lineages.hashes) == 6


def test_reading_commits_one_after_the_other_gives_what_reading_each_alone_gives(revisions):
    states = [STATE, *(edited(path, *changes) for path, *changes in [*EDITS.values(), *SAME.values()]), STATE]
    flow = '[tool.headwater.dataflows.d]\nmodules = ["features.spend"]\nconfig = { raw = 1 }\n'
    states += [{**STATE, "pyproject.toml": flow}, {**STATE, "CODEOWNERS": "* @growth\n"}, STATE]
    shas = revisions.commit(*states)

    together = revisions.read(*shas)
    alone = [revisions.read(sha)[0] for sha in shas]

    assert [meanings(revision) for revision in together] == [meanings(revision) for revision in alone]
    assert [r.snapshot for r in together] == [r.snapshot for r in alone]


def test_functions_that_are_the_same_word_for_word_reach_what_stands_around_them(revisions):
    function = "@tag(owner='growth')\ndef ratio(raw: int) -> int:\n    return raw * LIMIT\n"
    head = "from headwater import tag\n\n"
    (found,) = revisions.of(
        {
            "features/one.py": f"{head}LIMIT = 1\n\n{function}",
            "features/other.py": f"{head}# Elsewhere in its file.\n\n{function}\nLIMIT = 2\n",
            "features/same.py": f"{head}{function}\nLIMIT = 1\n",
            "features/broken.py": f"{head}LIMIT = 1\n\n{function}\ndef lost(:\n",
        }
    )
    hashes = {
        key.partition(":")[0].removeprefix("features."): value for key, value in found.lineages.hashes.items()
    }

    assert hashes["one"] == hashes["same"] == hashes["broken"] != hashes["other"]
    assert set(found.lineages.opaque) == {"features.broken:ratio"}


def test_features_and_helpers_that_need_each_other_have_hashes(revisions):
    text = """\
    def a(b: int) -> int:
        return even(b)
    def b(a: int) -> int:
        return a
    def even(n):
        return n == 0 or _odd(n - 1)
    def _odd(n):
        return n != 0 and even(n - 1)
    """
    before, after = revisions.of({"features/a.py": text}, {"features/a.py": text.replace("n != 0", "n > 0")})

    assert differing(before, after) == ["a", "b"]


def test_functions_that_work_on_the_output_of_another_count_for_it(revisions):
    text = """\
    from headwater.modifiers import mutate
    def spend(raw: int) -> int:
        return raw
    @mutate(spend)
    def _more(spend: int) -> int:
        return spend + 1
    """

    assert differing(
        *revisions.of({"features/a.py": text}, {"features/a.py": text.replace("+ 1", "+ 2")})
    ) == ["spend"]


def test_configuration_counts_for_what_reads_it(revisions):
    text = """\
    from headwater import config
    @config.when(region="UK")
    def rate__uk(day: int) -> int:
        return day
    def total(rate: int, bonus: int) -> int:
        return rate + bonus
    def other(day: int) -> int:
        return day
    """
    project = (
        '[tool.headwater.dataflows.d]\nmodules = ["features.a"]\nconfig = { region = "UK", bonus = 1 }\n'
    )
    state = {"features/a.py": text, "pyproject.toml": project}

    region = {**state, "pyproject.toml": project.replace('"UK"', '"US"')}
    bonus = {**state, "pyproject.toml": project.replace("bonus = 1", "bonus = 2")}

    assert differing(*revisions.of(state, region)) == ["rate", "total"]
    assert differing(*revisions.of(state, bonus)) == ["total"]


OPAQUE = {
    "eval": ("    return eval('a')", "'eval' may reach anything"),
    "globals": ("    return globals()['a']", "'globals' may reach anything"),
    "getattr": ("    return getattr(lib, a)", "'getattr' reaches what only running"),
    "import": ("    return import_module(a)", "'import_module' reaches what only running"),
    "undefined": ("    return nowhere(a)", "'nowhere' is not defined in features.a"),
    "state": ("    return STATE[a]", "'STATE' of features.a is changed by '_remember'"),
    "broken": ("    return lib.f(a)", "features/lib.py cannot be read as a whole"),
}


@pytest.mark.parametrize(("line", "reason"), OPAQUE.values(), ids=OPAQUE)
def test_what_reaches_something_unknown_is_opaque_with_the_reason(revisions, line, reason):
    head = "from importlib import import_module\nfrom features import lib\n"
    state = "STATE = {}\ndef _remember(x):\n    STATE[x] = x\n"
    text = f"{head}{state}def a() -> int:\n    return 1\ndef b(a: int) -> int:\n{line}\ndef c(b: int) -> int:\n    return b\n"
    (revision,) = revisions.of({"features/a.py": text, "features/lib.py": "def f(x): return x\ndef g(:\n"})
    opaque = revision.lineages.opaque

    assert list(opaque) == ["features.a:b"]
    assert reason in "; ".join(opaque["features.a:b"])
    assert revision.lineages.unsettled == {"features.a:b", "features.a:c"}


def test_what_is_plain_is_not_opaque(revisions):
    text = """\
    import importlib
    import numpy as np
    from features import lib
    TABLE = [1]
    TABLE.append(2)
    def a(x: int) -> float:
        from math import pi
        table = {}
        table[x] = getattr(np, "sum")(TABLE)
        return importlib.import_module("features.lib").f(x) + lib.sub.K + pi
    """
    files = {
        "features/lib/__init__.py": "def f(x): return x\n",
        "features/lib/sub.py": "K = 1\n",
        "features/a.py": text,
    }
    before, after = revisions.of(files, {**files, "features/lib/sub.py": "K = 2\n"})

    assert not before.lineages.opaque
    assert differing(before, after) == ["a"]


def test_a_name_that_stands_in_for_a_failed_import_counts(revisions):
    text = """\
    try:
        from fast import f
    except ImportError:
        from features.slow import f
    def a(x: int) -> int:
        return f(x)
    """
    files = {"features/a.py": text, "features/slow.py": "def f(x): return x\n"}

    assert differing(*revisions.of(files, {**files, "features/slow.py": "def f(x): return -x\n"})) == ["a"]


def test_statements_beside_a_function_that_set_its_name_count(revisions):
    text = """\
    from features.lib import wrap
    def a(x: int) -> int:
        return x
    a = wrap(a, 3)
    """
    files = {"features/a.py": text, "features/lib.py": "def wrap(f, n): return f\n"}

    assert differing(*revisions.of(files, {**files, "features/a.py": text.replace("3", "4")})) == ["a"]


def test_a_module_that_is_handed_over_counts_whole_but_for_what_describes_it(revisions):
    text = """\
    from headwater import subdag
    from features import inner
    @subdag(inner, inputs={})
    def a(total: int) -> int:
        return total
    """
    inner = "'''Doc.'''\ndef total(x: int) -> int:\n    return _more(x)\ndef _more(x):\n    return x\n"
    files = {"features/a.py": text, "features/inner.py": inner}
    first, second, third = revisions.of(
        files,
        {**files, "features/inner.py": inner.replace("Doc.", "More.")},
        {**files, "features/inner.py": inner.replace("    return x", "    return -x")},
    )

    assert differing(first, second) == []
    assert differing(first, third) == ["a", "total"]


def test_notebooks_and_newer_syntax_are_followed(revisions):
    notebook = '{"cells": [{"cell_type": "code", "metadata": {}, "outputs": [], "source": ["K = 1"]}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    text = """\
    from lib.book import K
    from lib.new import _f
    def a(x: int) -> int:
        return _f(x) + K
    """
    files = {
        "features/a.py": text,
        "lib/book.ipynb": notebook,
        "lib/new.py": "def _f[T](x: T) -> T:\n    return x\n",
    }
    book, new = notebook.replace("K = 1", "K = 2"), "def _f[T](x: T) -> T:\n    return -x\n"

    first, second, third = revisions.of(
        files, {**files, "lib/book.ipynb": book}, {**files, "lib/new.py": new}
    )

    assert not first.lineages.opaque
    assert differing(first, second) == differing(first, third) == ["a"]


NASTY = {
    "deep": f"K = {'(' * 150}1{')' * 150}\n",
    "a long chain": f"K = {' + '.join(['x'] * 20_000)}\n",
    "a long dotted name": f"K = a{'.b' * 900}\n",
    "nulls": "K = 1\0\n",
    "a huge constant": f"K = [{'1,' * 50_000}]\n",
    "many that change each other": "".join(f"K{i} = []\nK{i}.append(K{(i + 1) % 500})\n" for i in range(500))
    + "K = K1\n",
    "functions that change all": "K = {}\n" + "".join(f"def _f{i}():\n    K[{i}] = 1\n" for i in range(500)),
    "a circle of imports": "from features.a import *\nfrom features.lib import K\n",
    "no name at all": "import nothing\n",
    "nonsense": "K = = 1\n)))\n" * 300,
}


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_hostile_sources_have_hashes_and_the_rest_of_the_tree_counts(revisions, text):
    code = "from features.lib import K\ndef a(x: int) -> int:\n    return K\ndef b(x: int) -> int:\n    return x\n"
    before, after = revisions.of(
        {"features/a.py": code, "features/lib.py": text},
        {"features/a.py": code.replace("return x", "return -x"), "features/lib.py": text},
    )

    assert differing(before, after) == ["b"]
    assert "features.a:b" not in after.lineages.opaque


WAYS = {
    "from a package": "from . import helpers\ndef a(x: int) -> int:\n    return helpers.scale(x)\n",
    "by a dotted import": "import features.helpers\ndef a(x: int) -> int:\n    return features.helpers.scale(x)\n",
    "by another name": "import features.helpers as h\ndef a(x: int) -> int:\n    return [h.scale(i) for i in x]\n",
    "by a star": "from features.helpers import *\ndef a(x: int) -> int:\n    return scale(x)\n",
    "through another module": "from features.again import other\ndef a(x: int) -> int:\n    return other(x)\n",
    "inside the function": "def a(x: int) -> int:\n    from .helpers import scale as s\n    return s(x)\n",
    "in a nested function": "from features.helpers import scale\ndef a(x: int) -> int:\n    def inner(y):\n        return scale(y)\n    return inner(x)\n",
    "as a default": "from features.helpers import scale\ndef a(x: int, by: object = scale) -> int:\n    return by(x)\n",
    "as a decorator": "from features.helpers import scale\n@scale\ndef a(x: int) -> int:\n    return x\n",
    "in a table": "from features.helpers import scale\n_T = {'s': scale}\ndef a(x: int) -> int:\n    return _T['s'](x)\n",
    "in a class": "from features.helpers import scale\nclass _C:\n    def run(self, x):\n        return scale(x)\ndef a(x: int) -> int:\n    return _C().run(x)\n",
    "of a base class": "from features.helpers import Base\nclass _C(Base):\n    pass\ndef a(x: int) -> int:\n    return _C().run(x)\n",
    "of an annotation": "from __future__ import annotations\nfrom features.helpers import Base\ndef a(x: Base) -> int:\n    return x.run(1)\n",
    "under a condition": "import sys\nif sys.platform:\n    from features.helpers import scale as f\nelse:\n    f = None\ndef a(x: int) -> int:\n    return f(x)\n",
    "by a module that is handed over": "from features import helpers\ndef a(x: int) -> int:\n    return getattr(helpers, 'scale')(x)\n",
}


@pytest.mark.parametrize("text", WAYS.values(), ids=WAYS)
def test_a_helper_counts_by_whatever_way_it_is_reached(revisions, text):
    helpers = "class Base:\n    def run(self, x):\n        return scale(x)\ndef scale(x):\n    return x * 2\n"
    files = {
        "features/__init__.py": "",
        "features/a.py": text,
        "features/again.py": "from features.helpers import scale as other\n",
        "features/helpers.py": helpers,
    }

    assert differing(*revisions.of(files, {**files, "features/helpers.py": helpers.replace("2", "3")})) == [
        "a"
    ]


def test_code_written_out_anew_has_the_same_hashes(revisions):
    anew = {path: f"# Written anew.\n{ast.unparse(ast.parse(text))}\n" for path, text in STATE.items()}

    assert anew != STATE
    assert differing(*revisions.of(STATE, anew)) == []
