from collections.abc import Mapping
from textwrap import dedent
from typing import Any

import pytest

from headwater_catalog.read import (
    Content,
    Reading,
    drivers_from_text,
    read_project,
    read_tree,
    text_of_drivers,
)

DRIVE = "from hamilton import driver\nimport {0}\ndriver.Driver({{}}, {0})\n"
FEATURE = "def {0}(x: int) -> int: ...\n"


def read(files: Mapping[str, str], project: str = "") -> Reading:
    contents = {path: Content(dedent(text).encode()) for path, text in files.items()}
    return read_tree(contents, read_project(project.encode()))


def flows(reading: Reading) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(d.name, d.origin, d.modules) for d in reading.dataflows]


def told(reading: Reading) -> list[tuple[str, int, str]]:
    return [(d.path, d.line, d.message) for d in reading.diagnostics]


# Drivers


def test_a_driver_makes_a_dataflow_and_the_layout_has_what_no_driver_takes() -> None:
    reading = read(
        {
            "shop/run.py": DRIVE.format("spend"),
            "shop/spend.py": FEATURE.format("a"),
            "labs/more.py": FEATURE.format("b"),
        }
    )

    assert flows(reading) == [("labs", "layout", ("labs.more",)), ("run", "driver", ("shop.spend",))]
    assert set(reading.modules) == {"labs.more", "shop.spend"}
    assert reading.diagnostics == ()


def test_a_folder_with_a_module_that_no_driver_takes_is_whole_in_the_layout() -> None:
    files = {"p/run.py": DRIVE.format("a"), "p/a.py": FEATURE.format("a"), "p/b.py": FEATURE.format("b")}

    assert flows(read(files)) == [("p", "layout", ("p.a", "p.b")), ("run", "driver", ("p.a",))]


def test_nobody_looks_for_drivers_where_dataflows_are_declared() -> None:
    files = {"run.py": DRIVE.format("a"), "a.py": FEATURE.format("a"), "b.py": FEATURE.format("b")}
    reading = read(files, '[tool.headwater.dataflows.own]\nmodules = ["b"]\n')

    assert flows(reading) == [("own", "declared", ("b",))]
    assert reading.drivers is None


def test_an_import_leads_to_the_nearest_module() -> None:
    files = {
        "examples/one/run.py": DRIVE.format("features"),
        "examples/one/features.py": FEATURE.format("a"),
        "examples/two/deep/run_deep.py": DRIVE.format("features"),
        "examples/two/features/__init__.py": FEATURE.format("b"),
        "three/main.py": DRIVE.format("features"),
        "src/features.py": FEATURE.format("c"),
        "four/app.py": "from headwater import Driver\nfrom . import own\nfrom .. import features\nDriver({}, own)\n",
        "four/own.py": FEATURE.format("d"),
        "own.py": FEATURE.format("e"),
    }

    assert flows(read(files)) == [
        ("app", "driver", ("four.own",)),
        ("main", "layout", ("features", "own")),
        ("run", "driver", ("examples.one.features",)),
        ("run_deep", "driver", ("examples.two.features",)),
        ("three.main", "driver", ("features",)),
    ]


def test_a_script_may_drive_itself() -> None:
    text = """
    from hamilton import driver
    {}

    def a(x: int) -> int: ...

    if __name__ == "__main__":
        {}
        driver.Driver({{}}, me)
    """
    files = {
        "p/one.py": text.format("", "import __main__ as me"),
        "p/two.py": text.format("import sys", "me = sys.modules[__name__]"),
        "p/three/__init__.py": text.format("", "import __init__ as me"),
        "p/four.py": text.format("", "import four as me"),
    }

    assert flows(read(files)) == [(n, "driver", (f"p.{n}",)) for n in ("four", "one", "three", "two")]


def test_the_same_modules_and_configuration_are_one_dataflow_with_several_places() -> None:
    files = {
        "run.py": DRIVE.format("a"),
        "run_on_dask.py": DRIVE.format("a"),
        "other.py": DRIVE.format("a").replace("{}", "{'n': 1}"),
        "a.py": FEATURE.format("a"),
    }
    other, run = read(files).dataflows

    assert (other.name, other.config, other.places) == ("other", {"n": 1}, ("other.py:3",))
    assert (run.name, run.config, run.places) == ("run", {}, ("run.py:3", "run_on_dask.py:3"))


def test_names_have_as_many_folders_as_tell_them_apart() -> None:
    files = {f"{folder}/run.py": DRIVE.format("a") for folder in ("x/one", "y/one", "y/two")}
    files |= {f"{folder}/a.py": FEATURE.format("a") for folder in ("x/one", "y/one", "y/two", "main")}
    files |= {"main.py": DRIVE.format("a"), "a.py": FEATURE.format("a")}

    assert [(d.name, d.modules) for d in read(files).dataflows] == [
        ("main", ("main.a",)),
        ("main.py", ("a",)),
        ("two.run", ("y.two.a",)),
        ("x.one.run", ("x.one.a",)),
        ("y.one.run", ("y.one.a",)),
    ]


