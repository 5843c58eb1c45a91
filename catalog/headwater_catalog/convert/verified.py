"""Whether a converted script does what it did: both are run, confined, on the same data, and compared."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from headwater_catalog import sandbox
from headwater_catalog.convert.conversion import Conversion
from headwater_catalog.convert.trial import AFTER, ANSWER, BEFORE, TASK
from headwater_catalog.errors import JobError
from headwater_catalog.limits import MEGA, Limits
from headwater_catalog.prepared import Program
from headwater_catalog.reports import read_answer

__all__ = ["Verdict", "verify"]

_LARGEST: Final = 1024 * MEGA
_MOST_FILES: Final = 5_000
_LEFT_OUT: Final = frozenset({"__pycache__", "build", "dist", "env", "node_modules", "venv"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of running a script and what it became.

    Attributes:
        same: Variables and files that are the same.
        different: Those that differ, each with where they do.
        error: Why they could not be compared; empty where they were.
    """

    same: tuple[str, ...] = ()
    different: tuple[tuple[str, str], ...] = ()
    error: str = ""

    @property
    def is_same(self) -> bool:
        """Tell whether something was compared, and nothing differs."""
        return bool(self.same) and not self.different and not self.error

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON."""
        different = [{"name": name, "difference": found} for name, found in self.different]
        return {"is_same": self.is_same, "same": list(self.same), "different": different, "error": self.error}


def verify(
    script: Path,
    text: str,
    conversion: Conversion,
    data: Path,
    limits: Limits | None = None,
    arguments: Sequence[str] = (),
) -> Verdict:
    """Run a script and its conversion and compare what they leave.

    Neither may write outside of a folder of its own, which goes afterwards, nor use the network.

    Args:
        script: Where the script stands.
        text: Its text.
        conversion: What it became.
        data: The folder in which it is run; both get a copy of all that is in it.
        limits: What both together may use.
        arguments: What both are given on the command line.

    Raises:
        JobError: The data are too many to be copied, or the system cannot confine the run.
    """
    inside = _inside(script, data)
    written = {
        Path(inside).with_name(f"{name}.py").as_posix() for name in (conversion.module, conversion.driver)
    }
    files = [name for name in _files_of(data) if name not in written]  # of an earlier conversion
    with tempfile.TemporaryDirectory(prefix="headwater-convert-") as made:
        folder = Path(made)
        for place in (BEFORE, AFTER):
            for name in files:
                target = folder / place / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(data / name, target)
        for place in (BEFORE, AFTER):
            (folder / place / inside).parent.mkdir(parents=True, exist_ok=True)
            (folder / place / inside).write_text(text, "utf-8")
        beside = (folder / AFTER / inside).parent
        (beside / f"{conversion.module}.py").write_text(conversion.module_text, "utf-8")
        driver = beside / f"{conversion.driver}.py"
        driver.write_text(conversion.driver_text, "utf-8")
        task = {
            "script": inside,
            "driver": driver.relative_to(folder / AFTER).as_posix(),
            "finals": dict(conversion.finals),
            "variables": conversion.variables,
            "inner": conversion.main,
            "arguments": list(arguments),
        }
        sizes = {
            path.relative_to(folder / BEFORE).as_posix(): path.stat().st_size
            for path in _all(folder / BEFORE)
        }
        (folder / TASK).write_text(json.dumps(task), "utf-8")
        (folder / "files.json").write_text(json.dumps(sizes), "utf-8")
        _open_to_all(folder)
        program = Program("headwater_catalog.convert.trial", "main", (str(folder),))
        outcome = sandbox.run(program, folder, limits)
        answer = read_answer(folder / ANSWER)
    if answer is None or outcome.reason:
        return Verdict(error=outcome.reason or f"It ended with nothing to compare: {_last(outcome.log)}")
    if isinstance(error := answer.get("error"), str):
        return Verdict(error=error)
    different = tuple((str(each["name"]), str(each["difference"])) for each in answer["different"])
    return Verdict(tuple(map(str, answer["same"])), different)


def _last(log: str) -> str:
    return log.strip().rpartition("\n")[2][:300]


def _inside(script: Path, data: Path) -> str:
    try:
        inside = script.resolve().relative_to(data.resolve())
    except ValueError:
        inside = Path(script.name)
    return inside.with_suffix(".py").as_posix()


def _files_of(data: Path) -> list[str]:
    """Return what is copied of a folder: its files, but hidden ones and installed packages."""
    found: list[str] = []
    size = 0
    for path in _all(data):
        size += path.stat().st_size
        found.append(path.relative_to(data).as_posix())
        if size > _LARGEST or len(found) > _MOST_FILES:
            raise JobError(
                f"{data} has more than {_MOST_FILES:,} files or {_LARGEST // MEGA} MB, which are not "
                "copied to try it. Name a folder with a sample of them by --data, or give --no-verify."
            )
    return found


def _all(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT and not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path


def _open_to_all(folder: Path) -> None:
    """Let the user as which the scripts run write there: it is one of its own where this one is root."""
    for place, folders, names in os.walk(folder):
        for name in folders:
            Path(place, name).chmod(0o777)
        for name in names:
            Path(place, name).chmod(0o666)
