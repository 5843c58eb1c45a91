"""Any script of column assignments gives the same once it is converted."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from headwater_catalog.convert import convert_script
from headwater_catalog.tree_snapshots import read_folder
from support.converted import run_both

_DATA = "key,a,b,c\n" + "".join(
    f"{'xyz'[row % 3]},{row % 5},{row * 1.5 if row % 4 else ''},{row - 6}\n" for row in range(14)
)
_FRAMES = ("df", "other")
_NUMBERS = ("a", "b", "c")
_NEW = ("a", "b", "d", "e", "x y", "class", "index", "sum")


@st.composite
def _column(draw: st.DrawFn, frame: str, known: list[str]) -> str:
    name = draw(st.sampled_from(known))
    plain = name.isidentifier() and name not in ("class", "index", "sum")
    return f"{frame}.{name}" if plain and draw(st.booleans()) else f"{frame}[{name!r}]"


@st.composite
def _expression(draw: st.DrawFn, frame: str, known: list[str], depth: int = 2) -> str:
    column = draw(_column(frame, known))
    if depth == 0:
        return draw(st.sampled_from([column, "2", "scale", "-1.5"]))
    inner = draw(_expression(frame, known, depth - 1))
    other = draw(_expression(frame, known, depth - 1))
    forms = [
        column,
        f"{inner} + {other}",
        f"({inner}\n    # in between\n    * {other})",
        f"{column}.fillna(0) - {other}",
        f"{column}.rolling(3).mean() + {inner}",
        f"np.where({column} > 2, {inner}, {other})",
        f"np.abs({column})",
        f"{column}.apply(lambda a: a + 1)",
        f"{frame}.groupby('key')[{draw(st.sampled_from(known))!r}].transform('sum')",
        f"{column}.sum()",
        f"{column} / len({frame})",
        f"add({column}, {other})",
        f"{frame}[['a', {draw(st.sampled_from(known[1:]))!r}]].sum(axis=1)",
        f"{frame}.index + 1",
        f"[each for each in {column}]",
        f"{column}.sort_values()",
        f"{column}.values",
    ]
    return draw(st.sampled_from(forms))


@st.composite
def _scripts(draw: st.DrawFn) -> str:
    lines = [
        "import numpy as np",
        "import pandas as pd",
        "scale = 3",
        "settings = {'region': 'uk', 'big': True}",
        "def add(one, two):",
        "    return one + two",
        "df = pd.read_csv('data.csv')",
        "other = pd.read_csv('data.csv')",
    ]
    known = {frame: list(_NUMBERS) for frame in _FRAMES}
    for number in range(draw(st.integers(1, 9))):
        frame = draw(st.sampled_from(_FRAMES))
        names = known[frame]
        new = draw(st.sampled_from(_NEW))
        value = draw(_expression(frame, names))
        kind = draw(
            st.sampled_from(
                (
                    "set",
                    "set",
                    "set",
                    "loc",
                    "add",
                    "del",
                    "filter",
                    "rows",
                    "assign",
                    "if",
                    "copy",
                    "var",
                    "loop",
                    "sort",
                    "both",
                    "read",
                    "left",
                )
            )
        )
        if kind == "set":
            lines += [f"# about {new}", f"{frame}[{new!r}] = {value}"]
        elif kind == "loc":
            lines.append(
                f"{frame}.loc[:, {new!r}] = {value}" if new not in names else f"{frame}[{new!r}] = {value}"
            )
        elif kind == "add":
            new = draw(st.sampled_from(names))
            lines.append(f"{frame}[{new!r}] += {draw(_expression(frame, names, 0))}")
        elif kind == "del" and len(names) > 3:
            gone = names.pop()
            lines.append(
                draw(
                    st.sampled_from([f"del {frame}[{gone!r}]", f"{frame} = {frame}.drop(columns=[{gone!r}])"])
                )
            )
            continue
        elif kind == "filter":
            lines.append(f"{frame} = {frame}[{frame}['a'] > -100]")
            continue
        elif kind == "rows":
            new = draw(st.sampled_from(names))
            lines.append(f"{frame}[{new!r}] = {frame}[{new!r}] * 1.0")
            lines.append(f"{frame}.loc[{frame}['a'] > 1, {new!r}] = {frame}['b'] * 0.5")
        elif kind == "assign" and new.isidentifier() and new != "class":
            lines.append(
                f"{frame} = {frame}.assign({new}={value}, last=lambda t: t[{new!r}] if False else 1)"
            )
            names.append("last")
        elif kind == "if":
            lines += ["if settings['region'] == 'uk':", f"    {frame}[{new!r}] = {value}"]
            lines += ["else:", f"    {frame}[{new!r}] = 0"]
        elif kind == "copy":
            lines.append(f"kept{number} = {frame}.copy()")
            continue
        elif kind == "var":
            lines += [f"v{number} = {value}", f"{frame}[{new!r}] = v{number}"]
        elif kind == "sort":
            lines.append(f"{frame}.sort_values('b', inplace=True)")
            continue
        elif kind == "both":
            new = "of_both"
            lines += [f"tables{number} = [df, other]", f"for one in tables{number}:"]
            lines.append("    one['of_both'] = one['a'] + 1")
            known["other" if frame == "df" else "df"].append(new)
        elif kind == "read":
            lines.append(f"{frame} = pd.read_csv('data.csv').query('a > 0')")
            known[frame] = list(_NUMBERS)
            continue
        elif kind == "left":
            lines.append(f"{frame}.to_csv('at{number}.csv')")
            continue
        elif kind == "loop":
            new = "a_twice"
            lines += ["for name in ['a', 'b']:", f"    {frame}[f'{{name}}_twice'] = {frame}[name] * 2"]
        else:
            lines.append(f"{frame}[{new!r}] = {value}")
        if new not in names:
            names.append(new)
    return "\n".join([*lines, "df.to_csv('out.csv', index=False)", ""])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_scripts())
def test_a_converted_script_leaves_the_same_tables_and_is_read_without_diagnostics(script: str) -> None:
    _hold(script)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_scripts())
def test_many_converted_scripts_leave_the_same_tables_and_are_read_without_diagnostics(script: str) -> None:
    _hold(script)


def _hold(script: str) -> None:
    assume(convert_script(script, "spend.py").module_text)  # a table that is only copied makes no feature
    with tempfile.TemporaryDirectory() as place:
        made, answer = run_both(Path(place), script, {"data.csv": _DATA})
        snapshot = read_folder(Path(place) / "after")

    fails_itself = str(answer.get("error", "")).startswith("The script itself fails")
    assert fails_itself or answer == {**answer, "different": []}, (answer, script, made.module_text)
    assert fails_itself or {"df", "other", "out.csv"} <= set(answer["same"])
    assert not snapshot.diagnostics
