"""What the boxes of a lineage can be coloured by, and by what they can be drawn as one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from headwater_catalog.classified_at import classify_all, classify_at
from headwater_catalog.lineage import LineageNode
from headwater_catalog.moments import Moment
from headwater_catalog.query.classified import Classified
from headwater_catalog.query.subjects import tag_values
from headwater_catalog.table_specs import TABLE_PREFIX

__all__ = [
    "CLASSIFICATION",
    "TAG",
    "Category",
    "Lens",
    "by_name",
    "classifications",
    "group_names",
    "label_of",
    "lens_names",
]

CLASSIFICATION = "classification:"
TAG = "tag:"
_COLOURS = 8  # that pages can tell apart; what has less nodes than eight others shares one
_NONE = "none"


@dataclass(frozen=True, slots=True)
class Category:
    """What some boxes have in common: its words, its colour as a CSS class, and how many boxes there are."""

    label: str
    css: str
    count: int


@dataclass(frozen=True, slots=True)
class Lens:
    """A colouring: the categories with their counts, and the one of each node."""

    categories: tuple[Category, ...]
    of: Mapping[str, Category]


def lens_names(moment: Moment) -> dict[str, str]:
    """Return the lenses of a repository with what to call them."""
    names = {"owner": "owner", "module": "module", "type": "type", "changed": "changed since"}
    return names | {f"{CLASSIFICATION}{key}": f"classification {key}" for key in classifications(moment)}


def group_names(moment: Moment) -> dict[str, str]:
    """Return by what nodes can be drawn as one, with what to call it."""
    names = {"module": "module", "package": "package", "owner": "owner"}
    return names | {f"{TAG}{key}": f"tag {key}" for key in moment.snapshot.tag_keys[:_COLOURS]}


def by_name(
    moment: Moment,
    earlier: Moment | None,
    keys: Iterable[str],
    name: str,
    members: Mapping[str, Iterable[str]],
) -> Lens:
    """Colour some nodes.

    Args:
        moment: The repository at a commit.
        earlier: The commit from which changes count.
        keys: The nodes to colour.
        name: Which lens.
        members: The keys that a node stands for, where it stands for several.
    """
    label = _labels(moment, earlier, name)
    labels = {key: _one({label(each) for each in members.get(key, (key,))}) for key in keys}
    counts = sorted(Counter(labels.values()).items(), key=lambda item: (-item[1], item[0]))
    colours = _colours(name, [text for text, _ in counts])
    categories = {text: Category(text, colours[text], count) for text, count in counts}
    return Lens(tuple(categories.values()), {key: categories[text] for key, text in labels.items()})


def label_of(moment: Moment, name: str) -> Callable[[str], str]:
    """Return what gives the label that a node is drawn under together with others; empty for none."""
    if name.startswith(TAG):
        tag = name.removeprefix(TAG)
        return lambda key: ", ".join(_tags(moment, key, tag))
    nodes = moment.snapshot.lineage.nodes
    return lambda key: _GROUPS.get(name, _no_group)(nodes[key])


def _no_group(node: LineageNode) -> str:
    return ""


def _outside(node: LineageNode) -> str:
    return "tables" if node.is_table else "inputs"


_GROUPS: Mapping[str, Callable[[LineageNode], str]] = {
    "module": lambda node: node.module or _outside(node),
    "package": lambda node: node.module.rpartition(".")[0] or node.module or _outside(node),
    "owner": lambda node: node.owner if node.module else _outside(node),
}


def _labels(moment: Moment, earlier: Moment | None, name: str) -> Callable[[str], str]:
    if name.startswith(CLASSIFICATION):
        return _classes(moment, name.removeprefix(CLASSIFICATION))
    if name == "changed":
        return _changes(moment, earlier)
    nodes = moment.snapshot.lineage.nodes
    plain: Mapping[str, Callable[[LineageNode], str]] = {
        "owner": lambda node: node.owner,
        "module": lambda node: node.module,
        "type": lambda node: node.type,
    }
    say = plain.get(name, _no_group)
    return lambda key: say(nodes[key]) or (_NONE if nodes[key].module else nodes[key].kind)


def _classes(moment: Moment, tag: str) -> Callable[[str], str]:
    found = classify_at(moment, tag)

    def label(key: str) -> str:
        if key in found.barriers:
            return "barrier"
        if key in found.carriers:
            return "by its tag"
        return "from upstream" if key in found.came_from else "without it"

    return label


def _changes(moment: Moment, earlier: Moment | None) -> Callable[[str], str]:
    if earlier is None:
        return lambda key: _NONE
    then = earlier.snapshot
    now = moment.snapshot.variants

    def label(key: str) -> str:
        if key not in now:
            kind = "table" if key.startswith(TABLE_PREFIX) else "input"
            return kind if key in then.lineage.nodes else f"new {kind}"
        if key not in then.variants:
            return "added"
        digests = [{variant.digest for variant in each.get(key, ())} for each in (then.variants, now)]
        return "same code" if digests[0] == digests[1] else "changed code"

    return label


def _one(labels: set[str]) -> str:
    return next(iter(labels)) if len(labels) == 1 else "several"


_MEANING: Mapping[str, str] = {
    "by its tag": "lens-bad",
    "from upstream": "lens-warn",
    "barrier": "lens-good",
    "added": "lens-good",
    "new input": "lens-good",
    "new table": "lens-good",
    "changed code": "lens-warn",
}
"""Colours that mean something, of the lenses that judge."""


def _colours(name: str, labels: Iterable[str]) -> dict[str, str]:
    """Return the colour of each label; the labels come in the order of how many boxes have them."""
    if name.startswith(CLASSIFICATION) or name == "changed":
        return {label: _MEANING.get(label, "lens-0") for label in labels}
    plain = (label for label in labels if label not in (_NONE, "input", "table", "column", "several"))
    numbered = {label: f"lens-{number}" for number, label in zip(range(1, _COLOURS + 1), plain, strict=False)}
    return defaultdict(lambda: "lens-0", numbered)


def classifications(moment: Moment) -> dict[str, Classified]:
    """Return the classifications that reach anything in a repository, by their keys."""
    return {key: found for key, found in classify_all(moment).items() if found.levels}


def _tags(moment: Moment, key: str, tag: str) -> list[str]:
    found = (tag_values(variant.tags, tag) for variant in moment.snapshot.variants.get(key, ()))
    return sorted({value for values in found for value in values})
