"""The dataflow by which a catalog executes what a script became, as lines of a project file."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final

from headwater_catalog.convert.values import NO_LITERAL, Frame, Leftover, Value

__all__ = ["FileRead", "ScriptFlow", "flow_of", "project_text"]

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_FORMATS: Final = {
    "read_csv": ("csv", (".csv",)),
    "read_parquet": ("parquet", (".parquet", ".pq")),
    "read_feather": ("arrow", (".feather", ".arrow")),
}
"""What reads files as sources are read, with the endings that say so by themselves."""
_ELSEWHERE: Final = re.compile(r"~|[A-Za-z][A-Za-z0-9+.-]*:(?=/)|[A-Za-z0-9+.-]+::")
"""How pandas is told of a file at an address, or in somebody's own folder."""
_PACKED: Final = frozenset({".bz2", ".gz", ".tar", ".tgz", ".xz", ".zip", ".zst"})
"""Endings of files that pandas unpacks as it reads them, and sources do not."""


@dataclass(frozen=True, slots=True)
class FileRead:
    """A table that the script reads from a file, in a way that a source of a dataflow is read, too.

    Attributes:
        path: The file, as the script names it.
        dates: Columns that hold dates.
        format: The format; empty where the ending of the file says it.
    """

    path: str
    dates: tuple[str, ...]
    format: str


@dataclass(frozen=True, slots=True)
class ScriptFlow:
    """What a dataflow of the features of a script declares.

    Attributes:
        name: Its name.
        module: The module of the features.
        outputs: What its dataset is made of.
        config: The configuration that is written out in the script.
        sources: The inputs that are files, by name.
        others: The configuration and the inputs that each run is given, by name: the line where the script
            makes them, and whether they are configuration.
    """

    name: str
    module: str
    outputs: tuple[str, ...]
    config: Mapping[str, Any]
    sources: Mapping[str, FileRead]
    others: Mapping[str, tuple[int, bool]]


def flow_of(
    name: str,
    module: str,
    names: Mapping[Value, str],
    inputs: Iterable[Value],
    settings: Iterable[Value],
    leftovers: Iterable[Leftover],
    outputs: Iterable[Value],
) -> ScriptFlow:
    """Return the dataflow of what a script became.

    Args:
        name: What it is to be called.
        module: The module of the features.
        names: The names of values.
        inputs: What features read that is made before them.
        settings: The entries of the configuration.
        leftovers: The statements that stay in the driver script.
        outputs: What the dataset is made of.
    """
    made_by = {value: left for left in leftovers for value in left.binds.values()}
    reads = {value: _file_read(made_by[value]) for value in inputs if value in made_by}
    known = {value: _plain(value.literal) for value in settings}
    return ScriptFlow(
        name=name,
        module=module,
        outputs=tuple(names[value] for value in outputs),
        config={names[value]: literal for value, literal in known.items() if literal is not NO_LITERAL},
        sources={names[value]: read for value, read in reads.items() if read is not None},
        others={
            **{names[value]: (value.line, True) for value, literal in known.items() if literal is NO_LITERAL},
            **{names[value]: (value.line, False) for value in inputs if reads.get(value) is None},
        },
    )


def _plain(literal: Any) -> Any:
    """Return what a project file can hold; `NO_LITERAL` for all else."""
    if isinstance(literal, (list, tuple)):
        parts = [_plain(each) for each in literal]
        return NO_LITERAL if any(part is NO_LITERAL for part in parts) else parts
    if isinstance(literal, str):
        return literal if _is_text(literal) else NO_LITERAL
    return literal if isinstance(literal, (bool, int, float)) else NO_LITERAL


