"""What a driver answers about its graph."""

import json

import pandas as pd
from hamilton import base, driver
from hamilton.function_modifiers import config, extract_columns, tag
from scenario import Scenario


@tag(owner="growth", kind=["money", "raw"])
def spend(budget: float) -> float:
    """Money spent."""
    return budget / 2


@tag(owner="sales")
def signups(budget: float, rate: float = 2.0) -> float:
    return budget * rate


@tag(owner="growth")
def cost(spend: float, signups: float) -> float:
    return spend / signups


@extract_columns("a", "b")
def table(cost: float) -> pd.DataFrame:
    return pd.DataFrame({"a": [cost], "b": [cost * 2]})


@config.when(mode="extra")
def extra__on() -> int:
    return 1


def lonely() -> int:
    return 1


def _driver(module, **settings):
    return driver.Driver({"mode": "extra"} | settings, module, adapter=base.DefaultAdapter())


def _names(variables):
    return sorted(variable.name for variable in variables)


def _ask_all_variables(module):
    return _names(_driver(module).list_available_variables())


def _ask_variables_by_tag(module):
    filters = [{"owner": "growth"}, {"owner": ["growth", "sales"]}, {"kind": "money"}, {"kind": None}]
    filters += [
        {"owner": "growth", "kind": "raw"},
        {"nothing": None},
        {"owner": "nobody"},
        {"module": module.__name__},
    ]
    return [_names(_driver(module).list_available_variables(tag_filter=wanted)) for wanted in filters]


def _ask_variables_by_a_tag_of_a_number(module):
    return _names(_driver(module).list_available_variables(tag_filter={"owner": 3}))


def _ask_variables_by_a_tag_of_no_value(module):
    return _names(_driver(module).list_available_variables(tag_filter={"owner": []}))


def _ask_upstream(module):
    return _names(_driver(module).what_is_upstream_of("cost"))


def _ask_upstream_of_several(module):
    return _names(_driver(module).what_is_upstream_of("spend", "lonely"))


def _ask_upstream_of_unknown(module):
    return _driver(module).what_is_upstream_of("nothing")


def _ask_downstream(module):
    return _names(_driver(module).what_is_downstream_of("budget"))


def _ask_downstream_of_unknown(module):
    return _driver(module).what_is_downstream_of("nothing")


def _ask_path(module):
    return _names(_driver(module).what_is_the_path_between("budget", "a"))


def _ask_path_where_none_is(module):
    return _names(_driver(module).what_is_the_path_between("lonely", "a"))


def _ask_path_from_unknown(module):
    return _driver(module).what_is_the_path_between("nothing", "a")


def _ask_path_to_unknown(module):
    return _driver(module).what_is_the_path_between("budget", "nothing")


def _ask_cycles(module):
    return _driver(module).has_cycles(["a"])


def _ask_variable_attributes(module):
    found = {variable.name: variable for variable in _driver(module).list_available_variables()}
    cost, budget, signups, column = found["cost"], found["budget"], found["signups"], found["a"]
    return {
        "type": cost.type,
        "tags": dict(spend_tags := found["spend"].tags) and spend_tags,
        "external": [cost.is_external_input, budget.is_external_input],
        "functions": [
            [f.__name__ for f in v.originating_functions or ()]
            for v in (cost, budget, column, found["extra"])
        ],
        "required": [cost.required_dependencies, signups.required_dependencies],
        "optional": signups.optional_dependencies,
        "defaults": signups.optional_dependencies_default_values,
        "documentation": [found["spend"].documentation, cost.documentation, budget.documentation],
        "has version": [cost.version is not None, budget.version],
        "repr": repr(cost),
    }


def _ask_as_dict(module):
    found = {variable.name: variable for variable in _driver(module).list_available_variables()}
    return [found[name].as_dict() for name in ("spend", "signups", "a")]


def _ask_as_dict_with_defaults(module):
    found = {variable.name: variable for variable in _driver(module).list_available_variables()}
    return found["signups"].as_dict(include_optional_dependencies_default_values=True)


def _ask_execute_by_variable(module):
    asked = _driver(module)
    wanted = [variable for variable in asked.list_available_variables() if variable.name in ("cost", "spend")]
    return asked.execute(wanted, inputs={"budget": 10.0})


def _ask_execute_by_function(module):
    return _driver(module).execute([module.cost, "spend"], inputs={"budget": 10.0})


def _ask_execute_twice(module):
    asked = _driver(module)
    return [asked.execute(["cost"], inputs={"budget": budget, "rate": 1.0}) for budget in (1.0, 4.0)]


def _ask_validate(module):
    asked = _driver(module)
    return [
        asked.validate_execution(["cost"], inputs={"budget": 1.0}),
        asked.validate_execution(["cost"], overrides={"spend": 1.0, "signups": 2.0}),
    ]


def _ask_validate_without_inputs(module):
    return _driver(module).validate_execution(["cost"])


def _ask_validate_unknown_output(module):
    return _driver(module).validate_execution(["costs"], inputs={"budget": 1.0})


def _ask_export(module):
    exported = json.loads(_driver(module).export_execution(["cost"], inputs={"budget": 1.0}))
    return {"keys": sorted(exported), "nodes": sorted(exported["nodes"], key=lambda node: node["name"])}


def _ask_raw_execute(module):
    return _driver(module).raw_execute(["cost"], inputs={"budget": 1.0})


def _ask_modules_twice(module):
    return driver.Driver({}, module, module)


def _ask_no_modules(module):
    return [_names(driver.Driver({}).list_available_variables())]


def _ask_module_is_no_module(module):
    return driver.Driver({}, "driver_questions")


SCENARIOS = {
    "with extra": Scenario(config={"mode": "extra"}, inputs={"budget": 10.0}),
    "without": Scenario(config={"mode": "plain"}, inputs={"budget": 10.0, "rate": 5.0}),
}
