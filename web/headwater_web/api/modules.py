"""Modules: what their functions make, and what they take from and give to others."""

from __future__ import annotations

from typing import Any

from flask import Response

from headwater_catalog.answers.repositories import module_json
from headwater_catalog.features import list_modules
from headwater_catalog.modules import get_module, module_commits
from headwater_web.api.answering import answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import pinned, slice_answer
from headwater_web.api.resources import MODULE, REPOSITORY, Resource
from headwater_web.api.schemas.fields import AtPageQuery, AtQuery
from headwater_web.api.schemas.modules import ModulePageSchema, ModuleSchema
from headwater_web.reading import as_of, reading

__all__ = ["resource"]

resource = Resource("modules", "Modules that define features.")


@resource.get("/modules/<repo>", ModulePageSchema, AtPageQuery, (REPOSITORY,))
def list_all_modules(args: dict[str, Any], repo: str) -> Response:
    """List the modules of a repository that define features."""
    cursor, moment = pinned(cursor_of(args), repo, args.get("at"))
    return slice_answer(
        args,
        cursor,
        list_modules(moment),
        lambda row: {"name": row.name, "path": row.path, "features": row.features},
        sha=moment.commit.sha,
    )


@resource.get("/modules/<repo>/<path:module>", ModuleSchema, AtQuery, (REPOSITORY, MODULE))
def show_module(_args: dict[str, Any], repo: str, module: str) -> Response:
    """Show a module with its features, its neighbours, and the latest commits that changed it."""
    view = as_of(repo)
    found = get_module(view.moment, module)
    commits = module_commits(reading(), view.repository, module, view.moment.base)
    return answer({**module_json(found, commits), "sha": view.commit.sha})
