"""What tells that an input is a table says the same of a type that was read as of the one that Python finds."""

import sys
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from headwater.driver import Driver
from headwater_catalog.source_specs import is_frame
from headwater_catalog.tree_snapshots import read_folder

_CODE = """
    import typing as t
    from typing import Annotated, Any, NewType, Optional, TypeVar, Union
    import pandas
    import pandas as p
    import pandas as pd
    import pyarrow as pa
    from pandas import DataFrame as Called
    from pandas.core.api import DataFrame as Inner
    if True:
        Sure = pd.DataFrame
    else:
        Sure = int
    try:
        Tried = pd.DataFrame
    except AttributeError:
        Tried = dict
    Frame = pd.DataFrame
    Again: t.Any = Frame
    Maybe = Optional[Frame]
    Noted = Annotated[Frame, "net"]
    Own = NewType("Own", pd.DataFrame)
    Some = TypeVar("Some", bound=pd.DataFrame)
    class Below(pd.DataFrame): ...
    def size(orders: {}) -> int: ...
"""


def _live(code: str) -> str:
    module = ModuleType("orders_of_a_test")
    sys.modules[module.__name__] = module
    try:
        exec(code, vars(module))
        (needed,) = Driver({}, module).graph.inputs
        return str(needed.type)
    finally:
        del sys.modules[module.__name__]


@pytest.mark.parametrize(
    "annotation",
    [
        *("pd.DataFrame", "p.DataFrame", "pandas.core.frame.DataFrame", "'pd.DataFrame'", "Called", "Inner"),
        *("Frame", "Again", "Sure", "pa.Table", "Maybe", "Noted", "Optional[pd.DataFrame]", "'None | Frame'"),
        *("Annotated[Frame, 'net']", "Annotated[Maybe, 'net']", "Annotated[Frame, 'net'] | None"),
        *("Union[None, Frame]", "Frame | Frame", "Optional['Frame']"),
    ],
)
def test_a_type_that_reading_finds_is_a_table_as_in_a_run(tmp_path: Path, annotation: str):
    code = dedent(_CODE.format(annotation))
    (tmp_path / "m.py").write_text(code)

    assert is_frame(_live(code)) is True
    assert is_frame(read_folder(tmp_path).graph["input:orders"].type) is True


@pytest.mark.parametrize(
    "annotation",
    [
        *("int", "Any", "pd.Series", "list[pd.DataFrame]", "dict[str, Frame]", "Frame | pd.Series", "Some"),
        *("t.Callable[[int], Frame]", "t.Literal['DataFrame']", "type[Frame]", "None"),
    ],
)
def test_what_is_no_table_is_none_as_in_a_run(tmp_path: Path, annotation: str):
    code = dedent(_CODE.format(annotation))
    (tmp_path / "m.py").write_text(code)

    assert is_frame(_live(code)) is False
    assert is_frame(read_folder(tmp_path).graph["input:orders"].type) is False


@pytest.mark.parametrize(("annotation", "is_table"), [("Tried", True), ("Own", False), ("Below", False)])
def test_what_reading_cannot_tell_is_left_open(tmp_path: Path, annotation: str, is_table: bool):
    code = dedent(_CODE.format(annotation))
    (tmp_path / "m.py").write_text(code)

    assert bool(is_frame(_live(code))) is is_table
    assert is_frame(read_folder(tmp_path).graph["input:orders"].type) is None


@pytest.mark.parametrize("text", ["", "(", "a" * 5_000, "(" * 5_000, "Optional[Tried]", "m.f.<locals>.Frame"])
def test_texts_that_are_no_types_do_no_harm(text: str):
    assert not is_frame(text)
