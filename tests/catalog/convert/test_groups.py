"""Lists and dictionaries of tables: what is done to their items is done to the tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.converted import run_both

_DATA = {"one.csv": "a,b\n1,2\n3,4\n", "two.csv": "a,b\n5,6\n7,8\n9,1\n"}
_BEGIN = "import pandas as pd\none = pd.read_csv('one.csv')\ntwo = pd.read_csv('two.csv')\n"


@pytest.mark.parametrize(
    "loop",
    [
        "for df in [one, two]:\n    df['c'] = df['a'] + df['b']\n",
        "both = (one, two)\nfor df in both:\n    df['c'] = df['a'] + df['b']\n",
        "for _, df in {'one': one, 'two': two}.items():\n    df['c'] = df['a'] + df['b']\n",
        "both = {'one': one, 'two': two}\nfor df in both.values():\n    df['c'] = df['a'] + df['b']\n",
        "for plus, df in zip(['a', 'a'], [one, two]):\n    df['c'] = df[plus] + df['b']\n",
    ],
)
def test_a_loop_over_tables_sets_the_columns_of_each(tmp_path: Path, loop: str) -> None:
    made, answer = run_both(tmp_path, _BEGIN + loop + "one['d'] = one['c'] * 2\n", _DATA)

    assert not answer["different"], made.module_text
    assert {"one", "two"} <= set(answer["same"])
    assert not made.notes
    assert "def c(" in made.module_text
    assert "def two_c(" in made.module_text
    assert "return c * 2" in made.module_text


@pytest.mark.parametrize(
    "change",
    [
        "for df in both:\n    while True:\n        df['c'] = 1\n        break\n",
        "for df in both:\n    print(len(df))\n    df['c'] = 1\n",
        "for place in range(2):\n    both[place]['c'] = 1\n",
        "both[0]['c'] = 1\nboth[1]['c'] = 2\n",
        "def add(tables):\n    for table in tables:\n        table['c'] = 1\nadd(both)\n",
        "def add(tables):\n    for table in tables:\n        table['c'] = 1\nadd([one, two])\n",
        "for df in both:\n    if df['a'].max() > 8:\n        break\n    df['c'] = 1\n",
    ],
)
def test_tables_that_are_changed_as_items_of_a_list_are_changed(tmp_path: Path, change: str) -> None:
    script = (
        f"{_BEGIN}one['c'] = 0\nboth = [one, two]\n{change}one['d'] = one['c'] + 1\nall = pd.concat(both)\n"
    )

    made, answer = run_both(tmp_path, script, _DATA)

    assert answer.get("different") == [], (answer, made.module_text, made.driver_text)
    assert {"one", "two"} <= set(answer["same"])
    assert {"all"} <= {*answer["same"], *made.finals}


def test_a_list_has_the_tables_that_it_was_made_of_whatever_their_names_are_later(tmp_path: Path) -> None:
    script = (
        f"{_BEGIN}both = [one, two]\nfirst = one\none = one[one['a'] > 1]\n"
        "for df in both:\n    df['c'] = df['a']\nall = pd.concat(both)\n"
    )

    made, answer = run_both(tmp_path, script, _DATA)

    assert answer.get("different") == [], (answer, made.module_text, made.driver_text)
    assert {"one", "two", "first", "all"} <= set(answer["same"])
