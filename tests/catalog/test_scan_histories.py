"""However a history is scanned, in whatever steps and whoever kills it, the rows are the same."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from support.scanned import Catalog


@pytest.fixture
def catalog(catalog_url, git_repo, tmp_path):
    catalog = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    yield catalog
    catalog.database.dispose()


_BODIES = st.sampled_from(
    ["return x", "return x + 1", "return OTHER", '"""Doc."""\n    return x', "return ("]
)
_FUNCTIONS = st.dictionaries(st.sampled_from(["a", "b", "c", "_d"]), _BODIES, max_size=3)
_TAKING = st.sampled_from(
    ["pipe_output(step(_d))", "pipe_output(step(far.a))", "subdag(far.b)", "subdag(far)", "subdag(three)"]
    + ["mutate(a)", "does(c)", "does(far._d)"]
)
_PATHS = st.sampled_from(["p/one.py", "p/two.py", "three.py", "tests/four.py", "p/__init__.py"])
_OWNERS = st.sampled_from(["'growth'", "'finance'", "LIMIT", "print()"])


@st.composite
def _sources(draw) -> str:
    """A module with a constant for others, and functions that may take something from other modules."""
    lines = [f"LIMIT = {draw(_OWNERS)}", "from p.one import LIMIT as OTHER, Own as Theirs"]
    lines += [f"class Own:\n    OWNER = {draw(_OWNERS)}"]
    lines += ["from hamilton.function_modifiers import *"] + ["#"] * draw(st.integers(0, 2))
    lines += [f"from p import {draw(st.sampled_from(['one', 'two']))} as far", "import three"]
    for name, body in draw(_FUNCTIONS).items():
        lines += draw(st.sampled_from([[], ["# A comment."], ["", "# Another."]]))
        if draw(st.booleans()):
            lines.append(
                f"@tag(owner={draw(st.sampled_from(['OTHER', 'LIMIT', 'Theirs.OWNER', 'unknown', '1']))})"
            )
        if draw(st.booleans()):
            lines.append(f"@{draw(_TAKING)}")
        lines.append(f"def {name}(x: {draw(st.sampled_from(['int', 'float']))}) -> int:\n    {body}")
    return "\n".join(lines) + "\n"


_PARTS = {
    "LIMIT": ["LIMIT = 'growth'\n", "LIMIT = OTHER\n", "LIMIT = print()\n", ""],
    "LIMITS": ["LIMITS = [1, 2]\n", "LIMITS = [LIMIT]\n", "LIMITS = [1]\nLIMITS.append(3)\n"],
    "Kind": ["Kind = int\n", "Kind = float\n", "class Kind: ...\n", ""],
    "Color": [
        "class Color(StrEnum):\n    RED = LIMIT\n    BLUE = 'b'\n",
        "class Color(StrEnum):\n    RED = 'a'\n    def f(self): ...\n",
        "class Color(StrEnum):\n    RED = 'a'\nsetattr(Color, 'RED', 1)\n",
    ],
    "i": ["@tag(owner=Color.RED, all=list(Color))\ndef i(x: int) -> int: ...\n"],
    "max": ["", "def max(x: int) -> int:\n    return x\n"],
    "_d": ["def _d(x: int) -> int:\n    return x\n", "def _d(y: float) -> int:\n    return 2\n", ""],
    "a": [
        "@tag(owner=LIMIT)\ndef a(x: int) -> int:\n    return x\n",
        "# A comment.\n@tag(owner=LIMIT)\ndef a(x: int) -> int:\n    return x\n",
        "@tag(owner=LIMIT)\ndef a(x: float) -> int:\n    return x\n",
        "@tag(owner=LIMIT)\ndef a(x: int) -> int:\n    return x\na = 1\n",
        "",
    ],
    "b": ["@does(_d)\ndef b(x: int) -> int: ...\n", "def b(x) -> int: ...\n", "def b(x: int) -> int: ...\n"],
    "c": [
        "@pipe_output(step(_d))\ndef c(a: 'Kind') -> int:\n    return 1\n",
        "@pipe_output(step(a))\ndef c(x: int) -> int:\n    return 1\n",
    ],
    "e": ["@config.when(n=LIMITS[0])\ndef e__n(a: Kind) -> Kind: ...\n", "def e(a: Kind) -> Kind: ...\n"],
    "f": ["@subdag(far.c)\ndef f(x: int) -> int: ...\n", "@subdag(far)\ndef f(x: int) -> int: ...\n"],
    "g": [
        "@parameterize(**{f'g{n}': {'x': value(n)} for n in LIMITS})\ndef g(x: int) -> int: ...\n",
        "@external_input(owner=LIMIT)\ndef g() -> int: ...\n",
    ],
    "h": ["def h(x: int, y: int = max(LIMITS)) -> int:\n    return x\n", ""],
    "m": ["", "@mutate(h)\ndef _m(x: int) -> int:\n    return x\n", "def broken(\n"],
}
"""The parts of a module, each as it mostly is and as it may be instead."""


@st.composite
def _edited(draw) -> str:
    """A module that differs little from others that are drawn like this."""
    lines = ["from enum import StrEnum", "from p.one import LIMIT as OTHER", "from headwater import *"]
    lines += [f"from p import {draw(st.sampled_from(['two', 'two', 'one']))} as far"]
    lines += ["#"] * draw(st.integers(0, 1))
    changes = dict(draw(st.lists(st.tuples(st.sampled_from([*_PARTS]), st.integers(1, 4)), max_size=2)))
    parts = [texts[min(changes.get(name, 0), len(texts) - 1)] for name, texts in _PARTS.items()]
    return "\n".join([*lines, *parts])


_DRIVEN = st.sampled_from(
    ["three", "one", "two", "four", "absent", "__main__", "p.one", "importlib.import_module('p.two')", "x()"]
)


@st.composite
def _scripts(draw) -> str:
    """A file that constructs drivers of other modules, or of itself."""
    lines = [
        "import importlib, __main__, three, one, two, four, absent, p.one",
        "from hamilton import driver",
    ]
    lines += ["#"] * draw(st.integers(0, 1))
    for taken in draw(st.lists(st.lists(_DRIVEN, min_size=1, max_size=2), max_size=2)):
        config = draw(st.sampled_from(["{}", "{'n': 1}", "{'n': x()}"]))
        lines.append(f"driver.Driver({config}, {', '.join(taken)})")
    if draw(st.booleans()):
        lines.append("def e(x: int) -> int: ...\ndef f(x) -> int: ...")
    return "\n".join(lines) + "\n"


@st.composite
def _others(draw) -> str:
    """A file that is broken, or a notebook, or declares inputs and takes tables."""
    code = draw(_sources())
    table = "import pandas as pd\ndef t(d: pd.DataFrame, x: int) -> int:\n    return d['{0}'] + x\n"
    declared = (
        "from headwater import external_input\n@external_input(owner='{0}')\ndef x() -> int:\n    '{0}'\n"
    )
    said = draw(st.sampled_from(["crm", "growth"]))
    cells = [{"cell_type": "code", "source": code, "metadata": {}, "outputs": []}]
    return draw(
        st.sampled_from(
            [
                f"{code}def broken(\n",
                json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}),
                declared.format(said) + table.format(said),
            ]
        )
    )


_CODEOWNERS = st.sampled_from(["* @all\n", "p/ @data\n!p @none\n", "three.py\n", "# nobody\n"])
_PROJECTS = st.sampled_from(
    [
        "",
        '[tool.headwater.owners]\np = "Maya"\n"p.*" = 1\n',
        '[tool.headwater.dataflows.d]\nmodules = ["p.*"]\n',
        '[tool.headwater.dataflows.d]\nmodules = ["three"]\n',
    ]
)
_EDITS = st.one_of(
    st.tuples(_PATHS, _sources()),
    st.tuples(st.sampled_from(["p/one.py", "p/two.py", "three.py"]), _edited()),
    st.tuples(st.sampled_from(["p/two.py", "three.py"]), _edited()),
    st.tuples(st.sampled_from(["run.py", "p/run.py", "p/two.py", "three.py"]), _scripts()),
    st.tuples(st.one_of(_PATHS, st.sampled_from(["run.py", "p/run.py"])), st.none()),
    st.tuples(st.just("pyproject.toml"), _PROJECTS),
    st.tuples(st.sampled_from(["p/two.py", "three.py", "p/five.ipynb", "six.ipynb"]), _others()),
    st.tuples(st.sampled_from(["CODEOWNERS", ".github/CODEOWNERS"]), st.one_of(st.none(), _CODEOWNERS)),
)
_COMMITS = st.lists(_EDITS, min_size=1, max_size=3)
_HISTORIES = st.lists(_COMMITS, min_size=1, max_size=6)
_MERGED = st.dictionaries(st.integers(1, 5), st.lists(_COMMITS, min_size=1, max_size=3), max_size=3)


@pytest.mark.slow
@pytest.mark.runs
@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=_HISTORIES, merged=_MERGED, data=st.data())
def test_commit_by_commit_gives_the_same_rows_as_all_at_once(
    catalog, tmp_path_factory, history, merged, data, monkeypatch
):
    monkeypatch.setattr("headwater_catalog.scan.write._MOST_IDS", 4)  # so that most are asked for again
    repository = tmp_path_factory.mktemp("history")
    shas = _import(repository, history, merged)
    whole, steps = f"whole-{repository.name}", f"steps-{repository.name}"
    for name in (whole, steps):
        catalog.add(name, repository)
    catalog.scan(whole)
    ways = st.sampled_from([catalog.scan_on, catalog.scan_on, catalog.scan])
    for stop in sorted(data.draw(st.sets(st.sampled_from(range(len(shas)))))):
        data.draw(ways)(steps, ref=shas[stop], batch=data.draw(st.integers(1, 3)))
    data.draw(ways)(steps)

    assert catalog.rows(steps) == catalog.rows(whole)


def _import(repository: Path, history, merged=None) -> list[str]:
    """Make a repository whose commits do some edits each, and return the names of its main line.

    Args:
        repository: Where to make it.
        history: The edits of the commits of the main line.
        merged: Edits of commits on a branch that the commit of a number merges.
    """
    subprocess.run(["git", "init", "-q", "--initial-branch=main", str(repository)], check=True)
    stream, present = "", set()
    for number, edits in enumerate(history):
        beside = (merged or {}).get(number, [])
        for step, own in enumerate(beside):
            stream += _commit(f"side{number}", number, "" if step else "from refs/heads/main\n", own, present)
        parents = f"merge refs/heads/side{number}\n" if beside else ""
        stream += _commit("main", number, parents, [e for own in (*beside, edits) for e in own], present)
    subprocess.run(["git", "fast-import", "--quiet"], cwd=repository, input=stream.encode(), check=True)
    command = ["git", "rev-list", "--first-parent", "--reverse", "main"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    return done.stdout.split()


def _commit(branch: str, number: int, parents: str, edits, present: set[str]) -> str:
    made = f"commit refs/heads/{branch}\ncommitter A <a@example.com> {1_700_000_000 + number} +0000\n"
    made += f"data 3\nabc\n{parents}"
    for path, content in edits:
        if content is not None:
            present.add(path)
            made += f"M 100644 inline {path}\ndata {len(content.encode())}\n{content}\n"
        elif path in present:
            if branch == "main":
                present.remove(path)
            made += f"D {path}\n"
    return made


_CHILD = """
import sys
from pathlib import Path
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database

url, home = sys.argv[1:]


def progress(done, total, message):
    print(done, flush=True)
    sys.stdin.readline()


settings = Settings(home=Path(home), database_url=url, secret_key="k")
scan(Database(url), settings, "repo", batch=1, progress=progress)
"""


@pytest.mark.slow
def test_a_scan_that_is_killed_again_and_again_ends_with_the_same_rows(catalog, git_repo, tmp_path):
    functions = "def f{0}_{1}(x: int) -> int:\n    return x\n"
    history = [[(f"p/m{n % 5}.py", "".join(functions.format(n, k) for k in range(30)))] for n in range(40)]
    _import(git_repo.path, history)
    command = [sys.executable, "-c", _CHILD, catalog.settings.database_url, str(tmp_path / "home")]
    for steps in (1, 2, 5, 9):
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            for _ in range(steps):
                child.stdout.readline()
                child.stdin.write("\n")
                child.stdin.flush()
            time.sleep(steps / 1000)  # into the next batch, a little further each time
            child.kill()

    position = catalog.rows()["head"][1]
    assert 5 < position < 30
    assert len(catalog.rows()["commits"]) == position + 1
    catalog.scan()
    assert catalog.same_as_new(git_repo.path)
