"""What modifiers take in of other functions and modules, and where source does not tell."""

from collections.abc import Callable

import pytest

from headwater.build import expand
from headwater.function import Function
from headwater.node import Node
from headwater_catalog.read.link import LinkedModule, link
from headwater_catalog.read.modules import modules_of
from headwater_catalog.read.parse import Content

Linked = Callable[..., LinkedModule]

HEAD = "from typing import *\nfrom headwater.modifiers import *\nfrom headwater.modifiers import h_pandas\n"


def nodes_of(result: LinkedModule, name: str) -> list[Node]:
    return expand(function_of(result, name))


def function_of(result: LinkedModule, name: str) -> Function:
    return next(function for function in result.functions if function.name == name)


def test_functions_from_outside_the_tree_are_known_by_name_only(linked: Linked) -> None:
    result = linked(f"""{HEAD}
from elsewhere import clean, features
@pipe_output(step(clean, 3))
def a(x: int) -> int: ...
@subdag(features, inputs=dict(x=source("y")))
def b(z: int) -> int: ...
@does(sum)
def c(x: int) -> int: ...
""")

    assert [node.name for node in nodes_of(result, "a")] == ["a.raw", "a.with_clean", "a"]
    assert "'elsewhere.clean' is not known without importing it" in nodes_of(result, "a")[1].partial
    assert "'elsewhere.features' is not known without importing it" in nodes_of(result, "b")[0].partial
    assert [node.partial for node in nodes_of(result, "c")] == [()]


def test_functions_and_modules_that_take_each_other_in_end(linked: Linked) -> None:
    files = {
        "p/a.py": HEAD
        + "from p import b\nimport p.a\n@subdag(b)\ndef one(two: int) -> int: ...\n"
        + "@subdag(p.a)\ndef own(x: int) -> int: ...\n@does(itself)\ndef itself(x: int) -> int: ...\n",
        "p/b.py": HEAD + "from p import a\n@subdag(a.one)\ndef two(one: int) -> int: ...\n",
        "p/__init__.py": "",
    }

    for module in ("p.a", "p.b"):
        result = linked(files, module)
        assert all(expand(function) for function in result.functions)
    reasons = [reason for node in nodes_of(linked(files, "p.a"), "one") for reason in node.partial]
    assert any("'p.a.one' is not known without running code: it takes itself in" in r for r in reasons)
    assert "it takes itself in" in nodes_of(linked(files, "p.a"), "itself")[0].partial[0]


def test_what_works_on_others_may_take_one_of_them_in(linked: Linked) -> None:
    result = linked(f"""{HEAD}
def a(x: int) -> int: ...
def b(x: int) -> int: ...
@subdag(b)
@mutate(a, b)
def c(b: int) -> int: ...
""")

    assert [node.name for node in nodes_of(result, "b")] == ["b.raw", "b.with_c", "b"]


def test_long_chains_of_functions_end(linked: Linked) -> None:
    in_order = "".join(f"@does(_f{n})\ndef _f{n + 1}(x: int) -> int: ...\n" for n in range(300))
    against = "".join(f"@does(_g{n + 1})\ndef _g{n}(x: int) -> int: ...\n" for n in range(300))
    last = "@does(_f300)\ndef a(x: int) -> int: ...\n@does(_g0)\ndef b(x: int) -> int: ...\n"

    result = linked(HEAD + in_order + against + last)

    assert [node.name for node in nodes_of(result, "a") + nodes_of(result, "b")] == ["a", "b"]


def test_functions_taken_in_many_times_are_read_once(linked: Linked) -> None:
    doubling = "".join(
        f"def p{n}(x: int, y: int = [0] * 9) -> int: ...\n"
        f"@pipe_output(step(s{n - 1}), step(s{n - 1}))\ndef s{n}(x: int) -> int: ...\n"
        if n
        else "def s0(x: int) -> int: ...\n"
        for n in range(60)
    )

    result = linked(HEAD + doubling)  # read anew each time, these would be more than there are atoms

    assert len(nodes_of(result, "s59")) == 4


def test_sub_graphs_that_multiply_end(linked: Linked) -> None:
    deep = "".join(f"@subdag(f{n})\ndef f{n + 1}(f{n}: int) -> int: ...\n" for n in range(200))
    wide = "".join(f"@subdag(g{n}, g{n})\ndef g{n + 1}(g{n}: int) -> int: ...\n" for n in range(12))
    many = "".join(f"@subdag({', '.join(['g12'] * 9)})\ndef h{n}(g0: int) -> int: ...\n" for n in range(9))

    result = linked(f"{HEAD}def f0(x: int) -> int: ...\ndef g0(x: int) -> int: ...\n{deep}{wide}{many}")

    assert "f2.f1.f0" in [node.name.removeprefix("f3.") for node in nodes_of(result, "f3")]
    assert "more than 20 deep" in nodes_of(result, "f21")[0].partial[0]
    assert "more than 200,000 functions are taken in" in nodes_of(result, "h8")[0].partial[-1]


