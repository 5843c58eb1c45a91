import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headwater_catalog.read import read_directory, read_tree
from headwater_catalog.read.bindings import Constant
from headwater_catalog.read.notebooks import MAX_NOTEBOOK_SIZE, cell_at
from headwater_catalog.read.parse import MAX_SIZE, Content, read_blob
from headwater_catalog.read.project import Project

FEATURE = "def spend(x: int) -> int:\n    return x\n"


def notebook(*cells: str | list[str] | dict, language: str = "python") -> bytes:
    made = [
        cell if isinstance(cell, dict) else {"cell_type": "code", "source": cell, "outputs": []}
        for cell in cells
    ]
    metadata = {"language_info": {"name": language}}
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4}).encode()


def test_code_cells_are_a_module_whose_lines_lead_back_to_the_cell() -> None:
    module = read_blob(
        notebook(
            "import pandas as pd\nN = 1",
            {"cell_type": "markdown", "source": "def no(x: int) -> int: ..."},
            ["@tag(a=N)\n", "def spend(x: pd.Series) -> pd.Series:\n", "    return x"],
        )
    )

    [spend] = module.functions
    assert (spend.line, spend.def_line, spend.end_line) == (3, 4, 5)
    assert cell_at(module.cells, spend.def_line) == (3, 2)
    assert spend.source.startswith("@tag(a=N)\ndef spend")
    assert isinstance(module.bindings["N"], Constant)
    assert module.diagnostics == ()


def test_notebooks_of_format_3_are_read() -> None:
    old = {
        "metadata": {},
        "nbformat": 3,
        "worksheets": [{"cells": [{"cell_type": "code", "input": [FEATURE], "language": "python"}]}],
    }

    [spend] = read_blob(json.dumps(old).encode()).functions

    assert spend.name == "spend"


def test_magics_are_left_out_line_for_line() -> None:
    module = read_blob(
        notebook(
            "%load_ext hamilton\n!pip install \\\n  pandas\nfiles = !ls\n?files\nfiles?\nif files:\n    %time f()\n"
            + FEATURE,
            "%%bash\ndef ls(x: int) -> int: ...",
            "%%cell_to_module -m spending --display\ndef signups(y: int) -> int:\n    return (y\n% 2)",
        )
    )

    spend, signups = module.functions
    assert (spend.line, cell_at(module.cells, signups.line)) == (9, (3, 2))
    assert signups.source.endswith("(y\n% 2)")
    assert module.bindings["files"].source == "files = get_ipython()"
    assert module.diagnostics == ()


