"""What changes the version of a function, and what does not."""

import importlib
import linecache
import sys
import textwrap
import time
from pathlib import Path

import pytest

from headwater.ad_hoc import create_temporary_module
from headwater.function import Function, Location, read_function
from headwater.versions import Versions, version_of

FILES = {
    "shop/__init__.py": "",
    "shop/limits.py": """
        LOW = 3
        TABLE = {"a": [1, 2], "b": (3.5, {"x"})}

        class Model:
            base = 7
            def apply(self, x):
                return x + self.base

        MODEL = Model()
        """,
    "shop/scaling.py": """
        import functools
        from . import limits
        from .limits import MODEL, LOW

        def twice(function):
            def inner(x):
                return function(function(x))
            return inner

        def scale(x):
            return _deep(x) * limits.LOW

        def _deep(x):
            return x + 1

        @functools.lru_cache
        def cached(x):
            return x + LOW

        @twice
        def doubled(x):
            return x + 2
        """,
    "features.py": """
        import math
        from shop import scaling, limits as known
        from shop.scaling import scale as stretch

        FACTOR = 2

        def plain(a: int) -> int:
            return a + 1

        def by_helper(scale: int) -> int:
            return stretch(scale) + math.floor(1.5)

        def by_constant(a: int = FACTOR) -> int:
            return a

        def by_table(a: int) -> dict:
            return {key: value for key, value in known.TABLE.items()}

        def by_instance(a: int) -> int:
            return scaling.MODEL.apply(a)

        def by_wrapped(a: int) -> int:
            return scaling.cached(a)

        def by_closure(a: int) -> int:
            return scaling.doubled(a)

        def by_import(a: int) -> int:
            from shop.limits import LOW
            return a + LOW

        def by_module(a: int) -> int:
            return getattr(known, "LOW")

        def named_like_a_feature(plain: int) -> int:
            return plain
        """,
}


