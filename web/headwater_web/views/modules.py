"""The page of a module: its features, its neighbours, and the commits that changed it."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, render_template

from headwater_catalog.git_host import file_address
from headwater_catalog.modules import get_module, module_commits
from headwater_web.reading import as_of, offset_asked, reading

__all__ = ["blueprint"]

blueprint = Blueprint("modules", __name__)

_PAGE: Final = 200  # features
_LISTED: Final = 50  # of modules, inputs and problems


@blueprint.get("/r/<repo>/m/<path:name>")
def module(repo: str, name: str) -> str:
    """Show a module."""
    view = as_of(repo)
    found = get_module(view.moment, name)
    offset = offset_asked()
    return render_template(
        "module.html",
        view=view,
        module=found,
        address=file_address(view.repository.url, view.commit.sha, found.path),
        features=list(found.features.items())[offset : offset + _PAGE],
        offset=offset,
        limit=_PAGE,
        listed=_LISTED,
        commits=module_commits(reading(), view.repository, name, view.moment.base),
    )
