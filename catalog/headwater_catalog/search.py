"""Search: features that meet a query, ranked in stages, each with why it matched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any, Final

from headwater_catalog.corrections import Correction, corrected
from headwater_catalog.grounds import Ground, heads, open_grounds
from headwater_catalog.matches import Match, explain
from headwater_catalog.moments import Moment
from headwater_catalog.query import Query, parse_query, term_text
from headwater_catalog.query.evaluate import Missing, Ranked, Sets, find_sets
from headwater_catalog.query.find import Found, find
from headwater_catalog.query.ranking import Rank, Sort, by_name, order, sort_key
from headwater_catalog.query.subjects import MOST_TOKENS, Scope, Subject, tag_values
from headwater_catalog.query.words import Expression
from headwater_catalog.spelling import nearest_names
from headwater_catalog.tokens import beginning
from headwater_catalog.views import summary_of

__all__ = [
    "Correction",
    "Facet",
    "FacetValue",
    "Match",
    "Rank",
    "SearchHit",
    "SearchPage",
    "Sort",
    "heads",
    "search",
    "warm",
]

_MOST_VALUES: Final = 100  # of a facet; a tag may have a value of its own for every feature
_LONGEST_VALUE: Final = 80


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
        owner: Whom to ask about it, in one text; empty where nobody is known.
        tags: Its tags.
        variants: Names of the functions that make it.
        dependencies: How many names it needs.
        rank: The stage it was found in; None if the query has no words.
        matches: Where the words of the query stand, the most telling field first.
        last_sha: The last commit that had it, if it is gone; None for a feature that is there.
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
    last_sha: str | None = None


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value that some hits have, how many of them, and the term that finds just these."""

    value: str
    count: int
    term: str


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of a field among all hits of a query, the most frequent first."""

    field: str
    values: tuple[FacetValue, ...]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Some of the hits of a query.

    Attributes:
        query: The query as it was read.
        hits: The hits from `offset` on.
        total: How many hits there are in all.
        limit: How many hits a page has at most.
        offset: How many hits come before this page.
        corrections: Words that no feature has, each with what was looked for instead.
        suggestions: Names near to what was asked for, where there is no hit.
        facets: What the hits have in common, where it was asked for.
    """

    query: Query
    hits: tuple[SearchHit, ...]
    total: int
    limit: int
    offset: int
    corrections: tuple[Correction, ...]
    suggestions: tuple[str, ...]
    facets: tuple[Facet, ...]


def search(
    moments: Sequence[Moment],
    text: str,
    *,
    base: str | None = None,
    limit: int = 20,
    offset: int = 0,
    facets: bool = False,
    sort: Sort = Sort.RELEVANCE,
) -> SearchPage:
    """Return the features that meet a query, the best first unless another order is asked for.

    Args:
        moments: Where to look: repositories, each at a commit; `heads` gives all of them.
        text: A query as docs/query.md has it; an empty one finds all features in the order of their names.
        base: A commit, tag or branch that terms such as `new:` compare with.
        limit: How many hits to return at most.
        offset: How many hits to leave out before.
        facets: Whether to count what all hits have in common.
        sort: By what they are sorted.

    Raises:
        QueryError: The query cannot be understood, or names what is nowhere.
        NotFound: No repository has the base.
    """
    query = parse_query(text, growing=True)
    grounds = open_grounds(query, moments, base, with_history=sort is Sort.CHANGED)
    sets = _sets(query, grounds)
    corrections: tuple[Correction, ...] = ()
    meant, found = query, _find(query, grounds, sets)
    if query.has_words and not any(each.total for each in found):
        meant, corrections = corrected(query, [ground.index for ground in grounds])
        found = _find(meant, grounds, sets) if corrections else found
    total = sum(each.total for each in found)
    if not total:
        corrections = ()
    return SearchPage(
        query=query,
        hits=tuple(_hits(meant, found, sort, limit, offset)),
        total=total,
        limit=limit,
        offset=offset,
        corrections=corrections,
        suggestions=_suggestions(query, grounds) if query.has_words and not total else (),
        facets=tuple(_facets(found)) if facets else (),
    )


def warm(moments: Sequence[Moment]) -> None:
    """Make what searches at these moments need, so that the first one need not wait for it."""
    for ground in open_grounds(parse_query(""), moments, None):
        ground.index.prepare()


