"""The differences from Hamilton that we chose, each a row of decision 0003."""

import re
from dataclasses import dataclass

__all__ = ["ALLOWED", "Allowed"]


@dataclass(frozen=True)
class Allowed:
    """Differences of one kind.

    Attributes:
        row: First cell of the row that tells of it, in the decision.
        cases: Pattern of the cases that show it.
        line: Pattern of the lines by which they differ.
    """

    row: str
    cases: str
    line: str

    def covers(self, case: str, line: str) -> bool:
        """Tell whether a difference of a case is of this kind."""
        return bool(re.fullmatch(self.cases, case) and re.search(self.line, line))


ONLY_THERE = "error only there"
ONLY_HERE = "error only here"
OTHER_KIND = "error of another kind here"

ALLOWED = (
    # What Hamilton passes over
    Allowed(
        "an input or override that names nothing", "input_unknown", f"{ONLY_HERE}, at validate: InvalidInput"
    ),
    Allowed("an input or override that names nothing", "override_value", f"unknown: {ONLY_HERE}"),
    Allowed(
        "an input named like a node", "input_named_like_a_node", f"{ONLY_HERE}, at validate: InvalidInput"
    ),
    Allowed(
        "an input that is asked for and not given",
        "input_asked_for_and_not_given",
        f"(optional|required): {ONLY_HERE}, at validate: MissingInput",
    ),
    Allowed("nodes that need themselves", "cycle|self_cycle", f"{OTHER_KIND}: Cycle for RecursionError"),
    Allowed("nodes that need themselves", "cycle_broken_by_override", f"{ONLY_HERE}, at build: Cycle"),
    Allowed(
        "lists and dictionaries as inputs", "input_generic", f"(bad (list|second|dict)|no list): {ONLY_HERE}"
    ),
    Allowed("a `tag_outputs` target that names nothing", "tag_outputs_unknown", f"{ONLY_HERE}, at build"),
    Allowed("an unknown behaviour in `cache`", "cache_bad_behavior", f"{ONLY_HERE}, at import"),
    Allowed("an `on_input` that names nothing", "pipe_input_unknown_target", f"{ONLY_HERE}, at build"),
    Allowed("`does` on a function with a body", "does_with_returned_constant", f"{ONLY_HERE}, at build"),
    Allowed(
        "parameters that cannot name a node",
        "variadic_keywords|variadic_positional|positional_only",
        f"{ONLY_HERE}, at build|{OTHER_KIND}: DefinitionError for TypeError",
    ),
    Allowed("an adapter that is none", "driver_builder", f"no_adapter: {ONLY_HERE}"),
    Allowed("a driver of what is no module", "driver_questions", f"module_is_no_module: {ONLY_HERE}"),
    Allowed(
        "overridden nodes in `execution_path`", "lifecycle_hooks", r"graph_hook_with_overrides: answer\[0\]"
    ),
    Allowed(
        "the connection of `load_from.sql`",
        "load_excel_and_sql_and_xml",
        r"nodes\.connection\.type: there sqlite3\.Connection \| str, here typing\.Any",
    ),
    # Mistakes that are told at another moment, or by another class
    Allowed(
        "a modifier that does not fit its function",
        ".*",
        "error later here: build after import: (InvalidModifier|BuildFailed)",
    ),
    Allowed(
        "a modifier that does not fit its function",
        "(?!generated).*",
        f"{OTHER_KIND}: InvalidModifier for "
        "(TypeError|KeyError|AttributeError|NotImplementedError|SingleTargetError)",
    ),
    Allowed(
        "an annotation that names nothing",
        "annotation_unknown",
        f"{OTHER_KIND}: DefinitionError for NameError",
    ),
    Allowed(
        "a column, field or element that is not there",
        "extract_columns_missing|extract_fields_missing|unpack_fields_too_short_value",
        f"{OTHER_KIND}: (KeyError|IndexError) for InvalidDecoratorException",
    ),
    # What Hamilton refuses or cannot do
    Allowed("a chain of a thousand features", "deep_chain", ONLY_THERE),
    Allowed(
        "which checks fit a value",
        "check_(contains_of_series|of_any_type|of_optional|of_list|of_polars)",
        ONLY_THERE,
    ),
    Allowed("several `check_output` on one function", "check_stacked", ONLY_THERE),
    Allowed("schemas of `pandera.pandas`", "check_pandera_annotation_of_the_pandas_module", ONLY_THERE),
    Allowed(
        "schemas of `pandera.pandas`",
        "check_pandera_annotation_of_the_pandas_module",
        "bad: error (later here: execute|of another kind here: CheckFailed)",
    ),
    Allowed(
        "types that fit though they are not equal",
        "edge_(type_variable_to_plain|literal_to_text|callable|new_type_to_base)",
        ONLY_THERE,
    ),
    Allowed(
        "types that fit though they are not equal",
        "input_generic|input_special",
        f"(good tuple|function): {ONLY_THERE}, at validate",
    ),
    Allowed("an override of an input", "override_value", f"of an input: {ONLY_THERE}, at validate"),
    Allowed("features asked for by their functions", "output_by_function", f"{ONLY_THERE}, at validate"),
    Allowed(
        "a default beside a source that is not there", "parameterize_optional_source", f"absent: {ONLY_THERE}"
    ),
    Allowed("`fill_with` in `extract_columns`", "extract_columns_polars_filled", f"{ONLY_THERE}, at execute"),
    Allowed(
        "modifiers that Hamilton does not combine",
        "inject_twice|inject_and_parameterize|schema_output_above_tag|dataloader_and_columns|excluded_called",
        ONLY_THERE,
    ),
    Allowed("`model` and `dynamic_transform`", "model_class|dynamic_transform_class", ONLY_THERE),
    Allowed("`load_from.csv` with polars 2", "load_csv_polars", ONLY_THERE),
    # Asynchronous and dynamic execution
    Allowed(
        "modifiers around coroutines", "asynchronous", r"(parameterized|result_builder): answer\..*coroutine"
    ),
    Allowed(
        "modifiers around coroutines", "asynchronous", r"result_builder: answer\..*: there object, here int64"
    ),
    Allowed(
        "an input that the asynchronous driver lacks",
        "asynchronous",
        f"missing_input: {OTHER_KIND}: MissingInput for NotImplementedError",
    ),
    Allowed("outputs inside a block", "dynamic", r"output_inside_the_block: answer"),
    Allowed("a `Parallelizable` that is collected at once", "dynamic", r"collected_at_once: answer"),
    Allowed(
        "nested blocks, several `Collect` of one block",
        "dynamic",
        f"(nested_blocks|two_collects): {ONLY_THERE}",
    ),
    Allowed("tasks for inputs", "dynamic", r"task_hooks: answer: there .*'factor'"),
    Allowed(
        "the entries of a run in the metadata store",
        "caching",
        "entries_of_a_fan_out: answer: there 4, here 3",
    ),
    # What nodes say of themselves
    Allowed("what a node of several steps says of itself", ".*", r"\.doc: there , here \S"),
    Allowed(
        "what a node of several steps says of itself",
        ".*",
        r"tags\.module: there hamilton\.function_modifiers",
    ),
    Allowed("what a node of several steps says of itself", ".*", r"tags\.hamilton\.config only here"),
    Allowed("`configuration(...)` as a node of a sub-graph", "subdag_with_config", r"any_price\.region"),
    Allowed(
        "the name of a variant's function",
        "driver_questions",
        r"functions\[3\]\[0\]: there extra, here extra__on",
    ),
    Allowed(
        "the function that a step of a chain comes from",
        "origins",
        r"originating_functions: answer\.dict\.(paid\.added|bonus)",
    ),
    Allowed("the version of an input", "driver_questions", r"has version\[1\]: there \w{64}, here budget"),
)
