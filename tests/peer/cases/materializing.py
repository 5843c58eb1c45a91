"""Saving and loading that the driver adds to a graph."""

import json
import pickle
from pathlib import Path

import pandas as pd
from hamilton import base, driver
from hamilton.function_modifiers import source, value
from hamilton.io.materialization import from_, to


def numbers() -> pd.Series:
    return pd.Series([1, 2, 3])


def doubled(numbers: pd.Series) -> pd.Series:
    return numbers * 2


def table(numbers: pd.Series, doubled: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"n": numbers, "d": doubled})


def settings() -> dict:
    return {"a": 1}


def loaded_total(raw: dict) -> int:
    return sum(raw.values())


def _driver(module, **config):
    return driver.Driver(config, module, adapter=base.DefaultAdapter())


def _ask_one_saver(module):
    metadata, values = _driver(module).materialize(
        to.json(id="saved", dependencies=["settings"], path="out.json")
    )
    return metadata, values, json.loads(Path("out.json").read_text())


def _ask_additional_variables(module):
    saver = to.csv(id="saved", dependencies=["table"], path="out.csv", index=False)
    metadata, values = _driver(module).materialize(saver, additional_vars=["doubled"])
    return metadata, values, Path("out.csv").read_text()


def _ask_saver_combines(module):
    saver = to.csv(
        id="saved",
        dependencies=["numbers", "doubled"],
        combine=base.PandasDataFrameResult(),
        path="out.csv",
        index=False,
    )
    metadata, _ = _driver(module).materialize(saver)
    return metadata, Path("out.csv").read_text()


def _ask_saver_without_combine(module):
    return _driver(module).materialize(
        to.json(id="saved", dependencies=["settings", "numbers"], path="x.json")
    )


def _ask_saver_as_additional(module):
    saver = to.memory(id="kept", dependencies=["settings"])
    return _driver(module).materialize(saver, additional_vars=["kept", "settings"])


def _ask_several_savers(module):
    metadata, _ = _driver(module).materialize(
        to.json(id="one", dependencies=["settings"], path="one.json"),
        to.pickle(id="two", dependencies=["settings"], path="two.pickle"),
        to.parquet(id="three", dependencies=["table"], path="three.parquet"),
    )
    return sorted(metadata), pickle.loads(Path("two.pickle").read_bytes()), pd.read_parquet("three.parquet")


def _ask_path_from_a_node(module):
    saver = to.json(id="saved", dependencies=["settings"], path=source("where"))
    return _driver(module).materialize(saver, inputs={"where": "out.json"})


def _ask_path_by_value(module):
    return _driver(module).materialize(to.json(id="saved", dependencies=["settings"], path=value("out.json")))


def _ask_loader(module):
    Path("raw.json").write_text(json.dumps({"x": 1, "y": 2}))
    return _driver(module).materialize(
        from_.json(target="raw", path="raw.json"), additional_vars=["loaded_total", "raw"]
    )


def _ask_loader_and_saver(module):
    Path("raw.json").write_text(json.dumps({"x": 1, "y": 2}))
    return _driver(module).materialize(
        from_.json(target="raw", path="raw.json"),
        to.memory(id="kept", dependencies=["raw"]),
        additional_vars=["loaded_total"],
    )


def _ask_loader_of_a_made_node(module):
    Path("raw.json").write_text(json.dumps({"x": 1}))
    return _driver(module).materialize(
        from_.json(target="settings", path="raw.json"), additional_vars=["settings"]
    )


def _ask_overrides_and_inputs(module):
    saver = to.memory(id="kept", dependencies=["doubled"])
    return _driver(module).materialize(saver, overrides={"numbers": pd.Series([10])})


def _ask_unknown_dependency(module):
    return _driver(module).materialize(to.json(id="saved", dependencies=["setings"], path="x.json"))


def _ask_unknown_format(module):
    return to.nothing(id="saved", dependencies=["settings"])


def _ask_same_identity_twice(module):
    saver = to.memory(id="kept", dependencies=["settings"])
    return _driver(module).materialize(saver, saver)


def _ask_identity_of_a_node(module):
    return _driver(module).materialize(to.memory(id="settings", dependencies=["settings"]))


def _ask_wrong_argument(module):
    return _driver(module).materialize(to.json(id="saved", dependencies=["settings"], pfad="x.json"))


def _ask_validate(module):
    return _driver(module).validate_materialization(
        to.json(id="saved", dependencies=["settings"], path="x.json")
    )


def _ask_validate_unknown(module):
    return _driver(module).validate_materialization(
        to.json(id="saved", dependencies=["setings"], path="x.json")
    )


def _ask_nothing(module):
    return _driver(module).materialize(additional_vars=["settings"])


def _ask_driver_stays_as_it_is(module):
    made = _driver(module)
    made.materialize(to.memory(id="kept", dependencies=["settings"]))
    return sorted(node.name for node in made.list_available_variables())


def _ask_builder_with_materializers(module):
    Path("raw.json").write_text(json.dumps({"x": 1, "y": 2}))
    built = (
        driver.Builder()
        .with_modules(module)
        .with_materializers(
            from_.json(target="raw", path="raw.json"),
            to.json(id="saved", dependencies=["settings"], path="out.json"),
        )
        .build()
    )
    nodes = {node.name: (node.type, node.tags) for node in built.list_available_variables()}
    return built.execute(["loaded_total", "saved"]), nodes


def _ask_dependency_by_function(module):
    return _driver(module).materialize(to.memory(id="kept", dependencies=[module.settings]))


def _ask_table_formats(module):
    formats = {
        "csv": {"path": "t.csv"},
        "parquet": {"path": "t.parquet"},
        "feather": {"path": "t.feather"},
        "excel": {"path": "t.xlsx"},
        "json": {"filepath_or_buffer": "t.json"},
        "html": {"buf": "t.html"},
        "xml": {"path_or_buffer": "t.xml"},
        "stata": {"path": "t.dta"},
        "pickle": {"path": "t.pickle"},
        "orc": {"path": "t.orc"},
    }
    found = {}
    for key, settings in formats.items():
        metadata, _ = _driver(module).materialize(
            getattr(to, key)(id="saved", dependencies=["table"], **settings)
        )
        found[key] = metadata["saved"]
    return found