def _is_text(value: str) -> bool:
    """Tell whether a text can be written down: in Python some hold bytes of file names that are no text."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _file_read(left: Leftover) -> FileRead | None:
    statement = ast.parse(left.text).body[0] if left.text else left.statement
    match statement:
        case ast.Assign(
            targets=[ast.Name()],
            value=ast.Call(
                func=ast.Attribute(value=ast.Name(id="pd" | "pandas"), attr=function),
                args=[given],
                keywords=keywords,
            ),
        ) if function in _FORMATS and (path := _path(given, left.reads)) and not _ELSEWHERE.match(path):
            format_, endings = _FORMATS[function]
            dates, ending = _dates(keywords), PurePath(path).suffix.lower()
            if dates is None or ending in _PACKED or not _is_text(path):
                return None
            return FileRead(path, dates, "" if ending in endings else format_)
    return None


def _path(given: ast.expr, reads: Mapping[str, Frame | Value]) -> str:
    """Return the file that a call is given as a text, or by the name of one that is written out."""
    held = reads.get(given.id) if isinstance(given, ast.Name) else None
    told = held.literal if isinstance(held, Value) else getattr(given, "value", None)
    return told if isinstance(told, str) else ""


def _dates(keywords: Sequence[ast.keyword]) -> tuple[str, ...] | None:
    """Return the columns that are read as dates; None where a file is read in other ways, too."""
    match keywords:
        case []:
            return ()
        case [ast.keyword(arg="parse_dates", value=ast.List(elts=elements))]:
            found = [each.value for each in elements if isinstance(each, ast.Constant)]
            texts = tuple(each for each in found if isinstance(each, str) and _is_text(each))
            return texts if len(texts) == len(elements) else None
    return None


def project_text(flow: ScriptFlow, target: Path, data: Path) -> str:
    """Return the lines of a project file that declare a dataflow.

    Args:
        flow: The dataflow.
        target: The folder of the module.
        data: The folder in which the script finds its files.
    """
    root = _root(target)
    table = f"[tool.headwater.dataflows.{_key(flow.name)}"
    lines = [f"{table}]", f"modules = [{_toml(_imported(root, target, flow.module))}]"]
    lines.append(f"outputs = {_toml(list(flow.outputs))}")
    if flow.config:
        entries = (f"{_key(name)} = {_toml(value)}" for name, value in flow.config.items())
        lines.append(f"config = {{ {', '.join(entries)} }}")
    others = dict(flow.others)
    sources = []
    for name, read in flow.sources.items():
        path = os.path.relpath(data.resolve() / read.path, root)
        if path.startswith(os.pardir) or not _is_text(path):  # sources are files of the repository, by name
            others[name] = (0, False)
            continue
        said = {"path": PurePath(path).as_posix(), "dates": list(read.dates), "format": read.format}
        inner = ", ".join(f"{key} = {_toml(value)}" for key, value in said.items() if value)
        sources.append(f"{_key(name)} = {{ {inner} }}")
    if sources:
        lines += [f"{table}.sources]", *sources]
    for name, (line, is_config) in others.items():
        option = f"--config {name}=VALUE" if is_config else f"--input {name}=FILE or --input {name}=VALUE"
        lines.append(f"# Each run is given '{name}'{f' (line {line})' if line else ''}: {option}")
    return "\n".join(lines) + "\n"


def _root(folder: Path) -> Path:
    """Return the top folder of the repository that a folder is in; without one, the folder worked in."""
    found = folder.resolve()
    for each in (found, *found.parents):
        if (each / ".git").exists():
            return each
    here = Path.cwd()
    return here if found.is_relative_to(here) else found


def _imported(root: Path, folder: Path, module: str) -> str:
    """Return what the catalog calls a module of a folder: it is imported from a source root."""
    from headwater_catalog.read import PROJECT_FILES, Content, modules_of, read_project

    path = (folder.resolve() / f"{module}.py").relative_to(root).as_posix()
    files = [path, *(each for each in ("src/__init__.py",) if (root / each).is_file())]
    told = (root / name for name in PROJECT_FILES)
    project = read_project(*(file.read_bytes() if file.is_file() else None for file in told))
    found, _ = modules_of(dict.fromkeys(files, Content(b"")), project.source_roots)
    return next((each.name for each in found.values() if each.path == path), module)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _toml(name)


def _toml(value: Any) -> str:
    """Write a value as TOML, which has JSON's texts, lists, whole numbers and words of truth."""
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
