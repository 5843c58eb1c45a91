"""The process that runs a script and what it became: `main`, with a folder on its command line.

Both are foreign code, so this is only ever run confined; `verified` is the other side. It does what
`task.json` in the folder says, and writes `answer.json`.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import random
import runpy
import sys
import traceback
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final

__all__ = ["AFTER", "ANSWER", "BEFORE", "TASK", "compare", "main"]

TASK: Final = "task.json"
ANSWER: Final = "answer.json"
BEFORE: Final = "before"
AFTER: Final = "after"
_HERE: Final = "script"

_LONGEST: Final = 1000
_SIMPLE: Final = (bool, int, float, complex, str, bytes, type(None))
_DATA: Final = ("datetime", "decimal", "numpy", "pandas", "polars")
_NO_DATA: Final = (
    *("numpy.random", "pandas.api.typing", "pandas.core.groupby", "pandas.core.resample"),
    *("pandas.core.window", "pandas.io", "polars.lazyframe"),
)
_TABLES: Final = frozenset({".csv", ".tsv", ".parquet", ".feather", ".json", ".xls", ".xlsx"})


def main() -> None:
    """Do the task in the folder that the command line names."""
    folder = Path(sys.argv[1])
    task = json.loads((folder / TASK).read_text("utf-8"))
    os.environ["MPLBACKEND"] = "Agg"
    sys.argv[1:] = task.pop("arguments")
    answer = compare(folder, **task)
    draft = folder / f"{ANSWER}.partial"
    draft.write_text(json.dumps(answer), "utf-8")
    draft.replace(folder / ANSWER)


def compare(
    folder: Path,
    script: str,
    driver: str,
    finals: Mapping[str, str],
    variables: Collection[str],
    inner: str = "",
) -> dict[str, Any]:
    """Run a script in one folder and its driver in another, and compare what they leave.

    Args:
        folder: It has a folder `before` with the script and its data, and `after` with what it became.
        script: The path of the script in these.
        driver: The path of the driver.
        finals: The feature for each variable of the script.
        variables: The variables that count.
        inner: The function of the script whose variables count as those of the script.

    Returns:
        `same` and `different` (name, difference) of variables and files, or `error` with what failed.
    """
    with _moved(folder / BEFORE) as place:
        try:
            expected = _run(place, script, inner)
        except BaseException as error:
            return {"error": f"The script itself fails here: {_told(error)}{_advice(error)}"}
    with _moved(folder / AFTER) as place:
        try:
            actual = _run(place, driver)
            wanted = {name: feature for name, feature in finals.items() if name in expected}
            actual.update(_further(place, actual, wanted))
        except BaseException as error:
            return {"error": f"What it became fails: {_told(error)}"}
    same: list[str] = []
    different: list[dict[str, str]] = []
    for name in sorted(expected):
        if name not in actual or name not in variables or not _is_data(expected[name]):
            continue
        found = _difference(actual[name], expected[name])
        different += [{"name": name, "difference": found}] if found else []
        same += [] if found else [name]
    for name, found in _files(folder):
        different += [{"name": name, "difference": found}] if found else []
        same += [] if found else [name]
    return {"same": same, "different": different}


@contextlib.contextmanager
def _moved(folder: Path) -> Iterator[Path]:
    """Have a folder where both are run, one after the other, so that paths are no difference."""
    place = folder.with_name(_HERE)
    folder.rename(place)
    importlib.invalidate_caches()
    try:
        yield place
    finally:
        place.rename(folder)


def _seed() -> None:
    """Let random numbers that nobody seeds be the same in both."""
    random.seed(0)
    with contextlib.suppress(ImportError):
        import numpy as np

        np.random.seed(0)


def _run(folder: Path, script: str, inner: str = "") -> dict[str, Any]:
    """Run a script in its folder; return its variables, those of one function included."""
    path = folder / script
    held: dict[str, Any] = {}

    def keep(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code.co_name == inner and frame.f_code.co_filename == str(path):
            held.update(frame.f_locals)

    with _within(path.parent if script.startswith(".") else folder, path.parent):
        _seed()
        sys.setprofile(keep)
        try:
            variables = runpy.run_path(str(path), run_name="__main__")
        except SystemExit as end:
            if end.code not in (None, 0):
                raise
            variables = {}
        finally:
            sys.setprofile(None)
    return {**held, **{name: value for name, value in variables.items() if not name.startswith("__")}}


@contextlib.contextmanager
def _within(folder: Path, imports: Path) -> Iterator[None]:
    """Have a folder as the one to work in, and one to import from, as the script's own folder is."""
    before, here = list(sys.path), Path.cwd()
    known = set(sys.modules)
    os.chdir(folder)
    sys.path.insert(0, str(imports))
    try:
        yield
    finally:
        sys.path[:] = before
        os.chdir(here)
        for name in set(sys.modules) - known:
            if str(getattr(sys.modules[name], "__file__", "") or "").startswith(str(folder)):
                del sys.modules[name]


