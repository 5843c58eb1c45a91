"""The search index: tokens of every feature version, in FTS5 or as a tsvector, with the same matches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from typing import Any

from sqlalchemy import Integer, Select, cast, column, func, literal_column, select, table, text, union_all
from sqlalchemy.orm import Session
from sqlalchemy.types import UserDefinedType

from headwater_catalog.tokens import name_tokens, text_tokens

__all__ = [
    "AllOf",
    "AnyOf",
    "Expression",
    "Field",
    "IndexEntry",
    "Phrase",
    "delete_entries",
    "holds",
    "index_entry",
    "matching",
    "phrases_of",
    "staged",
    "write_entries",
]

_MOST_TOKENS = 3000  # a field; PostgreSQL keeps positions up to 16383 and a megabyte of lexemes
_GAP = 10  # between the positions of two fields, so that no phrase reaches across
_BATCH = 500

# The migrations make the table, in the form that each database has for it.
_FTS5 = table("feature_search", column("rowid", Integer), column("feature_search"))
_TSVECTOR = table("feature_search", column("feature_version_id", Integer), column("document"))


class _TsQuery(UserDefinedType[str]):
    """PostgreSQL's tsquery, without the import of its dialect, which would double the time to start."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "tsquery"


class Field(IntEnum):
    """The fields of the index, the most telling first."""

    NAME = 0
    TAGS = 1
    DOC = 2
    CODE = 3


_COLUMNS = ("name", "tags", "doc", "code")  # of the FTS5 table, by Field
_WEIGHTS = "ABCD"  # of the tsvector, by Field


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What one feature version is found by: tokens as `headwater_catalog.tokens` makes them, by field."""

    feature_version_id: int
    name: Sequence[str]
    tags: Sequence[str]
    doc: Sequence[str]
    code: Sequence[str]

    @property
    def fields(self) -> tuple[Sequence[str], ...]:
        """The tokens by `Field`, cut to what both databases hold."""
        return tuple(tokens[:_MOST_TOKENS] for tokens in (self.name, self.tags, self.doc, self.code))


def index_entry(
    feature_version_id: int,
    *,
    name: str,
    module: str,
    variant: str,
    tags: Mapping[str, Any],
    doc: str,
    source: str,
) -> IndexEntry:
    """Return the tokens that a feature version is found by.

    The field `tags` also holds the words of the module and of the variant, which place a feature as tags do.
    """
    placing = [*text_tokens(module), *(name_tokens(variant) if variant != name else ())]
    for key, value in tags.items():
        values = value if isinstance(value, (list, tuple)) else (value,)
        for token in (key, *map(str, values)):
            placing.extend(text_tokens(token))
    return IndexEntry(
        feature_version_id,
        name=name_tokens(name),
        tags=list(dict.fromkeys(placing)),
        doc=text_tokens(doc),
        code=list(dict.fromkeys(text_tokens(source))),
    )


def write_entries(session: Session, entries: Iterable[IndexEntry]) -> None:
    """Put entries into the index; a version is written once."""
    statement, row = (
        (_INSERT_POSTGRESQL, _tsvector_row) if _is_postgresql(session) else (_INSERT_SQLITE, _fts5_row)
    )
    pending = iter(entries)
    while batch := [row(entry) for entry in islice(pending, _BATCH)]:
        session.execute(statement, batch)


def delete_entries(session: Session, feature_version_ids: Iterable[int]) -> None:
    """Take the entries of feature versions out of the index."""
    statement = _DELETE_POSTGRESQL if _is_postgresql(session) else _DELETE_SQLITE
    pending = iter(feature_version_ids)
    while batch := [{"id": identity} for identity in islice(pending, _BATCH)]:
        session.execute(statement, batch)


_INSERT_SQLITE = text(
    "INSERT INTO feature_search (rowid, name, tags, doc, code) VALUES (:id, :name, :tags, :doc, :code)"
)
_INSERT_POSTGRESQL = text(
    "INSERT INTO feature_search (feature_version_id, document) VALUES (:id, CAST(:document AS tsvector))"
)
_DELETE_SQLITE = text("DELETE FROM feature_search WHERE rowid = :id")
_DELETE_POSTGRESQL = text("DELETE FROM feature_search WHERE feature_version_id = :id")


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def _fts5_row(entry: IndexEntry) -> dict[str, Any]:
    row: dict[str, Any] = {"id": entry.feature_version_id}
    row.update((name, " ".join(tokens)) for name, tokens in zip(_COLUMNS, entry.fields, strict=True))
    return row


def _tsvector_row(entry: IndexEntry) -> dict[str, Any]:
    # Lexemes are written out with their positions and weights: no parser of PostgreSQL changes them.
    lexemes: list[str] = []
    start = 1
    for weight, tokens in zip(_WEIGHTS, entry.fields, strict=True):
        lexemes.extend(f"'{token}':{place}{weight}" for place, token in enumerate(tokens, start))
        start += len(tokens) + _GAP
    return {"id": entry.feature_version_id, "document": " ".join(lexemes)}


@dataclass(frozen=True, slots=True)
class Phrase:
    """Tokens that stand one after the other; with `prefix` the last may go on."""

    tokens: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of some expressions."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of some expressions."""

    parts: tuple[Expression, ...]


