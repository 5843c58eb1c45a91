"""To look only at what mentions something that differs tells the same as to look at everything."""

from __future__ import annotations

import subprocess
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import headwater_catalog.compare
import headwater_catalog.lineage_hash
from headwater_catalog.artefact.origin import export_file, origin_in
from headwater_catalog.artefact.reading import read_artefact
from headwater_catalog.compare import Comparison, compare
from headwater_catalog.git import GitSource
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.mentions import differing
from headwater_catalog.moments import stored_at
from headwater_catalog.repositories import list_repositories
from headwater_catalog.revisions import RevisionReader
from support.git_repo import GitRepo
from support.revisions import Revisions
from support.scanned import Catalog

_BODIES = st.sampled_from(
    [
        "x",
        "x + 1",
        "_d(x)",
        "_d(x) + 1",
        "_e(x) + _d(x)",
        "LIMIT",
        "OTHER + x",
        "_d(x)",
        "_e(x)",
        "far.LIMIT",
        "far._d(x)",
        "three._e(x)",
        "a(x)",
    ]
    + ["Own.RATE", "p.one._d(x)", "star(x)", "getattr(far, '_d')(x)", "[LIMIT for a in x]", "np.log(x)"]
    + ["importlib.import_module('p.one')", "importlib.import_module('p.' 'two')", "eval('x')"]
)
_INSIDE = st.sampled_from(["", "", "from p.two import _d as own", "import three", "from . import one as far"])
_IMPORTS = st.sampled_from(
    [
        "from p.one import LIMIT as OTHER",
        "from p import one as far",
        "from p import two as far",
        "import three",
    ]
    + [
        "import p.one",
        "from .one import _d",
        "from p.two import *",
        "from p import OTHER",
        "import numpy as np",
    ]
    + ["import importlib", "from three import _e", "from p.one import _d as star", "import cupy as np"]
)
_STATEMENTS = st.sampled_from(
    ["LIMIT = 1", "LIMIT = 2", "LIMIT = OTHER", "class Own:\n    RATE = LIMIT", "class Own:\n    RATE = 2"]
    + [
        "_d = far.a",
        "LIMITS = [1]\nLIMITS.append(LIMIT)",
        "if LIMIT:\n    OTHER = 3",
        "# A comment.",
        "a = _e(a)",
    ]
    + [
        "'''Text.'''",
        "(LIMIT, OTHER) = 1, 2",
        "try:\n    import fast as np\nexcept ImportError:\n    np = None",
    ]
)
_NAMES = st.sampled_from(["a", "b", "c", "_d", "_d", "_e"])
_PATHS = st.sampled_from(
    ["p/one.py", "p/two.py", "three.py", "p/__init__.py", "p/two/__init__.py", "fast.py"]
)
_DECORATORS = st.sampled_from(
    ["", "", "", "@tag(owner='x')", "@does(_d)", "@pipe_output(step(_d))", "@config.when(n=1)", "@_e"]
    + [
        "@parameterize(f=dict(x=value(1)), g=dict(x=source('a')))",
        "@inject(x=value(LIMIT))",
        "@tag(owner=LIMIT)",
    ]
)


@st.composite
def _functions(draw) -> str:
    parameters = draw(st.lists(st.sampled_from(["a", "b", "c", "LIMIT", "far"]), max_size=2, unique=True))
    taken = ", ".join(f"{name}: {draw(st.sampled_from(['int', 'float']))}" for name in ["x", *parameters])
    lines = [draw(_DECORATORS), f"def {draw(_NAMES)}({taken}) -> int:"]
    lines += draw(st.sampled_from([[], ["    '''Doc.'''"], ["    # Text."]]))
    lines += [f"    {line}" for line in (draw(_INSIDE), f"return {draw(_BODIES)}") if line]
    return "\n".join(line for line in lines if line)


@st.composite
def _modules(draw) -> str:
    lines = ["from headwater import *", *draw(st.lists(_IMPORTS, max_size=3))]
    lines += draw(st.lists(_STATEMENTS | _functions() | _functions(), max_size=7))
    return "\n".join(lines) + draw(st.sampled_from(["\n", "\n", "\n", "\ndef broken(\n"]))


