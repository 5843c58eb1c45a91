import sys
from dataclasses import replace

import pytest

from headwater.errors import HeadwaterError
from headwater.executors.surroundings import surroundings_of


@pytest.fixture
def surroundings(tasks, tmp_path, monkeypatch):
    """Give the surroundings of a task whose module imports another."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "beside.py").write_text("FACTOR = 2\n")
    specs = tasks.plan(
        "import beside\ndef scaled(a: int) -> int: return beside.FACTOR * a", "scaled", a=1
    ).specs
    yield surroundings_of(specs)
    sys.modules.pop("beside", None)


def test_feature_modules_and_what_they_import_are_known_by_their_files(surroundings, tmp_path):
    assert surroundings.features == ("features",)
    assert {name for name, _ in surroundings.modules} == {"features", "beside"}
    assert surroundings.roots == (str(tmp_path),)


def test_a_process_with_the_same_code_fits(surroundings):
    features = sys.modules["features"]
    surroundings.establish()

    assert sys.modules["features"] is features


def test_a_process_that_has_imported_other_code_forgets_it(surroundings):
    features = sys.modules["features"]
    changed = tuple(
        (name, "another" if name == "beside" else digest) for name, digest in surroundings.modules
    )

    with pytest.raises(HeadwaterError, match="For the module 'beside' a worker finds other code"):
        replace(surroundings, modules=changed).establish()
    assert sys.modules["features"] is not features


def test_another_python_or_package_is_named(surroundings):
    with pytest.raises(HeadwaterError, match=r"A worker runs Python 3\.\d+, and this process 2.7"):
        replace(surroundings, python="2.7").establish()
    with pytest.raises(HeadwaterError, match=r"other packages than this process: numpy .* \(here 0.1\)"):
        replace(surroundings, versions=(("numpy", "0.1"),)).establish()
    with pytest.raises(HeadwaterError, match=r"not_installed is not there \(here 1.0\)"):
        replace(surroundings, versions=(("not_installed", "1.0"),)).establish()
