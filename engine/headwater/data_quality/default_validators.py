"""The checks of `check_output` by Hamilton's names; each takes values of every kind."""

from __future__ import annotations

from headwater.validators import (
    VALIDATORS,
    AllowNans,
    AllowNone,
    Contains,
    DataType,
    DoesNotContain,
    MaxFractionNans,
    MaxStandardDev,
    MeanInRange,
    Range,
    ValuesIn,
)

__all__ = [
    "AVAILABLE_DEFAULT_VALIDATORS",
    "AllowNaNsValidatorPandasSeries",
    "AllowNoneValidator",
    "DataInRangeValidatorPandasSeries",
    "DataInRangeValidatorPrimitives",
    "DataInValuesValidatorPandasSeries",
    "DataInValuesValidatorPrimitives",
    "DataTypeValidatorPandasSeries",
    "DataTypeValidatorPrimitives",
    "MaxFractionNansValidatorPandasSeries",
    "MaxStandardDevValidatorPandasSeries",
    "MeanInRangeValidatorPandasSeries",
    "StrContainsValidator",
    "StrDoesNotContainValidator",
]

AVAILABLE_DEFAULT_VALIDATORS = VALIDATORS
AllowNaNsValidatorPandasSeries = AllowNans
AllowNoneValidator = AllowNone
DataInRangeValidatorPandasSeries = DataInRangeValidatorPrimitives = Range
DataInValuesValidatorPandasSeries = DataInValuesValidatorPrimitives = ValuesIn
DataTypeValidatorPandasSeries = DataTypeValidatorPrimitives = DataType
MaxFractionNansValidatorPandasSeries = MaxFractionNans
MaxStandardDevValidatorPandasSeries = MaxStandardDev
MeanInRangeValidatorPandasSeries = MeanInRange
StrContainsValidator = Contains
StrDoesNotContainValidator = DoesNotContain
