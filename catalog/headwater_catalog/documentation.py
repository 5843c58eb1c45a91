"""Docstrings understood: summary, description, parameters, result and units, in any of the usual styles."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Documentation", "Item", "Section", "understand"]

_LONGEST: Final = 50_000
"""Characters above which a text is cut; docstrings written by people stay far below."""

ARGUMENTS: Final = "Arguments"
RETURNS: Final = "Returns"
RAISES: Final = "Raises"
UNIT: Final = "Unit"

_TITLES: Final = {
    "arg": ARGUMENTS,
    "args": ARGUMENTS,
    "argument": ARGUMENTS,
    "arguments": ARGUMENTS,
    "key": ARGUMENTS,
    "keyword": ARGUMENTS,
    "keyword args": ARGUMENTS,
    "keyword arguments": ARGUMENTS,
    "other parameters": ARGUMENTS,
    "param": ARGUMENTS,
    "parameter": ARGUMENTS,
    "parameters": ARGUMENTS,
    "params": ARGUMENTS,
    "return": RETURNS,
    "returns": RETURNS,
    "except": RAISES,
    "raise": RAISES,
    "raises": RAISES,
    "yield": "Yields",
    "yields": "Yields",
    "attributes": "Attributes",
    "example": "Example",
    "examples": "Examples",
    "note": "Note",
    "notes": "Notes",
    "references": "References",
    "see also": "See also",
    "todo": "To do",
    "unit": UNIT,
    "units": UNIT,
    "warning": "Warning",
    "warnings": "Warnings",
}
"""Titles of sections as they are shown, by those that people write, in small letters."""

_FIELDS: Final = {**_TITLES, "type": "", "rtype": ""}
"""Titles by the names of fields; those without one say what annotations say."""

_LISTS: Final = (ARGUMENTS, RAISES, "Attributes")
"""Sections that are lists of names, each with a text."""

_GOOGLE: Final = re.compile(r"(?P<title>[A-Za-z][A-Za-z ]{0,20}):\s*")
_RULE: Final = re.compile(r"-{3,}\s*|={3,}\s*")
_FIELD: Final = re.compile(r"[:@](?P<title>[a-z]+)(?P<about>[^:\n]{0,200}):(?:\s(?P<text>.*)|$)")
_ENTRY: Final = re.compile(r"(?P<name>\*{0,2}[\w.]+)\s*(?:\([^)]*\))?:(?:\s+(?P<text>.*))?", re.DOTALL)
_NUMPY_ENTRY: Final = re.compile(r"(?P<name>\*{0,2}[\w.]+)\s*(?::[^\n]*)?(?:\n(?P<text>.*))?", re.DOTALL)

_UNIT_LINE: Final = re.compile(r"units?[ \t]*:[ \t]*(?P<unit>\S.*)", re.IGNORECASE)
_UNIT_SAID: Final = re.compile(
    r"\s*\(?\bunits?[ \t]*:[ \t]*([^\s,;()]+(?: per [^\s,;()]+)?)\)?", re.IGNORECASE
)
_UNIT_IN_BRACKETS: Final = re.compile(r"\s*\[([^\W\d_][\w/%°²³·^*.-]{0,14}|%|€|\$)\](?=\.?\s*$)")

_NO_UNITS: Final = frozenset(
    {"any", "beta", "bool", "default", "deprecated", "dict", "experimental", "float", "int", "internal"}
    | {"list", "none", "optional", "required", "set", "str", "todo", "tuple", "wip"}
)
"""Words that stand in brackets at the end of a sentence and are no units."""


@dataclass(frozen=True, slots=True)
class Item:
    """A name in a section, such as an exception, and what is said of it."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a docstring: a list where its text is one, else that text."""

    title: str
    text: str
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Documentation:
    """What a docstring says, part by part.

    Attributes:
        summary: Its first paragraph.
        description: What it says besides, outside of sections.
        parameters: What it says of each parameter.
        returns: What it says of the result.
        unit: The unit of the result, where it is told: "Unit: EUR", or "[EUR]" at the end of the summary.
        units: The units of parameters, told in the same ways.
        sections: All other sections, in their order.
    """

    summary: str = ""
    description: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    returns: str = ""
    unit: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()


def understand(doc: str) -> Documentation:
    """Return the parts of a docstring in Google's, NumPy's or Sphinx' style, or in several of them.

    Nothing is guessed, and nothing is lost but types, which annotations tell: what belongs to no section is
    description, and a section that is no list where one is expected is text.
    """
    lines = inspect.cleandoc(doc[:_LONGEST]).split("\n")
    head = list(_paragraph(lines))
    summary, unit = _unit_said("\n".join(head))
    prose, drafts = _split(lines[len(head) :])
    description, told = _unit_line("\n".join(prose).strip("\n"))
    sections = _merged([_section(draft) for draft in drafts])
    arguments, returns, units = (_first(sections, title) for title in (ARGUMENTS, RETURNS, UNIT))
    items = {name: _unit_said(text) for name, text in _by_name(arguments.items).items()}
    taken = (returns, units, arguments) if items else (returns, units)
    return Documentation(
        summary=summary,
        description=description,
        parameters={name: text for name, (text, _) in items.items()},
        returns=returns.text,
        unit=units.text or told or unit,
        units={name: unit for name, (_, unit) in items.items() if unit},
        sections=tuple(section for section in sections if not any(section is each for each in taken)),
    )


