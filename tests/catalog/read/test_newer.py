import ast
import subprocess
import sys

import pytest

from headwater.types import Type
from headwater_catalog.read.newer import parse_newer
from headwater_catalog.read.parse import read_blob
from headwater_catalog.read.syntax import Unreadable

# What newer syntax says, in syntax that every Python we run on reads to the same tree.
SAME = [
    ('x = f"{a["b"]}"', "x = f\"{a['b']}\""),
    ('x = f"{a["b"]!r:>{w}}{c}{{"', "x = f\"{a['b']!r:>{w}}{c}{{\""),
    ('x = f"{a["b"]=}"', "x = 'a[\"b\"]=' f\"{a['b']!r}\""),
    ('x = f"{a["b"] = :>3}"', "x = 'a[\"b\"] = ' f\"{a['b']:>3}\""),
    ('x = f"{f"{f"{1}"}"}"', "x = f\"{f'''{f'{1}'}'''}\""),
    ('x = ("a" f"{b["c"]}"\n "d")\ny = 1', "x = (\"a\" f\"{b['c']}\"\n 'd')\ny = 1"),
    ('x = f"{a  # why\n}"\ny = 1', "x = (f'{a}'\n)\ny = 1"),
    ("try:\n    f()\nexcept A, B:\n    g()", "try:\n    f()\nexcept (A, B):\n    g()"),
    ("try:\n    f()\nexcept* A, B:\n    g()", "try:\n    f()\nexcept* (A, B):\n    g()"),
    ("lazy import a.b\nlazy from c import d", "import a.b\nfrom c import d"),
]


def lines_of(tree: ast.Module) -> list[tuple[int, int | None]]:
    return [(node.lineno, node.end_lineno) for node in tree.body]


@pytest.mark.parametrize(("newer", "older"), SAME)
def test_newer_syntax_is_read_as_what_it_means_on_the_same_lines(newer: str, older: str) -> None:
    read = parse_newer(newer)

    assert ast.unparse(read) == ast.unparse(ast.parse(older))
    assert lines_of(read) == lines_of(ast.parse(older))


def test_backslashes_in_an_f_string_are_what_they_are_in_any_string() -> None:
    tree = parse_newer(r'''x = f"\t{"\n".join(a)}"''')

    assert "Constant(value='\\t')" in ast.dump(tree)
    assert "func=Attribute(value=Constant(value='\\n'), attr='join'" in ast.dump(tree)


GENERIC = '''\
from headwater import tag
T = int
type Pair[K] = tuple[K, K]
type Money = (
    float
)

@tag(owner="growth")
def pick[
    T: (int, str),
    *Ts, **P,
](x: T, y: list[T], z: Money) -> T | None:
    """Pick."""
    return f"{x["a"]}"


class Box[T](dict[str, T]):
    pass


def plain(x: T) -> int:
    return 1
'''


def test_type_parameters_are_type_variables_of_their_function_alone(linked) -> None:
    module = linked(GENERIC)

    pick, plain = module.functions
    assert [parameter.type for parameter in pick.parameters] == [
        Type("~T"),
        Type("list", (Type("~T"),)),
        Type("spend.Money"),
    ]
    assert str(pick.returns) == "~T | None"
    assert plain.parameters[0].type == Type("int")
    assert (pick.doc, pick.location.line, pick.location.end_line) == ("Pick.", 9, 14)
    assert pick.partial == plain.partial == ()
    assert module.diagnostics == ()


def test_the_source_of_a_function_in_newer_syntax_is_its_text() -> None:
    pick, _ = read_blob(GENERIC.encode()).functions

    assert pick.source == "\n".join(GENERIC.split("\n")[7:14])
    assert len(pick.decorators) == 1


def test_type_parameters_and_quotes_do_not_change_what_a_function_does() -> None:
    [newer] = read_blob(b'def f[T](x: T) -> T:\n    return f"{x["a"]}"\n').functions
    [older] = read_blob(b"def f(x: T) -> T:\n    return f\"{x['a']}\"\n").functions

    assert newer.code_hash() == older.code_hash()


@pytest.mark.parametrize(
    "source",
    [
        "def f(:",
        'f"{' * 60,
        'f"{' * 60 + "1" + '}"' * 60,
        'f"{a["b"]!}"',
        'f"{' + 'a["b"]' * 20_000 + '}"',
        "type X = int; x = 1",
        'x = f"{"' + "\0" + '"}"',
    ],
)
def test_what_cannot_be_said_in_older_syntax_is_told(source: str) -> None:
    with pytest.raises(Unreadable):
        parse_newer(source + "\n(")


def test_nothing_is_loaded_for_files_that_python_reads() -> None:
    code = (
        "import sys; from headwater_catalog.read import read_blob;"
        "assert read_blob(b'def f(x: int) -> int: ...').functions;"
        "sys.exit('tree_sitter' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
