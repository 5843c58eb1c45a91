"""Which columns of tables the body of a function is seen to read and to set."""

from collections.abc import Callable
from textwrap import dedent, indent

import pytest

from headwater_catalog.read import LinkedModule, columns_of

Linked = Callable[..., LinkedModule]

IMPORTS = (
    "import pandas as pd\nimport polars as pl\nfrom polars import LazyFrame as Lazy\nDF = pd.DataFrame\n"
)


def columns(
    linked: Linked, body: str, parameters: str = "df: pd.DataFrame", returns: str = "int"
) -> list[str]:
    """The columns, each as `table.column`, with `=` behind those that are set."""
    code = indent(dedent(body).strip(), "    ")
    module = linked(f"{IMPORTS}\ndef spend({parameters}) -> {returns}:\n{code}\n")
    (function,), (raw,) = module.functions, module.raw
    return [f"{use.table}.{use.column}{'=' if use.written else ''}" for use in columns_of(function, raw)]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('return df["a"].sum()', ["df.a"]),
        ('return df[["a", "b"]]', ["df.a", "df.b"]),
        ('return df.loc[:, "a"]', ["df.a"]),
        ('return df.loc[df["a"] > 0, ["b", "c"]]', ["df.b", "df.c", "df.a"]),
        ('return df[df["a"] > 0]["b"]', ["df.b", "df.a"]),
        ('return df.groupby("a")["b"].sum()', ["df.b", "df.a"]),
        ('return df.sort_values(by=["a", "b"])', ["df.a", "df.b"]),
        ('return df.apply(lambda row: row["a"] * 2, axis=1)', ["df.a"]),
        ('return df.assign(b=lambda d: d["a"])', ["df.b=", "df.a"]),
        ('return df.rename(columns={"a": "b"})["b"]', ["df.a", "df.b="]),
        ('df["b"] = df["a"]\nreturn df', ["df.a", "df.b="]),
        ('df["a"] += 1\nreturn df', ["df.a", "df.a="]),
        ('df.loc[:, "a"] = 0\nreturn df', ["df.a="]),
        ('df.insert(0, "a", 1)\nreturn df', ["df.a="]),
        ('KEY = "a"\nreturn df[KEY]', ["df.a"]),
        ('for key in ["a", "b"]:\n    print(df[key])\nreturn 1', ["df.a", "df.b"]),
        ('if df["a"].any():\n    return df["b"]\nelse:\n    return df["c"]', ["df.a", "df.b", "df.c"]),
        ('def inner():\n    return df["a"]\nreturn inner()', ["df.a"]),
        ('return [df["a"] for _ in range(3)]', ["df.a"]),
    ],
)
def test_a_column_named_by_a_literal_is_found(linked: Linked, code: str, found: list[str]) -> None:
    assert sorted(columns(linked, code)) == sorted(found)


@pytest.mark.parametrize(
    "code",
    [
        'return {"a": 1}["a"]',
        "return df[name]",
        "return df.a",
        "return df[0:2]",
        'return df.iloc[0]["a"]',
        'return df.describe()["a"]',
        'df = load()\nreturn df["a"]',
        'df.columns = ["x"]\nreturn df["x"]',
        'return [df["a"] for df in others]',
        'return (lambda df: df["a"])(1)',
        'def inner(df):\n    return df["a"]\nreturn inner(1)',
        'for key in "ab":\n    print(df[key])',
        "return df.reset_index()['index']",
    ],
)
def test_what_is_not_sure_is_not_told(linked: Linked, code: str) -> None:
    assert columns(linked, code) == []


def test_variables_made_from_a_table_stand_for_it(linked: Linked) -> None:
    body = """
        out = df.copy()
        paid = out[out["paid"] > 0].dropna(subset=["region"])
        out["total"] = paid["price"]
        return out["total"]
    """

    assert columns(linked, body) == ["df.paid", "df.region", "df.price", "df.total="]


def test_columns_of_several_tables_put_together_belong_to_none_of_them(linked: Linked) -> None:
    body = """
        both = left.merge(right, on="key")
        return both["a"] + left.merge(right)["b"]
    """
    parameters = "left: pd.DataFrame, right: pd.DataFrame"

    assert columns(linked, body, parameters) == ["left.key", "both.a", ".b"]


@pytest.mark.parametrize(
    "annotation",
    ["pd.DataFrame", "DF", "'pd.DataFrame'", "pd.DataFrame | None", "pl.DataFrame", "Lazy"],
)
def test_a_table_is_known_under_any_name(linked: Linked, annotation: str) -> None:
    assert columns(linked, 'return t["a"]', f"t: {annotation}") == ["t.a"]


@pytest.mark.parametrize("annotation", ["dict", "pd.Series", "str", "list[pd.DataFrame]", "object"])
def test_what_is_no_table_has_no_columns(linked: Linked, annotation: str) -> None:
    assert columns(linked, 'return t["a"]', f"t: {annotation}") == []


def test_expressions_of_polars_name_columns(linked: Linked) -> None:
    body = """
        return t.filter(pl.col("a") > 0).with_columns(
            pl.col("b", "c").sum().alias("d"), e=pl.col("f")
        ).select("d", "g")
    """

    found = columns(linked, body, "t: pl.DataFrame")

    assert sorted(found) == ["t.a", "t.b", "t.c", "t.d=", "t.e=", "t.f", "t.g"]


def test_expressions_belong_to_the_table_whose_method_takes_them(linked: Linked) -> None:
    body = 'return a.select(pl.col("x")), b.select(pl.col("y")), pl.col("z")'

    found = columns(linked, body, "a: pl.DataFrame, b: pl.LazyFrame")

    assert sorted(found) == [".z", "a.x", "b.y"]


def test_a_column_that_is_set_first_is_not_needed(linked: Linked) -> None:
    assert columns(linked, 'df["a"] = 1\nreturn df["a"]') == ["df.a="]


def test_of_one_function_only_so_many_columns_are_told(linked: Linked) -> None:
    body = "\n".join(f'df["c{number}"]' for number in range(1_000))

    assert len(columns(linked, body)) == 200


def test_code_that_is_nested_deeply_tells_what_was_found(linked: Linked) -> None:
    chain = "".join(f'elif df["c{number}"]:\n    pass\n' for number in range(150))

    assert "df.a" in columns(linked, f'if df["a"]:\n    pass\n{chain}')


def test_a_long_chain_of_methods_is_read_in_no_time(linked: Linked) -> None:
    chain = ".head()" * 300

    assert columns(linked, f'return df{chain}["a"]') == []
