"""The page of a module: its features, its neighbours, and the commits that changed it."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from headwater_catalog.errors import NotFound
from headwater_catalog.git_host import file_address
from headwater_catalog.modules import get_module, module_commits
from headwater_catalog.views import summary_of
from headwater_web.lists import Table, as_files
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


@as_files(blueprint, "/r/<repo>/m/<path:name>")
def features(repo: str, name: str) -> Table | ResponseReturnValue:
    """Give the features of a module as a table; a module of the whole name goes before."""
    view = as_of(repo)
    try:
        get_module(view.moment, f"{name}.{request.path.rpartition('.')[2]}")
    except NotFound:
        pass
    else:
        return module(repo, f"{name}.{request.path.rpartition('.')[2]}")
    rows = (
        (key, each.name, each.variant, each.type, each.line, summary_of(each.doc), each.owners, each.tags)
        for key, variants in get_module(view.moment, name).features.items()
        for each in variants
    )
    return Table(name, ("key", "name", "function", "type", "line", "summary", "owners", "tags"), rows)
