"""The texts of a module's constants, as far as SQL in its functions is made of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Final

from headwater_catalog.logical.code_sql import constants_in_sql, may_have_sql
from headwater_catalog.logical.code_texts import Texts
from headwater_catalog.read import ParsedModule
from headwater_catalog.read.bindings import Constant
from headwater_catalog.storable import clean

__all__ = ["ConstantTexts", "constant_texts"]

ConstantTexts = Mapping[str, Sequence[str]]
"""The texts that constants may be, by their names."""

_MOST: Final = 100_000  # characters for one module
_WITH_SECRET: Final = re.compile(r"://[^\s/@]*@")  # addresses that tell who asks, and the password
_NAME: Final = re.compile(r"[^\W\d]\w*")


def constant_texts(parsed: ParsedModule) -> ConstantTexts:
    """Return the texts that constants of a module may be of which its features make SQL.

    What other modules set is none of them, and neither is what is set twice or changed: that is known only
    once the code runs. Of very long texts those are left out that come last.
    """
    sources = [raw.source for raw in parsed.functions if may_have_sql(raw.source)]
    bound = {n: each.expression for n, each in parsed.bindings.items() if isinstance(each, Constant)}
    if not sources or not bound:
        return {}
    texts = _texts(bound)
    named = {name for source in sources for name in _NAME.findall(source)} & bound.keys()
    known = {name: _may_be(name, texts) for name in sorted(named)}
    known = {
        name: may_be
        for name, may_be in known.items()
        if any(may_be) and not any(map(_WITH_SECRET.search, may_be))
    }
    used = {name for source in sources for name in constants_in_sql(source, known)}
    found: dict[str, list[str]] = {}
    left = _MOST
    for name in sorted(used):
        left -= sum(map(len, known[name]))
        if left >= 0:
            found[name] = known[name]
    return found


def _may_be(name: str, texts: Texts) -> list[str]:
    try:
        return [clean(text) for text in texts.of(ast.Name(name, ast.Load()))]
    except RecursionError:
        return [""]


def _texts(bound: Mapping[str, ast.expr]) -> Texts:
    made = [
        ast.Assign([ast.Name(name, ast.Store())], value, lineno=0, col_offset=0)
        for name, value in bound.items()
    ]
    return Texts(ast.Module([*made], []))
