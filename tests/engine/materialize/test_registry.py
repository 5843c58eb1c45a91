"""Which loaders and savers there are, and which is chosen."""

import importlib
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pytest

from headwater import Driver, compat
from headwater.errors import InvalidModifier
from headwater.materialize.adapters import AdapterCommon, DataLoader
from headwater.materialize.registry import LOADER_REGISTRY, SAVER_REGISTRY, choose, register_adapter
from headwater.results import DictResult
from headwater.types import ANY, Type


def test_every_format_is_there() -> None:
    loaded = (
        "json literal file pickle environment npy csv parquet sql xml html stata feather orc excel table fwf spss "
        "avro ndjson database spreadsheet"
    )
    saved = "json file pickle memory npy csv parquet sql xml html stata feather orc excel avro ndjson database spreadsheet"

    assert set(LOADER_REGISTRY) >= set(loaded.split())
    assert set(SAVER_REGISTRY) >= set(saved.split())


@pytest.mark.parametrize(
    ("registry", "key", "type_", "chosen"),
    [
        (LOADER_REGISTRY, "json", "dict", "JSONDataLoader"),
        (LOADER_REGISTRY, "json", "pandas.DataFrame", "PandasJsonReader"),
        (LOADER_REGISTRY, "csv", "polars.DataFrame", "PolarsCSVReader"),
        (LOADER_REGISTRY, "csv", "polars.LazyFrame", "PolarsScanCSVReader"),
        (LOADER_REGISTRY, "csv", "typing.Any", "PandasCSVReader"),
        (LOADER_REGISTRY, "pickle", "list", "PickleLoader"),
        (LOADER_REGISTRY, "pickle", "pandas.DataFrame", "PandasPickleReader"),
        (LOADER_REGISTRY, "literal", "shop.Frame", "LiteralValueDataLoader"),
        (SAVER_REGISTRY, "pickle", "list", "PickleSaver"),
        (SAVER_REGISTRY, "file", "bytes", "RawFileDataSaverBytes"),
        (SAVER_REGISTRY, "memory", "typing.Any", "InMemoryResult"),
        (SAVER_REGISTRY, "csv", "polars.LazyFrame", "PolarsCSVWriter"),
    ],
)
def test_adapter_is_chosen_by_the_type(registry, key, type_, chosen) -> None:
    adapter = choose(registry[key], Type(type_))

    assert adapter is not None
    assert adapter.__name__ == chosen


def test_nothing_is_chosen_where_nothing_applies_or_that_cannot_be_told() -> None:
    assert choose(LOADER_REGISTRY["csv"], Type("shop.Frame")) is None
    assert choose(LOADER_REGISTRY["csv"], Type("int")) is None
    assert choose(SAVER_REGISTRY["csv"], ANY) is None


@pytest.fixture
def registries(monkeypatch):
    for registry in (LOADER_REGISTRY, SAVER_REGISTRY):
        for key, adapters in list(registry.items()):
            monkeypatch.setitem(registry, key, list(adapters))
    yield
    for key in ("counting", "keeping"):
        LOADER_REGISTRY.pop(key, None)
        SAVER_REGISTRY.pop(key, None)


def test_adapter_registered_last_is_chosen_first(registries) -> None:
    @dataclass
    class Own(DataLoader):
        def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
            return {}, {}

        @classmethod
        def applicable_types(cls) -> Collection[Any]:
            return [dict]

        @classmethod
        def name(cls) -> str:
            return "json"

    @dataclass
    class OwnForAnything(Own):
        @classmethod
        def applicable_types(cls) -> Collection[Any]:
            return [Any]

    register_adapter(Own)
    register_adapter(OwnForAnything)

    assert choose(LOADER_REGISTRY["json"], Type("dict")) is Own
    assert choose(LOADER_REGISTRY["json"], Type("set")) is OwnForAnything


def test_what_neither_loads_nor_saves_is_told() -> None:
    class Neither(AdapterCommon):
        pass

    with pytest.raises(InvalidModifier, match="can neither load nor save"):
        register_adapter(Neither)


OWN = """
from dataclasses import dataclass
from hamilton import registry
from hamilton.function_modifiers import load_from, save_to, source
from hamilton.io.data_adapters import DataLoader, DataSaver
from hamilton.io.utils import get_file_metadata
from hamilton.io import utils

assert utils.get_file_metadata is get_file_metadata
registry.disable_autoload()
KEPT = []


@dataclass
class CountLoader(DataLoader):
    upto: int
    start: int = 0

    def load_data(self, type_: type) -> tuple[list, dict]:
        return list(range(self.start, self.upto)), {"upto": self.upto}

    @classmethod
    def applicable_types(cls):
        return [list]

    @classmethod
    def name(cls):
        return "counting"


@dataclass
class KeepSaver(DataSaver):
    label: str

    def save_data(self, data: list) -> dict:
        KEPT.append(data)
        return {"label": self.label}

    @classmethod
    def applicable_types(cls):
        return [list]

    @classmethod
    def name(cls):
        return "keeping"


registry.register_adapter(CountLoader)
registry.register_adapter(KeepSaver)


@save_to.keeping(label="mine", output_name_="kept")
@load_from.counting(upto=source("n"))
def numbers(raw: list) -> list:
    return [item * 2 for item in raw]
"""


def test_adapters_written_for_hamilton_run(load, registries) -> None:
    compat.activate()
    try:
        module = load(OWN)
    finally:
        compat.deactivate()
    driver = Driver({}, module, adapter=DictResult())

    assert driver.execute(["kept", "numbers.load_data.raw"], inputs={"n": 3}) == {
        "kept": {"label": "mine"},
        "numbers.load_data.raw": ([0, 1, 2], {"upto": 3}),
    }
    assert module.KEPT == [[0, 2, 4]]


def test_classes_have_the_names_that_hamilton_gives_them() -> None:
    compat.activate()
    try:
        for module, name in (
            ("hamilton.io.default_data_loaders", "JSONDataSaver"),
            ("hamilton.plugins.pandas_extensions", "PandasParquetWriter"),
            ("hamilton.plugins.polars_extensions", "PolarsCSVReader"),
            ("hamilton.plugins.polars_lazyframe_extensions", "PolarsScanParquetReader"),
            ("hamilton.plugins.numpy_extensions", "NumpyNpyReader"),
        ):
            assert getattr(importlib.import_module(module), name).__name__ == name
    finally:
        compat.deactivate()


def test_graph_of_loaders_is_made_without_importing_what_they_load() -> None:
    code = (
        "import sys\n"
        "from headwater.build import expand\n"
        "from headwater.function import Function, Location, Parameter\n"
        "from headwater.modifiers import static\n"
        "from headwater.types import Type\n"
        "frame = Type('pandas.DataFrame')\n"
        "modifiers = (static('load_from.csv', (), {'path': 'x'}), static('save_to.parquet', (), {'path': 'y'}))\n"
        "place = Location('m', 'm.py', 1, 1)\n"
        "nodes = expand(Function('f', place, (Parameter('d', frame),), frame, modifiers=modifiers))\n"
        "print(len(nodes), 'pandas' in sys.modules, 'polars' in sys.modules, 'numpy' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["4", "False", "False", "False"]