@dataclass(slots=True)
class _Draft:
    """A section as it is found: its lines, and what an entry looks like where it is a list."""

    title: str
    entry: re.Pattern[str]
    lines: list[str] = field(default_factory=list)
    is_field: bool = False


def _paragraph(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the first paragraph, which ends where a section begins."""
    for place, line in enumerate(lines):
        if not line.strip() or _begun(lines, place) or _UNIT_LINE.fullmatch(line):
            return
        yield line


def _split(lines: Sequence[str]) -> tuple[list[str], list[_Draft]]:
    """Return the lines outside of sections, and the sections."""
    prose: list[str] = []
    drafts: list[_Draft] = []
    current: _Draft | None = None
    skipped = -1
    for place, line in enumerate(lines):
        if place == skipped:  # the rule below a title
            continue
        if begun := _begun(lines, place):
            current = begun
            drafts.append(begun)
            skipped = place + 1 if begun.entry is _NUMPY_ENTRY else -1
        elif current is None:
            prose.append(line)
        elif line[:1].strip() and current.entry is _ENTRY:  # a line that is not indented ends the section
            current = None
            prose += ["", line]
        else:
            # Below a field stands what goes on with it.
            current.lines.append(f"    {line}" if current.is_field else line)
    return prose, [draft for draft in drafts if draft.title]


def _begun(lines: Sequence[str], place: int) -> _Draft | None:
    """Return the section that begins at a line, if one does."""
    header = _GOOGLE.fullmatch(lines[place])
    title = _TITLES.get(header["title"].strip().lower()) if header else None
    if title:
        return _Draft(title, _ENTRY)
    title = _TITLES.get(lines[place].strip().lower())
    if title and place + 1 < len(lines) and _RULE.fullmatch(lines[place + 1]):
        return _Draft(title, _NUMPY_ENTRY)
    return _field(lines[place])


def _field(line: str) -> _Draft | None:
    """Return the section of one entry that a field of Sphinx or Epydoc makes, such as `:param x: ...`."""
    found = _FIELD.match(line)
    title = _FIELDS.get(found["title"]) if found else None
    if found is None or title is None:
        return None
    text, name = found["text"] or "", found["about"].split()[-1:]
    if title in _LISTS:
        text = f"{''.join(name)}: {text}"
    return _Draft(title, _ENTRY, [text], is_field=True)


def _section(draft: _Draft) -> Section:
    text = inspect.cleandoc("\n" + "\n".join(draft.lines)).strip("\n")
    if draft.title in _LISTS:
        # An entry is a line that is not indented, and the indented ones after it.
        entries = [draft.entry.fullmatch(each) for each in re.split(r"\n(?=\S)", text)]
        if all(entries):
            found = (Item(each["name"], _cleaned(each["text"] or "")) for each in entries if each)
            return Section(draft.title, text, tuple(found))
    elif draft.is_field:
        text = _cleaned(text)
    elif draft.title == RETURNS and draft.entry is _NUMPY_ENTRY and "\n" in text:
        text = _cleaned(text.partition("\n")[2])  # below its type
    return Section(draft.title, text)


def _cleaned(text: str) -> str:
    return inspect.cleandoc(text).strip("\n")


def _merged(sections: Sequence[Section]) -> list[Section]:
    """Return the sections with those of one title that follow each other, such as fields, in one."""
    merged: list[Section] = []
    for section in sections:
        if merged and merged[-1].title == section.title:
            last = merged.pop()
            together = (*last.items, *section.items) if last.items and section.items else ()
            section = Section(section.title, f"{last.text}\n{section.text}", together)
        merged.append(section)
    return merged


def _by_name(items: Sequence[Item]) -> dict[str, str]:
    """Return the texts by name; what is said of one name in several places stands together."""
    found: dict[str, list[str]] = {}
    for item in items:
        found.setdefault(item.name, []).append(item.text)
    return {name: "\n".join(filter(None, texts)) for name, texts in found.items()}


def _first(sections: Sequence[Section], title: str) -> Section:
    return next((section for section in sections if section.title == title), Section(title, ""))


def _unit_line(text: str) -> tuple[str, str | None]:
    """Return a text without the line that only tells a unit, and that unit."""
    lines = text.split("\n")
    for place, line in enumerate(lines):
        found = _UNIT_LINE.fullmatch(line.strip())
        if found:
            return "\n".join([*lines[:place], *lines[place + 1 :]]).strip("\n"), found["unit"].rstrip(".")
    return text, None


def _unit_said(sentence: str) -> tuple[str, str | None]:
    """Return a sentence without the unit that it tells, and that unit."""
    for pattern in (_UNIT_SAID, _UNIT_IN_BRACKETS):
        found = pattern.search(sentence)
        if found and found.group(1).lower() not in _NO_UNITS:
            rest = sentence[: found.start()] + sentence[found.end() :]
            return re.sub(r"\.\.$", ".", rest.strip()), found.group(1).rstrip(".")
    return sentence, None
