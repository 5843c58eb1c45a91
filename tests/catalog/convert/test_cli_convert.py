"""`headwater convert`: what it writes, tells, refuses and finds different."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headwater_catalog.cli import command_line

_SCRIPT = """\
import pandas as pd

df = pd.read_csv("data.csv")
df["total"] = df["price"] * df["qty"]
print(df["total"].sum())
df.to_csv("out.csv", index=False)
"""


def _headwater(*words: str | Path) -> Result:
    return CliRunner().invoke(command_line(), [str(word) for word in words])


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a script with its data, in the folder that is worked in."""
    (tmp_path / "data.csv").write_text("price,qty\n2,3\n4,5\n", "utf-8")
    (tmp_path / "spend.py").write_text(_SCRIPT, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "spend.py"


def test_a_script_becomes_a_module_and_a_driver_that_were_run_and_compared(script: Path) -> None:
    answer = _headwater("convert", script, "--json")

    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    assert told["verdict"] == {
        "is_same": True,
        "same": ["df", "out.csv"],
        "different": [],
        "error": "",
    }
    assert {"name": "total", "line": 4} in told["features"]
    assert [(note["line"], note["kind"], note["why"]) for note in told["notes"]] == [
        (5, "left", "it prints"),
        (6, "left", "it writes data"),
    ]
    assert all(note["what_to_do"] for note in told["notes"])
    assert "return price * qty" in (script.parent / "spend_features.py").read_text("utf-8")
    assert (script.parent / "run_spend.py").is_file()
    assert not (script.parent / "out.csv").exists()  # it ran on a copy


def test_files_that_are_there_are_kept_unless_force_is_given(script: Path) -> None:
    there = script.parent / "run_spend.py"
    there.write_text("mine = 1\n", "utf-8")

    refused = _headwater("convert", script, "--no-verify")
    kept = there.read_text("utf-8")
    forced = _headwater("convert", script, "--no-verify", "--force")

    assert refused.exit_code == 3
    assert "--force" in refused.output
    assert kept == "mine = 1\n"
    assert not list(script.parent.glob(".*partial"))
    assert forced.exit_code == 0
    assert "not run" in forced.output
    assert there.read_text("utf-8") != "mine = 1\n"


def test_a_script_that_fails_here_is_converted_and_told_as_not_compared(script: Path) -> None:
    (script.parent / "data.csv").unlink()

    answer = _headwater("convert", script)

    assert answer.exit_code == 1
    assert "The script itself fails here: FileNotFoundError" in answer.output
    assert (script.parent / "spend_features.py").is_file()


def test_a_script_cannot_write_outside_of_its_copy(script: Path) -> None:
    outside = script.parent / "outside.txt"
    script.write_text(_SCRIPT + f"open({str(outside)!r}, 'w').write('x')\n", "utf-8")

    answer = _headwater("convert", script)

    assert answer.exit_code == 1
    assert "fails here" in answer.output
    assert not outside.exists()


def test_what_comes_out_otherwise_is_told_cell_by_cell(script: Path) -> None:
    # Who looks at the name of the file gets another answer in the driver, which no reading can foresee.
    script.write_text(
        _SCRIPT.replace("print(", "import sys; df['by'] = len(sys.argv[0]) + len(__file__); print("), "utf-8"
    )

    answer = _headwater("convert", script, "--force")

    assert answer.exit_code == 1
    assert "differs" in answer.output
    assert "column 'by'" in answer.output


def test_what_is_no_script_of_tables_is_refused_with_the_reason(script: Path) -> None:
    script.write_text("print('hello')\n", "utf-8")
    nothing = _headwater("convert", script)
    script.write_text("def add(df):\n    df['a'] = df['b']\n    return df\n", "utf-8")
    uncalled = _headwater("convert", script)
    script.write_text("df[ = 1\n", "utf-8")
    broken = _headwater("convert", script)

    assert nothing.exit_code == 3
    assert "Nothing in" in nothing.output
    assert uncalled.exit_code == 3
    assert "data = add(data)" in uncalled.output
    assert broken.exit_code == 3
    assert f"{script}:1: Python cannot read this" in broken.output


def test_a_notebook_is_converted_as_the_script_of_its_cells(script: Path) -> None:
    cells = [
        {"cell_type": "code", "source": f"%matplotlib inline\n{part}", "outputs": [], "metadata": {}}
        for part in _SCRIPT.split("\n\n")
    ]
    notebook = script.with_suffix(".ipynb")
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    notebook.write_text(json.dumps(content), "utf-8")
    script.unlink()

    answer = _headwater("convert", notebook)

    assert answer.exit_code == 0, answer.output
    assert "The same as in the script: df, out.csv." in answer.output


def test_lineage_of_a_script_tells_which_column_comes_from_which_and_writes_nothing(script: Path) -> None:
    answer = _headwater("convert", script, "--lineage", "--json")

    assert answer.exit_code == 0
    steps = json.loads(answer.stdout)["steps"]
    assert steps[1] == {
        "name": "df.total",
        "line": 4,
        "kind": "column",
        "needs": [{"name": "df.price", "line": 3}, {"name": "df.qty", "line": 3}],
        "sources": ["df.price", "df.qty"],
        "is_certain": True,
    }
    assert sorted(path.name for path in script.parent.iterdir()) == ["data.csv", "spend.py"]


def test_random_numbers_and_paths_are_no_difference(script: Path) -> None:
    script.write_text(
        _SCRIPT + "import os, random\nimport numpy as np\nhere = os.path.abspath('data.csv')\n"
        "df['r'] = np.random.rand(len(df))\ndice = random.random()\ndf['twice'] = df['r'] * 2\n"
        "state = np.random.RandomState(1)\nparts = df.groupby('qty')\nall = [state, 1]\n"
        "objects = np.array([state, parts], dtype=object)\ndf.to_excel('out.xlsx')\n",
        "utf-8",
    )

    answer = _headwater("convert", script)

    assert answer.exit_code == 0, answer.output
    assert "The same as in the script: df, dice, here, out.csv, out.xlsx." in answer.output


def test_a_script_that_reads_its_command_line_is_given_one(script: Path) -> None:
    script.write_text(
        "import argparse\nimport pandas as pd\nparser = argparse.ArgumentParser()\nparser.add_argument('file')\n"
        "parser.add_argument('--times', type=int, default=2)\nparser.add_argument('--more', action='store_true')\n"
        "args = parser.parse_args()\ndf = pd.read_csv(args.file)\ndf['z'] = df['price'] * args.times\n"
        "if args.more:\n    df['w'] = 1\n",
        "utf-8",
    )

    without = _headwater("convert", script)
    answer = _headwater("convert", script, "--force", "--", "data.csv", "--times", "7", "--more")

    assert without.exit_code == 1
    assert "Give its arguments behind --" in without.output
    assert answer.exit_code == 0, answer.output
    assert "The same as in the script: df." in answer.output
    module = (script.parent / "spend_features.py").read_text("utf-8")
    assert "@config.when(more=True)" in module
    assert "times: Any" in module


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("import sys; open(sys.argv[3])", "Give its arguments behind --"),
        ("open('gone.csv')", "Name the folder in which it runs by --data."),
        ("import nowhere_to_be_found", "Install what it needs"),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "It has no network here"),
    ],
)
def test_a_script_that_fails_here_is_told_with_what_to_do(script: Path, line: str, advice: str) -> None:
    script.write_text(f"{_SCRIPT}{line}\n", "utf-8")

    answer = _headwater("convert", script)

    assert answer.exit_code == 1
    assert advice in answer.output