Expression = Phrase | AllOf | AnyOf


def holds(expression: Expression, tokens: Sequence[str]) -> bool:
    """Tell whether an expression matches a list of tokens: the reference for what both indexes find."""
    if isinstance(expression, AllOf):
        return all(holds(part, tokens) for part in expression.parts)
    if isinstance(expression, AnyOf):
        return any(holds(part, tokens) for part in expression.parts)
    *before, last = expression.tokens
    return any(
        (tokens[at] == last or (expression.prefix and tokens[at].startswith(last)))
        and list(tokens[at - len(before) : at]) == before
        for at in range(len(before), len(tokens))
    )


def phrases_of(expression: Expression) -> Iterator[Phrase]:
    """Yield the phrases that an expression is made of."""
    if isinstance(expression, Phrase):
        yield expression
    else:
        for part in expression.parts:
            yield from phrases_of(part)


def matching(session: Session, expression: Expression, weakest: Field = Field.CODE) -> Select[tuple[int]]:
    """Return a statement for the ids of versions that an expression matches in the fields up to `weakest`."""
    if _is_postgresql(session):
        query = cast(_tsquery(expression, _WEIGHTS[: weakest + 1]), _TsQuery())
        return select(_TSVECTOR.c.feature_version_id.label("id")).where(_TSVECTOR.c.document.op("@@")(query))
    columns = " ".join(_COLUMNS[: weakest + 1])
    match = _FTS5.c.feature_search.op("MATCH")(f"{{{columns}}} : ({_fts5_query(expression)})")
    return select(_FTS5.c.rowid.label("id")).where(match)


def staged(session: Session, expression: Expression) -> Select[tuple[int, int]]:
    """Return a statement for the matching versions, each with the weakest field its match needs."""
    arms = (
        matching(session, expression, field).add_columns(
            literal_column(str(int(field)), Integer).label("field")
        )
        for field in Field
    )
    found = union_all(*arms).subquery()
    return select(found.c.id, func.min(found.c.field).label("field")).group_by(found.c.id)


def _fts5_query(expression: Expression) -> str:
    if isinstance(expression, Phrase):
        return f'"{" ".join(expression.tokens)}"{" *" if expression.prefix else ""}'
    word = " AND " if isinstance(expression, AllOf) else " OR "
    return word.join(f"({_fts5_query(part)})" for part in expression.parts)


def _tsquery(expression: Expression, weights: str) -> str:
    if isinstance(expression, Phrase):
        marks = [weights] * len(expression.tokens)
        if expression.prefix:
            marks[-1] = f"*{weights}"
        lexemes = (f"'{token}':{mark}" for token, mark in zip(expression.tokens, marks, strict=True))
        return " <-> ".join(lexemes)
    word = " & " if isinstance(expression, AllOf) else " | "
    return word.join(f"({_tsquery(part, weights)})" for part in expression.parts)
