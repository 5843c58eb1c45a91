"""Inputs declared in code."""

import pytest

from headwater import Driver
from headwater.build import build, expand
from headwater.errors import InvalidInput, InvalidModifier, MissingInput
from headwater.function import functions_of, read_function
from headwater.modifiers import external_input
from headwater.node import Role
from headwater.results import DictResult

SOURCE = """
    from headwater.modifiers import *

    @tag(team="growth")
    @external_input(owner="crm", pii="true")
    def email() -> str:
        '''E-mail as typed by the customer.'''

    @config.when(region="UK")
    @external_input
    def rate__uk() -> float:
        '''Rate of the UK.'''
        ...

    def domain(email: str, rate: float = 2.0) -> str:
        return f"{email.partition('@')[2]} {rate}"
"""


def test_declared_input_has_a_type_documentation_and_tags(load) -> None:
    module = load(SOURCE)
    [node] = expand(read_function(module.email))

    assert (node.name, str(node.type), node.role, node.arguments) == ("email", "str", Role.INPUT, ())
    assert node.tags == {"module": "features", "owner": "crm", "pii": "true", "team": "growth"}
    assert node.doc == "E-mail as typed by the customer."
    assert node.function is not None
    assert node.call is None


def test_declared_input_is_given_as_any_other(load) -> None:
    driver = Driver({}, load(SOURCE), adapter=DictResult())

    assert driver.execute(["domain"], inputs={"email": "a@b.c"}) == {"domain": "b.c 2.0"}
    with pytest.raises(MissingInput, match=r"'email'"):
        driver.execute(["domain"])
    with pytest.raises(InvalidInput, match=r"'email' must be str"):
        driver.execute(["domain"], inputs={"email": 3})


def test_variant_of_an_input_is_chosen_by_configuration(load) -> None:
    module = load(SOURCE)

    described = {n.name: n.doc for n in build(functions_of(module), {"region": "UK"}).inputs}
    assert described["rate"] == "Rate of the UK."
    assert {n.name: n.doc for n in build(functions_of(module), {}).inputs}["rate"] == ""
    assert str(build(functions_of(module))["rate"].condition) == 'region = "UK"'


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ("@external_input\n    def email(x: int) -> str: ...", "which needs no other columns"),
        ("@external_input\n    def email() -> str: return 'x'", "has a body, which @external_input would never run"),
        ("@check_output(allow_none=False)\n    @external_input\n    def email() -> str: ...", "which @check_output cannot change"),
        ('@extract_fields({"a": int})\n    @external_input\n    def email() -> dict: ...', "which @extract_fields cannot change"),
        ('@inject(x=value(1))\n    @external_input\n    def email() -> dict: ...', "which @inject cannot change"),
    ],
)  # fmt: skip
def test_input_is_only_declared(load, definition, said) -> None:
    module = load(f"    from headwater.modifiers import *\n\n    {definition}\n")

    with pytest.raises(InvalidModifier, match=rf"'email' .*{said}"):
        expand(read_function(module.email))


def test_tags_of_an_input_are_checked_as_all_are() -> None:
    with pytest.raises(InvalidModifier, match=r"@external_input: the value of 'owner' is 3"):
        external_input(owner=3)
    with pytest.raises(InvalidModifier, match=r"@external_input takes tags by name"):
        external_input("crm")