@st.composite
def _edited(draw, text: str) -> str:
    """A module that differs in one or two lines."""
    lines = text.splitlines()
    for _ in range(draw(st.integers(1, 2))):
        returns = [number for number, line in enumerate(lines) if line.startswith("    return")]
        if returns and draw(st.booleans()):
            lines[draw(st.sampled_from(returns))] = f"    return {draw(_BODIES)}"
            continue
        place = draw(st.integers(0, len(lines)))
        lines[place : place + draw(st.integers(0, 1))] = [draw(_IMPORTS | _STATEMENTS | _functions())]
    return "\n".join(lines) + "\n"


_FLOWS = "[tool.headwater.dataflows.{}]\nmodules = [{}]\nconfig = {{ {} }}\n"


@st.composite
def _projects(draw) -> str:
    flows = []
    for name in draw(st.sampled_from([["d"], ["d", "e"]])):
        modules = draw(st.sampled_from(['"p", "p.*", "three"', '"p.*", "three"', '"p.one", "p.two"']))
        flows.append(
            _FLOWS.format(name, modules, draw(st.sampled_from(["", "n = 1", "n = 2", "a = 1", "b = 1"])))
        )
    return "".join(flows)


@st.composite
def _histories(draw) -> list[dict[str, str]]:
    state = draw(st.dictionaries(_PATHS, _modules(), min_size=2, max_size=4))
    states = [{**state, "pyproject.toml": draw(_projects())}]
    for _ in range(draw(st.integers(1, 3))):
        state = dict(states[-1])
        path = draw(st.sampled_from(sorted(path for path in state if path.endswith(".py"))))
        match draw(st.sampled_from(["edit", "edit", "edit", "anew", "move", "project", "mutate"])):
            case "edit":
                state[path] = draw(_edited(state[path]))
            case "anew":
                state[draw(_PATHS)] = draw(_modules())
            case "move":
                state[draw(_PATHS)] = state.pop(path)
            case "mutate":
                state[path] += (
                    f"@mutate({draw(_NAMES)})\ndef _m(x: int) -> int:\n    return x + {len(states)}\n"
                )
            case "project":
                state["pyproject.toml"] = draw(_projects())
        states.append(state)
    return states