def _sets(query: Query, grounds: Sequence[Ground]) -> list[Sets]:
    """Return what the terms of lineage mean in each place; a name must be somewhere."""
    found: list[Sets] = []
    problems: dict[int, list[Missing]] = {}
    for ground in grounds:
        sets, missing = find_sets(query, ground.index.scope, ground.base and ground.base[0].scope)
        found.append(sets)
        for problem in missing:
            problems.setdefault(problem.position, []).append(problem)
    for position in sorted(problems):
        if len(problems[position]) == len(grounds):
            raise problems[position][0].error()
    return found


def _find(query: Query, grounds: Sequence[Ground], sets: Sequence[Sets]) -> list[Found]:
    return [
        find(query, ground.index, known, ground.base) for ground, known in zip(grounds, sets, strict=True)
    ]


def _hits(query: Query, found: Sequence[Found], sort: Sort, limit: int, offset: int) -> Iterator[SearchHit]:
    wanted = [term.expression for term in query.wanted]
    firsts = ((each.index.scope, islice(each.in_order(sort), offset + limit)) for each in found)
    streams = ([(hit, scope) for hit in hits] for scope, hits in firsts)
    merged = merge(*streams, key=lambda placed: _order(placed, sort))
    for ranked, scope in islice(merged, offset, offset + limit):
        yield _hit(ranked, scope, [expression for expression in wanted if expression is not None])


def _order(placed: tuple[Ranked, Scope], sort: Sort) -> tuple[Any, ...]:
    hit, scope = placed
    if sort is not Sort.RELEVANCE:
        return sort_key(sort, scope, hit.subject)
    if hit.rank is None:
        return by_name(hit.subject, scope.repository)
    return order(hit.rank, hit.subject, scope.repository)


def _hit(ranked: Ranked, scope: Scope, wanted: Sequence[Expression]) -> SearchHit:
    subject = ranked.subject
    first = subject.variants[0]
    past = (scope.pasts or {}).get(subject.key)
    return SearchHit(
        repository=scope.repository,
        key=subject.key,
        module=subject.module,
        name=subject.name,
        type=first.type,
        summary=summary_of(first.doc),
        owner=", ".join(subject.owners),
        tags=first.tags,
        variants=tuple(variant.variant for variant in subject.variants),
        dependencies=len({needed.name for variant in subject.variants for needed in variant.dependencies}),
        rank=ranked.rank,
        matches=explain(wanted, _texts(subject)),
        last_sha=past.last_sha if past else None,
    )


def _texts(subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield the texts that a hit may have matched by, the most telling first, each with its field.

    Of docs and code they are as much as the index has of them.
    """
    yield "name", subject.name
    for variant in subject.variants:
        for owner in variant.owners:
            yield "owner", owner
        for key in variant.tags:
            if key != "owner":
                yield "tags", f"{key}={', '.join(tag_values(variant.tags, key))}"
        yield "module", variant.module
        yield "variant", variant.variant
        for part in variant.parts:
            yield "part", part.name
    for variant in subject.variants:
        yield "docs", beginning(variant.doc, MOST_TOKENS)
    for variant in subject.variants:
        yield "code", beginning(variant.source, MOST_TOKENS)


def _suggestions(query: Query, grounds: Sequence[Ground]) -> tuple[str, ...]:
    names = {subject.name for ground in grounds for subject in ground.index.scope.subjects}
    return tuple(nearest_names(query.name, names))


def _facets(found: Sequence[Found]) -> Iterator[Facet]:
    counts: dict[str, Counter[str]] = {}
    shown: dict[str, dict[str, str]] = {}
    for each in found:
        for field, facet in each.index.facets():
            values = zip(facet.postings.values, facet.postings.counts(each.bits), strict=True)
            counts.setdefault(field.name, Counter()).update(
                {value: count for value, count in values if count}
            )
            shown[field.name] = {**facet.shown, **shown.get(field.name, {})}
    for name, counted in counts.items():
        ordered = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
        values_ = (_facet_value(name, shown[name][value], count) for value, count in ordered)
        told = tuple(islice((value for value in values_ if value is not None), _MOST_VALUES))
        if told:
            yield Facet(name, told)


def _facet_value(field: str, value: str, count: int) -> FacetValue | None:
    term = term_text(field, value) if len(value) <= _LONGEST_VALUE else None
    return FacetValue(value, count, term) if term is not None else None
