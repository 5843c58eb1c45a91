"""Code written for Hamilton, run as it stands."""

import importlib
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

import headwater
from headwater import compat
from headwater.errors import HeadwaterError

FEATURE_LOGIC = '''
import numpy as np
import pandas as pd
from hamilton.function_modifiers import check_output, config, tag


def _is_holiday(day: pd.Timestamp) -> bool:
    return (day.month, day.day) in {(1, 1), (12, 25)}


@config.when(region="UK")
def holidays__uk(date: pd.Series) -> pd.Series:
    """Whether a day is a holiday."""
    return date.map(_is_holiday).astype(int)


@config.when_not(region="UK")
def holidays__other(date: pd.Series) -> pd.Series:
    """Whether a day is a holiday."""
    return pd.Series(0, index=date.index)


def avg_3wk_spend(spend: pd.Series) -> pd.Series:
    """Rolling 3 week average spend."""
    return spend.rolling(3).mean()


def spend_per_signup(spend: pd.Series, signups: pd.Series) -> pd.Series:
    """The cost per signup in relation to spend."""
    return spend / signups


def spend_shift_3weeks(spend: pd.Series) -> pd.Series:
    """Spend of three weeks before."""
    return spend.shift(3)


def spend_shift_3weeks_per_signup(spend_shift_3weeks: pd.Series, signups: pd.Series) -> pd.Series:
    """Spend of three weeks before, for each signup."""
    return spend_shift_3weeks / signups


def height_zero_mean(height: pd.Series, height_mean: float) -> pd.Series:
    """Zero mean height."""
    return height - height_mean


def height_mean(height: pd.Series) -> float:
    """Mean of height."""
    return height.mean()


def height_std_dev(height: pd.Series) -> float:
    """Standard deviation of height."""
    return height.std()


@tag(owner='Data-Science', pii='False')
@check_output(data_type=np.float64, range=(-5.0, 5.0), allow_nans=False)
def height_zero_mean_unit_variance(height_zero_mean: pd.Series, height_std_dev: float) -> pd.Series:
    """Zero mean unit variance value of height."""
    return height_zero_mean / height_std_dev
'''

DATA = """
data = {
    "date": pd.Series(pd.to_datetime(["2024-12-24", "2024-12-25", "2024-12-26", "2025-01-01"])),
    "spend": pd.Series([10.0, 20.0, 30.0, 40.0]),
    "signups": pd.Series([1, 2, 3, 4]),
    "height": pd.Series([1.6, 1.7, 1.8, 1.9]),
}
"""

RUN_TABLE = f"""
import pandas as pd
from hamilton import driver
import feature_logic
{DATA}
dr = driver.Driver({{"region": "UK", **data}}, feature_logic)
df = dr.execute(["holidays", "avg_3wk_spend", "spend_per_signup", "spend_shift_3weeks_per_signup"])
print(df.to_json())
"""

RUN_DICT = f"""
import sys
import pandas as pd
from hamilton import base, driver
import feature_logic
{DATA}
adapter = base.SimplePythonGraphAdapter(base.DictResult())
dr = driver.Driver({{'region': 'US'}}, feature_logic, adapter=adapter)
result = dr.execute(["height_zero_mean_unit_variance", "height_mean"], inputs={{"height": data["height"]}})
[node] = dr.list_available_variables(tag_filter={{"owner": "Data-Science", "pii": "False"}})[-1:]
print(sys.argv[1:], node.name, round(result["height_mean"], 3), result["height_zero_mean_unit_variance"].round(2).tolist())
"""


def run(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "feature_logic.py").write_text(FEATURE_LOGIC)
    (folder / "run.py").write_text(script)
    # From another folder, since a script finds its modules beside itself.
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-m", "headwater", str(folder / "run.py"), *arguments]
    return subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False)


def test_first_hello_world_gives_a_table(tmp_path) -> None:
    done = run(tmp_path, RUN_TABLE)

    assert done.stderr == ""
    assert done.stdout.strip() == (
        '{"holidays":{"0":0,"1":1,"2":0,"3":1},'
        '"avg_3wk_spend":{"0":null,"1":null,"2":20.0,"3":30.0},'
        '"spend_per_signup":{"0":10.0,"1":10.0,"2":10.0,"3":10.0},'
        '"spend_shift_3weeks_per_signup":{"0":null,"1":null,"2":null,"3":2.5}}'
    )


def test_second_hello_world_gives_a_dictionary(tmp_path) -> None:
    done = run(tmp_path, RUN_DICT, "--fast", "x")

    assert done.stderr == ""
    assert done.stdout.strip() == (
        "['--fast', 'x'] height_zero_mean_unit_variance 1.75 [-1.16, -0.39, 0.39, 1.16]"
    )


