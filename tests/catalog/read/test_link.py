from collections.abc import Callable

import pytest

from headwater.build import expand
from headwater.types import Type
from headwater_catalog.read import Content, LinkCache, LinkedModule, Pieces, Project, read_project, read_tree

Linked = Callable[..., LinkedModule]
DECLARED = read_project(b"[tool.headwater.dataflows.main]\nmodules = ['m']\n")


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        ("missing.Thing", "missing.Thing"),
        ("made()", "made()"),
        ("Alias", "Alias"),
        ("'not an expression ['", "'not an expression ['"),
        ("1", "1"),
        ("Loop", "Loop"),
        ("list[missing]", "list[missing]"),
        ("a" + ".b" * 700, "…"),
        ("Grown", "Grown"),
    ],
)
def test_an_annotation_that_names_nothing_is_kept_as_text(linked: Linked, annotation: str, text: str) -> None:
    grown = "".join(f"G{n} = tuple[G{n + 1}, G{n + 1}]\n" for n in range(60))
    source = f"Alias = made()\nLoop = list[Loop]\n{grown}Grown = G0\ndef f(x: {annotation}) -> int: ..."

    [function] = linked(source).functions

    assert function.parameters[0].type == Type(text)
    assert "is only known as text" in function.partial[0]


@pytest.mark.parametrize(
    "decorator",
    [
        "functools.lru_cache",
        "functools.lru_cache(maxsize=3)",
        "_own",
        "missing.thing(1)",
        "headwater.nothing(1)",
    ],
)
def test_a_decorator_that_is_no_modifier_makes_the_function_partial(linked: Linked, decorator: str) -> None:
    source = f"import functools, headwater\ndef _own(f): return f\n@{decorator}\ndef f(x: int) -> int: ..."

    result = linked(source)

    [reason] = result.functions[0].partial
    assert reason.startswith(f"line 3: '@{decorator}' may change the function")
    assert result.functions[0].modifiers == ()
    assert expand(result.functions[0])[0].partial == (reason,)


def test_wrong_arguments_of_a_modifier_are_told_at_its_line(linked: Linked) -> None:
    result = linked("""
from headwater import tag, parameterize, source
@tag(owner="a")
@tag(
    gdpr="x")
@parameterize(a={"x": source(3)})
def f(x: int) -> int: ...
""")

    [function] = result.functions
    assert sorted(d.line for d in result.diagnostics) == [4, 6]
    assert {d.path for d in result.diagnostics} == {"spend.py"}
    assert len(function.modifiers) == 1
    assert len(function.partial) == 2


def test_what_a_modifier_does_not_know_makes_its_nodes_partial(linked: Linked) -> None:
    [function] = linked("""
from headwater import tag
from elsewhere import TAGS
@tag(owner=TAGS["owner"], level="1")
@tag(**TAGS)
def f(x: int) -> int: ...
""").functions

    [node] = expand(function)
    assert node.tags["level"] == "1"
    assert len(node.partial) == 2
    assert all("'elsewhere.TAGS' is known by its name only" in reason for reason in node.partial)


def test_reasons_do_not_change_when_lines_above_are_added(linked: Linked) -> None:
    source = "X = 1\nX = 2\nfrom headwater import tag\n@tag(a=X)\ndef f(x: int) -> int: ..."

    [one] = expand(linked(source).functions[0])
    [other] = expand(linked(f"import os\n\n{source}").functions[0])

    assert one.partial[0].replace("line 4", "line 6") == other.partial[0]


def test_a_link_uses_what_it_asked_for_even_in_vain(linked: Linked) -> None:
    files = {
        "a/__init__.py": "",
        "a/b.py": "from a import c\nfrom gone import d\ndef f(x: int = c.N, y: int = d) -> int: ...",
        "a/c.py": "N = 1",
    }

    uses = linked(files, "a.b").uses

    assert uses["gone"] is None
    assert uses["a.c"] is not None
    assert "a.b" not in uses


def test_names_imported_in_a_circle_end(linked: Linked) -> None:
    files = {"a.py": "from b import x\nfrom c import *\ndef f(y: int = x, z: int = w) -> x: ...",
             "b.py": "from a import x", "c.py": "from a import *"}  # fmt: skip

    [function] = linked(files, "a").functions

    assert "circle" in function.parameters[0].default.reason
    assert function.returns == Type("x")


def test_imports_beyond_the_top_package_are_not_known(linked: Linked) -> None:
    [function] = linked("from ...x import y\ndef f(z: y) -> int: ...").functions

    assert "beyond the top package" in function.partial[0]


def test_namespace_packages_need_no_init_file(linked: Linked) -> None:
    files = {
        "a/b/c.py": "N = 2\nclass K: ...",
        "d.py": "import a.b.c\ndef f(x: a.b.c.K = a.b.c.N) -> int: ...",
    }

    [parameter] = linked(files, "d").functions[0].parameters

    assert parameter.type == Type("a.b.c.K")
    assert parameter.default == 2


