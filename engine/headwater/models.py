"""Base classes of models: transforms whose inputs the configuration tells."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

__all__ = ["BaseModel", "DynamicTransformBase"]


class DynamicTransformBase(ABC):
    """A transform whose columns and parameters come from the configuration; see `dynamic_transform`.

    Args:
        config_parameters: Value of the configuration key that the modifier names.
        name: Name of the feature.
    """

    def __init__(self, config_parameters: Any, name: str) -> None:
        self._config_parameters = config_parameters
        self._name = name

    @abstractmethod
    def get_dependents(self) -> list[str]:
        """Return the names of the columns that it needs."""

    @abstractmethod
    def compute(self, **inputs: Any) -> Any:
        """Return the feature's value, from its columns by name."""

    @property
    def config_parameters(self) -> Any:
        """The value of the configuration key."""
        return self._config_parameters

    @property
    def name(self) -> str:
        """Name of the feature."""
        return self._name


class BaseModel(DynamicTransformBase):
    """A model that predicts a column from others; see `model`."""

    def compute(self, **inputs: Any) -> Any:
        """Return the model's prediction."""
        return self.predict(**inputs)

    @abstractmethod
    def predict(self, **inputs: Any) -> Any:
        """Return the predicted column, from the columns by name."""
