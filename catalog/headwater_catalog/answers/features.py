"""Features and searches for them as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from headwater_catalog.answers.commits import commit_json
from headwater_catalog.answers.lineage import node_json
from headwater_catalog.documentation import understand
from headwater_catalog.inputs import missing_inputs

if TYPE_CHECKING:
    from headwater_catalog.authors import Author
    from headwater_catalog.features import FeatureView, VariantView
    from headwater_catalog.moments import Moment
    from headwater_catalog.search import SearchPage

__all__ = ["feature_json", "search_json"]


def feature_json(moment: Moment, view: FeatureView, authors: Iterable[Author]) -> dict[str, Any]:
    """Return all that the catalog knows of a feature at a commit."""
    graph = moment.graph()
    flows = [flow for flow in moment.snapshot.dataflows if flow.name in view.dataflows]
    return {
        **asdict(view),
        "commit": commit_json(view.commit),
        "base": commit_json(view.base),
        "authors": [asdict(author) for author in authors],
        "variants": [_variant_json(variant) for variant in view.variants],
        "tagged_by": _tagged_by(view.variants),
        "needs": [node_json(graph[key]) for key in graph.parents(view.key)],
        "missing_inputs": {flow.name: list(missing_inputs(moment, flow, view.key)) for flow in flows},
    }


def _variant_json(variant: VariantView) -> dict[str, Any]:
    return {
        **asdict(variant),
        "documentation": asdict(understand(variant.doc)),
        "commit": commit_json(variant.commit),
        "introduced": commit_json(variant.introduced),
    }


def _tagged_by(variants: Iterable[VariantView]) -> list[dict[str, Any]]:
    """Return each tag with each of its values, and the functions that say so."""
    found: dict[tuple[str, str], list[str]] = {}
    for variant in variants:
        for key, value in variant.tags.items():
            for each in value if isinstance(value, (list, tuple)) else (value,):
                found.setdefault((key, str(each)), []).append(variant.name)
    return [{"key": key, "value": value, "variants": names} for (key, value), names in found.items()]


def search_json(page: SearchPage, facets: bool) -> dict[str, Any]:
    """Return what a search came to; `hits` are those of one page."""
    found: dict[str, Any] = {
        "query": page.query.text,
        "total": page.total,
        "hits": [asdict(hit) for hit in page.hits],
        "corrections": [asdict(correction) for correction in page.corrections],
        "suggestions": list(page.suggestions),
    }
    return {**found, "facets": [asdict(facet) for facet in page.facets]} if facets else found
