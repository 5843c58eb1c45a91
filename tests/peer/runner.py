"""Runs cases under whichever `hamilton` there is, and prints what came of each as lines of JSON.

    python runner.py [--headwater] FOLDER...

It is run twice, in an environment that has the real package and, with `--headwater`, in ours, where
Headwater answers for `hamilton`. It needs nothing but what the cases import.
"""

import contextlib
import importlib.util
import json
import logging
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from case_files import modules_of
from records import error_record, node_record, value_record
from scenario import Scenario


class Stage:
    """Where a case stands, so that an error can be told by it."""

    now = "import"


def main(arguments: list[str]) -> None:
    """Run every case of some folders."""
    if "--headwater" in arguments:
        from headwater import compat

        compat.activate()
    folders = [Path(argument).resolve() for argument in arguments if not argument.startswith("--")]
    out = os.fdopen(os.dup(1), "w")
    logging.disable()
    warnings.simplefilter("ignore")
    with (
        Path(os.devnull).open("w") as quiet,
        contextlib.redirect_stdout(quiet),
        contextlib.redirect_stderr(quiet),
        tempfile.TemporaryDirectory() as small,
    ):
        for folder in folders:
            for path in modules_of(folder, Path(small)):
                for name, record in records_of(path):
                    print(json.dumps({"case": path.stem, "scenario": name, **record}), file=out, flush=True)


def records_of(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what came of each scenario and each question of a case, each on a module of its own."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        module, failed = imported(path)
    if module is None:
        yield "import", failed
        return
    questions = [name for name in vars(module) if name.startswith("_ask_")]
    for name in questions:
        yield name.removeprefix("_ask_"), in_a_folder(path, lambda module, name=name: ask(module, name))
    for name in getattr(module, "SCENARIOS", {} if questions else {"all": Scenario()}):
        yield name, in_a_folder(path, lambda module, name=name: execute(module, name))


def imported(path: Path) -> tuple[ModuleType | None, dict[str, Any]]:
    """Return a fresh module of a case, or the record of why there is none."""
    Stage.now = "import"
    forget_modules_of_cases(path.parent)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        return None, {"error": error_record(Stage.now, error)}
    return module, {}


def forget_modules_of_cases(folder: Path) -> None:
    """Forget the modules of a folder, and those that cases made out of functions."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        made_of_functions = file is None and getattr(module, "__spec__", module) is None
        if made_of_functions or (file is not None and str(folder) in file):
            del sys.modules[name]


def in_a_folder(path: Path, work: Callable[[ModuleType], dict[str, Any]]) -> dict[str, Any]:
    """Do work on a fresh module, in an empty current folder."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        module, record = imported(path)
        if module is not None:
            try:
                record = work(module)
            except Exception as error:
                told = error_record(Stage.now, error) | {"trace": traceback.format_exc()[-1500:]}
                record = {**getattr(error, "so_far", {}), "error": told}
    return json.loads(json.dumps(record).replace(folder, "<folder>"))


def ask(module: ModuleType, name: str) -> dict[str, Any]:
    """Record the answer to a question that a case asks in code."""
    Stage.now = "ask"
    return {"answer": value_record(getattr(module, name)(module))}


def execute(module: ModuleType, name: str) -> dict[str, Any]:
    """Build, validate and execute a scenario; an error keeps what was recorded before it."""
    scenario = getattr(module, "SCENARIOS", {"all": Scenario()})[name]
    record: dict[str, Any] = {}
    try:
        Stage.now = "build"
        driver = (scenario.driver or plain_driver)(dict(scenario.config), module, *scenario.modules)
        nodes = driver.list_available_variables()
        record["nodes"] = {node.name: node_record(node) for node in nodes}
        outputs = scenario.outputs
        if outputs is None:
            outputs = sorted(node.name for node in nodes if not node.is_external_input)
        given = {"inputs": dict(scenario.inputs), "overrides": dict(scenario.overrides)}
        Stage.now = "validate"
        driver.validate_execution(outputs, **given)
        Stage.now = "execute"
        values = driver.execute(outputs, **given)
        record["values"] = value_record(values)
        record["order"] = list(values) if isinstance(values, dict) else []
    except Exception as error:
        error.so_far = record
        raise
    return record


def plain_driver(config: dict[str, Any], *modules: ModuleType) -> Any:
    """Return a driver whose results are dictionaries."""
    from hamilton import base, driver

    return driver.Driver(config, *modules, adapter=base.SimplePythonGraphAdapter(base.DictResult()))


if __name__ == "__main__":
    main(sys.argv[1:])
