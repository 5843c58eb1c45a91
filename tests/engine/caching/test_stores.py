"""What stores promise, whichever it is."""

import multiprocessing
import os
import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from headwater.caching.fingerprinting import UNHASHABLE, hash_value, set_max_depth
from headwater.caching.stores import (
    FileResultStore,
    InMemoryMetadataStore,
    InMemoryResultStore,
    MetadataStore,
    ResultRetrievalError,
    ResultStore,
    SQLiteMetadataStore,
    UnknownRun,
)
from headwater.errors import InvalidInput
from headwater.fingerprints import encoder, fingerprint
from support.cache_writer import write_many

VERSION = "0" * 40


@pytest.fixture(params=["file", "memory"])
def results(request: pytest.FixtureRequest, tmp_path: Path) -> ResultStore:
    return FileResultStore(tmp_path) if request.param == "file" else InMemoryResultStore()


@pytest.fixture(params=["sqlite", "memory"])
def metadata(request: pytest.FixtureRequest, tmp_path: Path) -> MetadataStore:
    return SQLiteMetadataStore(tmp_path) if request.param == "sqlite" else InMemoryMetadataStore()


def test_value_is_given_back_until_it_is_forgotten(results: ResultStore) -> None:
    value = {"a": [1]}
    results.set(VERSION, value)
    value["a"].append(2)

    assert results.exists(VERSION)
    assert results.get(VERSION) == {"a": [1]}

    results.delete(VERSION)
    results.delete(VERSION)
    assert not results.exists(VERSION)
    assert results.get(VERSION) is None


def test_all_values_can_be_forgotten_and_nothing_else(results: ResultStore, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    results.set(VERSION, 1)

    results.delete_all()

    assert not results.exists(VERSION)
    assert (tmp_path / "notes.txt").exists()


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame({"a": [1, None], "b": ["x", None]}, index=pd.Index([3, 4], name="k")),
        pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
        pd.Series(pd.date_range("2026-01-01", periods=3, freq="D", tz="Europe/Berlin"), name="day"),
        pd.Series([1, 2], index=pd.date_range("2026-01-01", periods=2, freq="D")),
        pd.Series(["a", "b", "a"], dtype="category"),
        pd.Series([1, None], dtype="Int64"),
        pl.DataFrame({"a": [1, None], "b": [["x"], []]}),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        {"a": (1, {2.5, "b"}), b"c": [None, True]},
        pd.Timestamp("2026-01-01", tz="UTC"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_value_comes_back_with_the_fingerprint_it_went_in(results: ResultStore, value: Any) -> None:
    results.set(VERSION, value)

    assert fingerprint(results.get(VERSION)) == fingerprint(value) is not None


def test_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    store = FileResultStore(tmp_path / "cache")

    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        store.set(VERSION, lambda: 1)
    assert list((tmp_path / "cache").iterdir()) == []


def test_keys_lead_to_fingerprints(metadata: MetadataStore) -> None:
    metadata.initialize("run-1")
    metadata.set("key", VERSION, run_id="run-1", node_name="spend", code_version="c")

    assert metadata.get("key") == VERSION
    assert metadata.exists("key")
    assert (len(metadata), metadata.size) == (1, 1)
    entry = {"cache_key": "key", "data_version": VERSION, "node_name": "spend", "code_version": "c"}
    assert metadata.get_run("run-1") == metadata.get_last_run() == [entry]

    metadata.set("key", "1" * 40, run_id="run-1", node_name="spend", code_version="c")
    assert metadata.get("key") == "1" * 40

    metadata.delete("key")
    assert metadata.get("key") is None
    assert metadata.get_run("run-1") == []

    metadata.delete_all()
    assert metadata.get_run_ids() == []
    with pytest.raises(UnknownRun, match="no run 'run-1'") as told:
        metadata.get_run("run-1")
    assert isinstance(told.value, ResultRetrievalError) and isinstance(told.value, IndexError)


def test_what_is_in_memory_can_be_kept_and_had_again(tmp_path: Path) -> None:
    metadata, results = InMemoryMetadataStore(), InMemoryResultStore()
    metadata.initialize("run-1")
    metadata.set("key", VERSION, run_id="run-1", node_name="spend", code_version="c")
    results.set(VERSION, [1])
    kept, files = SQLiteMetadataStore(tmp_path), FileResultStore(tmp_path)

    metadata.persist_to(kept)
    results.persist_to(files)

    again = InMemoryMetadataStore.load_from(kept)
    assert again.get_run("run-1") == metadata.get_run("run-1")
    assert InMemoryResultStore.load_from(files, again).get(VERSION) == [1]
    assert InMemoryResultStore.load_from(files, data_versions=[VERSION, "0"]).get(VERSION) == [1]
    with pytest.raises(InvalidInput, match="metadata_store or data_versions"):
        InMemoryResultStore.load_from(files)


def test_what_is_in_memory_is_kept_in_the_usual_folder_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    metadata, results = InMemoryMetadataStore(), InMemoryResultStore()
    metadata.set("key", VERSION, run_id="run-1")
    results.set(VERSION, [1])

    metadata.persist_to()
    results.persist_to()

    assert SQLiteMetadataStore(".hamilton_cache").get("key") == VERSION
    assert FileResultStore(".hamilton_cache").get(VERSION) == [1]


def test_store_can_be_sent_to_another_process(tmp_path: Path) -> None:
    store = SQLiteMetadataStore(tmp_path)
    store.set("key", VERSION, run_id="run-1")

    assert pickle.loads(pickle.dumps(store)).get("key") == VERSION
    assert pickle.loads(pickle.dumps(FileResultStore(tmp_path))).path == tmp_path


def test_several_threads_and_processes_write_at_a_time(tmp_path: Path) -> None:
    store = SQLiteMetadataStore(tmp_path)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=write_many, args=(tmp_path, f"process-{n}")) for n in range(2)]
    threads = [threading.Thread(target=write_many, args=(tmp_path, f"thread-{n}")) for n in range(2)]

    for worker in (*processes, *threads):
        worker.start()
    for worker in (*processes, *threads):
        worker.join()

    assert [process.exitcode for process in processes] == [0, 0]
    assert len(store) == 200
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_forked_process_opens_the_database_for_itself(tmp_path: Path) -> None:
    store = SQLiteMetadataStore(tmp_path)
    store.set("key", VERSION, run_id="run-1")

    process = multiprocessing.get_context("fork").Process(target=store.set, args=("other", VERSION))
    process.start()
    process.join()

    assert process.exitcode == 0
    assert (store.get("other"), store.get("key")) == (VERSION, VERSION)


def test_own_classes_are_made_known_as_for_hamilton(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "_registered", {})

    class Model:
        size = 1

    @hash_value.register(Model)
    def told(model: Model, *args: Any, depth: int = 0, **kwargs: Any) -> str:
        return str(model.size) if model.size else UNHASHABLE

    model, empty = Model(), Model()
    empty.size = 0
    set_max_depth(3)

    assert hash_value([model], depth=2) == fingerprint([model]) is not None
    assert hash_value(empty) == UNHASHABLE == hash_value(object())
    assert told(model) == "1"
