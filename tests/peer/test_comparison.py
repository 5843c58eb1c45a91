"""The comparison finds what differs, and the made-up modules are the same every time."""

from typing import Any

import pytest

from peer.case_files import names_of
from peer.comparison import differences
from peer.generated import cases
from support.peer import ROOT

NODE = {"type": "int", "tags": {"module": "m"}, "doc": "", "required": [], "optional": [], "external": False}
RECORD = {"nodes": {"a": NODE}, "values": {"dict": {"a": 1}}, "order": ["a"]}
FAILED = {
    "error": {"stage": "build", "type": "ValueError", "bases": ["ValueError", "Exception"], "message": ""}
}


def failed(stage: str, *bases: str) -> dict[str, Any]:
    return {"error": {"stage": stage, "type": bases[0], "bases": list(bases), "message": "why"}}


@pytest.mark.parametrize(
    ("ours", "told"),
    [
        (RECORD, []),
        ({**RECORD, "values": {"dict": {"a": 2}}}, ["all: values.dict.a: there 1, here 2"]),
        ({**RECORD, "order": []}, ["all: order: there ['a'], here []"]),
        ({**RECORD, "nodes": {"a": {**NODE, "type": "str"}}}, ["all: nodes.a.type: there int, here str"]),
        ({**RECORD, "nodes": {}}, [f"all: nodes.a only there: {NODE}"]),
        (failed("build", "KeyError"), ["all: error only here, at build: KeyError: why"]),
    ],
)
def test_difference_in_what_came_out_is_told(ours: dict[str, Any], told: list[str]) -> None:
    assert differences({"all": RECORD}, {"all": ours}) == told


@pytest.mark.parametrize(
    ("ours", "told"),
    [
        (FAILED, []),
        (failed("import", "InvalidModifier", "ValueError"), []),
        (RECORD, ["all: error only there, at build: ValueError: "]),
        (failed("execute", "ValueError"), ["all: error later here: execute after build: ValueError: why"]),
        (failed("build", "KeyError"), ["all: error of another kind here: KeyError for ValueError: why"]),
    ],
)
def test_difference_between_errors_is_told(ours: dict[str, Any], told: list[str]) -> None:
    assert differences({"all": FAILED}, {"all": ours}) == told


def test_failed_import_stands_for_every_scenario() -> None:
    ours = {"import": failed("import", "ImportError")}

    assert differences({"x": RECORD, "y": RECORD}, ours) == [
        "x: error only here, at import: ImportError: why",
        "y: error only here, at import: ImportError: why",
    ]


def test_generated_cases_are_the_same_every_time() -> None:
    assert cases(20) == cases(20)
    assert cases(20) in cases(21)


def test_cases_have_names_of_their_own() -> None:
    names = names_of(ROOT / "tests" / "peer" / "cases")

    assert len(names) == len(set(names)) > 300