def test_a_broken_cell_is_told_with_its_place_and_leaves_the_others() -> None:
    module = read_blob(notebook("x = 1", "y = (", FEATURE, 'z = """'), "explore.ipynb")

    assert [function.name for function in module.functions] == ["spend"]
    assert [(d.line, d.message.split(":")[0]) for d in module.diagnostics] == [
        (2, "Cell 2, line 1"),
        (6, "Cell 4, line 1"),
    ]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b'{"cells": [', "no valid JSON"),
        (b'{"cells": "\xff"}', "no valid JSON"),
        (b'{"cells": ' + b"[" * 500_000, "nested too deeply"),
        (b'{"cells": [' + b"[]," * 1_100_000, "too many values"),
        (b'{"cells": "' + b" " * MAX_NOTEBOOK_SIZE + b'"}', "are not read. Clear its outputs"),
        (notebook("x = 1\n" * (MAX_SIZE // 6 + 1)), "code of the notebook"),
    ],
)
def test_a_notebook_that_cannot_be_read_is_told(source: bytes, message: str) -> None:
    [diagnostic] = read_blob(source, "n.ipynb").diagnostics

    assert message in diagnostic.message
    assert diagnostic.line == 0


def test_large_outputs_do_not_count_as_code() -> None:
    cell = {"cell_type": "code", "source": FEATURE, "outputs": [{"data": {"image/png": "A" * MAX_SIZE}}]}

    assert len(read_blob(notebook(cell)).functions) == 1


def test_notebooks_of_other_languages_say_nothing() -> None:
    module = read_blob(notebook("x <- (1", language="R"))

    assert (module.functions, module.diagnostics) == ((), ())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(FEATURE) | st.just("code"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["cells", "cell_type", "source", "input", "worksheets", "metadata", "language_info"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(JSON)
@example([{"cell_type": "code", "source": "\x1f"}])
def test_values_of_any_kind_in_a_notebook_are_passed_over(value: object) -> None:
    source = json.dumps({"cells": value, "worksheets": value, "metadata": value}).encode()

    # Some texts are cells of code that is none.
    assert all(diagnostic.message.startswith("Cell ") for diagnostic in read_blob(source).diagnostics)


@given(st.integers(0, 300), st.binary(max_size=10))
def test_no_damage_to_a_notebook_stops_the_reader(place: int, put: bytes) -> None:
    whole = notebook("%ls\nx = 1", FEATURE)

    read_blob(whole[:place] + put + whole[place:])


def test_a_notebook_is_a_module_of_features_by_the_rule_for_files() -> None:
    files = {
        "flows/01-explore.ipynb": notebook(FEATURE),
        "flows/notes.ipynb": notebook("print(1)"),
        "docs/manual.ipynb": notebook(FEATURE),
        "flows/broken.ipynb": b'{"cells": [',
    }

    reading = read_tree({path: Content(source) for path, source in files.items()}, Project())

    assert {name: module.module.path for name, module in reading.modules.items()} == {
        "flows._01_explore": "flows/01-explore.ipynb"
    }
    assert [diagnostic.path for diagnostic in reading.diagnostics] == ["flows/broken.ipynb"]


def test_a_file_goes_before_a_notebook_of_its_name() -> None:
    files = {"flows/spend.ipynb": Content(notebook(FEATURE)), "flows/spend.py": Content(FEATURE.encode())}

    reading = read_tree(files, Project())

    assert reading.modules["flows.spend"].module.path == "flows/spend.py"
    assert [diagnostic.path for diagnostic in reading.diagnostics] == ["flows/spend.ipynb"]


def test_notebooks_in_a_directory_are_read(tmp_path: Path) -> None:
    (tmp_path / "explore.ipynb").write_bytes(notebook(FEATURE))
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".ipynb_checkpoints" / "explore-checkpoint.ipynb").write_bytes(notebook(FEATURE))

    reading = read_directory(tmp_path)

    assert list(reading.modules) == ["explore"]


@pytest.mark.parametrize(
    "magic",
    [
        "%%cell_to_module spending",
        "%%cell_to_module -m spending --display",
        "%%incr_cell_to_module --display --module_name spending",
    ],
)
def test_a_driver_takes_the_module_that_a_cell_makes(magic: str) -> None:
    constructs = "from hamilton import driver\ndr = driver.Driver({}, spending)"
    files = {"flows/explore.ipynb": Content(notebook(f"{magic}\n{FEATURE}", constructs))}

    reading = read_tree(files, Project())

    [dataflow] = reading.dataflows
    assert (dataflow.origin, dataflow.modules) == ("driver", ("flows.explore",))
    assert reading.diagnostics == ()


def test_what_is_wrong_in_a_function_is_told_with_its_cell() -> None:
    wrong = "from headwater import tag\n@tag(1)\ndef f(x: int) -> int: ..."

    reading = read_tree({"explore.ipynb": Content(notebook(FEATURE, wrong))}, Project())

    [diagnostic] = reading.diagnostics
    assert diagnostic.message.startswith("Cell 2, line 2: ")


def test_drivers_are_found_beside_a_broken_cell() -> None:
    cells = ["y = (", FEATURE, "import a\nfrom hamilton import driver\ndriver.Driver({}, a)"]

    [driver] = read_blob(notebook(*cells)).drivers

    assert [module.name for module in driver.modules] == ["a"]
