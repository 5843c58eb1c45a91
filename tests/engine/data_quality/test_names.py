"""Checks written for Hamilton, by the names under which that code imports them."""

import pytest

from headwater import Driver, compat
from headwater.build import expand
from headwater.function import read_function
from support.event_loop import run_apart

OWN = """
    import pandas as pd
    from hamilton.data_quality import base, default_validators
    from hamilton.data_quality.base import BaseDefaultValidator, DataValidator, ValidationResult
    from hamilton.function_modifiers import check_output, check_output_custom
    from hamilton.plugins import h_pandera, h_pydantic

    class Digits(DataValidator):
        def __init__(self, importance: str = "warn"):
            super().__init__(importance=importance)

        def applies_to(self, datatype) -> bool:
            return True

        def description(self) -> str:
            return "Digits only."

        @classmethod
        def name(cls) -> str:
            return "digits"

        def validate(self, dataset) -> ValidationResult:
            return ValidationResult(dataset.isdigit(), "no digits", diagnostics={"length": len(dataset)})

    class Prefix(BaseDefaultValidator):
        def __init__(self, prefix: str, importance: str):
            super().__init__(importance)
            self.prefix = prefix

        @classmethod
        def applies_to(cls, datatype) -> bool:
            return issubclass(datatype, str)

        @classmethod
        def arg(cls) -> str:
            return "prefix"

        def description(self) -> str:
            return f"Begins with {self.prefix}."

        def validate(self, data) -> ValidationResult:
            return ValidationResult(passes=data.startswith(self.prefix), message="another prefix")

    CANDIDATES = [*default_validators.AVAILABLE_DEFAULT_VALIDATORS, Prefix]

    @check_output_custom(
        Digits(), default_validators.StrContainsValidator(contains="4", importance="fail")
    )
    def number(text: str) -> str:
        return text

    @check_output(importance="fail", default_validator_candidates=CANDIDATES, prefix="4", contains="2")
    def code(text: str) -> str:
        return text

    def told(text: str) -> str:
        try:
            raise base.DataValidationError("made by hand", [])
        except base.DataValidationError as error:
            return str(error)

    class Slow(base.AsyncDataValidator):
        def applies_to(self, datatype) -> bool:
            return True

        def description(self) -> str:
            return "Waits."

        @classmethod
        def name(cls) -> str:
            return "slow"

        async def validate(self, dataset) -> ValidationResult:
            return ValidationResult(True, "")

    @check_output_custom(Slow("fail"))
    def awaited(text: str) -> str:
        return text
"""


@pytest.fixture
def own(load):
    compat.activate()
    yield load(OWN)
    compat.deactivate()


def test_own_checks_run_under_their_names(own) -> None:
    run = Driver({}, own).run(["number", "code"], inputs={"text": "42"})

    assert run.values == {"number": "42", "code": "42"}
    assert {node.name for node in run.nodes} == {
        "number_raw",
        "number_digits",
        "number_contains_validator",
        "number",
        "code_raw",
        "code_prefix_validator",
        "code_contains_validator",
        "code",
    }


def test_error_is_the_one_that_such_code_catches(own) -> None:
    driver = Driver({}, own)

    for output in ("number", "code"):
        with pytest.raises(own.base.DataValidationError, match=f"'{output}' did not pass its checks"):
            driver.execute([output], inputs={"text": "31"})
    assert driver.run(["told"], inputs={"text": ""}).values == {"told": "made by hand"}


def test_check_that_waits_needs_the_async_driver(own) -> None:
    _, check, gate = expand(read_function(own.awaited))

    assert own.base.is_async_validator(check.check)
    assert not own.base.is_async_validator(own.Digits())
    assert gate.call("x", run_apart(check.call("x"))) == "x"
    with pytest.raises(TypeError, match="needs the async driver"):
        gate.call("x", check.call("x"))


def test_names_of_the_schema_checks_are_there(own) -> None:
    from hamilton.data_quality.pandera_validators import PANDERA_VALIDATORS
    from hamilton.plugins.pydantic_extensions import PydanticModelValidator

    assert [check.arg() for check in (*PANDERA_VALIDATORS, PydanticModelValidator)] == ["schema", "model"]
    assert own.h_pandera.check_output is not own.h_pydantic.check_output
