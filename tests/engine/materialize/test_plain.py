"""Plain values in and out."""

import io
from pathlib import Path

import pytest

from headwater.materialize.plain import (
    EnvVarDataLoader,
    InMemoryResult,
    JSONDataLoader,
    JSONDataSaver,
    LiteralValueDataLoader,
    PickleLoader,
    PickleSaver,
    RawFileDataLoader,
    RawFileDataSaver,
    RawFileDataSaverBytes,
)


@pytest.mark.parametrize(
    ("saver", "loader", "value"),
    [
        (JSONDataSaver, JSONDataLoader, {"a": [1, None], "ü": "ß"}),
        (RawFileDataSaver, RawFileDataLoader, "one\ntwö\n"),
        (PickleSaver, PickleLoader, {1: {2}}),
    ],
)
def test_value_comes_back_as_it_went(tmp_path, saver, loader, value) -> None:
    path = str(tmp_path / "file")

    saved = saver(path=path).save_data(value)
    loaded, known = loader(path=path).load_data(type(value))

    assert loaded == value
    assert (
        known["file_metadata"]["size"] == saved["file_metadata"]["size"] == (tmp_path / "file").stat().st_size
    )


def test_encoding_is_that_of_the_argument(tmp_path) -> None:
    path = str(tmp_path / "file")

    RawFileDataSaver(path=path, encoding="latin-1").save_data("ü")

    assert (tmp_path / "file").read_bytes() == b"\xfc"
    assert RawFileDataLoader(path=path, encoding="latin-1").load_data(str)[0] == "ü"


@pytest.mark.parametrize("data", [b"abc", io.BytesIO(b"abc")])
def test_bytes_are_saved(tmp_path, data) -> None:
    RawFileDataSaverBytes(path=tmp_path / "file").save_data(data)

    assert (tmp_path / "file").read_bytes() == b"abc"


def test_value_that_is_no_json_leaves_the_file_as_it_was(tmp_path) -> None:
    path = tmp_path / "file"
    path.write_text("[]")

    with pytest.raises(TypeError, match="not JSON serializable"):
        JSONDataSaver(path=str(path)).save_data({"a": object()})
    assert path.read_text() == "[]"


def test_environment_variables_are_loaded_by_name(monkeypatch) -> None:
    monkeypatch.setenv("HEADWATER_ORDERS", "here")

    assert EnvVarDataLoader(names=("HEADWATER_ORDERS",)).load_data(dict) == ({"HEADWATER_ORDERS": "here"}, {})
    with pytest.raises(KeyError, match=r"'HEADWATER_ORDER' is not set.*Did you mean 'HEADWATER_ORDERS'"):
        EnvVarDataLoader(names=("HEADWATER_ORDER",)).load_data(dict)


def test_literal_and_memory_hand_back_what_they_get() -> None:
    assert LiteralValueDataLoader(value=3).load_data(int) == (3, {})
    assert InMemoryResult().save_data([1]) == [1]


@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "a.json.zip"])
def test_dictionary_lies_in_a_remote_store_and_is_packed_as_its_name_says(name, tmp_path) -> None:
    place = {
        "path": f"simplecache::file://{tmp_path}/{name}",
        "storage_options": {"simplecache": {"cache_storage": str(tmp_path / "kept")}},
    }

    JSONDataSaver(f"file://{tmp_path}/{name}").save_data({"é": 1})

    assert JSONDataLoader(**place).load_data(dict)[0] == {"é": 1}
    assert list((tmp_path / "kept").iterdir())
    content = (tmp_path / name).read_bytes()
    assert content.startswith({".json": b"{", ".gz": b"\x1f\x8b", ".zip": b"PK"}[Path(name).suffix])