def test_a_stand_in_for_a_failed_import_is_left_aside(linked: Linked) -> None:
    [function] = linked("""
try:
    import polars as pl
except ImportError:
    pl = None
def f(x: pl.Series) -> int: ...
""").functions

    assert function.parameters[0].type == Type("polars.Series")


SIBLINGS = {
    "shop/consts.py": "OWNER = 'growth'\nclass Spend: ...\n",
    "shop/flow.py": (
        "from headwater import tag\nimport consts\nfrom consts import OWNER, Spend\n"
        "@tag(owner=OWNER, module_owner=consts.OWNER)\ndef f(x: int) -> Spend: ...\n"
    ),
}


def tags(result: LinkedModule) -> dict[str, object]:
    return expand(result.functions[0])[0].tags


def test_a_name_is_imported_from_beside_the_file_as_in_a_script(linked: Linked) -> None:
    result = linked(SIBLINGS, "shop.flow")

    assert tags(result)["owner"] == tags(result)["module_owner"] == "growth"
    assert result.functions[0].returns == Type("shop.consts.Spend")
    assert result.functions[0].partial == ()


def test_what_the_root_has_goes_before_what_stands_beside_the_file(linked: Linked) -> None:
    result = linked({**SIBLINGS, "consts.py": "OWNER = 'root'\nclass Spend: ...\n"}, "shop.flow")

    assert tags(result)["owner"] == "root"


def test_a_neighbour_named_after_a_package_is_not_that_package(linked: Linked) -> None:
    result = linked(
        {
            "shop/pandas.py": "import pandas as pd\nclass DataFrame: ...\n",
            "shop/types.py": "class UnionType: ...\n",
            "shop/flow.py": (
                "import pandas as pd\nimport types\n"
                "def f(x: pd.DataFrame) -> pd.DataFrame: ...\ndef g(x: types.UnionType) -> int: ...\n"
            ),
        },
        "shop.flow",
    )

    f, g = result.functions
    assert f.returns == Type("pandas.DataFrame")
    assert g.parameters[0].type == Type("types.UnionType")


def test_a_neighbour_in_a_folder_that_is_no_name_is_found(linked: Linked) -> None:
    files = {path.replace("shop/", "my-shop/"): text for path, text in SIBLINGS.items()}

    result = linked(files, "my_shop.flow")

    assert tags(result)["owner"] == "growth"


def test_a_neighbour_that_comes_later_changes_what_a_name_means() -> None:
    cache = LinkCache()
    late = {path: Content(text.encode()) for path, text in SIBLINGS.items()}
    early = {path: content for path, content in late.items() if path != "shop/consts.py"}

    before = read_tree(early, Project(), cache).modules["shop.flow"]
    after = read_tree(late, Project(), cache).modules["shop.flow"]

    assert tags(before)["owner"] != "growth"
    assert tags(after)["owner"] == "growth"


def test_modifiers_are_those_of_the_engine_also_beside_the_source_of_hamilton(linked: Linked) -> None:
    result = linked(
        {
            "hamilton/__init__.py": "",
            "hamilton/function_modifiers/__init__.py": "class tag: ...\n",
            "shop.py": (
                "from hamilton import function_modifiers as fm\nfrom hamilton.function_modifiers import tag\n"
                "@fm.tag(a='b')\n@tag(c='d')\ndef f(x: int) -> int: ...\n"
            ),
        },
        "shop",
    )

    assert {"a": "b", "c": "d"}.items() <= tags(result).items()


def test_lines_are_told_where_code_stands_now_though_it_was_read_further_up() -> None:
    source = (
        "from headwater import parameterize, tag, value\n"
        "LIMIT = max(open('limits'))\n"
        "def a(x: missing) -> int: ...\n"
        "@tag(owner=LIMIT)\n"
        "@wraps\n"
        "def b(x: int, y: int = LIMIT) -> int: ...\n"
        "@tag(module='c')\n"
        "def c(x: int) -> int: ...\n"
        "@parameterize(d={'x': value([LIMIT for _ in range(2)])})\n"
        "def _d(x: int) -> int: ...\n"
    )
    pieces = Pieces()

    def told(text: str, reader: Pieces | None) -> object:
        module = read_tree({"m.py": Content(text.encode(), reader)}, DECLARED).modules["m"]
        defaults = [p.default for function in module.functions for p in function.parameters]
        partial = [(function.name, function.partial) for function in module.functions]
        return module.diagnostics, partial, defaults

    told(source, pieces)

    moved = f"# one\n# two\n\n{source}"
    assert repr(told(moved, pieces)) == repr(told(moved, None)) != repr(told(source, None))
