"""What a column reaches equals what following every edge by hand finds, on random dataflows with barriers."""

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_catalog.erasure.items import ANONYMISED, DERIVED, UNKNOWN
from headwater_catalog.erasure.reach import Seeds, reach_in
from headwater_catalog.records import DependencyRecord
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.views import DataflowView
from support.random_snapshots import make_feature

_NAMES = [f"f{number}" for number in range(8)]
_VIEW = DataflowView("flow", "declared", ("m",), {}, {}, (), {}, {})
_FEATURE = st.tuples(
    st.sets(st.sampled_from([*_NAMES, "column", "other"]), max_size=3),  # also in circles
    st.sampled_from(["", "", "", "barrier", "over", "partial"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_FEATURE, min_size=1, max_size=len(_NAMES)))
def test_reach_is_what_following_every_edge_finds(told):
    features = dict(zip(_NAMES, told, strict=False))
    snapshot = Snapshot(tuple(_made(name, *each) for name, each in features.items()), (_VIEW,), ())

    found = reach_in(snapshot, _VIEW, {}, (), Seeds(frozenset({"column"})), "2026-01-01")

    derived = _closed({"column"}, features, stops=True)
    every = _closed({"column"}, features, stops=False)
    unsure = _closed(
        {name for name, (_, kind) in features.items() if kind == "partial"}, features, stops=False
    )
    is_read = any("column" in needs for needs, _ in features.values())
    expected = dict.fromkeys(unsure, UNKNOWN)
    if is_read:
        expected |= {**dict.fromkeys(every, ANONYMISED), **dict.fromkeys(derived, DERIVED)}
    assert {name: standing.word for name, standing in found.standings.items()} == expected
    for name, standing in found.standings.items():
        if standing.word == ANONYMISED:
            assert standing.because.startswith("held back by the barrier m:f"), name


def _made(name, needs, kind):
    tags = {"pii": "barrier"} if kind in ("barrier", "over") else {}
    tags |= {"pii_until": "2025-01-01"} if kind == "over" else {}
    dependencies = tuple(DependencyRecord(need, "int", False) for need in sorted(needs))
    partial = ("nobody knows",) if kind == "partial" else ()
    return make_feature(name, tags=tags, dependencies=dependencies, partial=partial, dataflows=("flow",))


def _closed(start, features, *, stops):
    """Return what is downstream, by asking every feature again and again."""
    found, before = set(start), None
    while found != before:
        before = set(found)
        for name, (needs, kind) in features.items():
            if needs & found and not (stops and kind == "barrier"):
                found.add(name)
    return found
