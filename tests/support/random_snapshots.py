"""Small random repositories, and queries over the same few words."""

from __future__ import annotations

from random import Random

from headwater_catalog.owners import NOBODY
from headwater_catalog.query.subjects import Base, Past, Scope
from headwater_catalog.records import DependencyRecord
from headwater_catalog.snapshot import Snapshot, SnapshotFeature
from headwater_catalog.views import DataflowView, PartView

__all__ = ["make_feature", "random_base", "random_query", "random_scope"]

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
        "owners": NOBODY.of("", module, facts.get("tags", {})).owners,
    }
    return SnapshotFeature(module=module, name=name, **{**described, **facts})


def _text(rng: Random) -> str:
    return " ".join(rng.choices(PROSE, k=rng.randrange(5)))


def _tags(rng: Random) -> dict[str, str | list[str]]:
    keys = rng.sample(("owner", "pii", "topic", "deprecated"), rng.randrange(4))
    values = ("true", "false", "barrier", "growth", ["a", "spend"], "data science")
    return {key: rng.choice(values) for key in keys}


def _feature(rng: Random) -> SnapshotFeature:
    name = rng.choice(NAMES)
    needs = rng.sample(NAMES, rng.randrange(4))
    return make_feature(
        name,
        rng.choice(MODULES),
        variant=rng.choice((name, f"{name}__uk")),
        type=rng.choice(TYPES),
        doc=_text(rng),
        condition=rng.choice(("", "region = uk")),
        tags=_tags(rng),
        parts=rng.choice(((), (PartView(f"{name}_raw", "int", ""),))),
        dependencies=tuple(DependencyRecord(need, "int", False) for need in needs),
        dataflows=("flow",),
        partial=rng.choice(((), ("unknown",))),
        source=_text(rng),
        owners=tuple(rng.sample(OWNERS, rng.randrange(2))),
    )


def random_scope(rng: Random) -> Scope:
    """Return a small repository with its history."""
    features = (_feature(rng) for _ in range(rng.randrange(9)))
    found = {(feature.module, feature.name, feature.variant): feature for feature in features}
    flow = DataflowView("flow", "declared", MODULES, {}, {"raw": {"path": "raw.csv"}}, ("spend",))
    snapshot = Snapshot(tuple(found[key] for key in sorted(found)), (flow,), ())
    pasts = {
        feature.key: Past(
            added=NOW - DAY * rng.randint(20, 40),
            changed=NOW - DAY * rng.randint(0, 20),
            authors=(rng.choice(PEOPLE),),
            removed=rng.choice((None, NOW - DAY)),
            upkeep=rng.choice(((), ("drifted",), ("unsigned", "unreviewed"))),
        )
        for feature in snapshot.features
    }
    return Scope("shop", snapshot, NOW, pasts)


def random_base(rng: Random) -> Base:
    """Return another one to compare with, and who changed what since."""
    keys = [f"{module}:{name}" for module in MODULES for name in NAMES]
    changers = {key: rng.sample(PEOPLE, rng.randrange(3)) for key in rng.sample(keys, rng.randrange(5))}
    return Base(random_scope(rng), changers)


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
        "upkeep:drifted",
        "-upkeep:unsigned",
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


def _condition(rng: Random, depth: int = 2) -> str:
    """Return a word, a phrase, a term, or some of these together."""
    kind = rng.choice(("word", "word", "phrase", "term", "group", "group") if depth else ("word", "term"))
    if kind == "word":
        return rng.choice((*WORDS, "sp*", "av*"))
    if kind == "phrase":
        return f'"{" ".join(rng.choices(PROSE, k=rng.randint(1, 3)))}"'
    if kind == "term":
        return rng.choice(TERMS)
    parts = [_condition(rng, depth - 1) for _ in range(rng.randint(1, 3))]
    return f"{rng.choice(('', '-'))}({rng.choice((' ', ' OR ')).join(parts)})"


def random_query(rng: Random) -> str:
    """Return a query, mostly of one or two conditions: each more leaves fewer hits."""
    parts = (rng.choice(("", "", "-")) + _condition(rng) for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3))))
    return " ".join(parts).replace("--", "-")
