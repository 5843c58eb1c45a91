"""The home page: the repositories, and how to begin where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import nlargest

from flask import Blueprint, render_template

from headwater_catalog import repositories
from headwater_catalog.features import count_by_module, list_repositories
from headwater_catalog.problems import count_problems
from headwater_catalog.runs import list_runs
from headwater_web.reading import reading

__all__ = ["blueprint"]

blueprint = Blueprint("home", __name__)

_LATEST = 5
_MODULES = 16  # of each repository, the largest


@blueprint.get("/")
def home() -> str:
    """Show what the catalog holds."""
    stored, modules = repositories.list_repositories(reading()), count_by_module(reading())
    problems = count_problems(reading())
    return render_template(
        "home.html",
        repositories=list_repositories(reading()),
        modules={each.name: _largest(modules.get(each.name, {})) for each in stored},
        problems={each.name: problems.get(each.name, 0) for each in stored},
        runs=list_runs(reading(), limit=_LATEST),
    )


def _largest(modules: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the modules with most features, by name, each with how many."""
    return sorted(nlargest(_MODULES, modules.items(), key=lambda module: (module[1], module[0])))
