from hypothesis import assume, given, settings

from headwater_catalog.query import parse_query, term_text
from headwater_catalog.query.evaluate import evaluate, find_sets
from headwater_catalog.query.find import find
from headwater_catalog.query.index import Index
from headwater_catalog.query.subjects import Base, Scope
from support.random_snapshots import bases, queries, scopes


@settings(max_examples=100, deadline=None)
@given(scope=scopes(), base=bases(), text=queries())
def test_the_index_finds_what_the_query_means_in_the_same_order(scope: Scope, base: Base, text: str):
    query = parse_query(text, growing=True)
    sets, problems = find_sets(query, scope)
    found = find(query, Index(scope), sets, (base, Index(base.scope)))

    if not problems:
        meant = evaluate(query, scope, base)
        assert [(hit.subject.key, hit.rank) for hit in found] == [
            (hit.subject.key, hit.rank) for hit in meant
        ]
        assert found.total == len(meant)


@settings(max_examples=40, deadline=None)
@given(scope=scopes(), text=queries())
def test_each_facet_counts_what_its_term_would_find(scope: Scope, text: str):
    query = parse_query(text)
    assume(query.base_term is None)
    index = Index(scope)
    found = find(query, index, find_sets(query, scope)[0])

    for field, facet in index.facets():
        for value, count in zip(facet.postings.values, facet.postings.counts(found.bits), strict=True):
            term = term_text(field.name, facet.shown[value])
            if term is not None:
                narrower = find(parse_query(term), index)
                assert (narrower.bits & found.bits).bit_count() == count
