"""Executions with a cache: what is computed again, and what is not."""

import json
import logging
import pickle
import sqlite3
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from headwater.builder import Builder
from headwater.caching import CachingBehavior, CachingEventType, HamiltonCacheAdapter
from headwater.caching.stores import InMemoryMetadataStore, InMemoryResultStore
from headwater.driver import Driver
from headwater.errors import HeadwaterError, UnknownNode
from headwater.lifecycle import GracefulErrorAdapter, InvalidLifecycleAdapter
from headwater.plugins.shipped import CacheAdapter

Cached = Callable[..., Driver]


def cache_of(dr: Driver) -> HamiltonCacheAdapter:
    return next(a for a in dr.adapter.adapters if isinstance(a, HamiltonCacheAdapter))


CHAIN = """
LIMIT = 10

def _half(amount: float) -> float:
    return amount / 2

def spend(clicks: int) -> float:
    told("spend")
    return min(clicks, LIMIT) * 1.0

def halved(spend: float) -> float:
    told("halved")
    return _half(spend)

def report(halved: float, note: str = "none") -> dict:
    told("report")
    return {"halved": halved, "note": note}
"""


def told_again(calls: list[str]) -> list[str]:
    """Return what was computed since this was last asked."""
    found = list(calls)
    calls.clear()
    return found


def test_values_are_computed_once(cached: Cached, calls: list[str]) -> None:
    first = cached(CHAIN).execute(["report"], inputs={"clicks": 4})
    assert told_again(calls) == ["spend", "halved", "report"]

    second = cached(CHAIN).execute(["report"], inputs={"clicks": 4})

    assert first == second == {"report": {"halved": 2.0, "note": "none"}}
    assert told_again(calls) == []


def test_only_what_an_input_changes_is_computed_again(cached: Cached, calls: list[str]) -> None:
    dr = cached(CHAIN)
    dr.execute(["report"], inputs={"clicks": 4})
    told_again(calls)

    dr.execute(["report"], inputs={"clicks": 4, "note": "late"})
    assert told_again(calls) == ["report"]

    dr.execute(["report"], inputs={"clicks": 5})
    assert told_again(calls) == ["spend", "halved", "report"]


def test_equal_values_end_the_chain_of_computations(cached: Cached, calls: list[str]) -> None:
    dr = cached(CHAIN)
    dr.execute(["report"], inputs={"clicks": 11})
    told_again(calls)

    dr.execute(["report"], inputs={"clicks": 12})

    assert told_again(calls) == ["spend"]


def test_default_that_is_given_is_the_default(cached: Cached, calls: list[str]) -> None:
    dr = cached(CHAIN)
    dr.execute(["report"], inputs={"clicks": 4})
    told_again(calls)

    dr.execute(["report"], inputs={"clicks": 4, "note": "none"})

    assert told_again(calls) == []


def test_overrides_count_by_their_values(cached: Cached, calls: list[str]) -> None:
    dr = cached(CHAIN)
    dr.execute(["halved"], inputs={"clicks": 4})
    told_again(calls)

    assert dr.execute(["halved"], overrides={"spend": 4.0}) == {"halved": 2.0}
    assert told_again(calls) == []
    assert dr.execute(["halved"], overrides={"spend": 6.0}) == {"halved": 3.0}
    assert told_again(calls) == ["halved"]
    assert dr.execute(["halved"], inputs={"clicks": 4}) == {"halved": 2.0}


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        ("amount / 2", "amount / 4", ["halved", "report"]),
        ("LIMIT = 10", "LIMIT = 3", ["spend", "halved", "report"]),
        ("* 1.0", "* 2.0", ["spend", "halved", "report"]),
        ('told("spend")', '"""Money."""\n    told("spend")  # counted', []),
        ("def spend(", "\n\ndef spend(", []),
    ],
    ids=["helper", "constant", "code", "words", "place"],
)
def test_changed_code_is_computed_again(
    cached: Cached, load: Any, calls: list[str], before: str, after: str, again: list[str]
) -> None:
    cached(CHAIN).execute(["report"], inputs={"clicks": 4})
    told_again(calls)

    cached(CHAIN.replace(before, after)).execute(["report"], inputs={"clicks": 4})

    assert told_again(calls) == again


def test_numbers_texts_and_bytes_that_look_alike_are_not_taken_for_each_other(
    cached: Cached, calls: list[str]
) -> None:
    dr = cached("def kind(value: object) -> str:\n    return type(value).__name__\n")

    found = [dr.execute(["kind"], inputs={"value": v})["kind"] for v in (1, "1", b"1", True, 1.0)]

    assert found == ["int", "str", "bytes", "bool", "float"]


