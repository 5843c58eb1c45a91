"""Repositories, with their branches, tags and problems."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from flask import Response

from headwater_catalog.answers.repositories import repository_json
from headwater_catalog.features import list_repositories
from headwater_catalog.problems import count_problems, problems_of
from headwater_catalog.refs import list_refs
from headwater_catalog.repositories import get_repository
from headwater_web.api.answering import answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import named_answer, pinned, slice_answer
from headwater_web.api.resources import REPOSITORY, Resource
from headwater_web.api.schemas.fields import NoQuery, PageQuery
from headwater_web.api.schemas.repositories import (
    DataflowsQuery,
    ProblemsPageSchema,
    RefPageSchema,
    RepositoryFiguresSchema,
    RepositoryPageSchema,
)
from headwater_web.reading import reading

__all__ = ["resource"]

resource = Resource("repositories", "The git repositories that the catalog follows.")


@resource.get("/repositories", RepositoryPageSchema, PageQuery, errors=())
def list_all_repositories(args: dict[str, Any]) -> Response:
    """List the repositories."""
    return named_answer(args, list_repositories(reading()), lambda view: view.name, repository_json)


@resource.get("/repositories/<repo>", RepositoryFiguresSchema, NoQuery, (REPOSITORY,))
def show_repository(_args: dict[str, Any], repo: str) -> Response:
    """Show a repository with its figures."""
    repository = get_repository(reading(), repo)
    (view,) = list_repositories(reading(), repository.name)
    kinds = Counter(ref.kind for ref in list_refs(reading(), repository))
    figures = {
        "branches": kinds["branch"],
        "tags": kinds["tag"],
        "problems": count_problems(reading()).get(repository.name, 0),
    }
    return answer({**repository_json(view), **figures})


@resource.get("/repositories/<repo>/refs", RefPageSchema, PageQuery, (REPOSITORY,))
def list_repository_refs(args: dict[str, Any], repo: str) -> Response:
    """List the branches and tags of a repository as they were at the last scan."""
    refs = list_refs(reading(), get_repository(reading(), repo))
    return named_answer(args, refs, lambda ref: f"{ref.kind} {ref.name}", asdict)


@resource.get("/repositories/<repo>/problems", ProblemsPageSchema, DataflowsQuery, (REPOSITORY,))
def list_repository_problems(args: dict[str, Any], repo: str) -> Response:
    """List what in the files of a repository could not be read as meant, by file and line."""
    cursor, moment = pinned(cursor_of(args), repo, args.get("at"))
    problems = problems_of(moment.snapshot)
    return slice_answer(args, cursor, problems, asdict, sha=moment.commit.sha)