@pytest.mark.slow
def test_a_script_that_takes_too_long_is_ended(script: Path) -> None:
    script.write_text(f"{_SCRIPT}while True:\n    pass\n", "utf-8")

    answer = _headwater("convert", script, "--seconds", "5")

    assert answer.exit_code == 1
    assert "longer than 5 seconds" in answer.output or "5 seconds" in answer.output


def test_texts_in_other_encodings_are_read_as_python_reads_them(script: Path) -> None:
    text = f"# -*- coding: latin-1 -*-\n{_SCRIPT}df['gr\u00f6\u00dfe'] = df['qty']\n"
    script.write_bytes(text.encode("latin-1"))
    known = _headwater("convert", script)
    script.write_bytes(text.encode("latin-1").replace(b"latin-1", b"utf-8"))
    wrong = _headwater("convert", script, "--force")
    script.write_bytes(text.encode("latin-1").replace(b"latin-1", b"nobody"))
    unknown = _headwater("convert", script, "--force")

    assert known.exit_code == 0, known.output
    assert "df, out.csv" in known.output
    assert wrong.exit_code == unknown.exit_code == 3
    assert "utf-8" in wrong.output
    assert "nobody" in unknown.output


def test_what_a_script_says_stays_text_in_what_it_becomes(script: Path) -> None:
    named = script.with_name('a""" + boom() + """\\.py')
    named.write_text(
        _SCRIPT + '# """ + boom() + """ \\\ndf["\\n\\x00\\u2028\\\\"] = df["qty"]  # ends with "\n', "utf-8"
    )

    answer = _headwater("convert", named, "--to", script.parent / "new")

    assert answer.exit_code == 0, answer.output
    for path in (script.parent / "new").glob("*.py"):
        compile(path.read_bytes(), path.name, "exec")


