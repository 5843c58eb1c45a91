"""The environments that repositories name: read from their lists of packages, and built of wheels only.

What a repository says here is a list of packages by name and version. It goes to an installer that runs with
the worker's rights and network, so nothing else is let through: no option, no address, no path, no variable.
Wheels are unpacked and not executed; of what has none, code would have to run, so it is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater_catalog.errors import JobError
from headwater_catalog.interruption import until_late
from headwater_catalog.read.project import PROJECT_FILES, read_project

__all__ = ["Environment", "build", "find_uv", "named_in"]

_LISTED: Final = "requirements.txt"
_LARGEST: Final = 1024 * 1024  # bytes of a list of packages
_SECONDS: Final = 900
_TOLD: Final = 2_000  # characters of what the installer says
_TICK: Final = 0.2
_LONGEST: Final = 1_000  # characters of a package with its versions
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_VERSION: Final = r"(?:===?|~=|!=|<=|>=|<|>) ?[A-Za-z0-9.*+!_-]+"
_REQUIREMENT: Final = re.compile(
    rf"{_NAME}(?: ?\[ ?{_NAME}(?: ?, ?{_NAME})* ?\])?(?: ?\(?{_VERSION}(?: ?, ?{_VERSION})*\)?)?"
    r"(?: ?; ?[A-Za-z0-9_.<>=!~'\"() -]+)?"
)
_HASH: Final = re.compile(r"sha(?:256:[0-9a-f]{64}|384:[0-9a-f]{96}|512:[0-9a-f]{128})")
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")
_HIDDEN: Final = ("HEADWATER_", "PYTHON")  # variables that the installer has no business with


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment that a repository names.

    Attributes:
        path: The file that lists its packages, relative to the repository.
        sha256: Of that file.
        packages: What it lists, a line each.
    """

    path: str
    sha256: str
    packages: tuple[str, ...]

    @property
    def key(self) -> str:
        """The name under which it is kept: another file or another Python makes another one."""
        told = "\n".join((self.sha256, sys.version, sysconfig.get_platform(), sys.base_prefix))
        return hashlib.sha256(told.encode()).hexdigest()[:32]


def named_in(tree: Path) -> Environment | None:
    """Return the environment that the project file in a commit's tree names; None where it names none.

    Raises:
        JobError: What it names cannot be used.
    """
    contents = {name: tree / name for name in PROJECT_FILES}
    project = read_project(*(file.read_bytes() if file.is_file() else None for file in contents.values()))
    if project.requirements is None:
        return None
    file = tree / project.requirements
    if not file.is_file():
        raise JobError(
            f"The project file names '{project.requirements}' as the list of packages of its environment, "
            "and that is not in the repository at this commit. Add it, or correct the path."
        )
    content = file.read_bytes()
    packages = tuple(_packages(project.requirements, content))
    return Environment(project.requirements, hashlib.sha256(content).hexdigest(), packages)


def _packages(path: str, content: bytes) -> Iterator[str]:
    """Give the lines that name packages, each whole."""
    if len(content) > _LARGEST:
        raise JobError(f"'{path}' is larger than {_LARGEST // 1024:,} kB, too large for a list of packages.")
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise JobError(f"'{path}' is no text in UTF-8: {error}.") from error
    begun, first = "", 0
    for number, line in enumerate(lines, 1):
        first = first if begun else number
        begun += _COMMENT.sub("", line).rstrip()
        if begun.endswith("\\"):
            begun = f"{begun[:-1].rstrip()} "
            continue
        whole, begun = " ".join(begun.split()), ""
        if whole and not _is_package(whole):
            raise JobError(
                f"{path}:{first}: {whole:.100} is no package by name and version. Lists of packages of a run "
                "have lines such as 'pandas>=2.2' or 'pandas==2.3.1 --hash=sha256:...', and no options, "
                "addresses or paths. Of a lock file, `uv export --no-emit-project` makes such a list."
            )
        if whole:
            yield whole


def _is_package(line: str) -> bool:
    """Tell whether a line names a package by name and version, perhaps with the hashes of its files."""
    package, *hashes = line.split(" --hash=")
    is_named = len(package) <= _LONGEST and _REQUIREMENT.fullmatch(package) is not None
    return is_named and all(_HASH.fullmatch(each) for each in hashes)


def find_uv() -> str | None:
    """Return where the program uv is, beside this Python or on the path; None where it is not."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.is_file() else shutil.which("uv")


def build(
    environment: Environment,
    place: Path,
    uv: str | None,
    lock: int,
    stopping: Callable[[], str | None],
) -> None:
    """Build an environment.

    Args:
        environment: What it is to have.
        place: Its folder, which is not there yet.
        uv: The program uv, if it is to install; pip does it else.
        lock: A lock that the installer keeps until it has ended, whatever becomes of us.
        stopping: Asked several times a second; a sentence that it returns ends the building.

    Raises:
        JobError: It cannot be built, or the building was ended.
    """
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f"{place.name}-") as folder:
        Path(folder, _LISTED).write_text("\n".join(environment.packages) + "\n", "utf-8")
        for command in _commands(uv, place, Path(folder, "installer"), is_empty=not environment.packages):
            ended, told = _run(command, Path(folder), lock, stopping)
            if ended != 0:
                raise JobError(
                    f"The environment that '{environment.path}' lists could not be built; only wheels are "
                    f"installed, and nothing is compiled. {Path(command[0]).name} says:\n{told}"
                )
        # A run may write no bytecode there, so that each would have to compile what it imports. What cannot
        # be compiled is found by who imports it.
        _run(_compiling(place), Path(folder), lock, stopping)


def _commands(uv: str | None, place: Path, installer: Path, *, is_empty: bool) -> list[list[str]]:
    """Return the commands that make an environment, and that install what is listed where they are run.

    None starts the Python of the environment once there are packages in it: these may bring what Python
    executes as it starts, and what is imported in place of something else.
    """
    wheels = ["--only-binary", ":all:", "-r", _LISTED]
    if uv is None:
        make = [sys.executable, "-I", "-m", "venv"]
        pip = [str(installer / "bin" / "python"), "-I", "-m", "pip", "install"]
        quiet = ["--no-input", "--disable-pip-version-check", "--no-compile"]
        install = [[*make, str(installer)], [*pip, *quiet, "--prefix", str(place), *wheels]]
        return [[*make, "--without-pip", str(place)], *([] if is_empty else install)]
    quiet = ["--quiet", "--no-project", "--python"]
    made = [uv, "venv", *quiet, sys.executable, str(place)]
    # It asks that Python what it is beforehand, and does not start it again.
    install = [[uv, "pip", "install", "--quiet", "--no-compile-bytecode", "--python", str(place), *wheels]]
    return [made, *([] if is_empty else install)]


def _compiling(place: Path) -> list[str]:
    """Return the command that compiles what is in an environment, and executes nothing of it."""
    return [sys.executable, "-I", "-S", "-m", "compileall", "-q", str(place / "lib")]


def _run(command: list[str], folder: Path, lock: int, stopping: Callable[[], str | None]) -> tuple[int, str]:
    """Run an installer to its end; return its exit code and the last of what it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_HIDDEN)}
    late = f"Building the environment took longer than {_SECONDS} seconds."
    until = until_late(stopping, _SECONDS, late)
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(lock,),
        )
        try:
            while process.poll() is None:
                if reason := until():
                    raise JobError(reason)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_TICK)
        finally:
            process.kill()
            process.wait()
        output.seek(0)
        return process.returncode, output.read().decode("utf-8", "replace").strip()[-_TOLD:]
