"""Repositories, with their branches, tags and problems."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from flask import Response, url_for

from headwater_catalog.answers.repositories import repository_json
from headwater_catalog.errors import Conflict, RepositoryError
from headwater_catalog.features import list_repositories
from headwater_catalog.problems import count_problems, problems_of
from headwater_catalog.refs import list_refs
from headwater_catalog.repositories import get_repository
from headwater_web.api.answering import answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.guard import BYTES
from headwater_web.api.jobs import job_answer
from headwater_web.api.listing import named_answer, pinned, slice_answer
from headwater_web.api.resources import REPOSITORY, Resource
from headwater_web.api.schemas.fields import AtPageQuery, AtQuery, NoBodySchema, NoQuery, PageQuery
from headwater_web.api.schemas.jobs import JobSchema
from headwater_web.api.schemas.repositories import (
    FollowSchema,
    HookSchema,
    ProblemsPageSchema,
    RefPageSchema,
    RepositoryAddressSchema,
    RepositoryFiguresSchema,
    RepositoryPageSchema,
    ScheduleSchema,
)
from headwater_web.following import (
    follow,
    forget,
    have_scanned,
    limit_jobs,
    schedule_scans,
    set_branches,
    set_hook,
    set_trust,
)
from headwater_web.giving import exported_file
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
    return _shown(repo)


@resource.download("/repositories/<repo>/catalog", BYTES, (REPOSITORY,), query=AtQuery)
def download_catalog(_args: dict[str, Any], repo: str) -> Response:
    """Give a repository at a commit as one SQLite file, as `headwater export` writes it."""
    return exported_file(repo)


@resource.send(
    *("POST", "/repositories", 201, RepositoryFiguresSchema, FollowSchema),
    errors=(409,),
    example={"name": "shop", "url": "/srv/git/shop"},
)
def follow_repository(body: dict[str, Any]) -> Response:
    """Follow a repository that can be read, and have it scanned; for administrators of all of them."""
    try:
        follow(body["name"], body["url"])
    except RepositoryError as refused:
        raise Conflict(str(refused)) from refused  # there is no other repository that was not found
    made = _shown(body["name"], 201)
    made.headers["Location"] = url_for("api_repositories.show_repository", repo=body["name"])
    return made


@resource.send(
    *("PATCH", "/repositories/<repo>", 200, RepositoryFiguresSchema, ScheduleSchema, (REPOSITORY,)),
    errors=(404, 409),
    example={"scan_every": 3600},
)
def change_repository(body: dict[str, Any], repo: str) -> Response:
    """Set how often a repository is scanned, and how many of its jobs run at once; for administrators."""
    schedule_scans(repo, body["scan_every"])
    if "jobs_at_once" in body:
        limit_jobs(repo, body["jobs_at_once"])
    return _shown(repo)


@resource.delete("/repositories/<repo>", RepositoryAddressSchema, (REPOSITORY,), errors=(404, 409))
def remove_repository(_args: dict[str, Any], repo: str) -> Response:
    """Forget a repository and all that was read of it, its runs too; for its administrators."""
    name, url = forget(repo)
    return answer({"name": name, "url": url})


@resource.send(
    "POST", "/repositories/<repo>/scan", 202, JobSchema, NoBodySchema, (REPOSITORY,), errors=(404,)
)
def scan_repository(_body: dict[str, Any], repo: str) -> Response:
    """Have a repository scanned by a worker; for those who may execute its features."""
    return job_answer(have_scanned(repo), 202)


@resource.send(
    "POST", "/repositories/<repo>/hook", 200, HookSchema, NoBodySchema, (REPOSITORY,), errors=(404,)
)
def make_hook(_body: dict[str, Any], repo: str) -> Response:
    """Make a new secret for the calls of the Git host, shown this once; for administrators."""
    return answer({"secret": set_hook(repo, True)})


@resource.delete("/repositories/<repo>/hook", HookSchema, (REPOSITORY,))
def remove_hook(_args: dict[str, Any], repo: str) -> Response:
    """Believe calls of the Git host no more; for administrators."""
    return answer({"secret": set_hook(repo, False)})


@resource.send(
    *("POST", "/repositories/<repo>/trust", 200, RepositoryFiguresSchema, NoBodySchema, (REPOSITORY,)),
    errors=(404,),
)
def trust_repository(_body: dict[str, Any], repo: str) -> Response:
    """Let runs of a repository have the network; for administrators of all repositories."""
    set_trust(repo, True)
    return _shown(repo)


@resource.delete("/repositories/<repo>/trust", RepositoryFiguresSchema, (REPOSITORY,))
def distrust_repository(_args: dict[str, Any], repo: str) -> Response:
    """Let runs of a repository have the network no more; for administrators of all repositories."""
    set_trust(repo, False)
    return _shown(repo)


@resource.send(
    *("POST", "/repositories/<repo>/branches", 200, RepositoryFiguresSchema, NoBodySchema, (REPOSITORY,)),
    errors=(404,),
)
def allow_branches(_body: dict[str, Any], repo: str) -> Response:
    """Let accepted suggestions be pushed to a repository as new branches; for its administrators."""
    set_branches(repo, True)
    return _shown(repo)


@resource.delete("/repositories/<repo>/branches", RepositoryFiguresSchema, (REPOSITORY,))
def forbid_branches(_args: dict[str, Any], repo: str) -> Response:
    """Let nothing be pushed to a repository any more; for its administrators."""
    set_branches(repo, False)
    return _shown(repo)


@resource.get("/repositories/<repo>/refs", RefPageSchema, PageQuery, (REPOSITORY,))
def list_repository_refs(args: dict[str, Any], repo: str) -> Response:
    """List the branches and tags of a repository as they were at the last scan."""
    refs = list_refs(reading(), get_repository(reading(), repo))
    return named_answer(args, refs, lambda ref: f"{ref.kind} {ref.name}", asdict)


@resource.get("/repositories/<repo>/problems", ProblemsPageSchema, AtPageQuery, (REPOSITORY,))
def list_repository_problems(args: dict[str, Any], repo: str) -> Response:
    """List what in the files of a repository could not be read as meant, by file and line."""
    cursor, moment = pinned(cursor_of(args), repo, args.get("at"))
    problems = problems_of(moment.snapshot)
    return slice_answer(args, cursor, problems, asdict, sha=moment.commit.sha)


def _shown(repo: str, status: int = 200) -> Response:
    repository = get_repository(reading(), repo)
    (view,) = list_repositories(reading(), repository.name)
    kinds = Counter(ref.kind for ref in list_refs(reading(), repository))
    figures = {
        "branches": kinds["branch"],
        "tags": kinds["tag"],
        "problems": count_problems(reading()).get(repository.name, 0),
        "scan_every": repository.scan_every,
        "jobs_at_once": repository.jobs_at_once,
        "is_trusted": repository.is_trusted,
        "takes_branches": repository.takes_branches,
    }
    return answer({**repository_json(view), **figures}, status)
