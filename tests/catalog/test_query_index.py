"""The index in memory answers as the reference does, which looks at one feature after another."""

from collections import Counter
from random import Random

import pytest

from headwater_catalog.query import parse_query, term_text
from headwater_catalog.query.evaluate import evaluate, find_sets
from headwater_catalog.query.find import find
from headwater_catalog.query.index import Index
from headwater_catalog.query.ranking import Rank
from headwater_catalog.query.subjects import Base, Scope, TextField
from headwater_catalog.query.text_index import TextIndex
from headwater_catalog.query.words import Phrase
from headwater_catalog.snapshot import Snapshot, in_order
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
        sets, problems = find_sets(query, scope, base.scope)
        found = find(query, Index(scope), sets, (base, Index(base.scope)))
        if not problems:
            meant = evaluate(query, scope, base)
            assert _keys(found) == _keys(meant), (text, scope)
            assert found.total == len(meant)
            met.update(hit.rank for hit in meant)

    # Else the examples would be of little worth.
    assert {Rank.EXACT, Rank.NAME, Rank.TAGS, Rank.DOCS, Rank.CODE, None} <= met.keys()


def _changed(rng: Random, scope: Scope) -> Scope:
    """Return a scope with a few features removed, added or made anew; the others are the same objects."""
    features = {in_order(feature): feature for feature in scope.snapshot.features}
    for _ in range(rng.choice((0, 1, 1, 1, 2, 9))):
        fresh = {in_order(feature): feature for feature in random_scope(rng).snapshot.features}
        features.update(list(fresh.items())[: rng.randrange(3)])
        if features and rng.random() < 0.4:
            del features[rng.choice(list(features))]
    ordered = tuple(features[key] for key in sorted(features))
    return Scope("shop", Snapshot(ordered, scope.snapshot.dataflows, ()), scope.now, {})


@pytest.mark.parametrize("seed", SEEDS)
def test_an_index_made_from_that_of_another_moment_is_like_one_made_anew(seed: int):
    rng = Random(seed)
    scope = random_scope(rng)
    index = Index(scope)
    for _ in range(EXAMPLES // 2):
        for field in TextField:
            index.text(field)
        scope = _changed(rng, scope)
        index = Index(scope, index)
        for field in TextField:
            ours, anew = index.text(field), TextIndex.of(field, scope.subjects)
            assert ours.postings.values == anew.postings.values
            for token in anew.postings.values:
                assert ours.postings.of(token) == anew.postings.of(token)
        query = parse_query(random_query(rng))
        if query.base_term is None and not query.needs_history:
            sets, problems = find_sets(query, scope)
            if not problems:
                assert _keys(find(query, index, sets)) == _keys(evaluate(query, scope))


def test_words_are_found_also_where_there_are_more_of_them_than_characters():
    docs = ("avg spend", "spend by week", "weekly signups", "avg signups")
    features = tuple(make_feature(name, doc=doc) for name, doc in zip("abcd", docs, strict=True))
    scope = Scope("shop", Snapshot(features, (), ()), 0, {})

    few = TextIndex.of(TextField.DOC, scope.subjects, most=4)

    anew = TextIndex.of(TextField.DOC, scope.subjects)
    assert few.postings.values == anew.postings.values
    for token in anew.postings.values:
        assert few.postings.of(token) == anew.postings.of(token)
    after = few.moved(scope.subjects, range(4))
    assert after.find(Phrase(("weekly", "signups"))) == anew.find(Phrase(("weekly", "signups"))) != 0


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
