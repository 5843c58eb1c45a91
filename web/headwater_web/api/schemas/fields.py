"""Fields of answers, all of them there in every answer, and of questions, read more strictly than usual."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate

from headwater_catalog.days import is_day

__all__ = [
    "AtPageQuery",
    "AtQuery",
    "Count",
    "Flag",
    "Json",
    "NoBodySchema",
    "NoQuery",
    "PageQuery",
    "Switch",
    "Text",
    "Whole",
    "anything",
    "count",
    "day_asked",
    "flag",
    "formatting_asked",
    "listed",
    "mapping",
    "named",
    "nested",
    "optional_text",
    "page_of",
    "repository_named",
    "text",
    "texts",
    "tolerance_asked",
]

_DIGITS: Final = re.compile("[0-9]{1,9}")


def text(description: str, **more: Any) -> fields.Field[Any]:
    """Return a field that holds a text."""
    return fields.String(required=True, metadata={"description": description}, **more)


def optional_text(description: str) -> fields.Field[Any]:
    """Return a field that holds a text or null."""
    return text(description, allow_none=True)


def count(description: str, **more: Any) -> fields.Field[Any]:
    """Return a field that holds a whole number."""
    return fields.Integer(required=True, metadata={"description": description}, **more)


def flag(description: str) -> fields.Field[Any]:
    """Return a field that holds true or false."""
    return fields.Boolean(required=True, metadata={"description": description})


def texts(description: str) -> fields.Field[Any]:
    """Return a field that holds a list of texts."""
    return fields.List(fields.String(), required=True, metadata={"description": description})


def listed(schema: type[Schema], description: str) -> fields.Field[Any]:
    """Return a field that holds a list of objects."""
    return fields.List(fields.Nested(schema), required=True, metadata={"description": description})


def nested(schema: type[Schema], description: str, *, allow_none: bool = False) -> fields.Field[Any]:
    """Return a field that holds an object."""
    told = {"description": description}
    return fields.Nested(schema, required=True, allow_none=allow_none, metadata=told)


def mapping(description: str, values: fields.Field[Any] | None = None, **more: Any) -> fields.Field[Any]:
    """Return a field that holds an object with keys of its own."""
    told = {"description": description}
    return fields.Dict(keys=fields.String(), values=values, required=True, metadata=told, **more)


def anything(description: str) -> fields.Field[Any]:
    """Return a field that holds whatever JSON has."""
    return fields.Raw(required=True, allow_none=True, metadata={"description": description})


def page_of(schema: type[Schema], description: str) -> dict[str, fields.Field[Any]]:
    """Return the fields that every list has."""
    return {
        "items": listed(schema, description),
        "next": optional_text("Give it as `cursor` to get what follows; null on the last page."),
    }


class Count(fields.Integer):
    """A whole number in an address, in plain digits."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> int:
        if not isinstance(value, str) or not _DIGITS.fullmatch(value):
            raise ValidationError("It must be a whole number, in digits.")
        return int(value)


class Whole(fields.Integer):
    """A whole number in a body, which JSON may write with a point, too."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
            raise ValidationError("It must be a whole number.")
        return int(value)


class Flag(fields.Boolean):
    """`true` or `false` in an address."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> bool:
        if value not in ("true", "false"):
            raise ValidationError("It must be true or false.")
        return bool(value == "true")


class Json(fields.Raw):
    """Any JSON in a body but numbers that are none."""

    def __init__(self) -> None:
        super().__init__(allow_none=True)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> Any:
        try:
            json.dumps(value, allow_nan=False)
        except (ValueError, RecursionError):
            raise ValidationError("It holds a number that JSON does not have.") from None
        return value


class Switch(fields.Boolean):
    """`true` or `false` in a body, and nothing that Python holds equal to them."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("It must be true or false.")
        return value


class Text(fields.String):
    """A text in an address or a body that both databases can take."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> str:
        found: str = super()._deserialize(value, attr, data, **more)
        if "\0" in found or any("\ud800" <= character <= "\udfff" for character in found):
            raise ValidationError("It holds a character that no name has.")
        return found


def repository_named(description: str, **more: Any) -> Any:
    """Return a field that names a repository."""
    told = {"description": description, "format": "repository"}
    return Text(validate=validate.Regexp("^[a-z0-9][a-z0-9._-]{0,99}$"), metadata=told, **more)


def named(description: str, kind: str, most: int = 500, **more: Any) -> Any:
    """Return a field that names something; `kind` is its format: ref, feature or dataflow."""
    told = {"description": description, "format": kind}
    return Text(validate=validate.Length(min=1, max=most), metadata=told, **more)


def day_asked(description: str, **more: Any) -> Any:
    """Return a field by which a day is said, as YYYY-MM-DD."""
    return Text(validate=_require_day, metadata={"description": description, "format": "date"}, **more)


def _require_day(value: str) -> None:
    if not is_day(value):
        raise ValidationError("It must be a day, such as 2027-06-30.")


def formatting_asked() -> Flag:
    """Return the field by which changes without any meaning are asked for."""
    told = {"description": "Also list changes of layout and comments only."}
    return Flag(load_default=False, metadata=told)


def tolerance_asked() -> fields.Field[Any]:
    """Return the field by which is said how much numbers may differ and be taken for equal."""
    told = {"description": "By how much numbers with fractions may differ, relative to the larger."}
    allowed = validate.Range(min=0, max=1, max_inclusive=False)
    return fields.Float(load_default=1e-9, validate=allowed, metadata={**told, "exclusiveMaximum": 1})


class NoBodySchema(Schema):
    """An empty object: what a body may be that says nothing."""


class NoQuery(Schema):
    """What an address may hold that takes no parameters."""


class AtQuery(Schema):
    """What an address may hold that shows a commit."""

    at = named("A branch, a tag or a commit; the last that was scanned unless given.", "ref")


class PageQuery(Schema):
    """What an address of a list may hold."""

    limit = Count(
        load_default=50,
        validate=validate.Range(min=1, max=500),
        metadata={"description": "How many items a page has at most."},
    )
    cursor = named("Where to go on: the `next` of the page before.", "cursor", 4000)


class AtPageQuery(AtQuery, PageQuery):
    """What an address of a list at one commit may hold."""
