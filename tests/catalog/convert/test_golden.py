"""Scripts beside what they become, in text: golden/NAME.txt has the script, the module, the driver and the notes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headwater_catalog.convert import Conversion, convert_script
from headwater_catalog.tree_snapshots import read_folder
from support.converted import run_both

_GOLDEN = Path(__file__).parent / "golden"
_CASES = sorted(path.stem for path in _GOLDEN.glob("*.txt"))
_DATA = {
    "orders.csv": "customer,price,qty\n1,2.5,1\n2,4,\n1,9.25,5\n3,1,2\n2,7,3\n",
    "customers.csv": "customer,name\n1,ada\n2,bob\n3,eve\n",
}


def _parts(case: str) -> dict[str, str]:
    found = re.split(r"^--- (\w+)\n", (_GOLDEN / f"{case}.txt").read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def _notes(made: Conversion) -> str:
    return "".join(f"{note.line} {note.kind}: {note.why}\n" for note in made.notes)


@pytest.mark.parametrize("case", _CASES)
def test_a_script_becomes_what_stands_beside_it(case: str) -> None:
    parts = _parts(case)

    made = convert_script(parts["script"], f"{case}.py")

    assert made.module_text == parts["module"]
    assert made.driver_text == parts["driver"]
    assert _notes(made) == parts["notes"]


@pytest.mark.parametrize("case", _CASES)
def test_what_a_script_becomes_leaves_the_same_and_is_read_without_diagnostics(
    case: str, tmp_path: Path
) -> None:
    made, answer = run_both(tmp_path, _parts(case)["script"], _DATA, case)
    snapshot = read_folder(tmp_path / "after")

    assert answer.get("different") == [], answer
    assert len(answer["same"]) > len(_DATA) + 1  # more than the files that are there anyway
    assert not snapshot.diagnostics
    assert {feature.name for feature in snapshot.features} >= set(made.features)
