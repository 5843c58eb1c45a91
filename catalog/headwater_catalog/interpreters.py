"""The Python that executes feature code, and the few packages of Headwater's that it needs for that."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import headwater
import headwater_catalog
from headwater_catalog import environments
from headwater_catalog.errors import JobError
from headwater_catalog.kept_environments import environment_held
from headwater_catalog.prepared import Program

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = ["Interpreter", "of_commit", "own"]

IMPORTED: Final = (
    *("headwater.compat", "headwater.driver", "headwater.builder", "headwater.modifiers.checked"),
    *("headwater_catalog.runner", "headwater_catalog.tables", "importlib.metadata", "pandas", "pyarrow"),
)
"""What most runs import."""

PREPARED: Final = (*IMPORTED, "headwater_catalog.loaded_packages:environment")
"""What is done before a run in a process that is prepared: also finding out which packages there are."""

_IMPORT: Final = """\
import importlib, sys
sys.path[:0] = sys.argv[1].split("|")
for name in sys.argv[2:]:
    importlib.import_module(name)
"""
_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python with the engine and the runner on its path.

    Attributes:
        python: The program.
        packages: Folder that has the engine, the runner and nothing else.
        reads: Where it must be able to read.
        built_from: The list of packages that it was built from; empty for the server's own.
    """

    python: Path
    packages: Path
    reads: tuple[Path, ...]
    built_from: str = ""

    def runner(
        self, folder: Path, brings: frozenset[str] = frozenset(), *, is_apart: bool = False
    ) -> Program:
        """Return the program that does what the request in a folder says.

        Args:
            folder: The folder.
            brings: First parts of the names of modules that the commit brings.
            is_apart: Whether the run shares nothing with others that come about by chance.
        """
        called = self._calling("runner", "main", folder)
        return replace(called, imports=PREPARED, brings=brings, is_apart=is_apart)

    def ending(self, folder: Path) -> Program:
        """Return the program that ends what a cluster still computes of a run."""
        return self._calling("cluster_runs", "end_what_is_left", folder)

    def _calling(self, module: str, function: str, folder: Path) -> Program:
        packages, python = (str(self.packages),), str(self.python)
        return Program(
            f"headwater_catalog.{module}", function, (str(folder),), packages=packages, python=python
        )


def own(place: Path) -> Interpreter:
    """Return the Python of this process, which has its packages, for a run with its files in a folder."""
    _keep_bytecode()
    packages, targets = _link_packages(place)
    return Interpreter(Path(sys.executable), packages, (packages, *targets))


@contextlib.contextmanager
def of_commit(
    settings: Settings, place: Path, tree: Path, stopping: Callable[[], str | None]
) -> Iterator[Interpreter]:
    """Give the Python of the environment that a commit names, built where it is not there; else the own.

    The environment stays until the end.

    Args:
        settings: Where environments are kept, and whether any are built.
        place: Folder of the run's files.
        tree: The files of the commit.
        stopping: Asked several times a second; a sentence that it returns ends the building.

    Raises:
        JobError: The environment cannot be had.
    """
    named = environments.named_in(tree)
    if named is None:
        yield own(place)
        return
    if not settings.runs.environments:
        raise JobError(
            f"The repository lists the packages of its environment in '{named.path}', and this server builds "
            "none (setting run_environments). Ask its administrator, or take that out."
        )
    with environment_held(settings.home, named, environments.find_uv(), stopping) as built:
        packages, targets = _link_packages(place)
        reads, told = (packages, built, *targets), f"{named.path} sha256:{named.sha256}"
        yield Interpreter(built / "bin" / "python", packages, reads, told)


@cache
def _keep_bytecode() -> None:
    """Have Python keep the bytecode of what runs import, which may write nothing there themselves."""
    found = {name: find_spec(name) for name in IMPORTED}
    missing = [
        name for name, spec in found.items() if spec and spec.cached and not Path(spec.cached).exists()
    ]
    if missing:
        roots = "|".join(str(Path(package.__path__[0]).parent) for package in (headwater, headwater_catalog))
        command = [sys.executable, "-I", "-c", _IMPORT, roots, *missing]
        with contextlib.suppress(subprocess.TimeoutExpired):  # it saves time, and no run needs it
            subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)


def _link_packages(place: Path) -> tuple[Path, list[Path]]:
    """Make a folder of links to the packages needed: where they stand, there may be others beside them."""
    folder = place / "packages"
    folder.mkdir()
    targets = [Path(package.__path__[0]).resolve() for package in (headwater, headwater_catalog)]
    targets += _description()
    for target in targets:
        (folder / target.name).symlink_to(target, target_is_directory=True)
    return folder, targets


def _description() -> list[Path]:
    """Return the folder that says which version this is; none where Headwater is not installed."""
    try:
        found = metadata.distribution("headwater")
    except metadata.PackageNotFoundError:
        return []
    place = getattr(found, "_path", None)
    return [Path(place)] if place is not None else []
