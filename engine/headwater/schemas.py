"""Checks that a schema of pandera or a model of pydantic makes; each is imported only when it is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from headwater.checks import Finding, ThresholdCheck, require
from headwater.columns import package_of
from headwater.values import Reference, describe

__all__ = ["Model", "Schema", "SchemaFinding"]

_TOLD = 20  # kinds of misfits that a result lists


class SchemaFinding(Finding):
    """What a schema or model found; `failures` counts what does not fit by place and rule, values untold.

    Attributes:
        failures: How many values do not fit, by place and rule.
        validated: What the schema made of the value, if it says; passed on in place of it.
    """

    validated: Any

    def __init__(self, check: ThresholdCheck, failures: Mapping[str, int], size: int) -> None:
        """Keep the failures."""
        offending = sum(failures.values())
        super().__init__(check, not failures, offending, offending, size)
        self.failures = failures


class _Declared(ThresholdCheck):
    """A check whose rules are declared elsewhere."""

    takes_tables = True

    def _named(self) -> str:
        # A schema that is no class has no name that its source tells, too.
        return f" {describe(self.limit)}" if isinstance(self.limit, (type, Reference)) else ""

    def says(self, finding: Finding) -> str:
        """Say which rules are broken, and how often."""
        told = [f"{place} ({count:,})" for place, count in _first(finding).items()]
        if not told:
            return f"The value is {self.wanted}"
        return f"{finding.offending:,} misfits: {', '.join(told)}; wanted: {self.wanted}"

    def figures(self, finding: Finding) -> dict[str, Any]:
        """Add what does not fit, by place and rule."""
        return {**super().figures(finding), "failures": _first(finding)}


def _first(finding: Finding) -> dict[str, int]:
    failures = finding.failures if isinstance(finding, SchemaFinding) else {}
    return dict(list(failures.items())[:_TOLD])


class Schema(_Declared):
    """A table or column is as a pandera schema says, or its class of a schema.

    Where the schema coerces a pandas value, what it makes of it is passed on; the value itself stays.
    """

    argument = "schema"
    replaces = True

    def __init__(self, schema: Any, importance: str = "warn") -> None:
        require(hasattr(schema, "validate"), "schema", schema, "a pandera schema, or a DataFrameModel class")
        super().__init__(schema, importance)

    @classmethod
    def name(cls) -> str:
        """Name the node."""
        return "pandera_schema_validator"

    @property
    def wanted(self) -> str:
        """Say which schema."""
        return f"as the schema{self._named()} says."

    def validate(self, dataset: Any) -> SchemaFinding:
        """Let the schema judge, and count what does not fit by column and rule."""
        from pandera.errors import SchemaErrors

        # A copy of pandera's own takes all the memory again, and others may hold the value at hand.
        own = dataset.copy(deep=False) if _is_pandas(dataset) else dataset
        failures: dict[str, int] = {}
        try:
            validated = self.limit.validate(own, lazy=True, inplace=own is not dataset)
            if hasattr(validated, "dask"):
                validated.compute()
        except SchemaErrors as error:
            failures = _counted(_misfits(error.failure_cases))
        finding = SchemaFinding(self, failures, _length(dataset))
        if own is not dataset:
            finding.validated = own
        return finding


class Model(_Declared):
    """A dictionary or object is as a pydantic model says, nothing coerced."""

    argument = "model"
    takes_tables = False

    def __init__(self, model: Any, importance: str = "warn") -> None:
        super().__init__(model, importance)

    @classmethod
    def name(cls) -> str:
        """Name the node."""
        return "pydantic_validator"

    @property
    def wanted(self) -> str:
        """Say which model."""
        return f"as the model{self._named()} says."

    def validate(self, dataset: Any) -> SchemaFinding:
        """Let the model judge, and count what does not fit by place and rule."""
        from pydantic import ValidationError

        failures: dict[str, int] = {}
        try:
            _adapter(self.limit).validate_python(dataset, strict=True)
        except ValidationError as error:
            failures = _counted((".".join(map(str, one["loc"])), one["type"]) for one in error.errors())
        return SchemaFinding(self, failures, 1)


@lru_cache(maxsize=128)
def _adapter(model: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(model)


def _is_pandas(value: Any) -> bool:
    return any(base.__module__.partition(".")[0] == "pandas" for base in type(value).__mro__)


def _length(value: Any) -> int:
    return len(value) if hasattr(value, "__len__") else 1


def _misfits(cases: Any) -> Iterable[tuple[str, str]]:
    """Yield column and rule of every failure case, from pandera's table of them."""
    rows = cases.to_dicts() if package_of(cases) == "polars" else cases.to_dict("records")
    for row in rows:
        rule = str(row["check"])
        # A column that is missing or too many is told as the failing value; other values are never told.
        place = row["failure_case"] if rule in ("column_in_dataframe", "column_in_schema") else row["column"]
        yield str(place or ""), rule


def _counted(misfits: Iterable[tuple[str, str]]) -> dict[str, int]:
    failures: dict[str, int] = {}
    for place, rule in misfits:
        key = f"'{place}' {rule}" if place else rule
        failures[key] = failures.get(key, 0) + 1
    return failures