def test_nested_values_count_however_deep(cached: Cached) -> None:
    def nest(value: int) -> Any:
        return value if value < 100 else {"inner": [(value - 100,)]}

    deep: list[Any] = [[1], [2]]
    for _ in range(50):
        deep = [{"inner": (part,)} for part in deep]
    dr = cached("def text(value: object) -> str:\n    return repr(value)\n")

    first, second = (dr.execute(["text"], inputs={"value": value})["text"] for value in deep)

    assert first != second


PARTS = """
from headwater import check_output, extract_columns, parameterize, source, value
import pandas as pd

@extract_columns("a", "b")
def table(size: int) -> pd.DataFrame:
    told("table")
    return pd.DataFrame({"a": range(size), "b": [1.5] * size})

@check_output(range=(0, 100))
def total(a: pd.Series) -> int:
    told("total")
    return int(a.sum())

@parameterize(double={"factor": value(2)}, triple={"factor": value(3)})
def times(total: int, factor: int) -> int:
    told(f"times {factor}")
    return total * factor
"""


def test_what_modifiers_make_is_kept_too(cached: Cached, calls: list[str]) -> None:
    wanted = ["table", "a", "b", "total", "double", "triple"]
    first = cached(PARTS).execute(wanted, inputs={"size": 3})
    assert told_again(calls) == ["table", "total", "times 2", "times 3"]

    second = cached(PARTS).execute(wanted, inputs={"size": 3})
    assert told_again(calls) == []
    for name in ("table", "a", "b"):
        assert first[name].equals(second[name])
    assert [second[name] for name in ("total", "double", "triple")] == [3, 6, 9]

    cached(PARTS.replace("value(3)", "value(4)")).execute(wanted, inputs={"size": 3})
    assert "times 4" in told_again(calls)


CHECKED = PARTS.replace("range=(0, 100)", "range=(0, 2)")


