"""What the manual shows runs as it says, and what can be listed is in it.

A `python` block of a page is a file, whose first line says its name. The `pycon` blocks of a page are typed
one after the other in a folder with these files. Files of tests are run by pytest.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from headwater import errors, modifiers
from headwater.builder import Builder
from headwater.caching import CachingBehavior
from headwater.compat import ALIASES
from headwater.driver import Driver
from headwater.materialize.registry import LOADER_REGISTRY, SAVER_REGISTRY
from headwater.types import Type
from headwater.validators import VALIDATORS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
MANUAL = ROOT / "docs" / "engine.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w/]+\.py)\n")

NOT_FOR_FEATURES = {
    "DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG",
    "IS_DATA_VALIDATOR_TAG",
    "InvalidDecoratorException",
    "LiteralDependency",
    "PUBLIC_MODULES",
    "UNPACKED",
    "UpstreamDependency",
    "static",
    "static_value",
}
"""Names of `headwater.modifiers` that feature code has no use for, or has under another name."""


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(page.read_text()) if kind == language]


def write_files(page: Path, folder: Path) -> list[Path]:
    """Write the files that a page shows, and return their paths."""
    paths = []
    for text in blocks(page, "python"):
        named = FILE.match(text)
        assert named is not None, f"This block does not say which file it is:\n{text}"
        path = folder / named[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        paths.append(path)
    return paths


def run(folder: Path, *arguments: str) -> None:
    """Run Python in a folder, with warnings as errors."""
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(folder)}
    command = [sys.executable, "-W", "error", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def public(class_: type) -> list[str]:
    return [name for name in dir(class_) if not name.startswith("_")]


def untold(names: list[str] | set[str]) -> list[str]:
    """Return the names that the manual does not have in code quotes."""
    quoted = " ".join(re.findall(r"`[^`\n]+`", MANUAL.read_text()))
    return [name for name in sorted(names) if not re.search(rf"\b{name}\b", quoted)]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "pycon")], ids=lambda page: str(page.relative_to(ROOT))
)
def test_examples_of_a_page_answer_as_shown(page: Path, tmp_path: Path) -> None:
    write_files(page, tmp_path)
    examples = tmp_path / "examples.txt"
    examples.write_text("\n".join(blocks(page, "pycon")))

    run(tmp_path, "-m", "doctest", "-o", "ELLIPSIS", "-o", "NORMALIZE_WHITESPACE", examples.name)


def test_tests_of_the_manual_pass(tmp_path: Path) -> None:
    tests = [path.name for path in write_files(MANUAL, tmp_path) if path.name.startswith("test_")]

    assert tests
    plugin = ("-p", "headwater.pytest_plugin", "-o", "headwater_modules=shop")
    run(tmp_path, "-m", "pytest", "-p", "no:cacheprovider", *plugin, *tests)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]

    assert [link for link in links if not leads_somewhere(page, link)] == []


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    if not target.exists():
        return False
    headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE) if anchor else []
    return not anchor or anchor in [heading.lower().replace(" ", "-") for heading in headings]


def test_every_modifier_is_in_the_manual() -> None:
    assert untold(set(modifiers.__all__) - NOT_FOR_FEATURES) == []


def test_every_check_is_in_the_manual() -> None:
    assert untold([check.arg() for check in VALIDATORS]) == []


def test_every_question_to_a_driver_is_in_the_manual() -> None:
    assert untold([*public(Driver), *public(Builder)]) == []


def test_every_format_is_in_the_manual() -> None:
    assert untold(LOADER_REGISTRY.keys() | SAVER_REGISTRY.keys()) == []


LIBRARIES = {
    "values of Python": ("dict", "list", "str", "bytes"),
    "numpy": ("numpy.ndarray",),
    "pandas": ("pandas.DataFrame",),
    "polars": ("polars.DataFrame",),
    "polars, lazy": ("polars.LazyFrame",),
    "Arrow": ("pyarrow.Table",),
}
"""The columns of the manual's table of formats, and the types that are meant."""


def test_table_of_formats_says_what_is_registered() -> None:
    head, _, *lines = re.findall(
        r"^\|.*\|$", MANUAL.read_text().split("what each format can do:")[1], re.MULTILINE
    )
    told = {}
    for line in lines:
        key, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        if re.fullmatch(r"`\w+`", key) and len(cells) == len(LIBRARIES):
            told |= {(key.strip("`"), library): cell for library, cell in zip(LIBRARIES, cells, strict=True)}

    assert [cell.strip() for cell in head.strip("|").split("|")] == ["format", *LIBRARIES]
    assert told == {
        (key, library): ", ".join(
            way for way, registry in WAYS.items() if is_for(registry.get(key, ()), library)
        )
        for key in LOADER_REGISTRY.keys() | SAVER_REGISTRY.keys()
        for library in LIBRARIES
    }


WAYS: dict[str, Any] = {"load": LOADER_REGISTRY, "save": SAVER_REGISTRY}


def is_for(adapters: Iterable[Any], library: str) -> bool:
    return any(
        adapter.fits(Type(name)) or adapter.takes_anything()
        for adapter in adapters
        for name in LIBRARIES[library]
    )


def test_every_behavior_of_the_cache_is_in_the_manual() -> None:
    assert untold([behavior.name.lower() for behavior in CachingBehavior]) == []


def test_every_error_is_in_the_manual() -> None:
    assert untold([name for name in errors.__all__ if name[0].isupper()]) == []


def test_plug_ins_are_where_the_manual_says_they_are() -> None:
    there, not_there = MANUAL.read_text().split("## What is not there")
    answered = {
        name.rpartition(".")[2] for name in ALIASES if re.fullmatch(r"hamilton\.plugins\.h_\w+", name)
    }
    told = set(re.findall(r"\bh_\w+", there.split("## Hamilton code")[1]))
    absent = set(re.findall(r"\bh_\w+", not_there))

    assert told == answered
    assert absent & answered == set()
