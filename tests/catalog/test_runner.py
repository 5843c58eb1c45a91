"""The runner: from a tree of files to values, tables and errors, in a process of its own."""

import json
import os
import sys
from importlib import metadata
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest

from headwater_catalog import interpreters, sandbox
from headwater_catalog.loaded_packages import environment
from headwater_catalog.reports import Report, read_report
from headwater_catalog.run_recording import RESULT
from headwater_catalog.runner import Request
from headwater_catalog.sandbox import Access, Limits, Outcome
from headwater_catalog.table_files import open_table, write_table

WEEKLY = """\
week,spend,signups
2026-01-05,10,1
2026-01-12,20,4
2026-01-19,30,5
"""

SPEND = """
    import pandas as pd


    def spend_per_signup(spend: pd.Series, signups: pd.Series) -> pd.Series:
        return spend / signups


    def spend_shift(spend: pd.Series) -> pd.Series:
        return spend.shift(1)


    def spend_mean(spend: pd.Series) -> float:
        return float(spend.mean())


    def spend_zero_mean(spend: pd.Series, spend_mean: float) -> pd.Series:
        return spend - spend_mean
"""


class Bench:
    """A folder in which to write a tree, and to run it as a run does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree = folder / "tree"
        self.tree.mkdir()
        self.interpreter = interpreters.own(folder)
        self.outcome: Outcome | None = None

    def write(self, path: str, text: str) -> None:
        file = self.tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))

    def run(self, *outputs: str, limits: Limits | None = None, **changes: Any) -> Report | None:
        sources, is_apart = changes.pop("sources", {}), changes.pop("is_apart", False)
        request = {
            "tree": str(self.tree),
            "dataflow": "marketing",
            "roots": [""],
            "modules": ["spend"],
            "config": {},
            "sources": {
                name: {"path": path, "index": None, "dates": [], "format": None, **more}
                for name, (path, more) in sources.items()
            },
            "files": {name: str(self.tree / path) for name, (path, _) in sources.items()},
            "inputs": {},
            "outputs": list(outputs),
        }
        Request(**{**request, **changes}).write(self.folder)
        access = Access([*self.interpreter.reads, self.tree])
        runner = self.interpreter.runner(self.folder, is_apart=is_apart)
        self.outcome = sandbox.run(runner, self.folder, limits, access=access)
        return read_report(self.folder / RESULT)

    def failure(self, *outputs: str, **changes: Any) -> dict[str, Any]:
        report = self.run(*outputs, **changes)
        assert report is not None and report.failure is not None and report.preview is None
        assert self.outcome is not None and self.outcome.code == 1
        return report.failure


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.write("spend.py", SPEND)
    made.write("data/weekly.csv", WEEKLY)
    return made


BY_WEEK = {"weekly": ("data/weekly.csv", {"index": "week", "dates": ["week"]})}


def test_columns_with_one_index_become_a_table_and_scalars_stand_apart(bench: Bench):
    report = bench.run("spend_per_signup", "spend_shift", "spend_mean", sources=BY_WEEK)

    assert report is not None and report.failure is None
    preview = report.preview
    assert preview is not None
    assert [(c["name"], c["index"]) for c in preview["table"]["columns"]] == [
        ("week", True),
        ("spend_per_signup", False),
        ("spend_shift", False),
    ]
    assert preview["table"]["rows"] == [
        ["2026-01-05", "10.0", None],
        ["2026-01-12", "5.0", "10.0"],
        ["2026-01-19", "6.0", "20.0"],
    ]
    assert preview["table"]["row_count"] == 3
    assert preview["values"] == [{"name": "spend_mean", "type": "float", "text": "20.0"}]


def test_the_record_names_nodes_rows_and_packages(bench: Bench):
    report = bench.run("spend_zero_mean", sources=BY_WEEK)

    assert report is not None
    assert [node.name for node in report.nodes] == ["spend_mean", "spend_zero_mean"]
    assert report.sources == {"weekly": 3}
    assert report.environment["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"pandas", "headwater"} <= set(report.environment["packages"])


def test_literal_inputs_need_no_source(bench: Bench):
    bench.write("spend.py", "def double(x: int) -> int:\n    return 2 * x\n")
    report = bench.run("double", inputs={"x": 21})

    assert report is not None and report.preview is not None
    assert report.preview["table"] is None
    assert report.preview["values"][0]["text"] == "42"


def test_a_table_is_saved_with_its_index_first(bench: Bench):
    report = bench.run("spend_shift", sources=BY_WEEK, save="table.arrow")
    with pa.ipc.open_file(bench.folder / "table.arrow") as file:
        saved = file.read_all()

    assert saved.column_names == ["week", "spend_shift"]
    assert [str(day)[:10] for day in saved["week"]] == ["2026-01-05", "2026-01-12", "2026-01-19"]
    assert saved["spend_shift"].to_pylist() == [None, 10.0, 20.0]
    assert report is not None and report.table is not None
    assert (report.table.index, report.table.origins) == (("week",), {"spend_shift": "spend_shift"})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ("[1, 'two', 'three']", "str (2), int (1)"),
        ("[object(), object(), object()]", "object (3)"),
        ("['half \\ud800', 'b', 'c']", "str (3)"),
    ],
)
def test_values_that_no_file_can_hold_are_told_with_their_column(bench: Bench, values: str, told: str):
    bench.write(
        "spend.py",
        f"import pandas as pd\ndef odd() -> pd.Series:\n    return pd.Series({values}, dtype=object)\n",
    )
    failure = bench.failure("odd", save="table.arrow")

    assert f"Column 'odd' cannot be saved: it holds {told}" in failure["message"]
    assert not (bench.folder / "table.arrow").exists()


@pytest.mark.parametrize("format", ["json", "parquet", "arrow", "csv"])
def test_a_saved_table_can_be_a_source_again(bench: Bench, format: str):
    bench.run("spend_shift", sources=BY_WEEK, save="table.arrow")
    with open_table(bench.folder / "table.arrow", "arrow") as table:
        said = dict.fromkeys(table.schema.names, b"{}")
        write_table(bench.tree / f"data/again.{format}", format, table, b"{}", said)
    bench.write(
        "spend.py",
        "import pandas as pd\ndef last(spend_shift: pd.Series) -> float:\n    return spend_shift.iloc[-1]\n",
    )
    (bench.folder / RESULT).unlink()
    source = {"again": (f"data/again.{format}", {"index": "week", "dates": ["week"]})}
    report = bench.run("last", sources=source)

    assert report is not None and report.preview is not None
    assert report.preview["values"][0]["text"] == "20.0"


_WHOLE = """
    import pandas as pd
    from headwater import extract_columns

    @extract_columns("spend")
    def cleaned(weekly: pd.DataFrame) -> pd.DataFrame:
        return weekly.dropna()

    def shape(weekly: pd.DataFrame) -> str:
        return f"{weekly.shape[0]} x {', '.join(weekly.columns)}, {weekly.index.name}"

    def total(spend: pd.Series) -> float:
        return float(spend.sum())
