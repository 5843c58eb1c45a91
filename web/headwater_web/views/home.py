"""The home page: the repositories, and how to begin where there is none."""

from __future__ import annotations

from flask import Blueprint, render_template

from headwater_catalog import repositories
from headwater_catalog.features import ModuleRow, list_modules, list_repositories
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
    heads = [(stored, stored.scanned_position) for stored in repositories.list_repositories(reading())]
    return render_template(
        "home.html",
        repositories=list_repositories(reading()),
        modules={stored.name: _largest(list_modules(reading(), stored, head)) for stored, head in heads},
        problems={stored.name: count_problems(reading(), stored, head) for stored, head in heads},
        runs=list_runs(reading(), limit=_LATEST),
    )


def _largest(modules: list[ModuleRow]) -> list[ModuleRow]:
    """Return the modules with most features, by name."""
    largest = sorted(modules, key=lambda module: -module.features)[:_MODULES]
    return sorted(largest, key=lambda module: module.name)
