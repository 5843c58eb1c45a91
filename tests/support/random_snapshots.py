"""Strategies for small random repositories and queries over the same few words."""

from __future__ import annotations

from hypothesis import strategies as st

from headwater_catalog.query.subjects import Base, Past, Scope
from headwater_catalog.records import DependencyRecord
from headwater_catalog.snapshot import Snapshot, SnapshotFeature
from headwater_catalog.views import DataflowView, PartView

__all__ = ["bases", "make_feature", "queries", "scopes"]

DAY = 86_400
NOW = 1_000 * DAY
NAMES = ("spend", "avg_spend", "avgSpend", "Spend", "signups", "a", "spend_3wk")
WORDS = (*NAMES, "avg", "rolling", "é", "3wk", "growth", "x")
MODULES = ("m", "m.n", "other")
OWNERS = ("growth", "Growth", "data science")
TYPES = ("int", "pandas.Series", "pandas.Series[float]", "dict[str, m.Series] | None", "")
PEOPLE = ("Maya Lindqvist", "maya.lindqvist@example.com", "Noor Haddad")

# Few words in texts and phrases, so that some of the phrases stand in some of the texts.
PROSE = ("spend", "avg", "rolling", "avg_spend")

text = st.lists(st.sampled_from(PROSE), max_size=4).map(" ".join)
tags = st.dictionaries(
    st.sampled_from(("owner", "pii", "topic", "deprecated")),
    st.sampled_from(("true", "false", "barrier", "growth", ["a", "spend"], "data science")),
    max_size=3,
)


def make_feature(name: str, module: str = "m", **facts) -> SnapshotFeature:
    described = {
        "variant": name,
        "path": f"{module.replace('.', '/')}.py",
        "line": 1,
        "end_line": 2,
        "type": "int",
        "doc": "",
        "condition": "",
        "tags": {},
        "parts": (),
        "dependencies": (),
        "dataflows": (),
        "partial": (),
        "source": f"def {name}(): ...",
        "digest": "",
    }
    return SnapshotFeature(module=module, name=name, **{**described, **facts})


@st.composite
def features(draw) -> SnapshotFeature:
    name = draw(st.sampled_from(NAMES))
    needs = draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True))
    return make_feature(
        name,
        draw(st.sampled_from(MODULES)),
        variant=draw(st.sampled_from((name, f"{name}__uk"))),
        type=draw(st.sampled_from(TYPES)),
        doc=draw(text),
        condition=draw(st.sampled_from(("", "region = uk"))),
        tags=draw(tags),
        parts=draw(st.sampled_from(((), (PartView(f"{name}_raw", "int", ""),)))),
        dependencies=tuple(DependencyRecord(need, "int", False) for need in needs),
        dataflows=("flow",),
        partial=draw(st.sampled_from(((), ("unknown",)))),
        source=draw(text),
        owners=tuple(draw(st.lists(st.sampled_from(OWNERS), max_size=1))),
    )


@st.composite
def scopes(draw) -> Scope:
    found = {(f.module, f.name, f.variant): f for f in draw(st.lists(features(), max_size=6))}
    flow = DataflowView("flow", "declared", MODULES, {}, {"raw": {"path": "raw.csv"}}, ("spend",))
    snapshot = Snapshot(tuple(found[key] for key in sorted(found)), (flow,), ())
    pasts = {
        feature.key: Past(
            added=NOW - DAY * draw(st.integers(20, 40)),
            changed=NOW - DAY * draw(st.integers(0, 20)),
            authors=(draw(st.sampled_from(PEOPLE)),),
            removed=draw(st.sampled_from((None, NOW - DAY))),
        )
        for feature in snapshot.features
    }
    return Scope("shop", snapshot, NOW, pasts)


@st.composite
def bases(draw) -> Base:
    scope = draw(scopes())
    keys = st.sampled_from([f"{module}:{name}" for module in MODULES for name in NAMES])
    return Base(scope, draw(st.dictionaries(keys, st.lists(st.sampled_from(PEOPLE), max_size=2), max_size=4)))


TERMS = (
    *("owner:growth", "owner:data*", "tag:pii", "tag:pii=true", "tag:topic=sp*", "module:m", "module:m.n"),
    *(
        "type:series",
        "type:pandas.Series",
        "repo:shop",
        "repo:x",
        "dataflow:flow",
        "author:maya",
        "changed:<10d",
    ),
    *(
        "changed:>=5d",
        "added:30d",
        "removed:<2d",
        "added:>1970-01-01",
        "has:doc",
        "has:owner",
        "has:variants",
    ),
    *("has:users", "is:partial", "is:root", "is:leaf", "is:deprecated", "is:output", "dependencies:>1"),
    *("users:0", "variants:2", "classification:pii", "name:spend", "name:sp*", "doc:rolling", "code:avg"),
    *("uses:spend", "used_by:spend", "upstream:avg_spend@1", "downstream:a", "between:a..spend"),
    *("new:feature", "new:tag:pii", 'new:"uses:spend"', "changed_by:noor"),
)


@st.composite
def conditions(draw, depth: int = 2) -> str:
    """Draw a condition: a word, a phrase, a term, or some of these together."""
    kind = draw(
        st.sampled_from(("word", "word", "phrase", "term", "group", "group") if depth else ("word", "term"))
    )
    if kind == "word":
        return draw(st.sampled_from((*WORDS, "sp*", "av*")))
    if kind == "phrase":
        return '"' + " ".join(draw(st.lists(st.sampled_from(PROSE), min_size=1, max_size=3))) + '"'
    if kind == "term":
        return draw(st.sampled_from(TERMS))
    parts = draw(st.lists(conditions(depth - 1), min_size=1, max_size=3))
    return draw(st.sampled_from(("", "-"))) + "(" + draw(st.sampled_from((" ", " OR "))).join(parts) + ")"


@st.composite
def queries(draw) -> str:
    parts = draw(st.lists(conditions(), max_size=3))
    return " ".join(draw(st.sampled_from(("", "", "-"))) + part for part in parts).replace("--", "-")