def test_what_works_on_others_leaves_the_graph(linked: Linked) -> None:
    result = linked(f"""{HEAD}
def a(x: int) -> int: ...
@mutate(a)
def b(x: int, by: int = 2) -> int: ...
@mutate(a)
def _c(x: int) -> int: ...
def _helper(x): ...
""")

    assert [(f.name, raw.name) for f, raw in zip(result.functions, result.raw, strict=True)] == [("a", "a")]
    assert [node.name for node in nodes_of(result, "a")] == ["a.raw", "a.with_b", "a.with_c", "a"]


def test_a_private_function_stays_private_where_what_it_works_on_is_not_known(linked: Linked) -> None:
    result = linked(f"""{HEAD}
def a(x: int) -> int: ...
@mutate("a")
def _b(a: int) -> int: ...
@mutate(absent)
def _c(a: int) -> int: ...
@mutate(a)
@mutate("a")
def _d(a: int) -> int: ...
""")

    assert [f.name for f in result.functions] == ["a"]
    assert [node.name for node in nodes_of(result, "a")] == ["a.raw", "a.with_d", "a"]
    assert [found.line for found in result.diagnostics] == [6, 11]


@pytest.mark.parametrize("name", ["b", "_b"])
def test_a_target_that_is_no_feature_is_a_fault_of_what_works_on_it(linked: Linked, name: str) -> None:
    files = {
        "p.py": f"{HEAD}from q import elsewhere\ndef a(x: int) -> int: ...\n"
        f"@mutate(elsewhere)\ndef {name}(x: int) -> int: ...\n",
        "q.py": "def elsewhere(x: int) -> int: ...\n",
    }
    result = linked(files, "p")

    assert sorted(function.name for function in result.functions) == sorted(["a", name])
    assert [node.name for node in nodes_of(result, "a")] == ["a"]
    with pytest.raises(ValueError, match="cannot work on the output of 'elsewhere' in q"):
        nodes_of(result, name)


def test_a_function_and_a_module_of_one_name_are_told_apart_or_not_known(linked: Linked) -> None:
    feature = f"{HEAD}import p\n@subdag(p.spend)\ndef a(spend: int) -> int: ...\n"
    files = {"p/spend.py": "def spend(x: int) -> int: ...\ndef other() -> int: ...\n", "f.py": feature}

    imported = linked({**files, "p/__init__.py": "from .spend import spend\n"}, "f")
    defined = linked({**files, "p/__init__.py": "def spend(x: float) -> int: ...\n"}, "f")
    neither = linked({**files, "p/__init__.py": ""}, "f")

    assert [node.name for node in nodes_of(imported, "a")] == ["a.spend", "a"]
    assert nodes_of(defined, "a")[0].partial == ("'p.spend' is not known without importing it",)
    assert [node.name for node in nodes_of(neither, "a")] == ["a.other", "a.spend", "a"]


def test_modifiers_that_need_parentheses_are_told_without_them(linked: Linked) -> None:
    result = linked(f"{HEAD}@extract_fields\ndef a() -> dict: ...\n@hamilton_exclude\ndef b(x): ...\n")

    [told] = result.diagnostics
    assert (told.line, told.message) == (
        4,
        "@extract_fields is used without parentheses. Write them: @extract_fields().",
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("step(_f, y=1)", "there is no parameter 'y'"),
        ("step(_f).named(3)", "takes the name of a node"),
        ("step(_f).when(3)", "See its documentation"),
        ("step(3)", "takes a function"),
    ],
)
def test_steps_that_cannot_be_are_told(linked: Linked, call: str, message: str) -> None:
    helper = "def _f(x: int) -> int: ...\n"
    result = linked(f"{HEAD}{helper}@pipe_output({call})\ndef a(x: int) -> int: ...\n")

    [told] = result.diagnostics
    assert message in told.message


@pytest.mark.parametrize("call", ["step(_f).other()", "step(_f).when(**found())", "found(_f)"])
def test_steps_that_source_does_not_tell_make_partial_nodes(linked: Linked, call: str) -> None:
    result = linked(f"{HEAD}def _f(x: int) -> int: ...\n@pipe_output({call})\ndef a(x: int) -> int: ...\n")

    assert result.diagnostics == ()
    assert all("is not known without running code" in node.partial[0] for node in nodes_of(result, "a"))