def test_limit_of_a_check_that_is_changed_is_checked_again(
    cached: Cached, calls: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    cached(PARTS).execute(["total_range_validator"], inputs={"size": 3})

    found = cached(CHECKED).execute(["total_range_validator"], inputs={"size": 3})

    assert found["total_range_validator"].passes is False


CONFIGURED = """
from headwater import config

@config.when(region="UK")
def rate__uk() -> float:
    told("uk")
    return 0.2

@config.when_not(region="UK")
def rate__other() -> float:
    told("other")
    return 0.1

def tax(rate: float, factor: int) -> float:
    told("tax")
    return rate * factor
"""


def test_configuration_counts_by_what_it_chooses_and_by_the_values_that_are_read(
    cached: Cached, calls: list[str]
) -> None:
    configs = [{"region": "UK", "factor": 1}, {"region": "DE", "factor": 1}, {"region": "DE", "factor": 2}]

    found = [cached(CONFIGURED, config).execute(["tax"])["tax"] for config in configs * 2]

    assert found == [0.2, 0.1, 0.2] * 2
    assert told_again(calls) == ["uk", "tax", "other", "tax", "tax"]


STRANGE = """
class Model:
    def __init__(self, size: int) -> None:
        self.size = size

def model(size: int) -> Model:
    told("model")
    return Model(size)

def size_of(model: Model) -> int:
    told("size_of")
    return model.size

def doubled(size_of: int) -> int:
    told("doubled")
    return size_of * 2
"""


def test_values_that_are_not_known_are_computed_each_time_with_what_reads_them(
    cached: Cached, calls: list[str]
) -> None:
    for size in (1, 2, 1):
        assert cached(STRANGE).execute(["doubled"], inputs={"size": size}) == {"doubled": size * 2}

    assert told_again(calls) == ["model", "size_of", "doubled"] * 2 + ["model", "size_of"]


def test_code_that_cannot_be_told_is_computed_each_time(cached: Cached, calls: list[str]) -> None:
    module = ModuleType("typed_in")
    exec("def spend() -> int:\n    told('spend')\n    return 1\n", vars(module))
    dr = cached(module)

    dr.execute(["spend"])
    dr.execute(["spend"])

    assert told_again(calls) == ["spend", "spend"]
    assert any(
        event.event_type is CachingEventType.OPAQUE_CODE
        for event in cache_of(dr).logs(cache_of(dr).last_run_id, level="debug")["spend"]
    )


def test_behaviors_are_those_of_the_builder_then_of_the_modifier(cached: Cached, calls: list[str]) -> None:
    source = CHAIN.replace("def halved", '@cache(behavior="ignore")\ndef halved')
    dr = cached("from headwater.modifiers import cache\n" + source, recompute=["spend"], disable=["note"])
    dr.execute(["report"], inputs={"clicks": 4})

    behaviors = cache_of(dr).resolve_behaviors(cache_of(dr).last_run_id)

    assert behaviors == {
        "spend": CachingBehavior.RECOMPUTE,
        "halved": CachingBehavior.IGNORE,
        "report": CachingBehavior.DEFAULT,
        "clicks": CachingBehavior.DEFAULT,
        "note": CachingBehavior.DISABLE,
    }
    assert cache_of(dr).behaviors[cache_of(dr).last_run_id] == behaviors


@pytest.mark.parametrize(
    ("settings", "again"),
    [
        ({}, []),
        ({"recompute": ["spend"]}, ["spend"]),
        ({"recompute": True}, ["spend", "halved", "report"]),
        ({"recompute": True, "default": ["report"]}, ["spend", "halved"]),
        ({"disable": ["spend"]}, ["spend", "halved"]),
        ({"disable": True}, ["spend", "halved", "report"]),
        ({"ignore": ["halved"]}, ["halved"]),
        ({"default_behavior": "recompute"}, ["spend", "halved", "report"]),
        ({"default_behavior": "disable", "default": ["spend"]}, ["halved", "report"]),
    ],
    ids=str,
)
def test_behavior_says_what_is_computed_again(
    cached: Cached, calls: list[str], settings: dict[str, Any], again: list[str]
) -> None:
    cached(CHAIN, **settings).execute(["report"], inputs={"clicks": 4})
    told_again(calls)

    found = cached(CHAIN, **settings).execute(["report"], inputs={"clicks": 4})

    assert found == {"report": {"halved": 2.0, "note": "none"}}
    assert told_again(calls) == again


def test_what_is_ignored_does_not_count_for_what_reads_it(cached: Cached, calls: list[str]) -> None:
    dr = cached(CHAIN, ignore=["clicks"])
    dr.execute(["halved"], inputs={"clicks": 4})
    told_again(calls)

    assert dr.execute(["halved"], inputs={"clicks": 6}) == {"halved": 2.0}
    assert told_again(calls) == []


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        (
            {"default": True, "disable": True},
            InvalidLifecycleAdapter,
            "for all nodes, not default and disable",
        ),
        ({"default": ["a"], "disable": ["a"]}, InvalidLifecycleAdapter, "'a' is named for two"),
        ({"recompute": "spend"}, InvalidLifecycleAdapter, r"Give a list: \['spend'\]"),
        ({"default_behavior": "recompote"}, InvalidLifecycleAdapter, "Did you mean 'recompute'"),
        ({"recompute": ["spent"]}, UnknownNode, "'spent' .* Did you mean 'spend'"),
    ],
)
def test_wrong_behaviors_are_refused(
    cached: Cached, settings: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        cached(CHAIN, **settings).execute(["spend"], inputs={"clicks": 1})


def test_a_cache_and_another_adapter_cannot_both_compute_nodes(load: Any, tmp_path: Path) -> None:
    builder = Builder().with_modules(load(CHAIN)).with_cache(path=tmp_path)

    with pytest.raises(InvalidLifecycleAdapter, match="do_node_execute"):
        builder.with_adapters(GracefulErrorAdapter(ValueError)).build()


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if len(path.stem) == 40]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\0"),
        lambda path: path.write_bytes(pickle.dumps("another value")),
    ],
    ids=["gone", "empty", "cut", "changed", "replaced"],
)
def test_damaged_values_are_computed_again(
    cached: Cached, calls: list[str], tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    cached(CHAIN).execute(["report"], inputs={"clicks": 4})
    told_again(calls)
    for path in files_of(tmp_path / "cache"):
        damage(path)

    assert cached(CHAIN).execute(["halved"], inputs={"clicks": 4}) == {"halved": 2.0}
    assert told_again(calls) == ["spend", "halved"]
    assert cached(CHAIN).execute(["halved"], inputs={"clicks": 4}) == {"halved": 2.0}
    assert told_again(calls) == []


def test_damaged_database_is_made_anew(cached: Cached, calls: list[str], tmp_path: Path) -> None:
    cached(CHAIN).execute(["spend"], inputs={"clicks": 4})
    told_again(calls)
    for path in (tmp_path / "cache").glob("metadata.sqlite*"):
        path.unlink()
    (tmp_path / "cache" / "metadata.sqlite").write_bytes(b"no database" * 1000)

    for _ in range(2):
        assert cached(CHAIN).execute(["spend"], inputs={"clicks": 4}) == {"spend": 4.0}

    assert told_again(calls) == ["spend"]


def test_cache_in_trouble_does_not_keep_anything_from_being_computed(
    cached: Cached, calls: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    class Busy(InMemoryMetadataStore):
        def get(self, cache_key: str, **kwargs: Any) -> str | None:
            raise sqlite3.OperationalError("database is locked")

        def set(self, cache_key: str, data_version: str, **kwargs: Any) -> None:
            raise sqlite3.OperationalError("database is locked")

    dr = cached(CHAIN, metadata_store=Busy(), result_store=InMemoryResultStore())

    assert dr.execute(["spend"], inputs={"clicks": 4}) == {"spend": 4.0}
    assert "The cache is passed over for 'spend': database is locked" in caplog.text


def test_failures_are_not_kept(cached: Cached, calls: list[str]) -> None:
    source = "def week() -> int:\n    told('week')\n    raise ValueError('no data')\n"

    for _ in range(2):
        with pytest.raises(ValueError, match="no data"):
            cached(source).execute(["week"])

    assert told_again(calls) == ["week", "week"]


@pytest.mark.parametrize("in_memory", [False, True])
def test_none_is_a_value(cached: Cached, calls: list[str], in_memory: bool) -> None:
    store = InMemoryResultStore() if in_memory else None

    for _ in range(2):
        dr = cached("def week() -> None:\n    told('week')\n", result_store=store)
        assert dr.execute(["week"]) == {"week": None}

    assert told_again(calls) == ["week"]


def test_values_that_change_later_are_kept_as_they_were(cached: Cached) -> None:
    source = """
    def weeks() -> list:
        return [1]

    def longer(weeks: list) -> list:
        weeks.append(2)
        return weeks
    """
    assert cached(textwrap.dedent(source)).execute(["longer"]) == {"longer": [1, 2]}

    assert cached(textwrap.dedent(source)).execute(["weeks"]) == {"weeks": [1]}


FORMATS = """
from headwater.modifiers import cache
import pandas as pd

@cache(format="parquet")
def table() -> pd.DataFrame:
    told("table")
    return pd.DataFrame({"a": [1, 2]})

@cache(format="json")
def weeks() -> dict:
    told("weeks")
    return {KEY: "first"}
"""


@pytest.mark.parametrize("key", ["first", 1])
def test_format_keeps_a_file_that_others_can_read(
    cached: Cached, calls: list[str], tmp_path: Path, key: Any
) -> None:
    source = FORMATS.replace("KEY", repr(key))
    first = cached(source).execute(["table", "weeks"])
    second = cached(source).execute(["table", "weeks"])

    assert told_again(calls) == ["table", "weeks"]
    pd.testing.assert_frame_equal(second["table"], first["table"])
    # JSON has only texts as keys: the value is what it was, whatever the file can hold.
    assert second["weeks"] == {key: "first"}
    assert pd.read_parquet(next((tmp_path / "cache").glob("*.parquet"))).equals(first["table"])
    assert json.loads(next((tmp_path / "cache").glob("*.json")).read_text()) == {str(key): "first"}


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text('{"first": "changed"}')])
def test_damaged_file_of_a_format_is_made_again(
    cached: Cached, calls: list[str], tmp_path: Path, damage: Callable[[Path], Any]
) -> None:
    source = FORMATS.replace("KEY", "'first'")
    cached(source).execute(["weeks"])
    damage(next((tmp_path / "cache").glob("*.json")))

    assert cached(source).execute(["weeks"]) == {"weeks": {"first": "first"}}
    assert told_again(calls) == ["weeks", "weeks"]
    assert json.loads(next((tmp_path / "cache").glob("*.json")).read_text()) == {"first": "first"}