RUN_PROCESSES = """
import multiprocessing
from hamilton import driver


def answering(number):
    import hamilton

    return driver.Driver.__module__, hamilton.__spec__.origin, number


def deeper(number):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.map(answering, [number])


if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=print, args=("begun",))
    process.start()
    process.join()
    # Only a process that is no daemon may start others.
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        print(*pool.map(deeper, [3]))
"""


def test_processes_that_a_script_starts_afresh_have_the_alias_before_they_import_it(tmp_path) -> None:
    done = run(tmp_path, RUN_PROCESSES)

    assert done.stdout.splitlines() == ["begun", "[('headwater.driver', 'headwater', 3)]"], done.stderr


def test_script_that_raises_shows_its_own_traceback(tmp_path) -> None:
    done = run(tmp_path, "import hamilton\nraise RuntimeError('no luck')\n")

    assert done.returncode == 1
    assert "run.py" in done.stderr
    assert "RuntimeError: no luck" in done.stderr


def test_script_that_is_not_there_is_told(tmp_path) -> None:
    for arguments, code, said in (
        (["absent.py"], 2, "there is no script absent.py"),
        ([], 2, "usage:"),
        (["-h"], 0, "usage:"),
    ):
        command = [sys.executable, "-m", "headwater", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

        assert done.returncode == code
        assert said in done.stderr


@pytest.fixture
def activated():
    compat.activate()
    yield
    compat.deactivate()


def test_names_of_hamilton_are_ours(activated) -> None:
    for alias, answering in compat.ALIASES.items():
        ours = importlib.import_module(answering)
        theirs = importlib.import_module(alias)

        public = {name: getattr(ours, name) for name in ours.__all__}
        assert all(
            getattr(theirs, name) is found
            for name, found in public.items()
            if not isinstance(found, ModuleType)
        )


def test_modules_are_reached_through_their_packages(activated) -> None:
    modifiers = importlib.import_module("hamilton.function_modifiers")
    experimental = importlib.import_module("hamilton.experimental")

    assert modifiers.expanders.inject is modifiers.inject
    assert issubclass(modifiers.base.InvalidDecoratorException, ValueError)
    frame = experimental.decorators.parameterize_frame
    assert frame is sys.modules["hamilton.experimental.decorators.parameterize_frame"]
    with pytest.raises(AttributeError, match=r"does not answer for 'hamilton\.experimental\.h_cache' yet"):
        _ = experimental.h_cache


def test_contributed_dataflows_are_those_that_are_installed(activated, tmp_path, monkeypatch) -> None:
    package = tmp_path / "hamilton" / "contrib" / "prices"
    package.mkdir(parents=True)
    (tmp_path / "hamilton" / "contrib" / "__init__.py").write_text("from hamilton import telemetry\n")
    (package / "__init__.py").write_text("from hamilton.function_modifiers import tag\n")
    monkeypatch.syspath_prepend(tmp_path)

    prices = importlib.import_module("hamilton.contrib.prices")

    assert prices.tag is headwater.tag
    assert not sys.modules["hamilton.contrib"].telemetry.is_telemetry_enabled()
    with pytest.raises(ModuleNotFoundError, match=r"hamilton\.contrib\.costs"):
        importlib.import_module("hamilton.contrib.costs")


def test_part_that_is_not_answered_for_is_told(activated) -> None:
    with pytest.raises(
        ModuleNotFoundError, match=r"does not answer for 'hamilton\.cli'. It answers for: hamilton,"
    ):
        importlib.import_module("hamilton.cli")


def test_name_that_is_not_answered_for_is_told_with_those_that_are(activated) -> None:
    driver = importlib.import_module("hamilton.driver")

    with pytest.raises(AttributeError, match=r"does not answer for 'hamilton\.driver\.SLACK' yet.*Driver"):
        _ = driver.SLACK
    with pytest.raises(ImportError, match="SLACK"):
        exec("from hamilton.driver import SLACK", {})


def test_names_are_forgotten_when_no_longer_answered() -> None:
    compat.activate()
    compat.activate()
    importlib.import_module("hamilton.driver")
    compat.deactivate()
    compat.deactivate()

    assert not [name for name in sys.modules if name.partition(".")[0] == "hamilton"]
    assert not [finder for finder in sys.meta_path if type(finder).__module__ == "headwater.compat"]


def test_loaded_hamilton_is_not_replaced(load) -> None:
    load(textwrap.dedent("__version__ = '1.90'"), "hamilton")

    with pytest.raises(HeadwaterError, match=r"'hamilton' is already imported from .*hamilton\.py\. Call"):
        compat.activate()


def test_plugin_that_is_not_answered_for_is_told_however_it_is_imported(activated) -> None:
    with pytest.raises(ImportError, match=r"does not answer for 'hamilton\.plugins\.h_vaex'"):
        exec("from hamilton.plugins import h_vaex", {})
    with pytest.raises(ImportError, match=r"does not answer for 'hamilton\.plugins\.h_vaex'"):
        exec("import hamilton.plugins.h_vaex", {})