def _import(repository: Path, states: list[dict[str, str]]) -> list[str]:
    """Commit states, each as all that there is, and return the names of the commits."""
    stream = ""
    for number, state in enumerate(states):
        stream += f"commit refs/heads/main\nmark :{number + 1}\ncommitter A <a@example.com> {number} +0000\n"
        stream += "data 3\nabc\ndeleteall\n"
        for path, text in state.items():
            stream += f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n"
    subprocess.run(["git", "init", "-q", "--initial-branch=main", str(repository)], check=True)
    subprocess.run(["git", "fast-import", "--quiet"], cwd=repository, input=stream.encode(), check=True)
    command = ["git", "rev-list", "--reverse", "main"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    return done.stdout.split()


class _Everything:
    def __contains__(self, place: object) -> bool:
        return True


def _felt(before: Revision, after: Revision, moved: dict[str, str], doubtful: object) -> frozenset[str]:
    was = {now: then for then, now in moved.items()}
    old, new = before.lineages.hashes, after.lineages.hashes
    return frozenset(key for key in new if old.get(was.get(key, key), new[key]) != new[key])


def whole_comparison(before: Revision, after: Revision) -> Comparison:
    """Return what changed, by a look at all that either commit has."""
    for revision in (before, after):
        revision.lineages.look_at(revision.snapshot.features)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(headwater_catalog.lineage_hash, "differing", lambda *_: _Everything())
        patch.setattr(headwater_catalog.compare, "felt", _felt)
        return compare(before, after, formatting=True)


def read(repository: Path, *shas: str) -> list[Revision]:
    with GitSource(repository / ".git") as source:
        reader = RevisionReader(source)
        return [reader.read(sha) for sha in shas]


def exported(repository: Path, sha: str) -> Revision:
    """Return what an exported catalog of a commit says of it."""
    place = repository / f"{sha}.sqlite"
    export_file(origin_in(repository, sha), place)
    return read_artefact(place).revision


@pytest.mark.slow
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(states=_histories())
def test_exported_catalogs_tell_what_commits_tell(tmp_path_factory, states):
    repository = tmp_path_factory.mktemp("exported")
    shas = _import(repository, states)
    files = [exported(repository, sha) for sha in shas]

    for first, second in combinations(range(len(shas)), 2):
        told = compare(*read(repository, shas[first], shas[second]), formatting=True)
        assert compare(files[first], files[second], formatting=True) == told


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(states=_histories())
def test_what_is_not_looked_at_means_the_same(tmp_path_factory, states):
    repository = tmp_path_factory.mktemp("history")
    shas = _import(repository, states)
    whole = read(repository, *shas)

    for first, second in combinations(range(len(shas)), 2):
        narrow = compare(*read(repository, shas[first], shas[second]), formatting=True)
        assert narrow == whole_comparison(whole[first], whole[second])


@pytest.fixture(scope="module")
def revisions(tmp_path_factory: pytest.TempPathFactory) -> Revisions:
    return Revisions(GitRepo(tmp_path_factory.mktemp("revisions")))


PROJECT = '[tool.headwater.dataflows.d]\nmodules = ["features.*"]\n'


def test_a_change_of_one_function_among_many_is_all_that_is_looked_at(revisions):
    text = "".join(f"def f{n}(f{n - 1}: int) -> int:\n    return f{n - 1} + {n}\n\n" for n in range(1, 51))
    state = {"features/a.py": text, "pyproject.toml": PROJECT}
    before, after = revisions.of(state, {**state, "features/a.py": text.replace("f30 + 31", "f30 - 31")})
    found = differing(before.lineages.sources, after.lineages.sources)

    assert [f"f{n}" for n in range(1, 51) if ("features.a", f"f{n}") in found] == ["f31"]
    assert len(compare(before, after).features) == 20


def test_two_answers_that_change_places_leave_who_asks_for_them_what_it_was(revisions):
    make = "def made(raw: int) -> int:\n    return raw * {}\n".format
    use = "def used(made: int) -> int:\n    return made\n"
    state = {"features/use.py": use, "pyproject.toml": PROJECT}
    before, after = revisions.of(
        {**state, "features/one.py": make(1), "features/two.py": make(2)},
        {**state, "features/one.py": make(2), "features/two.py": make(1)},
    )
    found = {change.key: change.classes for change in compare(before, after).features}

    assert found == {"features.one:made": ("logic",), "features.two:made": ("logic",)}


STORED = """\
from headwater import *

def _scale(x: int) -> int:
    return x * 2

def spend(raw: int) -> int:
    return _scale(raw)

@mutate(spend)
def _doubled(x: int) -> int:
    return x * 4

def total(spend: int) -> int:
    return spend
"""


def test_commits_that_the_store_knows_compare_as_they_do_when_they_are_read(catalog_url, git_repo, tmp_path):
    edits = [
        ("_scale(raw)", "raw"),
        ("x * 2", "x * 3"),
        ("x * 4", "x * 5"),
        ("raw", "row"),
    ]
    states = [STORED, *(STORED.replace(*edit) for edit in edits)]
    shas = [git_repo.commit("State", files={"features/a.py": text}) for text in states]
    catalog = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    catalog.scan()
    whole = read(git_repo.path, *shas)
    with catalog.database.read() as session, GitSource(git_repo.path / ".git") as source:
        (repository,) = list_repositories(session)
        reader = RevisionReader(source)
        stored = [reader.read(sha, stored_at(session, repository, sha)) for sha in shas]

    for first, second in combinations(range(len(shas)), 2):
        narrow = compare(stored[first], stored[second], formatting=True)
        assert narrow == compare(whole[first], whole[second], formatting=True)
        assert narrow.features
    catalog.database.dispose()