def test_format_that_cannot_keep_a_value_is_told(
    cached: Cached, calls: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    dr = cached(FORMATS.replace("parquet", "parkett"))

    assert len(dr.execute(["table"])["table"]) == 2
    assert (
        "@cache(format='parkett') cannot keep a value of pandas.DataFrame. Did you mean 'parquet'"
        in caplog.text
    )


def test_runs_can_be_looked_at(cached: Cached, calls: list[str], tmp_path: Path) -> None:
    dr = cached(CHAIN)
    dr.execute(["halved"], inputs={"clicks": 4})
    dr.execute(["report"], inputs={"clicks": 4})
    first, last = cache_of(dr).run_ids
    cache = cache_of(dr)

    assert cache.last_run_id == last
    assert cache.get_data_version(last, "halved") == cache.version_data(2.0)
    assert cache.data_versions[last].keys() == {"clicks", "spend", "halved", "report"}
    assert cache.code_versions[last]["spend"] == cache.version_code("spend", last)
    assert cache.resolve_code_versions(last, ["spend"]) == {"spend": cache.version_code("spend")}
    assert cache.resolve_code_versions(last).keys() == {"spend", "halved", "report"}
    key = cache.get_cache_key(first, "halved")
    assert key == cache.cache_keys[last]["halved"]
    assert cache.get_data_version(last, "nothing", cache_key=key) == cache.version_data(2.0)
    assert cache.metadata_store.get_run_ids() == [first, last]
    assert [entry["node_name"] for entry in cache.metadata_store.get_run(first)] == ["spend", "halved"]
    assert [entry["node_name"] for entry in cache.metadata_store.get_last_run()] == ["report"]
    assert cache.metadata_store.size == 3
    told = {name: [event.event_type.value for event in events] for name, events in cache.logs(last).items()}
    assert told == {"spend": ["get_result"], "halved": ["get_result"], "report": ["execute_node"]}
    assert list(cache.logs()) == [first, last]
    with pytest.raises(HeadwaterError, match="No run 'other' is remembered"):
        cache.get_cache_key("other", "halved")


def test_run_can_be_drawn_with_what_was_kept(cached: Cached, calls: list[str], tmp_path: Path) -> None:
    dr = cached(CHAIN)
    dr.execute(["halved"], inputs={"clicks": 4})
    dr.execute(["report"], inputs={"clicks": 4})

    drawing = cache_of(dr).view_run(output_file_path=str(tmp_path / "run.svg"))

    assert drawing.dot.count("#F06449") >= 2
    assert "from cache" in drawing.svg
    assert "clicks" in drawing.dot
    assert (tmp_path / "run.svg").exists()
    assert "from cache" not in cache_of(dr).view_run(cache_of(dr).run_ids[0]).svg


def test_events_can_go_to_a_file_and_to_a_log(
    cached: Cached, calls: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "headwater.caching")

    cached(CHAIN, log_to_file=True).execute(["spend"], inputs={"clicks": 4})

    events = [json.loads(line) for line in (tmp_path / "cache" / "cache_logs.jsonl").read_text().splitlines()]
    assert [(event["node_name"], event["event_type"]) for event in events] == [
        ("spend", "is_final_var"),
        ("clicks", "is_input"),
        ("spend", "execute_node"),
        ("spend", "set_result"),
    ]
    assert caplog.messages == ["spend::adapter::execute_node"]


def test_driver_without_executions_has_no_last_run(cached: Cached) -> None:
    with pytest.raises(HeadwaterError, match="Nothing was executed with this cache yet"):
        cache_of(cached(CHAIN)).last_run_id  # noqa: B018


def test_values_of_a_run_whose_beginning_is_not_told_are_computed(cached: Cached, calls: list[str]) -> None:
    dr = cached(CHAIN)
    around = dr.adapter.around("unknown")
    node = dr.graph["spend"]

    assert [around(node, node.call, [4]) for _ in range(2)] == [4.0, 4.0]
    assert told_again(calls) == ["spend", "spend"]


def test_only_the_last_runs_are_remembered(cached: Cached, calls: list[str]) -> None:
    dr = cached(CHAIN, metadata_store=InMemoryMetadataStore(), result_store=InMemoryResultStore())
    for clicks in range(103):
        dr.execute(["spend"], inputs={"clicks": clicks})

    assert len(cache_of(dr).run_ids) == 100


def test_cache_of_the_old_kind_keeps_the_nodes_it_is_told(
    load: Callable[..., ModuleType], calls: list[str], tmp_path: Path
) -> None:
    for _ in range(2):
        adapter = CacheAdapter(cache_vars=["halved"], cache_path=tmp_path)
        dr = Builder().with_modules(load(CHAIN)).with_adapters(adapter).build()
        assert dr.execute(["report"], inputs={"clicks": 4}) == {"report": {"halved": 2.0, "note": "none"}}

    assert told_again(calls) == ["spend", "halved", "report", "spend", "report"]
