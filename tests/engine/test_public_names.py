"""What the engine makes public, and what importing it costs."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import headwater

MODULES = ["headwater"]
MODULES += [info.name for info in pkgutil.walk_packages(headwater.__path__, "headwater.")]

AT_HOME = {"headwater.pytest_plugin": {"pytest"}}
"""Packages of others that a module may import, since it is only loaded by them."""


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_sorted_and_exist(name: str) -> None:
    module = importlib.import_module(name)
    public = module.__all__

    # Constants, then classes, then functions, as the linter sorts them.
    assert len(set(public)) == len(public)
    assert all(hasattr(module, listed) for listed in public)
    assert list(public) == sorted(public, key=lambda n: (not n.isupper(), n.islower() or n[0].islower(), n))


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_that_a_module_defines_is_listed(name: str) -> None:
    module = importlib.import_module(name)
    tree = ast.parse(inspect.getsource(module))
    defined = {
        node.name
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
    }

    assert defined <= set(module.__all__)


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_is_documented_and_annotated(name: str) -> None:
    module = importlib.import_module(name)

    assert module.__doc__
    for listed in module.__all__:
        public = getattr(module, listed)
        if not callable(public) or getattr(public, "__module__", "").partition(".")[0] != "headwater":
            continue
        assert public.__doc__, listed
        if inspect.isclass(public):
            for attribute, member in vars(public).items():
                if inspect.isfunction(member) and not attribute.startswith("_"):
                    assert inspect.getdoc(getattr(public, attribute)), f"{listed}.{attribute}"
        elif inspect.isfunction(public):
            assert "return" in public.__annotations__, listed


@pytest.mark.parametrize("name", MODULES)
def test_engine_imports_nothing_but_python_when_it_loads(name: str) -> None:
    tree = ast.parse(inspect.getsource(importlib.import_module(name)))
    imported = {
        found
        for node in tree.body
        for found in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert {package.partition(".")[0] for package in imported} <= {
        *sys.stdlib_module_names,
        *AT_HOME.get(name, ()),
        "headwater",
    }


def test_import_loads_no_package_of_others() -> None:
    code = (
        "import sys; before = set(sys.modules); import headwater; "
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert set(done.stdout.split()) <= {*sys.stdlib_module_names, "headwater"}