def test_a_script_that_is_nested_too_deeply_is_told(script: Path) -> None:
    many = "".join(f"elif mode == {number}:\n    df['a'] = {number}\n" for number in range(1500))
    script.write_text(f"{_SCRIPT}mode = 1\nif mode == -1:\n    pass\n{many}", "utf-8")

    answer = _headwater("convert", script)
    lineage = _headwater("convert", script, "--lineage")

    assert answer.exit_code == lineage.exit_code == 3
    assert f"{script}: Python cannot read this: the code is nested too deeply." in answer.output
    assert "too deeply" in lineage.output


def test_what_functions_of_modules_beside_a_script_do_is_known(script: Path) -> None:
    (script.parent / "prep.py").write_text(
        "def add(table):\n    for name in list(table):\n        table[name + '_'] = table[name]\n    return table\n\n"
        "def twice(table):\n    return table * 2\n\ndef save(table):\n    table.to_csv('saved.csv')\n    return table\n",
        "utf-8",
    )
    script.write_text(
        "import pandas as pd\nimport prep\nfrom prep import add, twice as double\ndf = pd.read_csv('data.csv')\n"
        "df = add(df)\ndf['z'] = df['price_'] + 1\nother = double(df)\nthird = add(other)\nlast = prep.save(df)\n",
        "utf-8",
    )

    answer = _headwater("convert", script, "--json")

    told = json.loads(answer.stdout)
    assert answer.exit_code == 0, answer.output
    assert [(note["line"], note["kind"], note["why"]) for note in told["notes"]] == [
        (5, "whole", "'add' changes the table that it is given"),
        (8, "left", "'add' changes 'other', which it is given"),
        (9, "left", "'prep.save' is called: it writes data"),
    ]
    assert set(told["verdict"]["same"]) == {"df", "other", "third", "last", "saved.csv"}


def test_a_script_that_says_where_its_modules_are_finds_them(script: Path) -> None:
    (script.parent / "lib").mkdir()
    (script.parent / "lib" / "own_prices.py").write_text(
        "def double(table):\n    return table['price'] * 2\n", "utf-8"
    )
    script.write_text(
        "import os\nimport sys\nimport pandas as pd\nsys.path.insert(0, os.path.join(os.getcwd(), 'lib'))\n"
        "from own_prices import double\ndf = pd.read_csv('data.csv')\ndf['z'] = double(df)\n",
        "utf-8",
    )

    answer = _headwater("convert", script)

    assert answer.exit_code == 0, answer.output
    assert "The same as in the script: df." in answer.output
