"""Loaders and savers that installed packages bring."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ADAPTERS = """
from dataclasses import dataclass

from headwater.materialize.adapters import DataLoader, DataSaver


class Map(dict):
    pass


class OfMaps:
    @classmethod
    def applicable_types(cls):
        return [Map]

    @classmethod
    def name(cls):
        return KEY


@dataclass
class MapReader(OfMaps, DataLoader):
    path: str

    def load_data(self, type_):
        return Map(read=self.path), {"by": __name__}


@dataclass
class MapWriter(OfMaps, DataSaver):
    path: str

    def save_data(self, data):
        return {"by": __name__, "written": dict(data)}


ADAPTERS = [MapReader, MapWriter]
"""


@pytest.fixture
def install(tmp_path: Path):
    """Give a function that installs a package into a folder: a module, and its entry points."""

    def install(module: str, source: str, **points: str) -> None:
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(source))
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        lines = (f"{name} = {value}\n" for name, value in points.items())
        (info / "entry_points.txt").write_text("[headwater.materializers]\n" + "".join(lines))

    return install


@pytest.fixture
def typed(tmp_path: Path):
    """Give a function that runs Python where these packages are installed, and returns what it prints."""

    def typed(code: str) -> str:
        path = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        command = [sys.executable, "-W", "error", "-c", path + textwrap.dedent(code)]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stdout + done.stderr

    return typed


def adapters(key: str) -> str:
    return f"KEY = {key!r}\n{ADAPTERS}"


def test_format_of_a_package_is_there_when_it_is_asked_for(install, typed) -> None:
    install("maps", adapters("geo"), geo="maps:ADAPTERS")

    said = typed("""
        from headwater import Builder, from_, to
        from headwater.ad_hoc import create_temporary_module

        assert "geo" in dir(from_) and "maps" not in sys.modules
        loader = from_.geo(target="where", path="a.geo")
        saver = to.geo(id="saved", dependencies=["where"], path="b.geo")
        from maps import Map

        def size(where: Map) -> int:
            return len(where)

        driver = Builder().with_modules(create_temporary_module(size)).build()
        print(driver.materialize(loader, saver, additional_vars=["size"]))
    """)

    assert said == "({'saved': {'by': 'maps', 'written': {'read': 'a.geo'}}}, {'size': 1})\n"


def test_format_that_is_there_gets_another_type_and_keeps_its_own(install, typed) -> None:
    taking_over = adapters("csv").replace("return [Map]", "import pandas; return [Map, pandas.DataFrame]")
    install("maps", taking_over, csv="maps:ADAPTERS")

    said = typed("""
        import pandas
        from headwater.function import Function, Location, Parameter
        from headwater.modifiers import load_from
        from headwater.modifiers.adapted import Asked
        from headwater.types import Type

        def chosen(type_):
            return Asked("from_.csv", "here", load_from.registered()["csv"], {"path": "a"}).adapter_for(type_)

        print(chosen(Type.of(pandas.DataFrame)).__name__, "maps" in sys.modules)
        class Own: pass
        try:
            chosen(Type.of(Own))
        except Exception as error:
            print("MapReader" in str(error))
        from maps import Map
        print(chosen(Type.of(Map)).__name__, chosen(Type.of(pandas.DataFrame)).__name__)
    """)

    assert said.split() == ["PandasCSVReader", "False", "True", "MapReader", "PandasCSVReader"]


@pytest.mark.parametrize(
    ("source", "point", "told"),
    [
        ("import a_package_that_is_not_there", "broken:ADAPTERS", "ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)", "broken:ADAPTERS", "SystemExit: 3"),
        ("ADAPTERS = [int]", "broken:ADAPTERS", "neither a DataLoader nor a DataSaver"),
        ("", "broken:ADAPTERS", "AttributeError"),
        (adapters("other"), "broken:MapReader", "MapReader is for the format 'other'"),
    ],
)
def test_plug_in_that_cannot_be_loaded_is_told_and_breaks_no_other(
    install, typed, source, point, told
) -> None:
    install("broken", source, geo=point)
    alone = typed("""
        from headwater import from_
        try:
            from_.geo
        except AttributeError as error:
            print(error)
    """)
    install("maps", adapters("geo"), geo="maps:ADAPTERS")
    together = typed("""
        import logging
        logging.basicConfig(stream=sys.stdout)
        from headwater import from_
        print(from_.geo(target="x", path="y").loaders[0].__name__, hasattr(from_, "csv"))
    """)

    assert f"The plug-in 'geo = {point}' of package 'broken' cannot be used: " in alone
    assert told in alone
    assert "Repair or uninstall the package." in alone
    assert told in together
    assert together.endswith("MapReader True\n")


def test_package_whose_entry_points_cannot_be_read_is_told_and_breaks_no_other(
    install, typed, tmp_path
) -> None:
    install("broken", "")
    (tmp_path / "broken-1.0.dist-info" / "entry_points.txt").write_text("[headwater.materializers]\nwords\n")
    install("maps", adapters("geo"), geo="maps:ADAPTERS")

    said = typed("""
        import logging
        logging.basicConfig(stream=sys.stdout)
        from headwater import from_
        print("geo" in dir(from_), from_.geo(target="x", path="y").loaders[0].__name__)
        try:
            from_.goe
        except AttributeError as error:
            print(error)
    """)

    assert "The entry points of package 'broken' cannot be read: " in said
    assert "True MapReader\n" in said
    assert "There is no from_.goe. Did you mean 'geo'" in said


def test_source_that_is_read_knows_no_plug_ins(install, typed) -> None:
    install("maps", adapters("geo"), geo="maps:ADAPTERS")

    said = typed("""
        from headwater.build import expand
        from headwater.function import Function, Location, Parameter
        from headwater.modifiers import static
        from headwater.types import Type

        frame = Type("maps.Map")
        place = Location("m", "m.py", 1, 1)
        nodes = expand(Function("f", place, (Parameter("d", frame),), frame, modifiers=(static("load_from.geo", (), {"path": "x"}),)))
        print([node.name for node in nodes if node.partial], "maps" in sys.modules)
    """)

    assert (
        said == "['f.select_data.d', 'f.load_data.d'] False\n"
        or said == "['f.load_data.d', 'f.select_data.d'] False\n"
    )
