import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headwater_catalog.read.bindings import Constant, Opaque
from headwater_catalog.read.parse import ParsedModule, read_blob
from headwater_catalog.read.pieces import Pieces

GOOD = '''\
import pandas as pd

N = 1


def spend(x: int) -> int:
    """What was spent."""
    return x + N


@tag(owner="growth")
def signups(y: pd.Series) -> pd.Series:
    return y % 2
'''


def read(source: str) -> ParsedModule:
    return read_blob(source.encode(), "f.py")


def told(module: ParsedModule) -> list[tuple[int, str]]:
    return [(diagnostic.line, diagnostic.message) for diagnostic in module.diagnostics]


def names(module: ParsedModule) -> list[str]:
    return [function.name for function in module.functions]


@pytest.mark.parametrize(
    ("wrong", "lines"),
    [
        ("def broken(x: int -> int:\n    return 1\n", (1,)),
        ("def broken(:\n    return [\n", (1, 2)),
        ("@tag(a=\ndef broken(x: int) -> int:\n    return 1\n", (1, 2)),
        ("from a import (b,\n", (1,)),
        ("N = = 1\n", (1,)),
        ("x = 'abc\n", (1,)),
        ("<<<<<<< HEAD\n", (1,)),
        ("This is no Python at all.\n", (1,)),
        ("else:\n    pass\n", (1,)),
        ("a\0b = 1\n", (0, 1)),
        (")\n", (1,)),
    ],
)
@pytest.mark.parametrize("above", [False, True])
def test_one_wrong_statement_leaves_the_others_and_is_told_with_its_line(
    wrong: str, lines: tuple[int, ...], above: bool
) -> None:
    module = read(f"{wrong}\n{GOOD}" if above else f"{GOOD}\n{wrong}")

    assert names(module) == ["spend", "signups"]
    [(line, message)] = told(module)
    assert line - (0 if above else GOOD.count("\n") + 1) in lines
    assert message.startswith("Python cannot read this: ")


def test_what_is_recovered_is_what_it_is_in_a_whole_file() -> None:
    whole = read(GOOD)

    recovered = read(f"{GOOD}\nx = (\n")

    for one, other in zip(recovered.functions, whole.functions, strict=True):
        assert (one.line, one.end_line, one.source, one.doc) == (
            other.line,
            other.end_line,
            other.source,
            other.doc,
        )
        assert (one.code_hash(), one.unread) == (other.code_hash(), "")
    assert recovered.bindings["pd"] == whole.bindings["pd"]
    assert recovered.bindings["N"] == whole.bindings["N"]


def test_a_function_with_a_broken_body_keeps_its_head_and_says_so() -> None:
    module = read(
        '@tag(a=1)\ndef f(x: int = 2) -> str:\n    """Doc."""\n    print x\n\n\n# about g\ndef g(y: int) -> int: ...\n'
    )

    f, g = module.functions
    assert (f.name, f.doc, f.line, f.def_line, f.end_line) == ("f", "Doc.", 1, 2, 4)
    assert (len(f.decorators), len(f.parameters), f.returns is None) == (1, 1, False)
    assert f.source.endswith("    print x")
    assert f.unread == "its body cannot be read"
    assert (g.unread, g.line) == ("", 8)
    [(line, message)] = told(module)
    assert (line, "Of 'f' only the head is read." in message) == (4, True)


def test_any_change_to_a_body_that_cannot_be_read_is_one_of_its_code() -> None:
    [before] = read("def f(x: int) -> int:\n    print x\n").functions
    [after] = read("def f(x: int) -> int:\n    print  x\n").functions

    assert before.code_hash() != after.code_hash()


def test_what_looks_like_code_in_a_string_is_none() -> None:
    module = read('T = """\ndef f(x: int) -> int: ...\n"""\nx = (\n')

    assert names(module) == []
    assert isinstance(module.bindings["T"], Constant)


def test_functions_below_a_string_that_is_not_closed_are_given_with_the_doubt() -> None:
    module = read(
        'def f(x: int) -> int:\n    """Doc.\n    return x\n\ndef g(y: int) -> int:\n    """Doc."""\n'
    )

    f, g = module.functions
    assert f.unread == "its body cannot be read"
    assert (g.doc, g.unread) == ("Doc.", "it may stand in a string that is not closed")


def test_both_sides_of_a_merge_conflict_are_read() -> None:
    module = read(
        "def f(x: int) -> int: ...\n<<<<<<< HEAD\ndef g(x: int) -> int: ...\n=======\n"
        "def h(x: int) -> int: ...\n>>>>>>> other\n"
    )

    assert names(module) == ["f", "g", "h"]
    assert [line for line, _ in told(module)] == [2, 4, 6]


def test_names_that_unreadable_lines_may_set_are_not_known() -> None:
    module = read("N = 1\nM = 2\nfrom a import (b,\nN = (\ndef f(:\n    pass\n")

    assert isinstance(module.bindings["M"], Constant)
    for name in ("N", "b", "f"):
        assert module.bindings[name] == Opaque("may be set in lines that cannot be read")


def test_a_constant_that_an_unreadable_body_may_change_is_not_known() -> None:
    module = read("N = [1]\nM = [1]\ndef f(x: int) -> int:\n    N.append(2)\n    print x\n")

    assert isinstance(module.bindings["N"], Opaque)
    assert isinstance(module.bindings["M"], Constant)


def test_lines_of_nonsense_in_a_row_are_told_once() -> None:
    module = read(f"{GOOD}\n" + "no Python here\n" * 50 + GOOD.replace("def ", "def _"))

    assert [line for line, message in told(module) if "cannot read" in message] == [GOOD.count("\n") + 2]


def test_where_too_much_cannot_be_read_the_rest_is_left_and_told() -> None:
    module = read("def f(:\n    pass\n" * 2_000)

    assert len(module.diagnostics) < 600
    assert "Nothing from here on is read" in module.diagnostics[-1].message


TEXT = st.text("defclass@():[]{}\"'\\#\n \tx=1,.*\0é", max_size=60)


@given(st.integers(0, len(GOOD)), st.integers(0, 40), TEXT)
@example(0, 0, "x = " + "(" * 5_000)
@example(0, 0, "x = " + "[" * 90 + "'''")
@example(0, 0, 'f"{' * 100 + "\n")
@example(0, 0, "x{" * 2_000 + "\n")
@example(len(GOOD), 0, "\0" * 1_000)
def test_no_damage_to_a_source_stops_the_reader(place: int, gone: int, put: str) -> None:
    source = GOOD[:place] + put + GOOD[place + gone :]
    pieces = Pieces()

    module = read_blob(source.encode(), pieces=pieces)

    assert all(0 <= diagnostic.line <= source.count("\n") + 1 for diagnostic in module.diagnostics)
    for function in (*module.functions, *module.helpers):
        lines = source.split("\n")[function.line - 1 : function.end_line]
        assert function.source == "\n".join(lines)
        assert function.code_hash()
    again = read_blob(source.encode(), pieces=pieces)
    assert (names(again), told(again)) == (names(module), told(module))


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_or_told(source: bytes) -> None:
    assert read_blob(source).digest == hashlib.sha256(source).hexdigest()
