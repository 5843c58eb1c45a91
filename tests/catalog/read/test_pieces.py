import ast

from hypothesis import given
from hypothesis import strategies as st

from headwater_catalog.read.parse import ParsedModule, read_blob
from headwater_catalog.read.pieces import Pieces
from headwater_catalog.read.syntax import Unreadable, moved, parse

LINES = st.sampled_from(
    [
        "import pandas as pd",
        "N = 1",
        "N = [a,",
        "  M,",
        "]",
        "M = [1, pd.x]",
        "M.append(2)",
        "@tag(a=N)",
        "@",
        "@tag(",
        ")",
        "def f(x: int = N) -> int:",
        "async def g(y: 'pd.Series') -> float: ...",
        "class C:",
        "    def m(self): M.append(1)",
        "    global N",
        "    return x",
        '    """Doc.',
        'T = """',
        '"""',
        "def _h(): ...",
        "if N:",
        "else:",
        "try:",
        "except E:",
        "async",
        "x = \\",
        "# a comment",
        "",
        "\x0c",
        "    pass",
    ]
)
BLOCKS = st.sampled_from(
    [
        "import pandas as pd",
        "N = 1",
        "M = [1, pd.x]\n",
        "M.append(2)",
        "@tag(a=N)\ndef f(x: int = N) -> int:\n    return x\n\n# about what follows",
        '@tag(\na=N)\nasync def g(y: "pd.Series") -> float:\n    """Doc."""\n    global N\n',
        "class C:\n    def m(self): M.append(1)\n",
        "def _h(): ...",
        "if N:\n    K = 1\nelse:\n    def f(): ...",
        "try:\n    import a\nexcept E:\n    a = 1",
        'T = """\ndef f(): ...\n"""',
        "(\nN)",
    ]
)
TEXTS = st.lists(LINES, max_size=14).map("\n".join) | st.lists(BLOCKS, max_size=8).map("\n".join)


def shown(module: ParsedModule) -> object:
    """Return everything that a module says, with all lines."""

    def dumped(node: ast.AST | None) -> str:
        return "" if node is None else ast.dump(node, include_attributes=True).replace("col_offset", "")

    functions = [
        (
            *(f.name, f.is_async, f.doc, f.line, f.def_line, f.end_line, f.source, f.digest, f.replaced),
            [dumped(decorator) for decorator in f.decorators],
            [(p.name, p.kind, dumped(p.annotation), dumped(p.default)) for p in f.parameters],
            dumped(f.returns),
        )
        for f in (function.settled() for function in module.functions)
    ]
    constants = {name: dumped(getattr(bound, "expression", None)) for name, bound in module.bindings.items()}
    return functions, dict(module.bindings), constants, module.stars, module.doc, module.diagnostics


class Whole(Pieces):
    """Reads every text in one piece."""

    def read(self, text: str):
        try:
            return list(self._pieces([text]))
        except Unreadable:
            return list(self._parts(text))


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_pieces_say_together_what_the_whole_text_says(texts: list[str]) -> None:
    pieces = Pieces()

    for text in [*texts, *("\n" + text for text in texts)]:
        source = text.encode()
        assert shown(read_blob(source, pieces=pieces)) == shown(read_blob(source, pieces=Whole()))


@given(TEXTS)
def test_the_statements_of_a_text_are_those_of_its_pieces(text: str) -> None:
    try:
        whole = [(type(node), node.lineno, node.end_lineno) for node in parse(text).body]
    except Unreadable:
        return

    read = [statement.node for piece in Pieces().read(text) for statement in piece.statements]

    assert [(type(node), node.lineno, node.end_lineno) for node in read] == whole


def test_a_piece_that_was_read_is_not_read_again() -> None:
    pieces = Pieces()
    first = pieces.read("import a\ndef f(x: int) -> int: ...\ndef g(y: int) -> int: ...\n")

    second = pieces.read("import a\ndef f(x: int) -> int: ...\ndef g(y: str) -> int: ...\n")

    assert [now is before for now, before in zip(second, first, strict=True)] == [True, True, False]


def test_a_tree_moves_as_a_whole_and_leaves_the_first_one_where_it_was() -> None:
    tree = parse("x = [1,\n  {'a': f(y)}]\n").body[0]

    further = moved(tree, 3)

    assert ast.unparse(further) == ast.unparse(tree)
    lines = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.expr)]
    assert [node.lineno - 3 for node in ast.walk(further) if isinstance(node, ast.expr)] == lines
