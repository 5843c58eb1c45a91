"""Which column of a script comes from which, read from its text."""

from __future__ import annotations

import pytest

from headwater_catalog.convert import ColumnStep, lineage_of


def _steps(script: str) -> dict[tuple[str, int], ColumnStep]:
    return {(step.name, step.line): step for step in lineage_of("import pandas as pd\n" + script)}


def test_a_reassigned_column_comes_from_its_earlier_version() -> None:
    steps = _steps("df = pd.read_csv('a.csv')\ndf['x'] = df['a'] + 1\ndf['x'] = df['x'] * df['b']\n")

    assert steps["df.x", 4].needs == (("df.x", 3), ("df.b", 2))
    assert steps["df.x", 4].sources == ("df.a", "df.b")


def test_columns_are_followed_through_filters_and_copies() -> None:
    steps = _steps(
        "df = pd.read_csv('a.csv')\ndf['x'] = df['a'] + 1\nkept = df[df['b'] > 0].dropna()\n"
        "other = kept.copy()\nother['y'] = other['x'] * other['c']\n"
    )

    assert steps["other.y", 6].sources == ("df.a", "df.c")
    assert steps["other.y", 6].is_certain


def test_a_column_of_joined_tables_may_be_of_either_and_says_so() -> None:
    steps = _steps(
        "one = pd.read_csv('1.csv')\ntwo = pd.read_csv('2.csv')\ntwo['known'] = two['k'] + 1\n"
        "both = one.merge(two, on='k')\nboth['sure'] = both['known'] * 2\nboth['open'] = both['some'] * 2\n"
    )

    assert steps["both.sure", 6].sources == ("two.k",)
    assert steps["both.sure", 6].is_certain
    assert steps["both.open", 7].sources == ("one.some", "two.some")
    assert not steps["both.open", 7].is_certain


def test_what_is_left_in_the_driver_is_followed_too() -> None:
    steps = _steps(
        "import numpy as np\ndf = pd.read_csv('a.csv')\ndf['x'] = df['a'] * 2\n"
        "noise = np.random.rand(3)\nz = df['x'] + noise\n"
    )

    assert ("noise", 5) in dict(steps["z", 6].needs).items() or steps["z", 6].sources
    assert "df.a" in steps["z", 6].sources


def test_loops_and_functions_are_read_as_what_they_do_to_columns() -> None:
    steps = _steps(
        "def more(table):\n    table['twice'] = table['a'] * 2\n    return table\n\n"
        "df = pd.read_csv('a.csv')\ndf = more(df)\nfor name in ['a', 'twice']:\n    df[name + '_log'] = df[name] + 1\n"
    )

    assert steps["df.twice", 3].sources == ("df.a",)
    assert steps["df.twice_log", 9].needs == (("df.twice", 3),)
    assert steps["df.a_log", 9].sources == ("df.a",)


@pytest.mark.parametrize(
    ("statements", "column", "sources"),
    [
        ("r = df.rename(columns={'a': 'aa'})\nr['y'] = r['aa'] + r['b']", "r.y", {"df.a", "df.b"}),
        ("r = df.dropna().rename(columns={'x': 'z'})\nr['y'] = r['z']", "r.y", {"df.a"}),
        ("df.rename(columns={'a': 'aa'}, inplace=True)\ndf['y'] = df['aa']", "df.y", {"df.a"}),
        ("g = df.groupby('k').agg(n=('x', 'sum'))\ng['y'] = g['n']", "g.y", {"df.a"}),
        (
            "g = df.groupby('k')[['b']].mean().reset_index()\ng['y'] = g['b'] + g['k']",
            "g.y",
            {"df.b", "df.k"},
        ),
        ("s = df[['x', 'b']].copy()\ns['y'] = s['x']", "s.y", {"df.a"}),
        (
            "other = pd.read_csv('o.csv')\nc = pd.concat([df, other])\nc['y'] = c['b']",
            "c.y",
            {"df.b", "other.b"},
        ),
        (
            "for v in df['k'].unique():\n    df.loc[df['k'] == v, 'x'] = 0\ndf['y'] = df['b']",
            "df.y",
            {"df.b"},
        ),
    ],
)
def test_columns_are_followed_to_what_they_were_called(
    statements: str, column: str, sources: set[str]
) -> None:
    steps = lineage_of(
        f"import pandas as pd\ndf = pd.read_csv('a.csv')\ndf['x'] = df['a'] + 1\n{statements}\n"
    )
    found = next(step for step in reversed(steps) if step.name == column)

    assert set(found.sources) == sources
    assert found.is_certain


@pytest.mark.parametrize(
    "statement",
    [
        "t = df.melt(['k'])",
        "t = pd.get_dummies(df)",
        "t = df.dropna().assign(new=1)",
        "t = df.rename(columns=str.lower)",
        "t = df.groupby('k').agg(['sum', 'mean'])",
        "t = df.groupby('k').size().reset_index(name='new')",
        "df[['new', 'old']] = df[['a', 'b']].values\nt = df",
        "df.columns = ['new', 'old']\nt = df",
        "t = make(df)",
    ],
)
def test_a_column_that_comes_from_anywhere_in_a_table_says_so(statement: str) -> None:
    steps = lineage_of(
        f"import pandas as pd\ndf = pd.read_csv('a.csv')\ndf['x'] = df['a'] + 1\n{statement}\nt['y'] = t['new']\n"
    )
    found = steps[-1]

    assert found.name.endswith(".y")
    assert not found.is_certain
    assert "df.new" not in found.sources
    assert "df.a" in found.sources
