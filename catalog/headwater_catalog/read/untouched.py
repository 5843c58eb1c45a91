"""Which functions of a module say what they said before, though something else in it has changed."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

from headwater_catalog.read.bindings import Class, Constant, Import
from headwater_catalog.read.functions import RawFunction
from headwater_catalog.read.modules import Module
from headwater_catalog.read.parse import ParsedModule
from headwater_catalog.read.syntax import walk

__all__ = ["names_around", "takes_itself_in", "untouched"]


def untouched(before: ParsedModule, now: ParsedModule) -> frozenset[str]:
    """Return the names of the functions that say the same, as far as that hangs on their module alone.

    Their text is the same, and so is what every name in their decorators, annotations and defaults stands
    for. What other modules say, and functions that work on others, are for the caller to look at.

    Args:
        before: What the file said.
        now: What it says.
    """
    if before.stars != now.stars:
        return frozenset()
    known, functions = _functions(before), _functions(now)
    changed = {
        name for name in known.keys() | functions.keys() if _said(known, name) != _said(functions, name)
    }
    if before.meaning != now.meaning:
        names = before.bindings.keys() | now.bindings.keys()
        changed |= {name for name in names if before.bindings.get(name) != now.bindings.get(name)}
    texts = {n: bound.source for n, bound in now.bindings.items() if isinstance(bound, (Class, Constant))}
    new = changed
    while new:
        new = {name for name, text in texts.items() if name not in changed and _has(text, new)}
        new |= {
            n for n, raw in functions.items() if n not in changed and n not in new and _takes(raw, changed)
        }
        changed = changed | new
    return frozenset(raw.name for raw in now.functions if raw.name not in changed)


def takes_itself_in(module: Module) -> bool:
    """Tell whether a module may import itself, and so take in all of its functions at once."""
    own, top = module.name.split("."), module.name.partition(".")[0]
    imports = (bound for bound in module.parsed.bindings.values() if isinstance(bound, Import))
    if any((bound.name or bound.module.rpartition(".")[2]) in own for bound in imports):
        return True
    return any(level or source.partition(".")[0] == top for source, level in module.parsed.stars)


def _functions(module: ParsedModule) -> dict[str, RawFunction]:
    return {raw.name: raw for raw in (*module.functions, *module.helpers)}


def _said(functions: dict[str, RawFunction], name: str) -> object:
    """Return all that a function says by itself, but where it stands."""
    raw = functions.get(name)
    if raw is None:
        return None
    earlier = [each.source for each in raw.earlier]
    return raw.source, raw.comment, raw.unread, bool(raw.replaced), earlier


def _has(text: str, names: Collection[str]) -> bool:
    # Beyond ASCII one name may be written in several ways.
    return not text.isascii() or any(n in text and re.search(rf"\b{re.escape(n)}\b", text) for n in names)


def _takes(raw: RawFunction, names: Collection[str]) -> bool:
    """Tell whether any of some names may stand in what surrounds the body of a function."""
    if not raw.source.isascii():
        return True
    near = {name for name in names if name in raw.source}
    return bool(near) and any(_has(text, near) for text in names_around(raw))


def names_around(raw: RawFunction) -> Iterator[str]:
    """Yield the names and texts in what surrounds the body of a function, but the names of parameters."""
    parts = [raw.returns, *raw.decorators]
    for parameter in raw.parameters:
        parts += [parameter.annotation, parameter.default]
    for node in (node for part in parts if part is not None for node in walk(part)):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
