import ast
from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from headwater_catalog.read.bindings import Constant
from headwater_catalog.read.parse import ParsedModule, read_blob
from headwater_catalog.read.pieces import Pieces
from headwater_catalog.read.syntax import Unreadable, parse

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
        "with N as M:\n    def f(): ...\n    K = [\n1]",
        "if TYPE_CHECKING:\n    import a\nelse:\n    def _h(): ...\n    K = pd.x",
    ]
)
TEXTS = st.lists(LINES, max_size=14).map("\n".join) | st.lists(BLOCKS, max_size=8).map("\n".join)


def shown(module: ParsedModule) -> object:
    """Return everything that a module says, with all lines."""

    def dumped(node: ast.AST | None, lag: int) -> str:
        if node is None:
            return ""
        placed = ast.increment_lineno(deepcopy(node), lag)
        return ast.dump(placed, include_attributes=True).replace("col_offset", "")

    functions = [
        (
            *(f.name, f.is_async, f.doc, f.line, f.def_line, f.end_line, f.source, f.digest, f.replaced),
            [dumped(decorator, f.lag) for decorator in f.decorators],
            [(p.name, p.kind, dumped(p.annotation, f.lag), dumped(p.default, f.lag)) for p in f.parameters],
            dumped(f.returns, f.lag),
        )
        for f in module.functions
    ]
    constants = {
        name: dumped(bound.expression, bound.lag)
        for name, bound in module.bindings.items()
        if isinstance(bound, Constant)
    }
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

    pieces = Pieces().read(text)
    read = [(statement.node, piece.offset) for piece in pieces for statement in piece.statements]

    assert [(type(node), node.lineno + by, (node.end_lineno or 0) + by) for node, by in read] == whole


def test_a_piece_that_was_read_is_not_read_again() -> None:
    pieces = Pieces()
    first = pieces.read("import a\ndef f(x: int) -> int: ...\ndef g(y: int) -> int: ...\n")

    second = pieces.read("import a\ndef f(x: int) -> int: ...\ndef g(y: str) -> int: ...\n")

    assert [now is before for now, before in zip(second, first, strict=True)] == [True, True, False]
