"""What pytest can tell about features: which tests reach each, and which ones no test reaches.

The modules that hold the features are named in pytest's settings:

    [tool.pytest.ini_options]
    headwater_modules = ["shop.prices", "shop.customers"]

Then `pytest --headwater-report` lists the features that no test reaches, `--headwater-reach=PATH` writes for
each feature the tests that do, and `--headwater-fail-untested` makes an unreached feature a failure.
A fixture of a wider scope counts for the first test that asks for it; work in other processes does not count.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from headwater.driver import Driver

__all__ = ["headwater_driver", "pytest_addoption", "pytest_configure"]

_SHARED = "headwater_reach"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the setting."""
    group = parser.getgroup("headwater", "which features the tests reach")
    group.addoption("--headwater-report", action="store_true", help="list the features that no test reaches")
    group.addoption(
        "--headwater-reach", metavar="PATH", type=Path, help="write for each feature the tests that reach it"
    )
    group.addoption(
        "--headwater-fail-untested", action="store_true", help="fail where a feature is reached by no test"
    )
    parser.addini("headwater_modules", "modules of feature functions", type="args")


def pytest_configure(config: pytest.Config) -> None:
    """Look on, but only where it was asked for."""
    options = config.option
    if options.headwater_report or options.headwater_reach or options.headwater_fail_untested:
        config.pluginmanager.register(_Reporter(config), "headwater-reach")


@pytest.fixture
def headwater_driver(pytestconfig: pytest.Config) -> Callable[..., Driver]:
    """Give a function that builds a driver of the project's features, for a configuration.

    def test_cost(headwater_driver):
        assert headwater_driver(region="uk").execute(["cost"], inputs={...})["cost"] == 2.0
    """
    from headwater.driver import Driver
    from headwater.results import DictResult

    def build(**config: Any) -> Driver:
        return Driver(config, *_modules(pytestconfig), adapter=DictResult())

    return build


def _modules(config: pytest.Config) -> list[ModuleType]:
    names = config.getini("headwater_modules")
    if not names:
        raise pytest.UsageError(
            "Nothing says which modules hold the features. Name them in the settings of pytest: "
            'headwater_modules = ["package.module", ...]'
        )
    return [importlib.import_module(name) for name in names]


class _Reporter:
    """Watches the tests of a session, and tells at its end what they reach."""

    def __init__(self, config: pytest.Config) -> None:
        from headwater.testing.reach import Reach, features_of
        from headwater.testing.watching import Watch

        features = features_of(*_modules(config))
        self._config = config
        self._reach = Reach(features)
        self._watch = Watch(features)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self) -> Generator[None, Any, Any]:
        """Look on while a fixture is made."""
        with self._watch.on():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, Any, Any]:
        """Look on while a test runs."""
        with self._watch.on():
            return (yield)

    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Note what the test has reached."""
        self._reach.add(item.nodeid, self._watch.take())

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take in what a worker of pytest-xdist has found."""
        from headwater.testing.reach import Reach

        found: Mapping[str, Any] = getattr(node, "workeroutput", {})
        self._reach.merge(Reach(tests=found.get(_SHARED, {})))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write what was found, or hand it to the process that began the session."""
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_SHARED] = self._reach.as_dict()
            return
        if self._config.option.headwater_reach:
            self._reach.write(self._config.option.headwater_reach)
        if self._config.option.headwater_fail_untested and self._reach.untested:
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the features that no test reaches."""
        reach, write = self._reach, terminalreporter.write_line
        if not (self._config.option.headwater_report or self._config.option.headwater_fail_untested):
            return
        terminalreporter.section("features and tests")
        reached, all_ = len(reach.features) - len(reach.untested), len(reach.features)
        write(f"{reached} of {all_} features are reached by a test.")
        for feature in reach.untested:
            write(f"UNTESTED {feature}")