class Project:
    """A small package in a folder, whose files can be edited and imported anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = {name: textwrap.dedent(text).lstrip() for name, text in FILES.items()}

    def versions(self, file: str = "", old: str = "", new: str = "") -> dict[str, str | None]:
        """Return the versions of all features after an edit."""
        files = dict(self.files)
        if file:
            assert old in files[file]
            files[file] = files[file].replace(old, new)
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        for name in ("shop", "shop.limits", "shop.scaling", "features"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        linecache.clearcache()
        module = importlib.import_module("features")
        together = Versions()
        names = [name for name in vars(module) if name.startswith(("by_", "plain", "named"))]
        return {name: together.of(read_function(getattr(module, name))) for name in names}

    def changed_by(self, file: str, old: str, new: str) -> set[str]:
        """Return the features whose version an edit changes."""
        before, after = self.versions(), self.versions(file, old, new)
        assert None not in before.values()
        return {name for name in before if before[name] != after[name]}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield Project(tmp_path)
    for name in ("shop", "shop.limits", "shop.scaling", "features"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("features.py", "a + 1", "a + 1  # more\n", set()),
        ("features.py", "def plain(a: int) -> int:", "def plain(a: int) -> int:\n    'Doc.'", set()),
        ("features.py", "a + 1", "a + 2", {"plain"}),
        ("features.py", "plain(a: int) -> int", "plain(a: int) -> float", {"plain"}),
        ("shop/scaling.py", "x + 1", "x + 3", {"by_helper"}),
        ("shop/scaling.py", "x + 2", "x + 3", {"by_closure"}),
        ("shop/scaling.py", "function(function(x))", "function(x)", {"by_closure"}),
        ("shop/scaling.py", "@functools.lru_cache\n", "@functools.lru_cache(9)\n", {"by_wrapped"}),
        ("shop/limits.py", "LOW = 3", "LOW = 4", {"by_helper", "by_wrapped", "by_import", "by_module"}),
        ("shop/limits.py", "LOW = 3", "LOW = 1 + 2", {"by_module"}),
        ("shop/limits.py", "{'x'}", "{'y'}", {"by_table", "by_module"}),
        ("shop/limits.py", "self.base\n", "self.base + 1\n", {"by_instance", "by_module"}),
        (
            "shop/limits.py",
            "MODEL = Model()",
            "MODEL = Model()\nMODEL.base = 9",
            {"by_instance", "by_module"},
        ),
        ("features.py", "FACTOR = 2", "FACTOR = 3", {"by_constant"}),
    ],
)
def test_a_version_changes_with_what_the_function_reaches(project, file, old, new, changed):
    project.files["shop/limits.py"] = project.files["shop/limits.py"].replace('"x"', "'x'")

    assert project.changed_by(file, old, new) == changed


def test_swapped_helpers_change_the_version(project):
    one = project.versions()["by_helper"]
    project.files["shop/scaling.py"] = (
        project.files["shop/scaling.py"]
        .replace("_deep", "_")
        .replace("scale(", "_deep(")
        .replace("_(", "scale(")
    )

    assert project.versions()["by_helper"] != one


def test_a_version_says_nothing_of_the_place_it_was_read_from(tmp_path, monkeypatch):
    found = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        with monkeypatch.context() as patched:
            patched.syspath_prepend(tmp_path / place)
            found.append(Project(tmp_path / place).versions())

    assert found[0] == found[1]


def test_a_recursive_helper_and_a_constant_that_holds_itself_are_told_by_their_source(load):
    module = load(
        """
        LOOP = []
        LOOP.append(LOOP)

        def _down(n):
            return LOOP if n == 0 else _down(n - 1)

        def f(n: int) -> list:
            return _down(n)
        """
    )

    assert version_of(read_function(module.f)) is not None


@pytest.mark.parametrize(
    "line",
    [
        "return missing + 1",
        "import headwater_of_nobody.inside\n    return 1",
        "return [(y := x) for x in [a]] and y + missing",
    ],
)
def test_names_that_mean_nothing_leave_a_function_without_a_version_only_where_they_are_own(load, line):
    module = load(f"def f(a: int) -> int:\n    {line}\n")

    assert (version_of(read_function(module.f)) is None) == ("missing" in line)


def test_names_bound_inside_a_function_are_not_looked_up_outside(load):
    module = load(
        """
        def f(a: int) -> int:
            import json as encoder
            with open(a) as file, open(a) as (one, *others):
                pass
            try:
                b = [x + (last := x) for x in range(a)]
            except (ValueError, KeyError) as error:
                raise error
            match b:
                case [first, *rest] | {"k": first, **rest}:
                    pass
                case int() as number:
                    pass
            class Inner(object):
                k = 1
                def m(self):
                    return super().m() + self.k
            def g(n):
                nonlocal b
                b = lambda p, *q, r=a, **s: (p, q, r, s, n, last)
                return b
            global _counter
            _counter = 0
            for i in b: i += 1
            del i
            return g(Inner), encoder, file, one, others, first, rest, number, _counter if False else None
        _counter = 1
        """
    )

    assert version_of(read_function(module.f)) is not None


def test_a_value_made_by_code_of_others_is_told_by_the_statement_that_makes_it(load):
    source = (
        "import re\nPATTERN = re.compile('{}')\ndef f(a: str) -> bool:\n    return bool(PATTERN.match(a))\n"
    )
    one, two = (version_of(read_function(load(source.format(text), f"m{text}").f)) for text in "ab")

    assert one is not None and two is not None and one != two


def test_modifiers_count_and_tags_do_not(load):
    def version(decorators: str, name: str) -> str | None:
        source = (
            f"from headwater import config, tag\n_AT = 'uk'\n{decorators}\ndef f() -> int:\n    return 1\n"
        )
        return version_of(read_function(load(source, name).f))

    assert version("@tag(owner='a')", "m1") == version("", "m2")
    assert version("@config.when(region=_AT)", "m3") != version("", "m4")


def test_functions_of_a_notebook_have_versions():
    cell = (
        "LIMIT = 3\nclass Row(dict):\n    def first(self): return 1\n"
        "def f(a: int) -> Row:\n    return Row(a=min(a, LIMIT))\n"
    )
    names: dict = {"__name__": "__main__"}
    for edited in (cell, cell.replace("3", "4")):
        path = f"<cell {len(edited)} {edited[8]}>"
        linecache.cache[path] = (len(edited), None, edited.splitlines(True), path)
        exec(compile(edited, path, "exec"), names)
        names.setdefault("versions", []).append(version_of(read_function(names["f"])))

    assert None not in names["versions"]
    assert len(set(names["versions"])) == 2


def test_what_only_an_annotation_names_need_not_be_known(load):
    module = load(
        """
        from __future__ import annotations
        from typing import TYPE_CHECKING

        if TYPE_CHECKING:
            from nowhere import Missing

        Made = [type][0]("Made", (), {})

        def f(a: Missing) -> Made:
            return a
        """
    )

    function = Function("f", Location("features", "", 1, 1), (), None, callable=module.f)
    assert version_of(function) is not None


def test_temporary_modules_have_versions():
    def feature(a: int) -> int:
        return a + 1

    module = create_temporary_module(feature, module_name="temporary_for_versions")

    assert version_of(read_function(module.feature)) is not None


def test_a_function_without_source_has_no_version():
    names: dict = {"__name__": "nowhere"}
    exec("def f(a: int) -> int:\n    return a\n", names)

    assert version_of(read_function(names["f"])) is None


def test_a_file_that_changes_is_read_again(load, tmp_path):
    module = load("def f() -> int:\n    return 1\n")
    before = version_of(read_function(module.f))
    time.sleep(0.01)
    module = load("def f() -> int:\n    return 1 + 1\n")

    assert version_of(read_function(module.f)) != before


def test_a_thousand_functions_that_share_a_large_constant_have_versions_of_their_own(load):
    functions = "\n".join(f"def f{i}(a: int) -> int:\n    return TABLE[a] + {i}\n" for i in range(1000))
    module = load(f"TABLE = {dict.fromkeys(range(2000), 1)}\n{functions}")
    together = Versions()
    found = {together.of(read_function(getattr(module, f"f{i}"))) for i in range(1000)}

    assert len(found) == 1000
