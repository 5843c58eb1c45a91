"""Modules that are imported from their files, whatever bytecode there is."""

import importlib
import os
import py_compile
import sys

import pytest

from headwater.source_imports import import_from_source


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Give the folder of two modules beside bytecode that is older, and passes for theirs."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    for name in ("from_source", "from_anywhere"):
        for text in ("VALUE = 1\n", "VALUE = 2\n"):
            file = tmp_path / f"{name}.py"
            file.write_text(text)
            os.utime(file, (10**9, 10**9))
            if text == "VALUE = 1\n":
                py_compile.compile(str(file), doraise=True)
    importlib.invalidate_caches()
    yield tmp_path
    for name in ("from_source", "from_anywhere"):
        sys.modules.pop(name, None)


def test_only_modules_that_are_named_are_compiled_anew(modules):
    import_from_source(["from_source"])

    assert importlib.import_module("from_source").VALUE == 2
    assert importlib.import_module("from_anywhere").VALUE == 1


def test_a_module_is_as_any_other_and_names_are_added_to_those_before(modules):
    import_from_source(["from_source"])
    import_from_source(["from_anywhere", "not_there", "json"])
    found = importlib.import_module("from_source")

    assert (found.__file__, found.__spec__.origin) == (str(modules / "from_source.py"),) * 2
    assert importlib.import_module("from_anywhere").VALUE == 2
    assert importlib.util.find_spec("not_there") is None
    assert len([finder for finder in sys.meta_path if "source_imports" in type(finder).__module__]) == 1
