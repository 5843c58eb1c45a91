"""The index in memory answers as the reference does, which looks at one feature after another."""

from collections import Counter
from random import Random

import pytest

from headwater_catalog.query import parse_query, term_text
from headwater_catalog.query.evaluate import evaluate, find_sets
from headwater_catalog.query.find import find
from headwater_catalog.query.index import Index
from headwater_catalog.query.ranking import Rank
from headwater_catalog.query.subjects import Base, Scope
from headwater_catalog.snapshot import Snapshot
from support.random_snapshots import make_feature, random_base, random_query, random_scope

SEEDS = range(8)
EXAMPLES = 250


@pytest.mark.parametrize("seed", SEEDS)
def test_the_index_finds_what_the_query_means_in_the_same_order(seed: int):
    rng = Random(seed)
    met: Counter[object] = Counter()
    for _ in range(EXAMPLES):
        scope, base, text = random_scope(rng), random_base(rng), random_query(rng)
        query = parse_query(text, growing=True)
        sets, problems = find_sets(query, scope)
        found = find(query, Index(scope), sets, (base, Index(base.scope)))
        if not problems:
            meant = evaluate(query, scope, base)
            assert _keys(found) == _keys(meant), (text, scope)
            assert found.total == len(meant)
            met.update(hit.rank for hit in meant)

    # Else the examples would be of little worth.
    assert {Rank.EXACT, Rank.NAME, Rank.TAGS, Rank.DOCS, Rank.CODE, None} <= met.keys()


def _keys(hits):
    return [(hit.subject.key, hit.rank) for hit in hits]


@pytest.mark.parametrize(
    ("text", "docs"),
    [
        ('"avg spend"', ("avg", "spend")),
        ('"spend avg"', ("spend", "avg")),
        ('doc:"avg spend"', ("avg", "spend")),
    ],
)
def test_no_phrase_goes_on_in_another_variant_or_feature(text: str, docs: tuple[str, str]):
    first, second = docs
    apart = [
        make_feature("a", doc=first),
        make_feature("a", variant="a__uk", doc=second),
        make_feature("b", doc=first),
        make_feature("c", doc=second),
    ]
    together = make_feature("d", doc=f"{first} {second}")
    scope = Scope("shop", Snapshot((*apart, together), (), ()), 0, {})

    found = find(parse_query(text), Index(scope))

    assert [hit.subject.name for hit in found] == ["d"]


@pytest.mark.parametrize("term", ["pii", "spend", "uses:spend"])
def test_what_met_a_term_at_the_base_is_not_new(term: str):
    needs = {"dependencies": (), "doc": "pii spend", "dataflows": ()}
    now = [make_feature(name, **needs) for name in ("old", "fresh", "spend")]
    before = [make_feature("old", **needs), make_feature("fresh"), make_feature("spend")]
    scope, base = (Scope("shop", Snapshot(tuple(f), (), ()), 0, {}) for f in (now, before))
    query = parse_query(f'new:"{term}"')
    given = Base(base, {})

    found = find(query, Index(scope), {}, (given, Index(base)))

    assert _keys(found) == _keys(evaluate(query, scope, given))
    if term == "pii":
        assert [hit.subject.name for hit in found] == ["fresh", "spend"]


@pytest.mark.parametrize("seed", SEEDS)
def test_each_facet_counts_what_its_term_would_find(seed: int):
    rng = Random(seed)
    for _ in range(EXAMPLES // 5):
        scope, query = random_scope(rng), parse_query(random_query(rng))
        if query.base_term is not None:
            continue
        index = Index(scope)
        found = find(query, index, find_sets(query, scope)[0])
        for field, facet in index.facets():
            for value, count in zip(facet.postings.values, facet.postings.counts(found.bits), strict=True):
                term = term_text(field.name, facet.shown[value])
                if term is not None:
                    narrower = find(parse_query(term), index)
                    assert (narrower.bits & found.bits).bit_count() == count
