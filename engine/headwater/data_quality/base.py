"""What checks of one's own are made of: base classes, the result, the levels and the error."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from typing import Any

from headwater.checks import ArgumentCheck, Check, Importance, ValidationResult
from headwater.errors import CheckFailed

__all__ = [
    "AsyncBaseDefaultValidator",
    "AsyncDataValidator",
    "BaseDefaultValidator",
    "DataValidationError",
    "DataValidationLevel",
    "DataValidator",
    "ValidationResult",
    "is_async_validator",
]

BaseDefaultValidator = ArgumentCheck
DataValidationError = CheckFailed
DataValidationLevel = Importance
DataValidator = Check


class AsyncDataValidator(Check):
    """A check that waits for something; it needs the async driver."""

    @abstractmethod
    async def validate(self, dataset: Any) -> ValidationResult:  # type: ignore[override]  # awaited there
        """Judge a value."""


class AsyncBaseDefaultValidator(ArgumentCheck):
    """A check that `check_output` makes from an argument and that waits for something."""

    @abstractmethod
    async def validate(self, dataset: Any) -> ValidationResult:  # type: ignore[override]  # awaited there
        """Judge a value."""


def is_async_validator(validator: Check) -> bool:
    """Tell whether a check has to be awaited."""
    return inspect.iscoroutinefunction(validator.validate)