"""


@pytest.mark.parametrize("format", ["json", "parquet", "arrow", "csv"])
def test_a_source_is_the_input_of_its_name_that_is_a_table(bench: Bench, format: str):
    bench.run("spend_per_signup", "spend_shift", sources=BY_WEEK, save="table.arrow")
    with open_table(bench.folder / "table.arrow", "arrow") as table:
        said = dict.fromkeys(table.schema.names, b"{}")
        write_table(bench.tree / f"data/weekly.{format}", format, table, b"{}", said)
    bench.write(
        "spend.py",
        _WHOLE.replace('"spend"', '"spend_per_signup"')
        .replace("spend:", "spend_per_signup:")
        .replace("spend.sum", "spend_per_signup.sum"),
    )
    (bench.folder / RESULT).unlink()
    source = {"weekly": (f"data/weekly.{format}", {"index": "week", "dates": ["week"]})}
    report = bench.run("shape", "total", sources=source)
    (bench.folder / RESULT).unlink()
    sampled = bench.run("shape", sources=source, sample=2)

    assert report is not None and report.preview is not None, report
    values = {value["name"]: value["text"] for value in report.preview["values"]}
    assert values == {"shape": "3 x week, spend_per_signup, spend_shift, week", "total": "11.0"}
    assert report.sources == {"weekly": 3}
    assert sampled is not None and sampled.preview is not None
    assert sampled.preview["values"][0]["text"].startswith("2 x ")


@pytest.mark.parametrize(
    "type_", ["Optional[pd.DataFrame]", "'None | pd.DataFrame'", "Annotated[pd.DataFrame, 'net'] | None"]
)
def test_an_input_that_may_be_a_table_or_none_is_given_the_source(bench: Bench, type_: str):
    head = "import pandas as pd\nfrom typing import Annotated, Optional\n"
    body = f"def known(weekly: {type_} = None) -> bool:\n    return weekly is not None\n"
    bench.write("spend.py", f"{head}\n{body}")
    report = bench.run("known", sources={"weekly": ("data/weekly.csv", {})})

    assert report is not None and report.preview is not None, report
    assert report.preview["values"][0]["text"] == "True"


@pytest.mark.parametrize("type_", ["pl.DataFrame", "pl.LazyFrame", "pa.Table", "pl.DataFrame | None"])
def test_a_source_as_a_whole_is_a_table_of_the_library_that_is_asked_for(bench: Bench, type_: str):
    bench.write(
        "spend.py",
        f"""
        import polars as pl
        import pyarrow as pa

        def kind(weekly: {type_}) -> str:
            made = weekly.collect() if isinstance(weekly, pl.LazyFrame) else weekly
            found = made.to_pydict() if isinstance(made, pa.Table) else made.to_dict(as_series=False)
            return f"{{type(weekly).__name__}} {{' '.join(found)}} {{found['spend']}}"
        """,
    )
    report = bench.run("kind", sources=BY_WEEK)

    assert report is not None and report.preview is not None, report
    name = type_.partition(" ")[0].rpartition(".")[2]
    assert report.preview["values"][0]["text"] == f"{name} week spend signups [10, 20, 30]"


def test_a_column_of_that_name_goes_before_the_source_as_a_whole(bench: Bench):
    bench.write("data/weekly.csv", "weekly,spend\n1,2\n")
    bench.write(
        "spend.py", _WHOLE.replace("weekly.shape[0]", "weekly.shape").replace("weekly.columns", "weekly.name")
    )
    report = bench.run("shape", sources={"weekly": ("data/weekly.csv", {})})

    assert report is not None and report.failure is not None
    assert "weekly" in report.failure["message"] and "Series" in report.failure["message"]


def test_a_source_is_no_table_where_none_is_needed_or_the_run_has_the_value(bench: Bench):
    sources = {"weekly": ("data/weekly.csv", {}), "costs": ("data/costs.csv", {})}
    twice = "def cost_twice(cost: pd.Series) -> pd.Series:\n        return 2 * cost\n"
    bench.write("spend.py", f"{_WHOLE}\n    {twice}")
    bench.write("data/costs.csv", "cost\n2\n")
    beside = bench.run("cost_twice", sources=sources)
    (bench.folder / RESULT).unlink()
    failure = bench.failure("shape", sources=sources, inputs={"weekly": "given"})

    assert beside is not None and beside.sources == {"costs": 1}
    assert "Input 'weekly' must be pandas.DataFrame" in failure["message"]


def test_a_table_that_is_missing_is_told_with_how_to_give_it(bench: Bench):
    bench.write("spend.py", _WHOLE)
    failure = bench.failure("shape", sources={"other": ("data/weekly.csv", {})})

    assert "'weekly' (pandas.DataFrame), needed by" in failure["message"]
    assert "A table is the source that is called like it: --input weekly=FILE." in failure["message"]


def test_rows_without_names_have_no_index_column(bench: Bench):
    report = bench.run("spend_shift", sources={"weekly": ("data/weekly.csv", {})})

    assert report is not None and report.preview is not None
    assert [c["name"] for c in report.preview["table"]["columns"]] == ["spend_shift"]


def test_columns_of_different_indexes_make_no_table(bench: Bench):
    bench.write("data/other.csv", "day,visits\n1,5\n2,6\n")
    bench.write(
        "spend.py",
        """
        import pandas as pd
        def a(spend: pd.Series) -> pd.Series:
            return spend
        def b(visits: pd.Series) -> pd.Series:
            return visits
        """,
    )
    sources = {**BY_WEEK, "other": ("data/other.csv", {"index": "day"})}
    failure = bench.failure("a", "b", sources=sources)

    assert "'a' (3 rows, index 'week') and 'b' (2 rows, index 'day')" in failure["message"]


def test_two_sources_with_one_column_are_named(bench: Bench):
    bench.write("data/other.csv", "spend\n1\n")
    sources = {**BY_WEEK, "other": ("data/other.csv", {})}
    failure = bench.failure("spend_mean", sources=sources)

    assert (
        "'spend' is in two sources, 'weekly' (data/weekly.csv) and 'other' (data/other.csv)"
        in failure["message"]
    )


def test_a_literal_goes_before_a_source(bench: Bench):
    bench.write("spend.py", "def twice(spend: int) -> int:\n    return 2 * spend\n")
    report = bench.run("twice", sources=BY_WEEK, inputs={"spend": 4})

    assert report is not None and report.preview is not None and report.sources == {}
    assert report.preview["values"][0]["text"] == "8"


def test_a_source_that_is_not_there_is_named(bench: Bench):
    failure = bench.failure("spend_mean", sources={"weekly": ("data/nowhere.csv", {})})

    assert "names the file 'data/nowhere.csv', which is not in the repository" in failure["message"]


def test_an_index_that_is_no_column_is_named(bench: Bench):
    failure = bench.failure("spend_mean", sources={"weekly": ("data/weekly.csv", {"index": "weak"})})

    assert "no column 'weak'" in failure["message"] and "Did you mean" in failure["message"]


def test_a_missing_input_names_who_needs_it(bench: Bench):
    failure = bench.failure("spend_mean")

    assert "'spend'" in failure["message"] and "spend.py" in failure["message"]
    assert str(bench.tree) not in failure["message"]


def test_an_error_in_a_feature_names_node_line_and_code(bench: Bench):
    bench.write(
        "spend.py",
        """
        def fine(x: int) -> int:
            return x


        def broken(fine: int) -> float:
            return fine / 0
        """,
    )
    failure = bench.failure("broken", inputs={"x": 1})

    assert failure["node"] == "broken"
    assert failure["error"] == "ZeroDivisionError"
    assert failure["frames"] == [
        {"path": "spend.py", "line": 7, "function": "broken", "code": "return fine / 0"}
    ]
    assert str(bench.tree) not in failure["message"]


def test_what_was_computed_before_an_error_is_kept(bench: Bench):
    bench.write(
        "spend.py", "def a(x: int) -> int:\n    return x\ndef b(a: int) -> float:\n    return a / 0\n"
    )
    report = bench.run("b", inputs={"x": 1})

    assert report is not None
    assert [node.name for node in report.nodes] == ["a"]


def test_a_module_that_cannot_be_imported_is_named_with_its_line(bench: Bench):
    bench.write("spend.py", "import no_such_package\n")
    failure = bench.failure("spend_mean")

    assert failure["message"].startswith("Module 'spend' cannot be imported: ModuleNotFoundError")
    assert failure["frames"][-1]["path"] == "spend.py"


def test_checks_are_recorded_whether_they_pass_or_not(bench: Bench):
    bench.write(
        "spend.py",
        """
        from headwater import check_output

        @check_output(range=(0, 5), importance="warn")
        def small(x: float) -> float:
            return x

        @check_output(range=(0, 5), importance="fail")
        def strict(small: float) -> float:
            return small
        """,
    )
    report = bench.run("strict", inputs={"x": 9.0})

    assert report is not None and report.failure is not None
    assert report.failure["error"] == "CheckFailed"
    assert [(c.node, c.importance, c.passed) for c in report.checks] == [
        ("small", "warn", False),
        ("strict", "fail", False),
    ]


def test_hamilton_imports_are_answered(bench: Bench):
    bench.write(
        "spend.py",
        "from hamilton.function_modifiers import tag\n\n@tag(owner='a')\ndef y(x: int) -> int:\n    return x\n",
    )
    report = bench.run("y", inputs={"x": 1})

    assert report is not None and report.failure is None


def test_modules_come_from_their_source_root_and_may_be_packages(bench: Bench):
    bench.write("src/features/__init__.py", "")
    bench.write("src/features/base.py", "OFFSET = 2\n")
    bench.write(
        "src/features/spend.py",
        "from features.base import OFFSET\n\ndef shifted(x: int) -> int:\n    return x + OFFSET\n",
    )
    report = bench.run("shifted", inputs={"x": 1}, roots=["src", ""], modules=["features.spend"])

    assert report is not None and report.preview is not None
    assert report.preview["values"][0]["text"] == "3"


def test_files_of_the_repository_are_found_where_a_checkout_has_them(bench: Bench):
    bench.write(
        "spend.py",
        "from pathlib import Path\n\ndef size() -> int:\n    return len(Path('data/weekly.csv').read_text())\n",
    )
    report = bench.run("size")

    assert report is not None and report.preview is not None
    assert report.preview["values"][0]["text"] == str(len(WEEKLY))


def test_sys_exit_in_a_feature_is_a_failure(bench: Bench):
    bench.write("spend.py", "import sys\n\ndef leave() -> int:\n    sys.exit(0)\n")
    failure = bench.failure("leave")

    assert "called sys.exit(0)" in failure["message"]
    assert failure["frames"][-1]["function"] == "leave"


def test_os_exit_in_a_feature_leaves_no_result(bench: Bench):
    bench.write("spend.py", "import os\n\ndef leave() -> int:\n    os._exit(0)\n")

    assert bench.run("leave") is None
    assert bench.outcome is not None and bench.outcome.code == 0


def test_a_memory_bomb_is_a_failure(bench: Bench):
    bench.write("spend.py", "def bomb() -> int:\n    return len('a' * (1 << 36))\n")
    failure = bench.failure("bomb")

    assert (failure["node"], failure["error"]) == ("bomb", "MemoryError")


def test_exit_handlers_and_threads_cannot_hold_the_process(bench: Bench):
    bench.write(
        "spend.py",
        """
        import atexit, threading, time

        def one() -> int:
            atexit.register(time.sleep, 600)
            threading.Thread(target=time.sleep, args=(600,)).start()
            return 1
        """,
    )
    report = bench.run("one", limits=Limits(wall_seconds=60))

    assert report is not None and report.failure is None
    assert bench.outcome is not None and bench.outcome.reason == ""


def test_values_that_json_lacks_become_text(bench: Bench):
    bench.write(
        "spend.py",
        "def odd() -> float:\n    return float('nan')\n\ndef model() -> object:\n    return object()\n",
    )
    report = bench.run("odd", "model")

    assert report is not None and report.preview is not None
    assert report.preview["values"][0]["text"] == "nan"
    assert "NaN" not in (bench.folder / RESULT).read_text()


def test_long_values_are_cut(bench: Bench):
    bench.write("spend.py", "def long() -> str:\n    return 'x' * 1_000_000\n")
    report = bench.run("long")

    assert report is not None and report.preview is not None
    assert len(report.preview["values"][0]["text"]) == 10_000


def test_scalars_alone_cannot_be_saved(bench: Bench):
    failure = bench.failure("spend_mean", sources=BY_WEEK, save="table.arrow")

    assert "nothing to save" in failure["message"]


def test_nothing_heavy_is_imported_before_feature_code(bench: Bench):
    bench.write(
        "spend.py",
        """
        import sys
        HEAVY = {"pandas", "numpy", "sqlalchemy", "flask", "git", "click", "headwater_catalog.read"}
        LOADED = sorted(HEAVY & set(sys.modules))

        def loaded() -> str:
            return ",".join(LOADED)
        """,
    )
    report = bench.run("loaded", is_apart=True)

    assert report is not None and report.preview is not None
    assert report.preview["values"][0]["text"] == ""


def test_the_environment_of_feature_code_names_no_setting(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HEADWATER_DATABASE_URL", "postgresql://user:secret@host/db")
    bench.write(
        "spend.py",
        "import os\n\ndef names() -> str:\n    return ' '.join([*os.environ, *os.environ.values()])\n",
    )
    report = bench.run("names")

    assert report is not None and report.preview is not None
    assert "HEADWATER" not in report.preview["values"][0]["text"]
    assert "secret" not in report.preview["values"][0]["text"]


def test_a_forged_result_is_refused(tmp_path: Path):
    from headwater_catalog.errors import JobError

    for content in ("[]", '{"nodes": 3}', "{", json.dumps({"nodes": [{"name": 1}]})):
        (tmp_path / RESULT).write_text(content)
        with pytest.raises(JobError, match="cannot be read"):
            read_report(tmp_path / RESULT)


def test_forged_profiles_are_refused_or_cut_to_size(bench: Bench, tmp_path: Path):
    from headwater_catalog.errors import JobError

    bench.write("spend.py", "def one() -> int:\n    return 1\n")
    assert bench.run("one", profile=True) is not None
    told = json.loads((bench.folder / RESULT).read_text())
    profile = told["profiles"]["one"]

    def read(**changes: Any) -> dict[str, Any]:
        (tmp_path / RESULT).write_text(json.dumps({**told, "profiles": {"one": {**profile, **changes}}}))
        report = read_report(tmp_path / RESULT)
        assert report is not None
        return report.profiles["one"]

    assert read()["columns"][0]["stats"]["max"] == 1
    assert read(rows=-3, bytes=10**30)["rows"] == 0
    assert read(bytes=10**30)["bytes"] == 2**53 - 1
    assert len(read(reason="x" * 100_000)["reason"]) == 10_000
    for wrong in ({"columns": profile["columns"] * 3_000}, {"columns": 3}, {"rows": "many"}, {"reason": []}):
        with pytest.raises(JobError, match="cannot be read"):
            read(**wrong)


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ("{}," * 400_000 + "{}", "more than 300,000 objects"),
        ('"",' * 4_000_000 + '""', "or 3,000,000 items"),
        ('"",' * 100_000 + '""', "more than 100,000 nodes"),
    ],
)
def test_a_result_that_tells_more_than_any_run_is_refused_before_it_is_made(
    tmp_path: Path, nodes: str, told: str
):
    import tracemalloc

    from headwater_catalog.errors import JobError

    (tmp_path / RESULT).write_text(f'{{"nodes": [{nodes}]}}')
    tracemalloc.start()
    with pytest.raises(JobError, match=told):
        read_report(tmp_path / RESULT)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 60_000_000


def test_a_result_that_is_a_link_is_not_read(tmp_path: Path):
    (tmp_path / "secret").write_text("{}")
    (tmp_path / RESULT).symlink_to(tmp_path / "secret")

    assert read_report(tmp_path / RESULT) is None


def test_a_table_output_gives_its_columns_and_refuses_two_of_one_name(bench: Bench):
    bench.write(
        "spend.py",
        """
        import pandas as pd

        def both(spend: pd.Series) -> pd.DataFrame:
            return pd.DataFrame({"once": spend, "twice": 2 * spend})

        def same(spend: pd.Series) -> pd.DataFrame:
            return pd.concat([spend, spend], axis=1)
        """,
    )
    report = bench.run("both", sources=BY_WEEK)
    assert report is not None and report.preview is not None
    assert [c["name"] for c in report.preview["table"]["columns"]] == ["week", "once", "twice"]
    (bench.folder / RESULT).unlink()

    assert "a column 'spend', which there is already" in bench.failure("same", sources=BY_WEEK)["message"]


def test_a_module_named_as_one_of_pythons_is_refused(bench: Bench):
    bench.write("platform.py", "def one() -> int:\n    return 1\n")
    failure = bench.failure("one", modules=["platform"])

    assert "has the name of a module that Python or Headwater has loaded before" in failure["message"]


def test_closing_the_output_does_not_fail_a_run(bench: Bench):
    bench.write("spend.py", "import sys\n\ndef one() -> int:\n    sys.stdout.close()\n    return 1\n")
    report = bench.run("one")

    assert report is not None and report.failure is None
    assert bench.outcome is not None and bench.outcome.code == 0


def test_the_packages_of_a_run_are_those_whose_modules_it_imported_or_may_have_had_before():
    loaded = {"pandas", "pyarrow", "numpy", "dateutil", "pytz", "six", "numexpr", "bottleneck"}
    loaded |= {name.partition(".")[0] for name in sys.modules}
    known = metadata.packages_distributions().items()
    named = {name for module, names in known if module in loaded for name in names} | {"headwater"}

    assert environment()["packages"] == {name: metadata.version(name) for name in named}


def test_a_package_that_is_installed_later_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def install(name: str, version: str, at: int) -> None:
        described = tmp_path / f"{name}-{version}.dist-info"
        described.mkdir()
        (described / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
        (described / "top_level.txt").write_text(f"{name}\n")
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
        os.utime(tmp_path, (at, at))  # clocks of file systems are coarse

    monkeypatch.setattr(sys, "path", [str(tmp_path), Path("odd"), *sys.path])
    install("early", "1", at=1)
    before = environment()["packages"]
    install("late", "2", at=2)

    assert environment()["packages"] == {**before, "late": "2"} and before["early"] == "1"
