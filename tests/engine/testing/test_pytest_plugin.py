"""The pytest plugin, in test sessions of its own."""

import json
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

FEATURES = """
from headwater import parameterize, value

def a(n: int) -> int:
    return n + 1

def b(a: int) -> int:
    return a * 2

@parameterize(low={"x": value(1)}, high={"x": value(9)})
def level(x: int) -> int:
    return x
"""
TESTS = """
import shop

def test_driver(headwater_driver):
    assert headwater_driver().execute(["b"], inputs={"n": 1}) == {"b": 4}

def test_call():
    assert shop.a(1) == 2
"""


SETTINGS = """
[pytest]
pythonpath = .
addopts = -p headwater.pytest_plugin -p no:cacheprovider
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Give a folder with features, tests of some, and settings that name them."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(shop=FEATURES, test_shop=TESTS)
    pytester.makeini(f"{SETTINGS}headwater_modules = shop\n")
    return pytester


def test_reach_is_written(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--headwater-reach=reach.json")

    result.assert_outcomes(passed=2)
    assert json.loads(Path("reach.json").read_text()) == {
        "features": {
            "shop:a": ["test_shop.py::test_call", "test_shop.py::test_driver"],
            "shop:b": ["test_shop.py::test_driver"],
            "shop:high": [],
            "shop:low": [],
        }
    }


def test_untested_features_are_listed(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--headwater-report")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["2 of 4 features are reached by a test.", "UNTESTED shop:low"])


def test_untested_features_can_fail_the_session(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--headwater-fail-untested")

    result.assert_outcomes(passed=2)
    assert result.ret == 1


def test_workers_hand_in_what_they_found(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess(
        "-p", "xdist", "-n", "2", "--headwater-report", "--headwater-reach=reach.json"
    )

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["2 of 4 features are reached by a test."])
    found = json.loads(Path("reach.json").read_text())["features"]
    assert found["shop:a"] == ["test_shop.py::test_call", "test_shop.py::test_driver"]


def test_modules_must_be_named(project: pytest.Pytester) -> None:
    project.makeini(SETTINGS)
    result = project.runpytest_subprocess("--headwater-report")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*headwater_modules = *"])


def test_nothing_is_done_that_was_not_asked_for(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*features are reached*")