def test_a_file_called_driver_gives_its_folder_to_the_name() -> None:
    files = {"src/shop/driver.py": DRIVE.format("a"), "src/shop/a.py": FEATURE.format("a")}

    assert flows(read(files)) == [("shop.driver", "driver", ("shop.a",))]
    assert flows(read({"driver.py": DRIVE.format("a"), "a.py": FEATURE.format("a")})) == [
        ("driver", "driver", ("a",))
    ]


def test_further_drivers_of_a_file_are_named_by_their_function_or_a_number() -> None:
    text = """
    from headwater import Driver
    import a

    def train():
        Driver({"n": 1}, a)

    def score():
        Driver({"n": 2}, a)
        Driver({"n": 3}, a)

    Driver({"n": 4}, a)
    """
    found = read({"run.py": text, "a.py": FEATURE.format("a")}).dataflows

    assert {d.name: d.config["n"] for d in found} == {"run": 1, "run:score": 2, "run-2": 3, "run-3": 4}


@pytest.mark.parametrize(
    ("given", "config"),
    [
        ("{'region': 'uk', 'n': 1 + 1}", {"region": "uk", "n": 2}),
        ("{'region': REGION, 'n': len(argv)}", {"region": "uk"}),
        ("CONFIG", {"region": "uk", "size": [1, 2]}),
        ("{**CONFIG, 'region': 'us', 'size': now()}", {"region": "us"}),
        ("{**now(), 'region': 'us'}", {}),
        ("dict(region='uk')", {"region": "uk"}),
        ("CHANGED", {}),
        ("{'n': 1, 'all': [REGION for REGION in ('a', 'b')]}", {"n": 1, "all": ["a", "b"]}),
        ("{'at': datetime.date(2024, 1, 1), 1: 2, 'inf': float('inf'), 'pair': (1, 2)}", {}),
        ("None", {}),
    ],
)
def test_a_configuration_is_known_as_far_as_it_is_literal(given: str, config: Mapping[str, Any]) -> None:
    text = f"""
    import a, datetime
    from hamilton import driver
    REGION = "uk"
    CONFIG = {{"region": REGION, "size": [1, 2]}}
    CHANGED = {{"region": "uk"}}
    CHANGED["region"] = "us"
    driver.Builder().with_modules(a).with_config({given}).build()
    """
    [dataflow] = read({"run.py": text, "a.py": FEATURE.format("a")}).dataflows

    assert dataflow.config == config


def test_what_is_not_known_of_a_driver_is_told_where_it_stands() -> None:
    text = """
    import a, absent, importlib
    from hamilton import driver
    driver.Driver({}, a, importlib.import_module(name))
    driver.Driver({}, a, absent)
    driver.Driver({}, absent)
    driver.Driver({}, *modules)
    """
    reading = read({"run.py": text, "a.py": FEATURE.format("a")})

    assert flows(reading) == [("run", "driver", ("a",))]
    assert [line for _, line, _ in told(reading)] == [4, 5, 6, 7]
    some, partly, absent, none = (message for _, _, message in told(reading))
    assert "dataflow 'run' goes without: 'importlib.import_module(name)'" in some
    assert "dataflow 'run' goes without: 'absent'" in partly
    assert "it makes no dataflow: 'absent'" in absent
    assert "it makes no dataflow: '*modules'" in none


def test_drivers_in_tests_make_no_dataflow() -> None:
    files = {path: DRIVE.format("a") for path in ("tests/run.py", "test_a.py", "a_test.py", "conftest.py")}

    assert flows(read({**files, "a.py": FEATURE.format("a")})) == [("main", "layout", ("a",))]


def test_functions_of_a_script_are_no_features_unless_a_driver_takes_it() -> None:
    script = DRIVE.format("a") + "def build(x: int) -> int: ...\n"
    files = {"p/etl.py": script, "p/a.py": FEATURE.format("a")}

    assert flows(read(files)) == [("etl", "driver", ("p.a",))]
    assert flows(read({**files, "q/run.py": "import p.etl\n" + DRIVE.format("p.etl")})) == [
        ("etl", "driver", ("p.a",)),
        ("run", "driver", ("p.etl",)),
    ]


def test_every_public_function_of_a_module_that_a_driver_takes_is_meant() -> None:
    files = {"run.py": DRIVE.format("a"), "a.py": "def main() -> int: ...\ndef f(x) -> int: ...\n"}
    reading = read(files)

    assert [f.name for f in reading.modules["a"].functions] == ["main"]
    assert [(path, line) for path, line, _ in told(reading)] == [("a.py", 2)]


