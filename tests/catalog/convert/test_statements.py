"""What single statements of a script become, and that the script leaves the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headwater_catalog.convert import convert_script
from support.converted import run_both

pytestmark = pytest.mark.filterwarnings(
    "ignore:The inplace keyword",
    "ignore:A value is being set on a copy",
    "ignore::pandas.errors.ChainedAssignmentError",
)
_DATA = {"data.csv": "key,a,b\nx,1,2.5\ny,2,\nx,3,4.5\n"}
_BEGIN = "import numpy as np\nimport pandas as pd\ndf = pd.read_csv('data.csv')\ndf['c'] = df['a'] + 1\n"


def _both(tmp_path: Path, statements: str) -> tuple[Any, set[str], str]:
    made, answer = run_both(tmp_path, _BEGIN + statements, _DATA)
    assert answer.get("different") == [], (answer, made.module_text, made.driver_text)
    return made, set(answer["same"]), made.module_text


@pytest.mark.parametrize(
    ("statements", "text"),
    [
        ("df['d'] = df['a'].map(lambda a: a + 1)", "return a.map(lambda a: a + 1)"),
        ("df['d'] = df.apply(lambda row: row['a'] * 2, axis=1)", ".apply(lambda row: row['a'] * 2, axis=1)"),
        ("df['d'] = df[['a', 'b']].max(axis=1)", 'pd.DataFrame({"a": a, "b": b}).max(axis=1)'),
        ("df['d'] = df.groupby(['key', 'a'])['b'].shift(1)", "return b.groupby([key, a]).shift(1)"),
        ("df['d'] = 'text'", "pd.Series('text', index=df_raw.index)"),
        ("df['d'] = [1, 2, 3]", "assign(d=[1, 2, 3])"),
        ("df['a b'] = 1; df['d'] = df['a b'] * 2  # both", "return a_b * 2"),
        ("df['sum'] = df['a'] + sum([1, 2])", "def df_sum("),
        ("df.loc[df['a'] > 1, 'c'] = 0", "changed.loc[a > 1] = 0"),
        ("taken = df.pop('c')\ndf['d'] = taken * 2", "return taken * 2"),
        ("df['d'] = df['a'].where(df['b'] > 3, other=-1)", "return a.where(b > 3, other=-1)"),
        ("kept = df\nkept['d'] = 5", "def d("),
        ("df[['a', 'b']] = df[['a', 'b']].fillna(-1)", "return b_raw.fillna(-1)"),
        ("names = ['a', 'c']\ndf[names] = df[names].astype(np.float32)", "return c_1.astype(np.float32)"),
        ("df.sort_values('b', inplace=True)", "return df_1.sort_values('b')"),
        ("df.replace(inplace=True, to_replace=1, value=2)", "return df_1.replace(to_replace=1, value=2)"),
        ("df.dropna(\n    inplace=True,  # gone\n)\ndf['d'] = df['b'] / 2", "return b / 2"),
        (
            "other = df\nother.set_index('key', inplace=True)\ndf['d'] = df['a']",
            "return df_1.set_index('key')",
        ),
        ("df.columns = [name.upper() for name in df.columns]", ".set_axis([name.upper() for name in"),
        ("df.index = df['a'] * 2", "return df_1.set_axis(a * 2, axis=0)"),
        ("df[['a', 'b']] = df[['b', 'a']]", 'pd.DataFrame({"b": b_raw, "a": a_raw})'),
        ("df[['a', 'b']] = df[['a', 'b']].fillna(df['a'].mean())", "return b_raw.fillna(a_raw.mean())"),
        ("df[['a', 'c']] = df[['a', 'c']].clip(df['a'], axis=0)", ".clip(a_raw, axis=0)"),
        (
            "means = df[['a', 'b']].mean()\ndf[['a', 'b']] = df[['a', 'b']].fillna(means)",
            'changed[["a", "b"]] =',
        ),
        ("gaps = {'a': 1, 'b': 2}\ndf[['a', 'b']] = df[['a', 'b']].fillna(gaps)", 'changed[["a", "b"]] ='),
        ("most = df['a'].max()\ndf[['a', 'b']] = df[['a', 'b']].fillna(most)", "return b_raw.fillna(most)"),
        ("df[['d', 'e f']] = df['key'].str.split('x', expand=True)", 'return d_and_e_f["e f"]'),
        ("df[['d', 'e']] = np.zeros((3, 2))\ndf[['f', 'g']] = 0", 'return d_and_e["d"]'),
        ("df.b = df.b.fillna(0)", "return b_raw.fillna(0)"),
        ("df.loc[df['b'] > 3, 'b'] = 0", "changed.loc[b_raw > 3] = 0"),
        ("df['d'] = df['e'] = df['a'] * 2", "def e(d_value: pd.Series)"),
        ("df['d'] = df['e'] = 5", "return pd.Series(5, index=df_raw.index)"),
        ("most = df['d'] = df['a'].max()\ndf['e'] = most", "assign(d=most)"),
        ("df['a'], df['b'] = df['b'], df['a']", "def b(a_raw: pd.Series)"),
        (
            "def two(of):\n    return of, of.max()\ndf['d'], most = two(df['a'])",
            '@unpack_fields("d_value", "most")',
        ),
    ],
)
def test_a_statement_becomes_a_feature(tmp_path: Path, statements: str, text: str) -> None:
    _, same, module = _both(tmp_path, statements + "\n")

    assert text in module
    assert "df" in same


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ("df[list(df.columns[:2])] = 0", "which columns it sets"),
        ("df[['d', 'd']] = df[['a', 'b']]", "which columns it sets"),
        ("df.d = 5", "only if there is one of that name"),
        ("df.loc[df['a'] > 1, 'd'] = 5", "for some rows alone"),
        ("df['b'].fillna(0, inplace=True)", "changes a column in place"),
        ("df.eval('d = a + 1', inplace=True)", "changes a value in place"),
        ("if df['a'].sum() > 2:\n    df['c'] = 0", "a branch on data"),
        ("for name in df.columns:\n    df[name + '_'] = df[name]", "a loop"),
        ("df.iloc[0, 1] = 7", "single cells"),
        ("df['d'] = df.iloc[0, 1] = 7", "several things at once"),
        ("first, *df['d'] = [0, *df['a']]", "several things at once"),
        ("seen = []\nfor value in df['a']:\n    seen.append(value)\ndf['d'] = seen", "a loop"),
        ("total = 0\nfor value in df['a']:\n    total += value\ndf['d'] = total", "a loop"),
        ("total = 0\nstart = total\nfor a in df['a']:\n    total += a\ndf['d'] = total + start", "a loop"),
        ("for name in df.columns:\n    print(name)\n    df[name + '_'] = df[name]", "a loop"),
        ("names = list(df.columns)\nnames.remove('key')\ndf['d'] = df[names].sum(axis=1)", "in place"),
        ("names = [n for n in df]\nother = names\nother.append('key')\ndf = df[names]", "in place"),
        ("gaps = df.isna().sum()\ngaps.sort_values(inplace=True)\ndf['d'] = gaps.iloc[0]", "in place"),
        ("means = df[['a', 'b']].mean()\nmeans.loc['a'] = 5\ndf['d'] = means.sum()", "single cells"),
    ],
)
def test_what_is_not_taken_apart_is_kept_whole_and_told(tmp_path: Path, statements: str, why: str) -> None:
    made, same, _ = _both(tmp_path, statements + "\n")

    assert [note.kind for note in made.notes] == ["whole"]
    assert why in made.notes[0].why
    assert "df" in same


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ("df['d'] = np.random.default_rng(1).normal(size=3)", "random"),
        ("print(df['c'])", "prints"),
        ("df.head()", "nothing is made"),
        ("from math import *\ndf['d'] = sqrt(4)", "every name"),
        (
            "class Use:\n    def it(self):\n        return df['a']\ndf['d'] = Use().it() + 1",
            "reads the variable 'df'",
        ),
        (
            "seen = []\ndef note(a):\n    seen.append(a)\n    return a\ndf['d'] = df['a'].map(note)",
            "changes the variable",
        ),
        ("def lot(a):\n    return np.random.normal()\ndf['d'] = df['a'].map(lot)", "draws random numbers"),
        ("df['d'] = (x := 3)", "inside an expression"),
        (
            "def use(table=df):\n    return table['a'] * 2\ndf['d'] = use()",
            "is defined with the variable 'df'",
        ),
        ("import decimal\ndecimal.DefaultContext.prec = 9", "it changes the module 'decimal'"),
    ],
)
def test_what_no_feature_may_do_is_left_and_told(tmp_path: Path, statements: str, why: str) -> None:
    made, same, _ = _both(tmp_path, statements + "\n")

    assert {note.kind for note in made.notes} == {"left"}
    assert any(why in note.why for note in made.notes)
    assert "df" in same


def test_data_come_in_by_the_driver_and_what_is_done_to_them_at_once_is_a_feature(tmp_path: Path) -> None:
    made, same, module = _both(
        tmp_path,
        "# in thousands\nsales = pd.read_csv('data.csv').rename(columns={'a': 'sold'}).query('sold > 1')\n"
        "sales['twice'] = sales['sold'] * 2\nkeys = pd.read_csv('data.csv')['key']\n"
        "df.to_csv('mid.csv')\nlate = pd.read_csv('mid.csv').dropna()\n",
    )

    assert "return sales_raw.rename(columns={'a': 'sold'}).query('sold > 1')" in module
    assert "return sold * 2" in module
    assert "sales = pd.read_csv('data.csv')\n" in made.driver_text
    assert {"sales", "keys", "late", "mid.csv"} <= same
    assert [note.why for note in made.notes] == ["it writes data"]


def test_a_column_that_only_some_configurations_need_may_be_missing(tmp_path: Path) -> None:
    _, same, module = _both(
        tmp_path,
        "config = {'extra': False}\nif config['extra']:\n    df['d'] = df['gone'] * 2\n"
        "df['e'] = df['gone'] if 'gone' in df else df['a']\n"
        "df['f'] = 'gone' in df and df.gone.sum() > 1\n",
    )

    assert "def gone(df_raw: pd.DataFrame)" in module
    assert "df" in same


def test_constants_that_are_made_of_functions_stand_below_these(tmp_path: Path) -> None:
    _, same, module = _both(
        tmp_path,
        "def one(values):\n    return values + 1\n\nSTEPS = {'one': one}\nMORE = [STEPS]\n"
        "df['d'] = MORE[0]['one'](df['a'])\n",
    )

    assert module.index("def _one") < module.index("STEPS =") < module.index("MORE =")
    assert "df" in same


def test_what_is_read_again_is_what_statements_that_are_left_read_from_there_on(tmp_path: Path) -> None:
    _, same, _ = _both(
        tmp_path,
        "first = df.set_index('key')\nfirst.to_csv('first.csv')\ndf = pd.read_csv('data.csv')\n"
        "df.to_csv('second.csv')\ndf['late'] = 1\n",
    )

    assert {"df", "first", "first.csv", "second.csv"} <= same


def test_what_may_be_no_table_is_not_said_to_be_one(tmp_path: Path) -> None:
    _, same, _ = _both(
        tmp_path,
        "df['a'].to_pickle('a.pickle')\nnumbers = pd.read_pickle('a.pickle')\nnumbers = numbers.dropna()\n"
        "other = pd.Series([1, 2, 2])\nmore = other.drop_duplicates().sort_values()\n",
    )

    assert {"df", "numbers", "more"} <= same


def test_a_function_that_brings_data_in_is_read_in_the_place_of_its_call(tmp_path: Path) -> None:
    script = (
        "import argparse\nimport sys\nimport pandas as pd\n\ndef run(path, factor=3, *, out='o.csv'):\n"
        "    df = pd.read_csv(path)\n    df['d'] = df['a'] * factor\n    df.to_csv(out)\n    return df\n\n"
        "if __name__ == '__main__':\n    name = 'data'\n    if len(sys.argv) > 90:\n        name = sys.argv[1]\n"
        "    result = run(f'{name}.csv', out='p' + '.csv')\n    print(len(result))\n"
    )

    made, answer = run_both(tmp_path, script, _DATA)

    assert answer.get("different") == [], (answer, made.module_text, made.driver_text)
    assert {"df", "result", "p.csv"} <= set(answer["same"])
    assert "return a * factor" in made.module_text
    assert set(made.features) == {"a", "d", "df", "df_raw_columns"} - {"df_raw_columns"}


def test_another_name_for_what_a_statement_that_is_left_makes_is_known_to_the_next(tmp_path: Path) -> None:
    _, same, _ = _both(
        tmp_path,
        "df.to_csv('mid.csv')\nlate = pd.read_csv('mid.csv')\nother = late\nother['z'] = 1\n"
        "other.to_csv('last.csv')\n",
    )

    assert {"df", "last.csv"} <= same


def test_statements_above_the_execution_know_what_they_read_by_its_other_names(tmp_path: Path) -> None:
    _, same, _ = _both(
        tmp_path,
        "raw = pd.read_csv('data.csv')\ndata = raw\nprint(data.shape)\nown = raw.copy()\n"
        "for table in [1]:\n    own['n'] = eval('3')\nprint(raw.columns, own.columns)\n"
        "raw = pd.read_csv('data.csv').head(1)\nprint(len(data), len(raw))\ndata['x'] = raw['a']\nown['y'] = 1\n",
    )

    assert {"data", "own", "raw"} <= same


def test_constants_that_are_set_again_are_in_the_driver_script_what_they_were_at_each_line(
    tmp_path: Path,
) -> None:
    _, same, _ = _both(
        tmp_path,
        "names = ['a', 'b']\nprint(names)\ndf['d'] = df[names].sum(axis=1)\nnames = list(df.columns)\n"
        "names.remove('a')\nmost = df['a'].max()\nprint(most)\nmost = 7\ndf['e'] = most\nscale = 1\nseen = []\n"
        "def show():\n    seen.append(scale)\nshow()\nscale = 2\nshow()\nprint(seen)\n",
    )

    assert {"df", "names", "most", "scale", "seen"} <= same


def test_variables_that_are_read_and_made_anew_are_at_the_end_what_they_are_in_the_script(
    tmp_path: Path,
) -> None:
    _, same, _ = _both(tmp_path, "most = df['a'].max()\nprint(most)\nmost = df['b'].max()\ndf['d'] = most\n")

    assert {"df", "most"} <= same


def test_columns_that_are_taken_away_of_what_a_statement_that_is_left_makes_are_gone(tmp_path: Path) -> None:
    _, same, _ = _both(
        tmp_path,
        "some_df = df.sample(2)\nkept_df = some_df.head(1)\nsome_df.drop(['a'], axis=1, inplace=True)\nless_df = some_df.drop(columns=['b'])\n"
        "del some_df['key']\n",
    )

    assert {"df", "some_df", "less_df", "kept_df"} <= same


def test_columns_are_taken_of_one_of_several_tables_that_a_function_gives(tmp_path: Path) -> None:
    made, same, module = _both(
        tmp_path,
        "def halves(table):\n    return table[table['a'] > 1], table[table['a'] < 2]\n\n"
        "upper, lower = halves(df)\nlower['d'] = lower['b'] - upper['b'].mean()\n",
    )

    assert {"df", "lower"} <= same
    assert "def lower_b(" in module or "def b(lower" in module
    assert not made.notes


def test_a_block_that_changes_a_table_and_sets_its_name_anew_changes_it_by_all_its_names(
    tmp_path: Path,
) -> None:
    _, same, _ = _both(
        tmp_path,
        "def filled(table, name):\n    if name in table:\n        table[name] = table[name].fillna(0)\n    return table\n\n"
        "other = df.head(2)\nfor each in [df, other]:\n    for name in ['a', 'b']:\n        each = filled(each, name)\n"
        "df['d'] = df['b'] * 2\n",
    )

    assert {"df", "other"} <= same


def test_what_a_function_reads_is_there_where_a_statement_that_is_left_calls_it(tmp_path: Path) -> None:
    _, same, _ = _both(
        tmp_path,
        "def total():\n    return df['c'].sum() + extra\n\nextra = 3\nfound = total()\ndf['c'] = 0\n"
        "print(total())\n",
    )

    assert {"df", "found"} <= same


def test_what_a_loop_sets_is_given_on_only_where_it_is_read_before_it_is_set_again(tmp_path: Path) -> None:
    _, same, _ = _both(
        tmp_path,
        "most = 0\nfor value in df['a']:\n    for each in [n for n in range(value) if n > 90]:\n"
        "        found = each\n    most = max(most, value)\nfor each in df['a']:\n    found = each\n    most += found\n"
        "df['d'] = most\n",
    )

    assert {"df", "most"} <= same


def test_what_is_drawn_is_drawn_in_its_order() -> None:
    made = convert_script(
        "import matplotlib.pyplot as plt\n"
        + _BEGIN
        + "plt.plot(df['c'])\nplt.show()\nfigure = plt.figure()\n"
        "plt.plot(df['a'])\n",
        "spend.py",
    )

    below = made.driver_text.partition("driver.execute")[2]
    assert (
        below.index("plt.plot(df['c'])")
        < below.index("figure = plt.figure()")
        < below.index("plt.plot(df['a'])")
    )


def test_a_table_is_what_it_was_at_the_line_of_each_statement_that_is_left(tmp_path: Path) -> None:
    _, same, _ = _both(
        tmp_path, "df.to_csv('early.csv')\ndf['c'] = 0\ndf = df[df['a'] > 1]\ndf.to_csv('late.csv')\n"
    )

    assert {"early.csv", "late.csv", "df"} <= same


def test_functions_that_set_columns_are_read_in_the_place_of_their_call(tmp_path: Path) -> None:
    _, same, module = _both(
        tmp_path,
        "def more(table, by=2):\n    table['twice'] = table['a'] * by\n\n"
        "def kept(table):\n    table = table.copy()\n    table['half'] = table['a'] / 2\n    return table\n\n"
        "more(df, by=3)\nother = kept(df)\n",
    )

    assert "return a * 3" in module
    assert "return a / 2" in module
    assert {"df", "other"} <= same


@pytest.mark.parametrize(
    ("statements", "text"),
    [
        ("def use():\n    return df['a'] * 2\ndf['d'] = use()", "_use(df=df_1)"),
        (
            "def use(a, *more, by=2):\n    return a * most * by\ndf['d'] = use(df['a'],)",
            "_use(a, most=most_1)",
        ),
        (
            "def use(row):\n    return row['a'] * most\ndf['d'] = df.apply(use, axis=1)",
            "partial(_use, most=most_1)",
        ),
        (
            "def inner(a):\n    return a * most\ndef use(a):\n    return inner(a) + 1\ndf['d'] = df['a'].map(use)",
            "return functools.partial(_inner, most=most)(a) + 1",
        ),
        (
            "def use(a):\n    return a * most\nfor a in df['a']:\n    df['d'] = use(a)",
            "partial(_use, most=most)(a)",
        ),
        (
            "scale = 2\ndef use(a):\n    return a * scale\ndf['d'] = use(df['a'])\nscale = 3\ndf['e'] = use(df['a'])",
            "_use(a, scale=scale)",
        ),
        (
            "def main():\n    top = df['a'].max()\n    def use(a):\n        return a * top\n"
            "    df['d'] = df['a'].map(use)\nmain()",
            "partial(_use, top=top)",
        ),
        ("def more(table):\n    table['d'] = table['a'] * most\nmore(df)", "return a * most"),
    ],
)
def test_a_function_is_given_the_variables_of_the_script_that_it_reads(
    tmp_path: Path, statements: str, text: str
) -> None:
    made, same, module = _both(tmp_path, f"most = df['b'].max()\n{statements}\nmost = 0\n")

    assert text in module
    assert "df" in same
    assert {note.kind for note in made.notes} <= {"whole"}


def test_variants_that_the_script_does_not_choose_are_right_too(tmp_path: Path) -> None:
    branch = (
        "config = {'mode': 'MODE'}\nif config['mode'] == 'one':\n    df['d'] = df['a'] * 2\n    extra = 1\n"
        "elif config['mode'] == 'two':\n    df['d'] = df['b']\n    extra = 2\nelse:\n    df = df[df['a'] > 1]\n"
        "    df['d'] = 0\n    extra = 3\ndf['e'] = df['d'] + extra\n"
    )

    for mode in ("one", "two", "three"):
        folder = tmp_path / mode
        folder.mkdir()
        _, same, module = _both(folder, branch.replace("MODE", mode))

        assert {"df", "extra"} <= same
        assert '@config.when_not_in(mode=["one", "two"])' in module


def test_what_is_asked_of_a_value_is_no_change_of_it(tmp_path: Path) -> None:
    made, same, _ = _both(
        tmp_path, "first = df.agg(['min', 'max'])\nfirst.head()\nfirst.info()\ndf['d'] = first['a'].sum()\n"
    )

    assert {"df", "first"} <= same
    assert [(note.line, note.why) for note in made.notes] == [(6, "nothing is made of it")] + [
        (7, "nothing is made of it")
    ]
    assert "d" in made.features


def test_another_name_for_a_value_has_what_is_changed_and_not_what_is_set_anew(tmp_path: Path) -> None:
    _, same, _ = _both(
        tmp_path,
        "names = list(df.columns)\nothers = names\nothers += ['x']\nseries = df['a']\nkept = series\nseries += 1\n"
        "df['d'] = kept + len(names)\nfirst = df\nif len(first) > 2:\n    first = first.copy()\n    first['e'] = 1\n"
        "df['f'] = first['e']\n",
    )

    assert {"df", "first", "names", "others", "kept", "series"} <= same


def test_rows_and_columns_by_their_places_are_a_table(tmp_path: Path) -> None:
    made, same, _ = _both(
        tmp_path, "some = df.iloc[:, 1:]\nfor name in ['a', 'b']:\n    some[name] = some[name] * 2\n"
    )

    assert {"a", "b"} <= set(made.features)
    assert {"df", "some"} <= same


def test_a_configuration_that_functions_are_given_or_read_makes_variants(tmp_path: Path) -> None:
    script = (
        "import pandas as pd\nCONFIG = {'twice': TWICE, 'by': 3, 'names': ['a']}\nOTHER_CONFIG = {'by': 4}\n\n"
        "def build(df, cfg, other):\n    if cfg['twice']:\n        df['d'] = df['a'] * cfg['by']\n    else:\n"
        "        df['d'] = df['a'] * other['by']\n    for name in cfg['names']:\n        df[name] = 1\n    return df\n\n"
        "def more(df):\n    for name in CONFIG['names']:\n        df[name] += 1\n    df['e'] = CONFIG.get('more', 1)\n"
        "    df['f'] = CONFIG.get('more', 2)\n    return df\n\n"
        "def main():\n    df = pd.read_csv('data.csv')\n    df = build(df, CONFIG, OTHER_CONFIG)\n    df = more(df)\n"
        "    df.to_csv('all.csv')\n\nmain()\n"
    )

    for twice in ("True", "False"):
        folder = tmp_path / twice
        folder.mkdir()
        made, answer = run_both(folder, script.replace("TWICE", twice), _DATA)

        assert answer.get("different") == [], (answer, made.module_text, made.driver_text)
        assert {"df", "all.csv"} <= set(answer["same"])
        assert "@config.when(twice=True)\ndef d__twice(a: pd.Series, by_1: int)" in made.module_text
        assert "@config.when_not(twice=True)\ndef d__otherwise(a: pd.Series, by: int)" in made.module_text
        assert "df_and_name" not in made.module_text


def test_what_is_written_without_a_name_is_told_to_be_given_one() -> None:
    script = f"{_BEGIN}df.groupby('key')['c'].sum().to_csv('sums.csv')\ndf.to_csv('all.csv')\n"
    told = [note.what_to_do for note in convert_script(script, "script.py").notes]

    assert ["table.to_csv(...)" in each for each in told] == [True, False]
