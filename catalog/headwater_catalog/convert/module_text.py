"""The text of the module of features that a script becomes."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from headwater_catalog.convert.rendering import Rendering, docstring, helper_pieces
from headwater_catalog.convert.source import IN_TEXT, Edit, Source
from headwater_catalog.convert.values import Ref, Value, closed, quoted, refs_of

__all__ = ["definition_text", "module_text"]

_FROM_HEADWATER = ("config", "extract_columns", "unpack_fields")


def module_text(
    script: str,
    source: Source,
    values: Sequence[Value],
    names: Mapping[Value, str],
    fixed: Mapping[str, Value],
    always: Sequence[Value] = (),
) -> str:
    """Return the text of the module.

    Args:
        script: The file name of the script.
        source: The script.
        values: The values that it makes, upstream before downstream.
        names: Their names.
        fixed: What the script's names of constants, functions and imports stand for.
        always: Constants and functions that the driver takes from the module.
    """
    rendering = Rendering(names)
    features = [_feature(rendering, value, script) for value in values if value.made == "node"]
    features += [_accessor(rendering, value, script) for value in values if _is_accessed(value, names)]
    taken = [
        _taken(rendering, value, script)
        for value in values
        if value.made == "left" and _extracted(value, values, names)
    ]
    definitions = _definitions(rendering, source, values, fixed, always)
    imports = _imports(rendering, values, "\n".join([*definitions, *taken, *features]))
    parts = [docstring(f"Features converted from {script}."), imports, *definitions]
    return (
        "\n\n".join(parts) + "\n\n\n" + "\n\n".join([*taken, *_in_order(rendering, values, features, script)])
    )


def _in_order(
    rendering: Rendering, values: Sequence[Value], features: Sequence[str], script: str
) -> list[str]:
    """Return the features with upstream ones above those that need them."""
    made = [value for value in values if value.made == "node"]
    taken = [value for value in values if _is_accessed(value, rendering.names)]
    by_value = dict(zip([*made, *taken], features, strict=True))
    return [by_value[value] for value in values if by_value.get(value)]


def _feature(rendering: Rendering, value: Value, script: str) -> str:
    if value.part_of is not None:
        return ""  # its tuple is unpacked into it
    name, above = rendering.names[value], []
    if extracted := _names_taken(value, rendering.names):
        rendering.imports.add("extract_columns")
        above.append(f"@extract_columns({', '.join(map(quoted, extracted))})")
    if value.parts and all(rendering.names[part] for part in value.parts):
        rendering.imports.add("unpack_fields")
        above.append(f"@unpack_fields({', '.join(quoted(rendering.names[part]) for part in value.parts)})")
    doc = _doc(value, script)
    if not value.variants:
        return rendering.function(name, value, value.body, above, doc)
    rendering.imports.add("config")
    made = []
    for variant in value.variants:
        condition = "@" + rendering.text(variant.condition)
        head = f"{name}__{variant.suffix}"
        made.append(rendering.function(head, value, variant.body, [condition, *above], doc))
    return "\n\n".join(made)


def _accessor(rendering: Rendering, value: Value, script: str) -> str:
    assert value.base is not None
    body = ("return ", Ref(value.base), f"[{quoted(value.label)}]")
    doc = f"Give column '{value.label}' of {value.frame} as it is ({script}:{value.line})."
    return rendering.function(rendering.names[value], value, body, (), doc)


def _names_taken(value: Value, names: Mapping[Value, str]) -> list[str]:
    return [each.label for each in value.columns.values() if each in names and not _is_accessed(each, names)]


def _is_accessed(value: Value, names: Mapping[Value, str]) -> bool:
    """Tell whether a column is taken from its table by a function of its own."""
    if value.made != "column" or value.base is None:
        return False
    return names[value] != value.label or value.is_apart or value.base.part_of is not None


def _extracted(value: Value, values: Sequence[Value], names: Mapping[Value, str]) -> bool:
    return bool(_names_taken(value, names))


def _taken(rendering: Rendering, value: Value, script: str) -> str:
    """Return the function that takes the columns of an input apart."""
    rendering.imports.add("extract_columns")
    listed = ", ".join(map(quoted, _names_taken(value, rendering.names)))
    name = _free(f"{rendering.names[value]}_columns", rendering)
    doc = f"Give the columns of {value.label} that features need ({script}:{value.line})."
    return rendering.function(name, value, ("return ", Ref(value)), [f"@extract_columns({listed})"], doc)


def _free(name: str, rendering: Rendering) -> str:
    taken = set(rendering.names.values())
    while name in taken:
        name += "_"
    return name


def _doc(value: Value, script: str) -> str:
    said = value.doc.strip().rstrip(".")
    place = f"({script}:{value.line})"
    if said:
        return f"{said[0].upper()}{said[1:]} {place}."
    what = (
        f"'{value.label}' of {value.frame}" if value.shape == "column" and value.frame else f"'{value.label}'"
    )
    return f"TODO: say what {what} means {place}."


def _definitions(
    rendering: Rendering,
    source: Source,
    values: Sequence[Value],
    fixed: Mapping[str, Value],
    always: Sequence[Value],
) -> list[str]:
    """Return the constants, functions and classes that features use, as they stand in the script."""
    wanted = {*rendering.used, *always}
    rendered: dict[Value, str] = {}
    while left := [v for v in wanted if v.made in ("constant", "helper") and v not in rendered]:
        for value in left:
            rendered[value] = definition_text(rendering, source, value, fixed)
        wanted |= rendering.used
    ordered = sorted(rendered, key=lambda value: value.line)
    early = [value for value in ordered if value.made == "constant" and not _is_late(value)]
    others = ["\n" + rendered[value] for value in ordered if value not in early]
    return (["\n".join(rendered[value] for value in early)] if early else []) + others


def _is_late(constant: Value) -> bool:
    """Tell whether a constant is made of functions, which stand above it then."""
    needed = [ref.value for ref in refs_of(constant.body)]
    return any(each.made == "helper" or (each.made == "constant" and _is_late(each)) for each in needed)


def definition_text(rendering: Rendering, source: Source, value: Value, fixed: Mapping[str, Value]) -> str:
    """Return the text of a constant, a function or a class.

    Where nothing is fixed, it stands beside the variables that it reads; else it is given them.
    """
    name = rendering.names[value]
    if value.made == "constant":
        said = f"  # {value.doc}" if value.doc else ""
        return f"{name} = {rendering.text(value.body)}{said}".replace(IN_TEXT, "\n")
    statement = value.statement
    assert isinstance(statement, (ast.FunctionDef, ast.ClassDef))
    decorators = [source.start(each) - 1 for each in statement.decorator_list]
    start = min([source.start(statement), *decorators])
    begin = re.compile(rf"\b(?:def|class)\s+({re.escape(statement.name)})\b").search(
        source.text, source.start(statement)
    )
    assert begin is not None
    edits: list[Edit] = [
        (source.start(node), source.end(node), closed(held, {name: name for name in held.closes_over or ()}))
        for node, held in helper_pieces(statement, fixed)
        if isinstance(node, ast.expr)
    ]
    if fixed and value.closes_over:
        edits.append(_further_parameters(source, statement, value.closes_over, begin.end()))
    edits.append((begin.start(1), begin.end(1), (name,)))
    pieces = source.pieces(start, source.end(statement), edits, statement.col_offset)
    return rendering.text(pieces).replace(IN_TEXT, "\n")


def _further_parameters(source: Source, statement: ast.stmt, names: Sequence[str], begin: int) -> Edit:
    """Return the parameters of a function for the variables of the script that it reads."""
    assert isinstance(statement, ast.FunctionDef)
    given = statement.args
    own = [*given.posonlyargs, *given.args, *given.kwonlyargs, *([given.vararg] if given.vararg else [])]
    parts: list[ast.arg | ast.expr] = [*own, *given.defaults, *filter(None, given.kw_defaults)]
    listed = ", ".join(names)
    if not parts:
        end = source.text.index("(", begin) + 1
        return end, end, (f"*, {listed}",)
    end = max(source.offset(part.end_lineno or 0, part.end_col_offset or 0) for part in parts)
    return end, end, (f", {listed}" if given.vararg or given.kwonlyargs else f", *, {listed}",)


def _imports(rendering: Rendering, values: Sequence[Value], text: str) -> str:
    lines: dict[str, None] = {}
    lines.update((f"import {name}", None) for name in ("copy", "functools") if name in rendering.imports)
    if "Any" in rendering.imports:
        lines["from typing import Any"] = None
    if re.search(r"\bpd\.", text):
        lines["import pandas as pd"] = None
    for value in sorted((v for v in rendering.used if v.made == "import"), key=lambda v: v.line):
        lines[str(value.body[0])] = None
    if named := [name for name in _FROM_HEADWATER if name in rendering.imports]:
        lines[f"from headwater import {', '.join(named)}"] = None
    future = [line for line in lines if line.startswith("from __future__")]
    return "\n".join([*future, *(line for line in lines if line not in future)])
