"""What is understood of docstrings, in whatever style they are written."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headwater_catalog.documentation import Documentation, Item, Section, understand

GOOGLE = """Money spent per signup [EUR].

    Weeks without signups have none.

    Args:
        spend: Money spent, all channels. Unit: EUR.
        signups (pd.Series): People who signed up,
            whatever the plan.

    Returns:
        The ratio.
    """

NUMPY = """
    Money spent per signup.

    Weeks without signups have none.

    Parameters
    ----------
    spend : pd.Series
        Money spent, all channels [EUR]
    signups : pd.Series, optional
        People who signed up,
        whatever the plan.

    Returns
    -------
    pd.Series
        The ratio.

    Units
    -----
    EUR
    """

SPHINX = """Money spent per signup.

    Weeks without signups have none.

    :param spend: Money spent, all channels (unit: EUR)
    :param pd.Series signups: People who signed up,
        whatever the plan.
    :return: The ratio.
    :unit: EUR
    """


@pytest.mark.parametrize("doc", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_every_style_says_the_same(doc: str) -> None:
    found = understand(doc)

    assert found.summary == "Money spent per signup."
    assert found.description == "Weeks without signups have none."
    assert found.parameters["signups"] == "People who signed up,\nwhatever the plan."
    assert found.parameters["spend"].startswith("Money spent, all channels")
    assert found.returns == "The ratio."
    assert (found.unit, found.units) == ("EUR", {"spend": "EUR"})


@pytest.mark.parametrize(
    ("doc", "summary", "unit"),
    [
        ("Speed of the car [m/s]", "Speed of the car", "m/s"),
        ("Share of the week [%].", "Share of the week.", "%"),
        ("Spend. Unit: EUR per week", "Spend.", "EUR per week"),
        ("Spend.\n\nUnit: EUR", "Spend.", "EUR"),
        ("Spend.\n\nUnits:\n    thousand EUR\n", "Spend.", "thousand EUR"),
        ("Old column [deprecated]", "Old column [deprecated]", None),
        ("Takes the last [3]", "Takes the last [3]", None),
        ("See [the manual] first.", "See [the manual] first.", None),
        ("Number of units sold", "Number of units sold", None),
    ],
)
def test_a_unit_is_what_is_told_to_be_one(doc: str, summary: str, unit: str | None) -> None:
    found = understand(doc)

    assert (found.summary, found.unit) == (summary, unit)


def test_further_sections_are_kept_in_order() -> None:
    found = understand("Spend.\n\nRaises:\n    ValueError: never\n\nNote:\n    Weekly.\n")

    assert found.sections == (
        Section("Raises", "ValueError: never", (Item("ValueError", "never"),)),
        Section("Note", "Weekly."),
    )


def test_plain_text_is_a_summary_and_a_description() -> None:
    assert understand("") == Documentation()
    assert understand("One line") == Documentation("One line")
    assert understand("One line,\ntwo lines.\n\nThen more: this.\n\n- and that") == Documentation(
        "One line,\ntwo lines.", "Then more: this.\n\n- and that"
    )


def test_a_section_that_is_no_list_is_text() -> None:
    found = understand("Spend.\n\nArgs:\n    whatever fits here\n")

    assert (found.parameters, found.sections) == ({}, (Section("Arguments", "whatever fits here"),))


def test_text_after_a_section_is_description() -> None:
    found = understand("Spend.\n\nReturns:\n    A number.\n\nAnd so on.\n")

    assert (found.returns, found.description) == ("A number.", "And so on.")


def test_fields_of_types_say_nothing_new() -> None:
    found = understand("Spend.\n\n:param x: one\n:type x: int\n:param y: two\n:rtype: int\n")

    assert (found.parameters, found.description, found.sections) == ({"x": "one", "y": "two"}, "", ())


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


_LINES = st.sampled_from(
    [
        "Args:",
        "Returns:",
        "Parameters",
        "----------",
        ":param x:",
        ":param",
        "    x: y",
        "@return",
        "Unit:",
        "",
    ]
)


@given(st.lists(_LINES | st.text(max_size=12), max_size=12).map("\n".join))
@example("Args:\n  :")
@example(":param:\n")
@example("Args:\n    x: y\n:param x:")
def test_no_word_is_lost(doc: str) -> None:
    found = understand(doc)

    kept = [found.summary, found.description, found.returns, found.unit or "", *found.units.values()]
    kept += [
        *found.parameters,
        *found.parameters.values(),
        *(section.text for section in found.sections),
    ]
    assert words(doc) - words(" ".join(kept)) <= {"args", "returns", "return", "parameters", "param", "unit"}
