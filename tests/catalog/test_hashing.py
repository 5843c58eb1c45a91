import ast
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.normal_form import normal_form
from headwater_catalog.hashing import Traits, change_classes, code_hash, definition_digest


def hashed(source: str) -> str:
    definition = ast.parse(dedent(source)).body[0]
    assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef)
    return code_hash(definition)


PLAIN = """
def spend_per_signup(spend: pd.Series, signups: pd.Series = None) -> pd.Series:
    total = spend.rolling(3).mean() + 1_000
    if total > 0 and "a" != f"{total:>{3}}b":
        return total / signups
    return [x ** 2 for x in spend]
"""


def test_layout_comments_docs_annotations_and_tags_do_not_count() -> None:
    other = '''
    @hw.tag(owner="growth")
    @tag_outputs(a={"b": "c"})
    def renamed(
        spend,    # a comment
        signups: "int" = None,
    ) -> float:
        """A docstring."""
        total = (spend.rolling(3)
                 .mean() + 0x3E8)

        if (total > 0) and 'a' != f'{total:>{3}}' 'b':
            return (total / signups)
        return [(x ** 2) for x in spend]
    '''

    assert hashed(other) == hashed(PLAIN)


EDITS = [
    ("rolling(3)", "rolling(4)"),
    ("+ 1_000", "- 1_000"),
    ("+ 1_000", "+ 1_000.0"),
    ("'a'", "b'a'"),
    ("total / signups", "signups / total"),
    ("x ** 2 for x in", "y ** 2 for x in"),
    ("[x ** 2 for x in spend]", "(x ** 2 for x in spend)"),
    (" and ", " or "),
    ("signups: pd.Series = None", "signups: pd.Series = 0"),
    ("spend: pd.Series, signups", "spend: pd.Series, *, signups"),
    ("spend: pd.Series, signups", "spend: pd.Series, /, signups"),
    ("}}b", "}}c"),
    ("def ", "async def "),
    ("def ", "@config.when(a=1)\ndef "),
]


@pytest.mark.parametrize("edit", EDITS)
def test_any_change_of_meaning_changes_the_hash(edit: tuple[str, str]) -> None:
    plain = PLAIN.replace('"a"', "'a'").strip()
    old, new = edit

    assert old in plain
    assert hashed(plain.replace(old, new, 1)) != hashed(plain)


NAMES = st.sampled_from(["a", "b", "spend"])
LEAVES = st.one_of(
    NAMES,
    st.integers(-5, 10**30).map(repr),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.text(max_size=5).map(repr),
    st.sampled_from(["None", "True", "..."]),
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.tuples(NAMES, inner).map(lambda p: f"{p[0]}({p[1]})"),
        inner.map(lambda item: f"(lambda x: {item})"),
    ),
    max_leaves=5,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(EXPRESSIONS, min_size=1, max_size=3), st.text(max_size=20))
def test_writing_a_function_out_anew_keeps_its_hash(expressions: list[str], doc: str) -> None:
    body = "".join(f"\n    x{i} = {text}" for i, text in enumerate(expressions))
    source = f"def f(a, b=({expressions[0]})):{body}\n    return x0\n"
    documented = f"def f(a, b=({expressions[0]})):\n    {doc!r}{body}\n    return x0  # done\n"

    assert hashed(ast.unparse(ast.parse(source))) == hashed(source)
    assert hashed(documented) == hashed(source)


@settings(max_examples=40, deadline=None)
@given(EXPRESSIONS, EXPRESSIONS)
def test_different_expressions_have_different_hashes(one: str, other: str) -> None:
    same = ast.unparse(ast.parse(one)) == ast.unparse(ast.parse(other))

    assert (hashed(f"def f(): return {one}") == hashed(f"def f(): return {other}")) is same


def test_a_long_chain_of_operators_has_a_hash() -> None:
    assert hashed("def f(x): return " + " + ".join(["x"] * 900))


def test_the_normal_form_is_the_one_that_was_stored() -> None:
    """A change here makes all stored hashes wrong: give the scheme a new name then."""
    definition = ast.parse(
        "@config.when(a=1)\ndef f(x: int, *, y=2.5) -> int:\n    'Doc.'\n    return x + y"
    ).body[0]
    assert isinstance(definition, ast.FunctionDef)

    assert " ".join(normal_form(definition)) == (
        "def [ [ [ ] [ str:x ] [ str:y ] ] [ NoneType:None NoneType:None ] [ ] [ float:2.5 ] ] "
        "[ (Call func= (Attribute value= (Name id= str:config ) attr= str:when ) "
        "keywords= [ (keyword arg= str:a value= int:0x1 ) ] ) ] "
        "[ (Return value= (BinOp left= (Name id= str:x ) op= (Add ) right= (Name id= str:y ) ) ) ]"
    )


def test_change_classes_tell_what_differs() -> None:
    old = Traits("d1", "c1", "(x: int) -> int", "Doc.", {"owner": "a"})

    assert change_classes(old, old) == ()
    assert change_classes(old, old._replace(digest="d2")) == ("formatting",)
    assert change_classes(old, old._replace(digest="d2", code_hash="c2")) == ("logic",)
    assert change_classes(old, Traits("d2", "c2", "s", "", {})) == ("logic", "signature", "tags", "docs")
    assert change_classes(old, old._replace(digest="d2", tags={"owner": "b"})) == ("tags",)


def test_a_digest_belongs_to_the_exact_text() -> None:
    assert definition_digest("def f(): ...") != definition_digest("def f():  ...")
    assert definition_digest("\ud800") != definition_digest("?")