def test_drivers_come_back_from_their_text() -> None:
    text = "from headwater import Driver\nfrom . import a\nDriver({'é': [1.5, None, {}]}, a, b)\n"
    drivers = read({"p/\udcff\0.py": text, "p/a.py": FEATURE.format("a")}).drivers

    assert drivers
    assert drivers_from_text(text_of_drivers(drivers)) == drivers
    assert text_of_drivers(drivers).isascii()


# Layout


def test_each_package_and_each_folder_that_is_none_is_a_dataflow() -> None:
    files = {
        "shop/__init__.py": "",
        "shop/spend/__init__.py": "",
        "shop/spend/weekly.py": FEATURE.format("a"),
        "shop/signups.py": FEATURE.format("b"),
        "shop/loose/more.py": FEATURE.format("c"),
        "examples/one/features.py": FEATURE.format("d"),
        "examples/two/features.py": FEATURE.format("d"),
        "examples/two/inner/__init__.py": FEATURE.format("e"),
        "top.py": FEATURE.format("f"),
    }

    assert flows(read(files)) == [
        ("examples.one", "layout", ("examples.one.features",)),
        ("examples.two", "layout", ("examples.two.features",)),
        ("examples.two.inner", "layout", ("examples.two.inner",)),
        ("main", "layout", ("top",)),
        ("shop", "layout", ("shop.signups", "shop.spend.weekly")),
        ("shop.loose", "layout", ("shop.loose.more",)),
    ]


@pytest.mark.parametrize(
    ("imports", "decorator", "is_feature"),
    [
        ("from fastapi import FastAPI\napp = FastAPI()", "app.get('/')", False),
        ("from shop.server import router", "router.post('/')", False),
        ("import click", "click.command()", False),
        ("from prefect import task", "task", False),
        ("import pytest", "pytest.fixture", False),
        ("import hamilton.function_modifiers as fm", "fm.tag(a='b')", True),
        ("from hamilton import function_modifiers\nfm = function_modifiers", "fm.tag(a='b')", True),
        ("from headwater import tag\nOURS = tag(a='b')", "OURS", True),
        ("import functools", "functools.lru_cache", True),
        ("from shop import ours", "ours.cached()", True),
    ],
)
def test_functions_that_are_handed_to_something_that_calls_them_are_no_features(
    imports: str, decorator: str, is_feature: bool
) -> None:
    reading = read({"shop/a.py": f"{imports}\n@{decorator}\n{FEATURE.format('f')}"})

    assert (flows(reading) != []) is is_feature


@pytest.mark.parametrize(
    ("code", "is_one"),
    [
        ("def slug(text: str) -> str: ...", False),
        ("def slug(text: str) -> str: ...\ndef title(slug: str) -> str: ...", True),
        ("def title(title: str) -> str: ...", False),
        ("@tag(a='b')\ndef slug(text: str) -> str: ...", True),
        ("@every.tag(a='b')\ndef slug(text: str) -> str: ...", True),
        ("def slug(text: str) -> str: ...\n@every.mutate(slug)\ndef _short(text: str) -> str: ...", True),
        ("def orders(path: str) -> pd.DataFrame: ...", True),
        ("def orders(path: str) -> 'pd.DataFrame | None': ...", True),
        ("def orders(path: str) -> list[Series]: ...", True),
        ("def size(orders: pd.DataFrame) -> int: ...", False),
        ("def driver() -> Driver: ...", False),
    ],
)
def test_a_module_that_asks_the_world_needs_a_sign_that_it_is_one_of_features(
    code: str, is_one: bool
) -> None:
    imports = """
import requests
import pandas as pd
import hamilton.function_modifiers as every
from hamilton.driver import Driver
from hamilton.function_modifiers import tag
from pandas import Series
"""

    assert (flows(read({"shop/a.py": f"{imports}\n{code}\n"})) != []) is is_one


def test_modifiers_may_be_imported_by_a_star() -> None:
    code = "import requests\nfrom hamilton.function_modifiers import *\n@tag(a='b')\ndef slug(text: str) -> str: ...\n"

    assert flows(read({"shop/a.py": code})) == [("shop", "layout", ("shop.a",))]


@pytest.mark.parametrize(
    ("imports", "is_one"),
    [
        ("", True),
        ("import math\nimport numpy as np\nfrom typing import Any", True),
        ("from .rates import VAT\nfrom shop.limits import MOST", True),
        ("import os\nimport json", True),
        ("import numpy as np\nfrom elsewhere.numbers import rate", True),
        ("import requests", False),
        ("import numpy as np\nfrom sqlalchemy.orm import Session", False),
        ("import streamlit as st", False),
        ("from .requests import ask", True),
    ],
)
def test_a_module_that_takes_nothing_from_packages_of_servers_needs_no_sign(
    imports: str, is_one: bool
) -> None:
    code = f"{imports}\ndef price(net: float, tax: float) -> float: ...\n"

    assert (flows(read({"shop/a.py": code})) != []) is is_one
