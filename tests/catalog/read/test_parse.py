from textwrap import dedent

import pytest

from headwater.function import ParameterKind
from headwater_catalog.read.bindings import Constant, Definition, Import, Opaque
from headwater_catalog.read.parse import MAX_SIZE, ParsedModule, read_blob


def read(source: str) -> ParsedModule:
    return read_blob(dedent(source).encode())


def test_a_function_keeps_its_text_and_lines() -> None:
    module = read("""
        '''The module.'''
        # Not part of it.
        @tag(
            a="b")
        # Inside.
        def f(x: int) -> int:
            '''Says.

            More.
            '''
            return x  # to the end
        # After.
    """)

    [function] = module.functions
    assert module.doc == "The module."
    assert (function.line, function.def_line, function.end_line) == (4, 7, 12)
    assert function.source.splitlines()[0] == "@tag("
    assert function.source.splitlines()[-1] == "    return x  # to the end"
    assert function.doc == "Says.\n\nMore."


def test_parameters_have_their_kinds_and_defaults() -> None:
    [function] = read("def f(a, b=1, /, c=2, *d, e, f=3, **g): ...").functions

    assert [(p.name, p.kind, p.default is not None) for p in function.parameters] == [
        ("a", ParameterKind.POSITIONAL_ONLY, False),
        ("b", ParameterKind.POSITIONAL_ONLY, True),
        ("c", ParameterKind.POSITIONAL_OR_KEYWORD, True),
        ("d", ParameterKind.VAR_POSITIONAL, False),
        ("e", ParameterKind.KEYWORD_ONLY, False),
        ("f", ParameterKind.KEYWORD_ONLY, True),
        ("g", ParameterKind.VAR_KEYWORD, False),
    ]


def test_equal_content_reads_the_same_at_any_path() -> None:
    source = b"def f(x: int) -> int: ...\n"

    assert read_blob(source, "a.py").digest == read_blob(source, "b.py").digest
    assert read_blob(source, "a.py").diagnostics == read_blob(source, "b.py").diagnostics == ()


def test_the_last_definition_of_a_name_counts_and_both_lines_are_told() -> None:
    module = read("""
        def f(x: int) -> int: return 1
        def f(x: int) -> int: return 2
    """)

    assert [function.line for function in module.functions] == [3]
    assert "line 2 and again in line 3" in module.diagnostics[0].message


def test_definitions_under_a_condition_are_told_not_read() -> None:
    module = read("""
        import sys
        if sys.platform == "linux":
            def f(x: int) -> int: ...
        def g(x: int) -> int: ...
        g = sys.intern(g)
    """)

    assert [(function.name, function.replaced) for function in module.functions] == [("g", 6)]
    assert [d.line for d in module.diagnostics] == [4]


def test_private_functions_and_methods_are_no_features() -> None:
    assert read("def _f(): ...\nclass C:\n    def g(self): ...").functions == ()


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        (b"x = 1\ndef broken(:\n", 2, "Python cannot read this"),
        (b"x = '\0'\n", 0, "Python cannot read this"),
        (b"x = '\xff\xfe'\n", 0, "cannot be decoded"),
        (b"# coding: no-such-thing\n", 0, "cannot be decoded"),
        (b"# coding: undefined\n", 0, "cannot be decoded"),
        (b"x = " + b"(" * 5_000 + b")" * 5_000, 1, "Python cannot read this"),
        (b"x = " + b"-" * 100_000 + b"1", 0, "nested too deeply"),
        (b"x" * (MAX_SIZE + 1), 0, "are not read"),
        (b"if 1:\n\tx\n        y\n", 3, "Python cannot read this"),
    ],
)
def test_an_unreadable_file_is_a_diagnostic(source: bytes, line: int, message: str) -> None:
    module = read_blob(source, "bad.py")

    [diagnostic] = module.diagnostics
    assert module.functions == ()
    assert message in diagnostic.message
    assert diagnostic.path == "bad.py"
    assert diagnostic.line in (line, 0, 1)


