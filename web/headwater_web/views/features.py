"""The page of one feature: what it is, where it comes from, who uses it, how it changed, and a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from flask import Blueprint, redirect, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from headwater_catalog.authors import surviving_authors
from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.datasets import versions_holding
from headwater_catalog.errors import NotFound
from headwater_catalog.features import (
    AmbiguousName,
    FeatureView,
    VariantView,
    get_feature,
)
from headwater_catalog.git_host import file_address
from headwater_catalog.governance.witness import sources_of
from headwater_catalog.history import HistoryEntry, history
from headwater_catalog.inputs import missing_inputs
from headwater_catalog.lineage import LineageNode, input_key
from headwater_catalog.logical.reach import tables_behind, tables_filled_by
from headwater_catalog.moments import Moment
from headwater_catalog.views import DataflowView
from headwater_web.docs import render_doc, render_lead
from headwater_web.drawing import draw
from headwater_web.highlighting import highlight
from headwater_web.lenses import classifications
from headwater_web.links import feature_url, here, lineage_url
from headwater_web.reading import AsOf, as_of, exported, reading
from headwater_web.redundant import duplicates_of

__all__ = ["blueprint"]

blueprint = Blueprint("features", __name__)

_DRAWN = 24  # nodes in the small drawing
_SOURCES = 20  # of a classification, each with a way from there
_LISTED = 50  # changes that are shown, each with what it changed


@dataclass(frozen=True, slots=True)
class VariantPage:
    """A variant with what the page shows of it; `address` is where its Git host shows the file."""

    variant: VariantView
    address: str | None
    code: Markup
    doc: Markup
    lead: Markup


@dataclass(frozen=True, slots=True)
class Derived:
    """A classification that a feature has because of others upstream.

    Attributes:
        tag: Its key.
        level: The level that the feature has.
        ways: A shortest way from each that it comes from, ends included, the nearest first.
    """

    tag: str
    level: str
    ways: tuple[tuple[LineageNode, ...], ...]

    @property
    def way(self) -> tuple[LineageNode, ...]:
        """The shortest of the ways."""
        return self.ways[0]


@dataclass(frozen=True, slots=True)
class CommitEntry:
    """What one commit did to the variants of the feature."""

    commit: CommitRef
    entries: tuple[HistoryEntry, ...]

    @property
    def is_formatting(self) -> bool:
        """Whether nothing but the layout of the code changed."""
        return all(entry.classes == ("formatting",) for entry in self.entries)

    @property
    def is_comparable(self) -> bool:
        """Whether the feature had values before the commit and has some after it."""
        return not self.is_formatting and any(
            entry.old is not None and entry.new is not None for entry in self.entries
        )


@blueprint.get("/r/<repo>/f/<path:key>")  # a column may be named price/unit
def feature(repo: str, key: str) -> str | Response | tuple[str, int]:
    """Show a feature; a bare name leads to its full address, or to a choice."""
    view = as_of(repo)
    try:
        found = get_feature(view.moment, key)
    except AmbiguousName as ambiguous:
        return render_template("choose.html", view=view, ambiguous=ambiguous), 300
    if found.key != key:
        return redirect(here("features.feature", repo=repo, key=found.key))
    return _page(view, found)


def _page(view: AsOf, found: FeatureView) -> str:
    graph = view.moment.graph()
    repo = view.repository.name
    shown = graph.neighbourhood(found.key, 1, 1, limit=_DRAWN)
    entries = _entries(view, found)
    log = _by_commit(entries)
    flows = [flow for flow in view.moment.snapshot.dataflows if found.module in flow.modules]
    flow = _chosen(flows, request.args.get("dataflow"))
    needs = [graph[key] for key in graph.parents(found.key)]
    users = [graph[key] for key in found.users]
    return render_template(
        "feature.html",
        view=view,
        feature=found,
        authors=surviving_authors(reading(), view.repository, found.key, entries),
        variants=[_variant(view, variant) for variant in found.variants],
        shared_lead=_shared_lead(found.variants),
        tags=_tags(found.variants),
        derived=_derived(view.moment, found.key),
        sources=_SOURCES,
        drawing=draw(
            shown,
            lambda node: lineage_url(repo, node.key) if node.is_input else feature_url(repo, node.key),
        ),
        left_out=len(graph.parents(found.key)) + len(graph.children(found.key)) + 1 - len(shown.nodes),
        needs=needs,
        users=users,
        tables=tables_behind(view.moment.snapshot, found.key),
        filled=tables_filled_by(view.moment.snapshot, found.key),
        repeated=_repeated(needs) | _repeated(users),
        listed=_LISTED,
        log=[entry for entry in log if not entry.is_formatting],
        layout_log=[entry for entry in log if entry.is_formatting],
        flow=flow,
        compared_with=next((f"{entry.commit.sha}~1" for entry in log if entry.is_comparable), None),
        missing=missing_inputs(view.moment, flow, found.key) if flow else (),
        flows=flows,
        duplicates=() if view.is_past or exported() is not None else duplicates_of(repo, found.key),
        held_by=versions_holding(reading(), view.repository, found.key) if exported() is None else (),
    )


def _entries(view: AsOf, found: FeatureView) -> list[HistoryEntry]:
    """Return what the main line did to a feature up to the commit, or up to where that left it."""
    try:
        return history(reading(), view.repository, found.module, found.name, view.moment.base)
    except NotFound:  # it came beside the main line
        return []


def _repeated(nodes: Iterable[LineageNode]) -> frozenset[str]:
    """Return the names that several of the nodes have, by which alone nobody knows which one is meant."""
    return frozenset(name for name, count in Counter(node.name for node in nodes).items() if count > 1)


def _variant(view: AsOf, variant: VariantView) -> VariantPage:
    repo = view.repository.name
    links = {
        needed.name: feature_url(repo, needed.features[0])
        if needed.features
        else lineage_url(repo, input_key(needed.name))
        for needed in variant.dependencies
    }
    return VariantPage(
        variant=variant,
        address=file_address(view.repository.url, view.commit.sha, variant.path or "", variant.line or 0),
        code=highlight(variant.source, variant.line or 1, links),
        doc=render_doc(variant.doc),
        lead=render_lead(variant.doc),
    )


def _shared_lead(variants: Iterable[VariantView]) -> Markup | None:
    """Return the first paragraph of the documentation, if all variants have the same."""
    leads = {render_lead(variant.doc) for variant in variants}
    return leads.pop() if len(leads) == 1 else None


def _tags(variants: Iterable[VariantView]) -> Mapping[str, list[str]]:
    """Return the values of each tag over all variants."""
    tags: dict[str, list[str]] = {}
    for variant in variants:
        for key, value in variant.tags.items():
            values = value if isinstance(value, (list, tuple)) else [value]
            known = tags.setdefault(key, [])
            known += [str(item) for item in values if str(item) not in known]
    return tags


def _derived(moment: Moment, key: str) -> tuple[Derived, ...]:
    """Return the classifications that a feature has from upstream, each with a way from all it comes from."""
    graph = moment.lineage()
    return tuple(
        Derived(
            tag,
            classified.name(key),
            tuple(
                tuple(graph[step] for step in witness.path)
                for witness in sources_of(moment.snapshot, classified, key)
                if len(witness.path) > 1
            ),
        )
        for tag, classified in classifications(moment).items()
        if key in classified.came_from
    )


def _by_commit(entries: Iterable[HistoryEntry]) -> list[CommitEntry]:
    grouped = groupby(entries, key=lambda entry: entry.commit)
    return [CommitEntry(commit, tuple(of_commit)) for commit, of_commit in grouped]


def _chosen(flows: list[DataflowView], name: str | None) -> DataflowView | None:
    return next((flow for flow in flows if flow.name == name), flows[0] if flows else None)
