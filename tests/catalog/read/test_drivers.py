from textwrap import dedent

import pytest

from headwater_catalog.read.drivers import RawDriver
from headwater_catalog.read.parse import read_blob


def found(text: str) -> list[RawDriver]:
    return list(read_blob(dedent(text).encode()).drivers)


def modules(text: str) -> list[list[str]]:
    """The modules of each driver, with the text of what is not known in angle brackets."""
    return [
        [*("." * m.level + m.name for m in driver.modules), *(f"<{text}>" for text in driver.unknown)]
        for driver in found(text)
    ]


@pytest.mark.parametrize(
    "construction",
    [
        "from hamilton import driver\nimport a, b\ndriver.Driver({}, a, b)",
        "import hamilton.driver as d\nimport a, b\nd.Driver({}, a, b, adapter=None)",
        "import hamilton.driver\nimport a, b\nhamilton.driver.Driver({}, a, b)",
        "from headwater import Driver as D\nimport a, b\nD({}, a, b)",
        "from hamilton import driver\nimport a, b\nD = driver.Driver\nD({}, a, b)",
        "from headwater import Driver\nimport a, b\nDriver(config={}, *[a, b])",
        "from hamilton.async_driver import AsyncDriver\nimport a, b\nAsyncDriver({}, a, b)",
        "from headwater import Builder\nimport a, b\nBuilder().with_config({}).with_modules(a, b).build()",
        "from hamilton import driver\nimport a, b\ndriver.Builder().with_modules(a).with_modules(b)",
        """
        from hamilton import async_driver
        import a, b

        async def start():
            dr = await async_driver.Builder().with_modules(a, b).build()
        """,
        """
        from hamilton.driver import Builder
        import a, b

        builder = Builder()
        builder = builder.with_modules(a)
        if True:
            builder.with_modules(b)
        dr = builder.build()
        """,
    ],
)
def test_every_way_of_constructing_a_driver_is_found(construction: str) -> None:
    assert modules(construction) == [["a", "b"]]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("features", ["features"]),
        ("b", ["pkg.a"]),
        ("near", [".near"]),
        ("deep.er", ["deep.er"]),
        ("importlib.import_module('x.y')", ["x.y"]),
        ("importlib.import_module('.y', package='x')", [".y"]),
        ("importlib.import_module(NAME)", ["by.name"]),
        ("*[features, b]", ["features", "pkg.a"]),
        ("*LISTED", ["features", "pkg.a"]),
        ("*(LISTED + [near])", ["features", "pkg.a", ".near"]),
        ("*[importlib.import_module(n) for n in ('x', 'y')]", ["x", "y"]),
        ("*BY_NAME['all']", ["features"]),
        ("*ONE_EACH.values()", ["features", "pkg.a"]),
        ("ALIAS", ["features"]),
        ("__main__", ["__main__"]),
        ("sys.modules[__name__]", ["__main__"]),
        ("sys.modules['__main__']", ["__main__"]),
        ("features, importlib.import_module(unknown)", ["features", "<importlib.import_module(unknown)>"]),
        ("features, make()", ["features", "<make()>"]),
        ("*GROWS", ["features", "<*GROWS>"]),
        ("TWICE", ["<TWICE>"]),
        ("*BY_NAME[key]", ["<*BY_NAME[key]>"]),
    ],
)
def test_modules_are_known_where_one_assignment_tells(given: str, named: list[str]) -> None:
    text = f"""
    import importlib, sys, __main__
    import features
    import deep.er
    from pkg import a as b
    from . import near
    from hamilton import driver

    NAME = "by.name"
    LISTED = [features, b]
    BY_NAME = {{"all": [features], "few": []}}
    ONE_EACH = {{"a": features, "b": b}}
    ALIAS = features
    GROWS = [features]
    GROWS.append(b)
    TWICE = features
    TWICE = b

    driver.Driver({{}}, {given})
    """

    assert modules(text) == [named]


def test_drivers_are_found_wherever_code_may_stand() -> None:
    text = """
    import click
    from hamilton import driver
    import a

    class Pipeline:
        def build(self):
            return driver.Driver({}, a)

    @click.command()
    def run():
        import b
        def inner():
            print(driver.Driver({}, b).execute(["x"]))

    if __name__ == "__main__":
        import c
        driver.Driver({}, c)
    """

    assert [(d.line, d.function, d.modules[0].name) for d in found(text)] == [
        (8, "Pipeline.build", "a"),
        (14, "run.inner", "b"),
        (18, "", "c"),
    ]


def test_a_name_means_what_the_scope_around_it_says() -> None:
    text = """
    from hamilton import driver
    import a as features

    def one():
        import b as features
        driver.Driver({}, features)

    def other(features):
        driver.Driver({}, features)

    class C:
        import c as features
        def method(self):
            driver.Driver({}, features)
    """

    assert modules(text) == [["b"], ["<features>"], ["a"]]


def test_a_copy_of_a_builder_is_a_driver_of_its_own() -> None:
    text = """
    from hamilton import driver
    import a, b, c
    base = driver.Builder().with_modules(a)
    one = base.copy().with_modules(b).build()
    two = base.copy().with_modules(c).build()
    """

    assert modules(text) == [["a"], ["a", "b"], ["a", "c"]]


@pytest.mark.parametrize(
    "text",
    [
        "from selenium import Driver\nimport hamilton, a\nDriver({}, a)",
        "from hamilton import driver\ndriver.Driver({})",
        "from hamilton import driver\nimport a\n'''driver.Driver({}, a)'''",
        "# hamilton Driver(\ndef broken(:",
    ],
)
def test_other_code_has_no_driver(text: str) -> None:
    assert modules(text) == []


def test_what_is_nested_too_deeply_is_not_known() -> None:
    deep = (
        f"from headwater import Driver\nimport a\nDriver({{}}, a{'.x' * 900})\nDriver({{}}, a{' + a' * 900})"
    )

    assert all(driver.unknown and not driver.modules for driver in found(deep))


def test_names_that_double_for_ever_are_followed_for_a_while() -> None:
    doubling = "\n".join(f"x{n + 1} = [*x{n}, *x{n}]" for n in range(60))
    [driver] = found(f"from headwater import Driver\nimport a\nx0 = [a]\n{doubling}\nDriver({{}}, *x60)")

    assert driver.unknown


def test_drivers_are_found_in_a_broken_file() -> None:
    text = """
        import a, b
        from hamilton import driver

        def broken(x):
            return (

        def main():
            mods = [a, b]
            return driver.Driver({}, *mods)

        y = )
    """

    [driver] = found(text)

    assert [module.name for module in driver.modules] == ["a", "b"]
    assert (driver.line, driver.function) == (10, "main")


def test_a_name_that_broken_lines_may_set_is_not_known() -> None:
    assert modules("import a\nfrom hamilton import driver\na = (\ndriver.Driver({}, a)") == [["<a>"]]


def test_a_function_sees_the_builder_that_stands_below_it() -> None:
    text = """
        import a, b
        from hamilton import driver

        def build():
            return builder.with_modules(b).build()

        builder = driver.Builder().with_modules(a)
    """

    assert modules(text) == [["a", "b"]]
