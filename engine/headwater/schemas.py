"""Checks that a schema of pandera or a model of pydantic makes; each is imported only when it is used."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

from headwater.checks import Finding, ThresholdCheck, require
from headwater.columns import package_of
from headwater.values import Reference, describe

__all__ = ["Misfit", "Model", "Schema", "SchemaFinding"]

_TOLD = 20  # kinds of misfits that a result lists


class Misfit(NamedTuple):
    """A kind of misfit.

    Attributes:
        place: Where it is: a column, or the way into an object; empty for the whole.
        rule: The rule that is broken.
    """

    place: tuple[str | int, ...]
    rule: str

    def __str__(self) -> str:
        return f"'{'.'.join(map(str, self.place))}' {self.rule}" if self.place else self.rule


class SchemaFinding(Finding):
    """What a schema or model found; what does not fit is counted by place and rule, values untold.

    Attributes:
        misfits: How many values do not fit, by kind.
        validated: What the schema made of the value, if it says; passed on in place of it.
    """

    validated: Any

    def __init__(self, check: ThresholdCheck, misfits: Mapping[Misfit, int], size: int) -> None:
        """Keep the misfits."""
        offending = sum(misfits.values())
        super().__init__(check, not misfits, offending, offending, size)
        self.misfits = misfits

    @property
    def failures(self) -> dict[str, int]:
        """How many values do not fit, by place and rule."""
        return {str(misfit): count for misfit, count in self.misfits.items()}


class _Declared(ThresholdCheck):
    """A check whose rules are declared elsewhere."""

    takes_tables = True
    errors: ClassVar[str]
    """Under which name code written for Hamilton looks for what does not fit."""

    @abstractmethod
    def told(self, misfit: Misfit) -> dict[str, Any]:
        """Return a misfit as that code reads it."""

    def _named(self) -> str:
        # A schema that is no class has no name that its source tells, too.
        return f" {describe(self.limit)}" if isinstance(self.limit, (type, Reference)) else ""

    def says(self, finding: Finding) -> str:
        """Say which rules are broken, and how often."""
        told = [f"{misfit} ({count:,})" for misfit, count in _first(finding).items()]
        if not told:
            return f"The value is {self.wanted}"
        return f"{finding.offending:,} misfits: {', '.join(told)}; wanted: {self.wanted}"

    def figures(self, finding: Finding) -> dict[str, Any]:
        """Add what does not fit, by place and rule."""
        first = _first(finding)
        failures = {str(misfit): count for misfit, count in first.items()}
        errors = {self.errors: [self.told(misfit) for misfit in first]} if first else {}
        return {**super().figures(finding), "failures": failures, **errors}


def _first(finding: Finding) -> dict[Misfit, int]:
    misfits = finding.misfits if isinstance(finding, SchemaFinding) else {}
    return dict(list(misfits.items())[:_TOLD])


class Schema(_Declared):
    """A table or column is as a pandera schema says, or its class of a schema.

    Where the schema coerces a pandas value, what it makes of it is passed on; the value itself stays.
    """

    argument = "schema"
    errors = "schema_errors"
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
        misfits: Counter[Misfit] = Counter()
        try:
            validated = self.limit.validate(own, lazy=True, inplace=own is not dataset)
            if hasattr(validated, "dask"):
                validated.compute()
        except SchemaErrors as error:
            misfits.update(_misfits(error.failure_cases))
        finding = SchemaFinding(self, misfits, _length(dataset))
        if own is not dataset:
            finding.validated = own
        return finding

    def told(self, misfit: Misfit) -> dict[str, Any]:
        """Return the column and the rule."""
        return {"column": misfit.place[0] if misfit.place else None, "check": misfit.rule}


class Model(_Declared):
    """A dictionary or object is as a pydantic model says, nothing coerced."""

    argument = "model"
    errors = "model_errors"
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

        misfits: Counter[Misfit] = Counter()
        try:
            _adapter(self.limit).validate_python(dataset, strict=True)
        except ValidationError as error:
            misfits.update(Misfit(one["loc"], one["type"]) for one in error.errors())
        return SchemaFinding(self, misfits, 1)

    def told(self, misfit: Misfit) -> dict[str, Any]:
        """Return the place and the rule."""
        return {"loc": misfit.place, "type": misfit.rule}


@lru_cache(maxsize=128)
def _adapter(model: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(model)


def _is_pandas(value: Any) -> bool:
    return any(base.__module__.partition(".")[0] == "pandas" for base in type(value).__mro__)


def _length(value: Any) -> int:
    return len(value) if hasattr(value, "__len__") else 1


def _misfits(cases: Any) -> Iterator[Misfit]:
    """Yield column and rule of every failure case, from pandera's table of them."""
    rows = cases.to_dicts() if package_of(cases) == "polars" else cases.to_dict("records")
    for row in rows:
        rule = str(row["check"])
        # A column that is missing or too many is told as the failing value; other values are never told.
        place = row["failure_case"] if rule in ("column_in_dataframe", "column_in_schema") else row["column"]
        yield Misfit((str(place),) if place else (), rule)
