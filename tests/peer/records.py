"""What a run says of itself, as plain JSON that two implementations can be compared by."""

import dataclasses
import math
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any

__all__ = ["error_record", "node_record", "type_name", "value_record"]

# What differs from run to run is only said to be there.
_VOLATILE = re.compile(r"timestamp|last_modified|size|version|run_id")
_RESULT = "ValidationResult"
_OURS_AND_THEIRS = re.compile(r"^(hamilton|headwater)\b")


def node_record(node: Any) -> dict[str, Any]:
    """Return what a driver says of a node."""
    return {
        "type": type_name(node.type),
        "tags": {key: value_record(value) for key, value in sorted(node.tags.items())},
        "doc": _doc(node),
        "required": sorted(node.required_dependencies),
        "optional": sorted(node.optional_dependencies),
        "external": node.is_external_input,
    }


def _doc(node: Any) -> str:
    # What a check says of itself is text for people.
    if type_name(node.type).endswith(_RESULT):
        return "of a check"
    return " ".join((node.documentation or "").split())


def error_record(stage: str, error: BaseException) -> dict[str, Any]:
    """Return at which stage an error came, and by which classes it can be caught."""
    bases = [base.__name__ for base in type(error).__mro__ if base not in (object, BaseException)]
    return {"stage": stage, "type": type(error).__name__, "bases": bases, "message": str(error)[:600]}


def type_name(annotation: Any) -> str:
    """Return one text for all the ways of writing a type."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, UnionType):
        return " | ".join(sorted(map(type_name, args)))
    if origin is typing.Literal:
        return f"Literal{list(args)}"
    if origin is typing.Annotated:
        return f"Annotated[{type_name(args[0])}]"
    if origin is not None:
        return f"{type_name(origin)}[{', '.join(map(type_name, args))}]"
    if annotation is None or annotation is type(None):
        return "None"
    if isinstance(annotation, list):
        return f"[{', '.join(map(type_name, annotation))}]"
    if isinstance(annotation, type):
        return _class_name(annotation)
    return _builtin_alias(annotation) or str(annotation)


def _builtin_alias(annotation: Any) -> str | None:
    # `typing.List` without arguments means `list`.
    origin = getattr(annotation, "__origin__", None)
    return _class_name(origin) if isinstance(origin, type) else None


def _class_name(cls: type) -> str:
    if cls.__module__ == "builtins":
        return cls.__qualname__
    if _OURS_AND_THEIRS.match(cls.__module__):
        return f"engine:{cls.__qualname__}"
    return f"{cls.__module__}.{cls.__qualname__}"


def value_record(value: Any) -> Any:
    """Return a value as JSON in which equal means equal: types, indexes and order included."""
    if value is None or isinstance(value, bool) or type(value) in (int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else f"float:{value}"
    special = _container(value) if isinstance(value, (list, tuple, set, frozenset, Mapping)) else None
    if special is not None:
        return special
    return _library_value(value) or _object(value)


def _container(value: Any) -> Any:
    name = type(value).__name__
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value):
            return {name: {key: _entry(key, value[key]) for key in sorted(value)}}
        items = [[value_record(key), value_record(item)] for key, item in value.items()]
        return {name: sorted(items, key=repr)}
    if isinstance(value, (set, frozenset)):
        return {name: sorted(map(value_record, value), key=repr)}
    if isinstance(value, list):
        return [value_record(item) for item in value]
    return {name: [value_record(item) for item in value]}


def _entry(key: str, item: Any) -> Any:
    if _VOLATILE.fullmatch(key) and isinstance(item, (int, float, str)):
        return f"any {type(item).__name__}"
    return value_record(item)


def _library_value(value: Any) -> Any:
    library = type(value).__module__.partition(".")[0]
    if library == "numpy":
        return _numpy_value(value)
    if library == "pandas":
        return _pandas_value(value)
    if library == "polars":
        return _polars_value(value)
    if library == "pyarrow":
        return {"pyarrow": [str(value.schema), value_record(value.to_pydict())]}
    return None


def _numpy_value(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return {f"numpy {value.dtype} {list(value.shape)}": value_record(value.tolist())}
    return {"numpy": str(value)}


def _pandas_value(value: Any) -> Any:
    name = type(value).__name__
    if name == "DataFrame":
        columns = [_column(str(label), value.iloc[:, at]) for at, label in enumerate(value.columns)]
        return {name: columns, "index": _pandas_value(value.index)}
    if name == "Series":
        return {name: _column(str(value.name), value), "index": _pandas_value(value.index)}
    if hasattr(value, "to_list"):
        return {
            "Index": [str(value.dtype), str(value.name), [value_record(item) for item in value.to_list()]]
        }
    return {name: str(value)}


def _column(name: str, column: Any) -> Any:
    return [name, str(column.dtype), [_cell(item) for item in column.to_list()]]


def _cell(item: Any) -> Any:
    return "missing" if str(item) in ("nan", "NaT", "<NA>", "None") else value_record(item)


def _polars_value(value: Any) -> Any:
    name = type(value).__name__
    if name == "LazyFrame":
        return {name: _polars_value(value.collect())}
    if name == "DataFrame":
        return {name: [_column(column.name, column) for column in value.get_columns()]}
    if name == "Series":
        return {name: _column(value.name, value)}
    return {name: str(value)}


def _object(value: Any) -> Any:
    if isinstance(value, BaseException):
        return {"error": error_record("", value)["type"]}
    if isinstance(value, Path):
        return {"path": value.name}
    if isinstance(value, type) or typing.get_origin(value) is not None:
        return {"type": type_name(value)}
    if isinstance(value, ModuleType) or callable(value):
        return {"named": getattr(value, "__name__", type(value).__name__)}
    if _RESULT in [base.__name__ for base in type(value).__mro__]:
        return {_RESULT: bool(value.passes)}  # the rest is text for people
    return {type(value).__name__: _fields(value)}


def _fields(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: value_record(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if hasattr(value, "model_dump"):
        return value_record(value.model_dump())
    return str(value) if type(value).__str__ is not object.__str__ else ""
