"""The reach map: how far data goes from a source, an input or a feature, and the lists behind each number."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, render_template, request

from headwater_catalog.governance.outside_sources import inputs_by_source
from headwater_catalog.lineage import INPUT_PREFIX
from headwater_catalog.reach_map import ReachMap, reach_from
from headwater_catalog.snapshot import owners_of
from headwater_web.lists import Table, as_files
from headwater_web.reading import AsOf, as_of, offset_asked

__all__ = ["blueprint"]

blueprint = Blueprint("reach", __name__)

_PAGE: Final = 50
_MOST_TERMS: Final = 100  # of one query
_COLUMNS: Final = ("key", "module", "owners", "distance", "path", "line")


@blueprint.get("/r/<repo>/reach")
def reach(repo: str) -> str:
    """Show how far data reaches; without a source, the sources there are."""
    view, offset = as_of(repo), offset_asked()
    found = _found(view)
    keys = list(found.features) if found is not None else []
    variants = view.moment.snapshot.variants
    return render_template(
        "reach.html",
        view=view,
        found=found,
        sources=inputs_by_source(view.moment.snapshot),
        rows=[(key, variants[key][0], owners_of(variants[key])) for key in keys[offset : offset + _PAGE]],
        total=len(keys),
        most_terms=_MOST_TERMS,
        input_prefix=INPUT_PREFIX,
        offset=offset,
        limit=_PAGE,
    )


@as_files(blueprint, "/r/<repo>/reach")
def reached(repo: str) -> Table:
    """Give the features that data reaches as a table."""
    view = as_of(repo)
    found, variants = _found(view), view.moment.snapshot.variants
    rows = (
        (key, first.module, list(owners_of(variants[key])), steps, first.path, first.line)
        for key, steps in (found.features.items() if found is not None else ())
        for first in variants[key][:1]
    )
    return Table(f"reach-{repo}", _COLUMNS, rows)


def _found(view: AsOf) -> ReachMap | None:
    of, classification = (request.args.get(name, "") for name in ("of", "classification"))
    return reach_from(view.moment, of, classification) if of else None
