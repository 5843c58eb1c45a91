"""What holds the project's own files together: make's targets, the locks, the rooms."""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
ORCHESTRATORS = ("airflow", "dagster", "prefect")
LOCKS = (
    *(
        "requirements.txt",
        "requirements-dev.txt",
        "tests/environments/peer.txt",
        "tests/environments/scale.txt",
    ),
    *(f"tests/environments/{each}.txt" for each in ORCHESTRATORS),
)
CLUSTERS = ("dask", "delta", "iceberg", "ray", "spark")
"""Extras that only the slow tests have, in an environment of their own."""
ROOMS = ("engine", "catalog", "web", "migrations")


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def pinned(lock: str) -> dict[str, set[str]]:
    """Return the versions that a lock holds of each package: several where they depend on the Python."""
    versions: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^ ]+)", (ROOT / lock).read_text(), re.MULTILINE):
        versions.setdefault(canonicalize_name(name), set()).add(version)
    return versions


def unmet(requirements: list[str], lock: str) -> list[str]:
    """Return the requirements that a lock leaves out or pins to a version they forbid."""
    pins = pinned(lock)
    return [
        text
        for text in requirements
        if not (versions := pins.get(canonicalize_name(Requirement(text).name)))
        or not all(Requirement(text).specifier.contains(version) for version in versions)
    ]


def test_make_help_lists_every_target_with_one_line() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert phony is not None
    listed = re.findall(r"^  make ([a-z-]+) +\S", shown, re.MULTILINE)
    assert sorted(listed) == sorted(phony[1].split())


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_host_and_no_path(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()

    options = [line for line in lines if line.startswith("-")]
    addresses = [line for line in lines if "/" in line or "@" in line]
    assert not options + addresses


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_and_hashes_everything(lock: str) -> None:
    entries = re.sub(r"\n ", " ", (ROOT / lock).read_text()).splitlines()

    assert entries
    assert all(re.match(r"[\w.-]+==[^ ]+ .*--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)


def test_runtime_lock_holds_what_headwater_and_its_build_need(pyproject: dict[str, Any]) -> None:
    needed = [
        *pyproject["project"]["dependencies"],
        *pyproject["build-system"]["requires"],
        *pyproject["dependency-groups"]["build"],
    ]

    assert unmet(needed, "requirements.txt") == []


def test_test_lock_holds_the_extras_and_the_tools_too(pyproject: dict[str, Any]) -> None:
    extras = pyproject["project"]["optional-dependencies"]
    small = [text for name, extra in extras.items() if name not in CLUSTERS for text in extra]
    every = [text for extra in extras.values() for text in extra]
    tools = pyproject["dependency-groups"]["dev"]

    assert unmet([*tools, *small], "requirements-dev.txt") == []
    assert unmet([*tools, *every], "tests/environments/scale.txt") == []


@pytest.mark.parametrize("name", [*ORCHESTRATORS, "koalas"])
def test_locks_of_environments_apart_hold_what_they_are_for(pyproject: dict[str, Any], name: str) -> None:
    assert unmet(pyproject["dependency-groups"][name], f"tests/environments/{name}.txt") == []


def test_tests_run_on_the_versions_that_users_install() -> None:
    assert pinned("requirements.txt").items() <= pinned("requirements-dev.txt").items()
    assert pinned("requirements-dev.txt").items() <= pinned("tests/environments/scale.txt").items()


def test_ci_runs_the_tests_and_then_the_slow_ones() -> None:
    script = ROOT / ".ci" / "run"
    commands = [line for line in script.read_text().splitlines() if line.startswith("make ")]

    assert os.access(script, os.X_OK)
    assert commands == ["make test", "make test-slow"]


def test_every_room_is_shipped_typed_and_held_to_the_import_rules(pyproject: dict[str, Any]) -> None:
    tool = pyproject["tool"]
    rooms = {str(file.parent.relative_to(ROOT)) for room in ROOMS for file in ROOT.glob(f"{room}/*/py.typed")}
    packages = {Path(room).name for room in rooms}

    assert {Path(room).parent.name for room in rooms} == set(ROOMS)
    assert set(tool["hatch"]["build"]["targets"]["wheel"]["packages"]) == rooms
    assert set(tool["mypy"]["packages"]) == packages
    assert set(tool["importlinter"]["root_packages"]) == packages