@pytest.mark.parametrize(
    "typed",
    [
        "class Row(Elsewhere):\n    a: int\n",
        "class Row(TypedDict):\n    a: elsewhere()\n",
        "class Row(Row):\n    a: int\n",
        "class Row(Base):\n    a: int\nclass Base(Row):\n    b: int\n",
        "class Row(TypedDict, Generic[T]):\n    a: T\n",
        "class Row(Model):\n    a: int\nclass Model: ...\n",
        "Row = TypedDict('Row', {'a': int, **MORE})\n",
        "Row = TypedDict('Row', found())\n",
        "Row = NewType('Row', dict)\n",
    ],
)
def test_fields_of_classes_that_source_does_not_tell_are_not_guessed(linked: Linked, typed: str) -> None:
    result = linked(f"{HEAD}from outside import Elsewhere\n{typed}@extract_fields()\ndef a() -> Row: ...\n")

    [node] = nodes_of(result, "a")
    assert node.partial == ("the fields of spend.Row are not known without running code",)


def test_a_field_that_a_class_does_not_have_is_told_with_the_nearest(linked: Linked) -> None:
    source = "class Row(TypedDict):\n    spend: int\n@extract_fields('spent')\ndef a() -> Row: ...\n"

    [told] = linked(HEAD + source).diagnostics

    assert told.message == (
        "@extract_fields takes 'spent', which is no field of spend.Row. Did you mean 'spend'?"
    )


def test_types_with_arguments_are_values_of_no_other_modifier(linked: Linked) -> None:
    result = linked(f"{HEAD}@check_output(data_type=list[int])\ndef a(x: int) -> list: ...\n")

    assert (
        "'list[int]' is not known without running code: it is a type" in nodes_of(result, "a")[0].partial[0]
    )


@pytest.mark.parametrize("fields", ["{n: list[T] for n, T in [('b', 1)]}", "{'b': list[unknown]}"])
def test_types_that_source_does_not_tell_are_partial(linked: Linked, fields: str) -> None:
    result = linked(f"{HEAD}@extract_fields({fields})\ndef a() -> dict: ...\n")

    assert [node.name for node in nodes_of(result, "a")] == ["a", "b"]
    assert all(node.partial for node in nodes_of(result, "a"))


@pytest.mark.parametrize(
    ("decorator", "signature"),
    [
        ("model(Forecast, 'columns')", "() -> pd.Series"),
        ("dynamic_transform(Forecast, 'columns')", "() -> pd.Series"),
        ("resolve(when=ResolveAt.CONFIG_AVAILABLE, decorate_with=_choose)", "(x: int) -> int"),
        ("resolve_from_config(decorate_with=lambda: tag(a='b'))", "(x: int) -> int"),
        ("parameterize_frame(pd.DataFrame([]))", "(x: int) -> pd.DataFrame"),
        ("check_output_custom(Positive())", "(x: int) -> int"),
    ],
)
def test_what_only_running_code_decides_is_said(linked: Linked, decorator: str, signature: str) -> None:
    classes = "import pandas as pd\nclass Forecast: ...\nclass Positive: ...\ndef _choose(a): ...\n"
    result = linked(f"{HEAD}{classes}@{decorator}\ndef a{signature}: ...\n")

    assert result.diagnostics == ()
    assert nodes_of(result, "a")[-1].name == "a"
    assert nodes_of(result, "a")[-1].partial


def test_functions_are_linked_again_when_what_they_take_in_has_changed() -> None:
    def modules(helper: str, above: str = ""):
        files = {
            "p.py": f"{HEAD}from q import _f\n{above}def _own(x: int) -> {helper}: ...\n"
            "@pipe_output(step(_f))\ndef a(x: int) -> int: ...\n"
            "@pipe_output(step(_own))\ndef b(x: int) -> int: ...\ndef c(x: int) -> int: ...\n",
            "q.py": f"def _f(x: int) -> {helper}: ...\n",
        }
        return modules_of({path: Content(text.encode()) for path, text in files.items()})[0]

    before = modules("int")
    first = link(before["p"], before.get)
    own = {**before, "p": modules("float")["p"]}
    changed = link(own["p"], own.get, first)
    far = {**before, "q": modules("float")["q"]}
    followed = link(far["p"], far.get, first)

    assert [str(nodes_of(changed, name)[-1].type) for name in "ab"] == ["int", "float"]
    assert [str(nodes_of(followed, name)[-1].type) for name in "ab"] == ["float", "int"]
    assert function_of(changed, "c").parameters is function_of(first, "c").parameters
