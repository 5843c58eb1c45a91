"""The names of features: each value of a script gets one, the last version of each that of the script."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from itertools import count

from headwater_catalog.convert.values import Value

__all__ = ["RESERVED", "built_in", "names_of", "word"]

RESERVED = frozenset(
    """Any changed config copy extract_columns functools name pd tuple unpack_fields""".split()  # noqa: SIM905
)
"""Names that the text of a module of features uses itself, or that modifiers keep to themselves."""

_FIRST = {"setting": 0, "constant": 1, "helper": 1}


def names_of(values: Iterable[Value], taken: Collection[str]) -> dict[Value, str]:
    """Return a name for each value.

    Args:
        values: The values, upstream before downstream.
        taken: Names that none of them may have, beside `RESERVED`.
    """
    given = list(values)
    names = {value: value.label for value in given if value.made == "import"}
    ordered = [value for value in given if value.made != "import"]
    groups: dict[tuple[str, str, str], list[Value]] = {}
    for value in ordered:
        groups.setdefault(_group(value), []).append(value)
    mains = {id(_main(group)) for group in groups.values()}
    used = {*taken, *RESERVED}
    for value in sorted(ordered, key=lambda value: (id(value) not in mains, _rank(value))):
        candidates = _candidates(value, groups[_group(value)], id(value) in mains)
        names[value] = next(name for name in candidates if name not in used)
        used.add(names[value])
    return names


def _group(value: Value) -> tuple[str, str, str]:
    if value.shape == "column" and value.frame:
        return "column", value.frame, value.label
    return "variable", "", value.label


def _main(group: list[Value]) -> Value:
    """Return the version that has the plain name: the last one that is computed, if any is."""
    computed = [value for value in group if value.made != "column"]
    return (computed or group)[-1]


def _rank(value: Value) -> int:
    if value.made in _FIRST:
        return _FIRST[value.made]
    if value.shape == "table":
        return 2
    if value.made == "column":
        return 5
    return 3 if value.frame else 4


def _candidates(value: Value, group: list[Value], is_main: bool) -> Iterator[str]:
    label = word(value.label)
    if value.made == "helper":
        label = f"_{value.label}" if _is_function(value) and not value.label.startswith("_") else value.label
    elif value.made == "constant":
        label = value.label
    framed = f"{word(value.frame)}_{label}" if value.frame and value.shape == "column" else f"{label}_value"
    place = group.index(value)
    if is_main:
        yield from (label, framed)
    elif place == 0 and value.made in ("column", "left"):
        yield from (f"{label}_raw", f"{framed}_raw")
    yield from (f"{label}_{number}" for number in count(max(place, 1) if not is_main else 2))


def _is_function(value: Value) -> bool:
    return type(value.statement).__name__ == "FunctionDef"


def word(text: str) -> str:
    """Return a text as the name of a feature: no signs that a name may not have, no double underscores."""
    plain = unicodedata.normalize("NFKC", text)
    plain = re.sub(r"_+", "_", re.sub(r"\W+", "_", plain)).strip("_")
    if not plain or not plain[0].isidentifier():
        plain = f"column_{plain}".rstrip("_")
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def built_in(words: Iterable[str]) -> set[str]:
    """Return the words that are names of Python itself."""
    return {each for each in words if hasattr(builtins, each)}
