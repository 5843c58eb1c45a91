"""The document of the API arranged for reading: its operations in groups, its shapes as rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from headwater_web.api.guard import BYTES

__all__ = ["Field", "Group", "Operation", "groups_of", "shapes_of", "type_text"]

_REFERENCE = "#/components/"
_EXAMPLES = {
    **{"repo": "demo", "key": "spend_per_signup", "sha": "main", "name": "marketing", "number": "1"},
    "table": "data/weekly.csv",
}
_EXAMPLES |= {"module": "features.signups"}
_EXAMPLES |= {"account": "vera", "telling": "1", "dataflow": "daily"}


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of an object."""

    name: str
    where: str
    type: str
    shape: str | None
    required: bool
    text: str


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method does at one address."""

    id: str
    method: str
    path: str
    summary: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    status: str
    shape: str | None
    errors: tuple[tuple[str, str], ...]
    example: str


@dataclass(frozen=True, slots=True)
class Group:
    """Operations that belong together."""

    name: str
    text: str
    operations: tuple[Operation, ...]


def groups_of(document: Mapping[str, Any]) -> tuple[Group, ...]:
    """Return the operations of a document by their tags, in its order."""
    texts = {tag["name"].removeprefix("api_"): tag.get("description", "") for tag in document["tags"]}
    found: dict[str, list[Operation]] = {name: [] for name in texts}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, Mapping):
                found[operation["tags"][0]].append(_operation(document, path, method, item, operation))
    return tuple(Group(name, texts[name], tuple(operations)) for name, operations in found.items())


def shapes_of(document: Mapping[str, Any]) -> dict[str, tuple[Field, ...]]:
    """Return the fields of each shape that the document names, by its name."""
    schemas = document["components"]["schemas"]
    return {name: tuple(_fields(schemas[name])) for name in sorted(schemas)}


def type_text(schema: Mapping[str, Any]) -> tuple[str, str | None]:
    """Say what type a value has, and which named shape it is, or is a list of, if any."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return name, name
    if "anyOf" in schema:
        told = [type_text(each) for each in schema["anyOf"]]
        return " or ".join(text for text, _ in told), next((name for _, name in told if name), None)
    types = schema.get("type", "anything")
    if types == "array":
        text, name = type_text(schema.get("items", {}))
        return f"list of {text}", name
    text = " or ".join(types) if isinstance(types, list) else str(types)
    return text, None


def _operation(
    document: Mapping[str, Any],
    path: str,
    method: str,
    item: Mapping[str, Any],
    operation: Mapping[str, Any],
) -> Operation:
    told = (*item.get("parameters", ()), *operation.get("parameters", ()))
    parameters = tuple(_parameter(each) for each in told)
    bodies = operation.get("requestBody", {}).get("content", {})
    content = bodies.get("application/json", {})
    body = content.get("schema")
    answers = operation["responses"]
    status = next(code for code in answers if code.startswith("2"))
    schema = answers[status].get("content", {}).get("application/json", {}).get("schema", {})
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        parameters=parameters,
        body=tuple(_fields(_resolved(document, body))) if body else (),
        status=status,
        shape=type_text(schema)[1],
        errors=tuple(
            (code, _resolved(document, found)["description"])
            for code, found in sorted(answers.items())
            if not code.startswith("2")
        ),
        example=_example(method.upper(), path, parameters, content.get("example"), is_file=BYTES in bodies),
    )


def _parameter(told: Mapping[str, Any]) -> Field:
    text, shape = type_text(told["schema"])
    required = told.get("required", False)
    return Field(told["name"], told["in"], text, shape, required, told.get("description", ""))


def _fields(schema: Mapping[str, Any]) -> Iterator[Field]:
    required = schema.get("required", ())
    for name, told in schema.get("properties", {}).items():
        text, shape = type_text(told)
        yield Field(name, "body", text, shape, name in required, told.get("description", ""))


def _resolved(document: Mapping[str, Any], told: Mapping[str, Any]) -> Any:
    found: Any = told
    while "$ref" in found:
        names = found["$ref"].removeprefix(_REFERENCE).split("/")
        found = document["components"]
        for name in names:
            found = found[name]
    return found


def _example(
    method: str,
    path: str,
    parameters: tuple[Field, ...],
    body: Mapping[str, Any] | None,
    *,
    is_file: bool = False,
) -> str:
    """Return a line for a terminal that asks this of the demo, but for the server in its address."""
    for name, value in _EXAMPLES.items():
        path = path.replace(f"{{{name}}}", value)
    given = {"q": "spend", "source": "input:spend", "target": "spend_per_signup", "of": "input:spend"}
    given |= {"a": "1", "b": "1"} | ({"name": "weekly.csv"} if is_file else {})
    asked = {each.name: given[each.name] for each in parameters if each.required and each.name in given}
    address = f"{path}{'?' + urlencode(asked, safe=':') if asked else ''}"
    how = "" if method in ("GET", "POST") else f"-X {method} "
    sent = "" if body is None else f"--json '{json.dumps(body)}' "
    sent = f"--data-binary @weekly.csv -H 'Content-Type: {BYTES}' " if is_file else sent
    return f"curl {how}{sent}'{address}'"
