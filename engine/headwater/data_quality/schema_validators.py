"""The checks by pandera schemas and pydantic models, by Hamilton's names."""

from __future__ import annotations

from headwater.schemas import Model, Schema

__all__ = [
    "PANDERA_VALIDATORS",
    "PanderaDataFrameValidator",
    "PanderaSeriesSchemaValidator",
    "PydanticModelValidator",
]

PanderaDataFrameValidator = PanderaSeriesSchemaValidator = Schema
PydanticModelValidator = Model
PANDERA_VALIDATORS = [Schema]
