"""The shapes of repositories, their refs, their problems and their dataflows."""

from __future__ import annotations

from marshmallow import Schema, validate

from headwater_catalog.job_order import MOST_AT_ONCE
from headwater_catalog.scan_requests import LEAST_SECONDS, MOST_SECONDS
from headwater_web.api.schemas.commits import CommitSchema
from headwater_web.api.schemas.fields import (
    Whole,
    anything,
    count,
    flag,
    mapping,
    named,
    nested,
    optional_text,
    page_of,
    repository_named,
    text,
    texts,
)

__all__ = [
    "DataflowPageSchema",
    "DataflowSchema",
    "FileProblemSchema",
    "FollowSchema",
    "HookSchema",
    "ProblemsPageSchema",
    "RefPageSchema",
    "RepositoryAddressSchema",
    "RepositoryFiguresSchema",
    "RepositoryPageSchema",
    "ScheduleSchema",
]


class RepositorySchema(Schema):
    """A repository with its figures at the commit that was scanned last."""

    name = text("Its name.")
    url = text("Where it is.")
    features = count("How many features it has.")
    dataflows = count("How many dataflows.")
    commits = count("How many commits its main line has.")
    scanned_at = count("When it was last scanned, in seconds since 1970; null before.", allow_none=True)
    head = nested(CommitSchema, "The commit that was scanned last; null before.", allow_none=True)


class RepositoryFiguresSchema(RepositorySchema):
    """A repository with more figures."""

    branches = count("How many branches it has.")
    tags = count("How many tags.")
    problems = count("How many problems there are in its files.")
    scan_every = count("After how many seconds it is scanned by itself; null for never.", allow_none=True)
    jobs_at_once = count(
        "How many of its jobs run at once; null for as many as the server's settings say, 0 for any number.",
        allow_none=True,
    )
    is_trusted = flag("Whether its runs have the network.")
    takes_branches = flag("Whether accepted suggestions may be pushed to it.")


class RepositoryAddressSchema(Schema):
    """A repository that is followed no more."""

    name = text("Its name.")
    url = text("Where it is.")


class FollowSchema(Schema):
    """A repository to follow."""

    name = repository_named("The name that it is to have.", required=True)
    url = named(
        "Where it is: an address of git, or a folder of the server.", "git-address", 2000, required=True
    )


class ScheduleSchema(Schema):
    """How a repository is followed."""

    scan_every = Whole(
        required=True,
        allow_none=True,
        validate=validate.Range(min=LEAST_SECONDS, max=MOST_SECONDS),
        metadata={"description": "After how many seconds it is scanned by itself; null for never."},
    )
    jobs_at_once = Whole(
        allow_none=True,
        validate=validate.Range(min=0, max=MOST_AT_ONCE),
        metadata={
            "description": "How many of its jobs run at once; null for as many as the server's settings say, "
            "0 for any number. Unless given, it stays."
        },
    )


class HookSchema(Schema):
    """With what a Git host signs its calls."""

    secret = optional_text("The secret; null where such calls are believed no more.")


class RefSchema(Schema):
    """A branch or a tag as it was at the last scan."""

    name = text("Its name.")
    kind = text("branch or tag.")
    sha = text("The commit that it means.")


class FileProblemSchema(Schema):
    """Something in a file that could not be read as meant."""

    path = text("The file.")
    line = count("The line; 0 for the file as a whole.")
    message = text("What it is.")


class PartitionsSchema(Schema):
    """How a dataflow is cut into stretches of time."""

    key = text("The key of its configuration that says which one a run is of, by its first day.")
    every = text("How long each is: day, week or month.")
    first = text("The first day of the first one, as YYYY-MM-DD.")
    last = optional_text("The last day on which one begins; null: they go on.")


class DataflowSchema(Schema):
    """A dataflow: modules and a configuration that make one graph."""

    name = text("Its name.")
    origin = text("declared in a project file, taken by a driver, or the layout of the packages.")
    modules = texts("Its modules, in order.")
    config = mapping("Its configuration.", anything("A value."))
    sources = mapping("Data files whose columns are its inputs, by name.", anything("A source."))
    outputs = texts("The nodes that its dataset has as columns.")
    upstream = mapping("Features of other repositories that its inputs come from.", anything("A feature."))
    sinks = mapping("Where its saved tables go besides.", anything("A sink."))
    partitions = nested(PartitionsSchema, "Its partitions; null where it has none.", allow_none=True)
    features = texts("Keys of the features in it.")


class RepositoryPageSchema(Schema):
    """A page of repositories."""

    locals().update(page_of(RepositorySchema, "Repositories by name."))


class RefPageSchema(Schema):
    """A page of branches and tags."""

    locals().update(page_of(RefSchema, "Branches and then tags, each by name."))


class ProblemsPageSchema(Schema):
    """A page of problems in files."""

    locals().update(page_of(FileProblemSchema, "Problems by file and line."))
    sha = text("The commit as of which they are.")


class DataflowPageSchema(Schema):
    """A page of dataflows."""

    locals().update(page_of(DataflowSchema, "Dataflows by name."))
    sha = text("The commit as of which they are.")
