"""Search: features that meet a query, ranked in stages, each with why it matched."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, collate, func, not_, null, or_, select, true
from sqlalchemy.orm import Session, joinedload, selectinload

from headwater_catalog.features import owner_of, shown
from headwater_catalog.matches import Match, explain
from headwater_catalog.query import Query, Term, parse_query
from headwater_catalog.spelling import nearest_names
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import Feature, FeatureVersion, Repository, Tag
from headwater_catalog.store.search_index import AllOf, AnyOf, Expression, Phrase, matching, staged
from headwater_catalog.tokens import fold, name_parts, normal, text_tokens
from headwater_catalog.views import summary_of

__all__ = ["Match", "Rank", "SearchHit", "SearchPage", "search"]


class Rank(StrEnum):
    """How well a feature meets the words of a query, the best first."""

    EXACT = "exact name"
    SAME_LETTERS = "name in other case"
    PREFIX = "name begins so"
    NAME = "name"
    TAGS = "tags"
    DOCS = "docs"
    CODE = "code"


_RANKS = tuple(Rank)
_FIRST_FIELD = _RANKS.index(Rank.NAME)


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A feature that meets the query.

    Attributes:
        repository: Name of its repository.
        key: `module:name`.
        module: Its module.
        name: Its name.
        type: Type of its value.
        summary: First line of its documentation.
        owner: The tag `owner`, or an empty string.
        tags: Its tags.
        variants: Names of the functions that make it.
        dependencies: How many names it needs.
        rank: The stage it was found in; None if the query has no words.
        matches: Where the words of the query stand, the most telling field first.
    """

    repository: str
    key: str
    module: str
    name: str
    type: str
    summary: str
    owner: str
    tags: Mapping[str, Any]
    variants: tuple[str, ...]
    dependencies: int
    rank: Rank | None
    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Some of the hits of a query.

    Attributes:
        query: The query as it was read.
        hits: The hits from `offset` on.
        total: How many hits there are in all.
        limit: How many hits a page has at most.
        offset: How many hits come before this page.
        suggestions: Names near to what was asked for, where there is no hit.
    """

    query: Query
    hits: tuple[SearchHit, ...]
    total: int
    limit: int
    offset: int
    suggestions: tuple[str, ...]


def search(
    session: Session,
    text: str,
    *,
    repository: Repository | None = None,
    position: int | None = None,
    limit: int = 20,
    offset: int = 0,
) -> SearchPage:
    """Return the features that meet every term of a query, the best first.

    Args:
        session: An open session.
        text: Words, `"a phrase"`, `-word`, and the fields of `headwater_catalog.query.FIELDS`; an empty
            text finds all features in the order of their names.
        repository: Only features of this repository; None for all.
        position: A place on this repository's main line; None for the scanned head.
        limit: How many hits to return at most.
        offset: How many hits to leave out before.

    Raises:
        QueryError: The query cannot be understood.
    """
    query = parse_query(text)
    wanted = _wanted(query)
    at: Any = Repository.scanned_position if position is None or repository is None else position
    statement = _ranked(session, query, wanted).where(holds_at(FeatureVersion, at))
    if repository is not None:
        statement = statement.where(Repository.id == repository.id)
    rows = session.execute(statement.limit(limit).offset(offset)).all()
    if rows or not offset:
        total = rows[0].total if rows else 0
    else:  # The page lies behind the last hit, so that no row tells the number.
        total = session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
    suggestions: Sequence[str] = ()
    if wanted and not total:
        suggestions = nearest_names(query.name, _names(session, repository, at))
    return SearchPage(
        query=query,
        hits=tuple(_hits(session, rows, wanted, at)),
        total=total,
        limit=limit,
        offset=offset,
        suggestions=tuple(suggestions),
    )


def _wanted(query: Query) -> tuple[Expression, ...]:
    """Return what each word or phrase of the query must match; the last word may still be growing."""
    found: list[Expression] = []
    for term in query.wanted:
        is_last = not term.is_phrase and term is query.terms[-1]
        found.extend(_expressions(term, is_last))
    return tuple(found)


def _expressions(term: Term, growing: bool = False) -> list[Expression]:
    if term.is_phrase:
        return _phrase(term.value)
    words = re.findall(r"\w+", normal(term.value))
    return [_word(word, growing and word is words[-1]) for word in words if fold(word).strip("_")]


def _phrase(text: str) -> list[Expression]:
    # The index has the parts of a compound after it in a text, but not before the next part in a name.
    whole, expanded = tuple(fold(word) for word in re.findall(r"\w+", normal(text))), tuple(text_tokens(text))
    if not expanded:
        return []
    return [Phrase(expanded) if whole == expanded else AnyOf((Phrase(whole), Phrase(expanded)))]


def _word(word: str, growing: bool) -> Expression:
    whole, parts = Phrase((fold(word),), growing), name_parts(word)
    if len(parts) < 2:
        return whole
    split = (Phrase((part,), growing and at == len(parts)) for at, part in enumerate(parts, 1))
    return AnyOf((whole, AllOf(tuple(split))))


def _ranked(session: Session, query: Query, wanted: Sequence[Expression]) -> Select[Any]:
    """Return the statement for the features that the words match, best first, with their rank and number."""
    columns = (Feature.id, Feature.module, Feature.name, Repository.name.label("repository"))
    name = collate(Feature.name, _binary(session))
    if query.wanted and not wanted:  # Signs alone, which no token holds.
        wanted = (Phrase(("_",)),)
    if wanted:
        found = staged(session, AllOf(tuple(wanted))).subquery()
        rank = func.min(_rank(query, found.c.field))
        start = select(*columns, rank.label("rank")).join(found, found.c.id == FeatureVersion.id)
        order: tuple[Any, ...] = (rank, func.length(Feature.name), name)
    else:
        start, order = select(*columns, null().label("rank")), (name,)
    statement = (
        start.add_columns(func.count().over().label("total"))
        .select_from(FeatureVersion)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .join(Repository, Repository.id == Feature.repository_id)
        .group_by(*columns)
        .order_by(*order, Repository.name, collate(Feature.module, _binary(session)))
    )
    return statement.where(*(_condition(term) for term in query.filters)).where(
        *(_left_out(session, term) for term in query.unwanted)
    )


def _binary(session: Session) -> str:
    """Return the collation that orders text by its bytes, the same on both databases."""
    return "C" if session.get_bind().dialect.name == "postgresql" else "BINARY"


def _rank(query: Query, field: ColumnElement[int]) -> ColumnElement[int]:
    lower = func.lower(Feature.name)
    return case(
        (Feature.name == query.name, _RANKS.index(Rank.EXACT)),
        (lower == query.name.lower(), _RANKS.index(Rank.SAME_LETTERS)),
        (lower.startswith(query.name.lower(), autoescape=True), _RANKS.index(Rank.PREFIX)),
        else_=field + _FIRST_FIELD,
    )


def _left_out(session: Session, term: Term) -> ColumnElement[bool]:
    return and_(true(), *(FeatureVersion.id.not_in(matching(session, found)) for found in _expressions(term)))


def _condition(term: Term) -> ColumnElement[bool]:
    condition = _FILTERS[term.field](term.value.lower())
    return not_(condition) if term.negated else condition


def _by_owner(value: str) -> ColumnElement[bool]:
    return _tagged(Tag.key == "owner", func.lower(Tag.value) == value)


def _by_tag(text: str) -> ColumnElement[bool]:
    key, equals, value = text.partition("=")
    return _tagged(func.lower(Tag.key) == key, *((func.lower(Tag.value) == value,) if equals else ()))


def _tagged(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(Tag.key).where(Tag.feature_version_id == FeatureVersion.id, *conditions).exists()


def _by_module(module: str) -> ColumnElement[bool]:
    lower = func.lower(Feature.module)
    return or_(lower == module, lower.startswith(f"{module}.", autoescape=True))


def _by_type(name: str) -> ColumnElement[bool]:
    """Accept the type by its full or its last name, whatever its arguments."""
    lower = func.lower(FeatureVersion.type)
    return or_(
        lower == name,
        lower.startswith(f"{name}[", autoescape=True),
        lower.endswith(f".{name}", autoescape=True),
        lower.contains(f".{name}[", autoescape=True),
    )


_FILTERS: Mapping[str, Callable[[str], ColumnElement[bool]]] = {
    "owner": _by_owner,
    "tag": _by_tag,
    "module": _by_module,
    "type": _by_type,
}


def _hits(session: Session, rows: Sequence[Any], wanted: Sequence[Expression], at: Any) -> list[SearchHit]:
    versions: dict[int, list[FeatureVersion]] = {}
    statement = (
        select(FeatureVersion)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .join(Repository, Repository.id == Feature.repository_id)
        .where(FeatureVersion.feature_id.in_([row.id for row in rows]), holds_at(FeatureVersion, at))
        .options(joinedload(FeatureVersion.definition), selectinload(FeatureVersion.dependencies))
        .order_by(FeatureVersion.variant)
    )
    for version in session.scalars(statement) if rows else ():
        versions.setdefault(version.feature_id, []).append(version)
    return [_hit(row, versions[row.id], wanted) for row in rows]


def _hit(row: Any, versions: Sequence[FeatureVersion], wanted: Sequence[Expression]) -> SearchHit:
    first = versions[0]
    return SearchHit(
        repository=row.repository,
        key=f"{row.module}:{row.name}",
        module=row.module,
        name=row.name,
        type=first.type,
        summary=summary_of(first.doc),
        owner=owner_of(first.tags),
        tags=first.tags,
        variants=tuple(version.variant for version in versions),
        dependencies=len({needed.name for version in versions for needed in version.dependencies}),
        rank=None if row.rank is None else _RANKS[row.rank],
        matches=explain(wanted, _texts(row, versions)),
    )


def _texts(row: Any, versions: Sequence[FeatureVersion]) -> list[tuple[str, str]]:
    """Return the texts that a hit may have matched by, the most telling first, each with its field."""
    texts = [("name", row.name)]
    for version in versions:
        tagged = [(key, value) for key, value in version.tags.items() if key != "owner"]
        texts += [("owner", owner_of(version.tags)), *(("tags", f"{key}={shown(v)}") for key, v in tagged)]
        texts += [("module", row.module), ("variant", version.variant)]
    texts += [("docs", version.doc) for version in versions]
    texts += [("code", version.definition.source) for version in versions]
    return texts


def _names(session: Session, repository: Repository | None, at: Any) -> Sequence[str]:
    statement = (
        select(Feature.name)
        .join(FeatureVersion, FeatureVersion.feature_id == Feature.id)
        .join(Repository, Repository.id == Feature.repository_id)
        .where(holds_at(FeatureVersion, at))
        .distinct()
    )
    if repository is not None:
        statement = statement.where(Feature.repository_id == repository.id)
    return session.scalars(statement).all()