@pytest.mark.parametrize(
    "source",
    [
        "def f(x: int) -> str:\n    'é'\n".encode("utf-8-sig"),
        "# -*- coding: latin-1 -*-\ndef f(x: int) -> str:\n    'é'\n".encode("latin-1"),
        "def f(x: int) -> str:\r\n    'é'\r\n".encode(),
        "def f(x: int) -> str:\r    'é'\r".encode(),
    ],
)
def test_encodings_and_line_ends_are_those_of_python(source: bytes) -> None:
    [function] = read_blob(source).functions

    assert function.doc == "é"
    assert function.source == "def f(x: int) -> str:\n    'é'"


def test_invalid_escapes_do_not_disturb() -> None:
    assert read(r"def f(x: int) -> str: return '\d'").functions[0].name == "f"


def test_unusual_line_ends_inside_text_do_not_shift_lines() -> None:
    [function] = read_blob("x = '\x0c\u2028'\ndef f(y: int) -> int: ...\n".encode()).functions

    assert function.source == "def f(y: int) -> int: ..."


def test_names_are_bound_to_what_the_text_shows() -> None:
    names = read("""
        import a.b, c.d as e
        from .f import g as h
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from i import j
        try:
            import k
        except ImportError:
            k = None
        L = M = 1
        N, O = 2, (3, 4)
        P: int = 5
        class Q: ...
        def _r(): ...
        if __name__ == "__main__":
            L = 7
    """).bindings

    assert names["a"] == Import("a")
    assert names["e"] == Import("c.d")
    assert names["h"] == Import("f", "g", 1)
    assert names["j"] == Import("i", "j")
    assert names["k"] == Import("k")
    assert all(isinstance(names[name], Constant) for name in "LMNOP")
    assert names["Q"] == names["_r"] == Definition()


@pytest.mark.parametrize(
    "change",
    [
        "X = [2]",
        "X += [2]",
        "X.append(2)",
        "X[0] = 2",
        "del X[0]",
        "X.y.z = 2",
        "for X in []: pass",
        "if unknown: X = 3",
        "def _f():\n    global X\n    X = 3",
        "def _f(): X.clear()",
        "ALIAS = X\nALIAS.append(2)",
        "with open('f') as X: pass",
        "import X",
        "del X",
        "X: list = [3]",
        "try: X = 2\nexcept E: pass",
        "X, Y = unknown",
    ],
)
def test_a_name_that_changes_is_no_constant(change: str) -> None:
    assert isinstance(read_blob(f"X = [1]\n{change}\n".encode()).bindings["X"], Opaque)


@pytest.mark.parametrize(
    "use",
    ["Y = X[0]", "Y = X.copy()", "def _f(): return X.index(1)", "print(X)", "for y in [X for X in ()]: pass"],
)
def test_a_name_that_is_only_used_stays_a_constant(use: str) -> None:
    assert isinstance(read_blob(f"X = [1]\n{use}\n".encode()).bindings["X"], Constant)


@pytest.mark.parametrize(
    "source",
    [
        "y = x" + ".a" * 20_000,
        "y = " + "[" * 150 + "]" * 150,
        "y = a" + "+a" * 20_000,
        "y = " + "not " * 5_000 + "a",
        "if TYPE_CHECKING: pass\n" + "elif TYPE_CHECKING: pass\n" * 900,
    ],
    ids=["attributes", "brackets", "sum", "negation", "conditions"],
)
def test_hostile_nesting_is_read_or_told(source: str) -> None:
    found = read_blob(f"{source}\nz = 1\n".encode())

    assert "z" in found.bindings or "nested" in found.diagnostics[0].message


@pytest.mark.parametrize(
    ("around", "how"),
    [
        ("with open('x') as file:", "inside a block"),
        ("if TYPE_CHECKING:\n    import a\nelse:", "inside a block"),
        ("if DEBUG:", "under a condition"),
        ("try:\n    import a\nexcept ImportError:", "under a condition"),
    ],
)
def test_a_function_inside_another_statement_is_told_and_the_others_count(around: str, how: str) -> None:
    module = read_blob(f"{around}\n    def a(b: int) -> int: ...\n\n\ndef c(d: int) -> int: ...\n".encode())

    assert [function.name for function in module.functions] == ["c"]
    (told,) = module.diagnostics
    assert (told.line, told.message) == (
        around.count("\n") + 2,
        f"'a' is defined {how}, so it is not read. Define it at the top level; "
        "@config.when chooses between variants.",
    )
