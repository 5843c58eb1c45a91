"""Errors caught by the names that user code imports."""

from hamilton import ad_hoc_utils, base, driver
from hamilton.data_quality.base import DataValidationError
from hamilton.function_modifiers import InvalidDecoratorException, check_output, extract_columns
from hamilton.lifecycle.base import ValidationException


def _driver(name, *functions):
    made = ad_hoc_utils.create_temporary_module(*functions, module_name=name)
    return driver.Driver({}, made, adapter=base.DefaultAdapter())


def _ask_failed_check(module):
    @check_output(range=(0, 1), importance="fail")
    def a() -> int:
        return 5

    try:
        _driver("errors_check", a).execute(["a"])
    except DataValidationError:
        return "caught"


def _ask_wrong_modifier(module):
    try:

        @extract_columns()
        def a() -> int:
            return 5

        _driver("errors_modifier", a)
    except InvalidDecoratorException:
        return "caught"


def _ask_refused_graph(module):
    from hamilton import lifecycle

    class Never(lifecycle.StaticValidator):
        def run_to_validate_node(self, *, node, **rest):
            return False, "never"

    try:
        driver.Builder().with_modules(module).with_adapters(Never()).build()
    except ValidationException:
        return "caught"


def number() -> int:
    return 1