def _further(folder: Path, held: Mapping[str, Any], wanted: Mapping[str, str]) -> dict[str, Any]:
    """Execute the features that the driver script did not ask for."""
    asked = {name: feature for name, feature in wanted.items() if name not in held}
    driver = next((value for value in held.values() if type(value).__name__ == "Driver"), None)
    if not asked or driver is None:
        return {}
    inputs: Any = next((held[name] for name in ("inputs__", "inputs_", "inputs") if name in held), {})
    with _within(folder, folder):
        results = driver.execute(list(dict.fromkeys(asked.values())), inputs=inputs)
    return {name: results[feature] for name, feature in asked.items()}


def _is_data(value: Any) -> bool:
    if isinstance(value, ModuleType) or callable(value):
        return False
    if isinstance(value, (list, tuple)):
        return all(map(_is_data, value[:_LONGEST]))
    if isinstance(value, dict):
        return all(map(_is_data, list(value.values())[:_LONGEST]))
    if isinstance(value, _SIMPLE):
        return True
    if type(value).__name__ == "ndarray" and value.dtype.hasobject:
        return all(map(_is_data, value.ravel()[:_LONGEST]))
    module = type(value).__module__
    return module.partition(".")[0] in _DATA and not module.startswith(_NO_DATA)


def _difference(actual: Any, expected: Any) -> str:
    """Return where two values differ; empty where they are the same."""
    from headwater.testing import assert_same

    try:
        assert_same(actual, expected, rtol=0.0)
    except AssertionError as error:
        return str(error)[:_LONGEST]
    except Exception as error:  # of a library, for what it cannot compare
        return f"They cannot be compared: {_told(error)}"
    return ""


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the files that the script wrote, with where those of the driver differ from them."""
    kept = json.loads((folder / "files.json").read_text("utf-8"))
    for path in sorted((folder / BEFORE).rglob("*")):
        name = path.relative_to(folder / BEFORE).as_posix()
        if not path.is_file() or "__pycache__" in name:
            continue
        other = folder / AFTER / name
        content = path.read_bytes()
        if name in kept and kept[name] == len(content) and other.is_file() and other.read_bytes() == content:
            continue
        if not other.is_file():
            yield name, "The converted script does not write it."
        elif other.read_bytes() == content:
            yield name, ""
        else:
            yield name, _unlike(other, path)


def _unlike(actual: Path, expected: Path) -> str:
    """Return where two files differ that are not the same byte for byte; empty where they hold the same."""
    if expected.suffix not in _TABLES:
        return "Its bytes differ."
    try:
        return _difference(_table(actual), _table(expected))
    except Exception as error:  # of a library, for what is no such file
        return f"Its bytes differ, and it cannot be read: {_told(error)}"


def _table(path: Path) -> Any:
    import pandas as pd

    if path.suffix in (".csv", ".tsv"):
        return pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",")
    if path.suffix in (".xls", ".xlsx"):
        return pd.read_excel(path, sheet_name=None)
    if path.suffix == ".json":
        return json.loads(path.read_text("utf-8"))
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_feather(path)


def _advice(error: BaseException) -> str:
    """Return what to do about a script that fails where it runs elsewhere; empty where nobody knows."""
    trace = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SystemExit) or any("argv" in (frame.line or "") for frame in trace[-1:]):
        return ". Give its arguments behind --: headwater convert SCRIPT -- ARGUMENT..."
    if isinstance(error, FileNotFoundError):
        return ". Name the folder in which it runs by --data."
    if isinstance(error, ImportError):
        return ". Install what it needs for the Python that runs headwater."
    if isinstance(error, OSError) and not error.filename:  # of a socket
        return ". It has no network here: save what it loads in a file."
    return ""


def _told(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(last[-1].filename).name}:{last[-1].lineno})" if last else ""
    return f"{type(error).__name__}: {error}"[:_LONGEST] + place


if __name__ == "__main__":
    main()
