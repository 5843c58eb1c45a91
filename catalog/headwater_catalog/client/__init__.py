"""A client of a catalog that is served elsewhere: its REST API as functions of Python."""

from __future__ import annotations

from headwater_catalog.client.answers import (
    Change,
    Commit,
    CommitDetail,
    Comparison,
    Dataflow,
    Feature,
    Hit,
    Impact,
    Job,
    Lineage,
    Module,
    ModuleRow,
    Paths,
    Problem,
    Ref,
    Repository,
    RepositoryDetail,
    Run,
    RunRow,
)
from headwater_catalog.client.client import Client

__all__ = [
    "Change",
    "Client",
    "Commit",
    "CommitDetail",
    "Comparison",
    "Dataflow",
    "Feature",
    "Hit",
    "Impact",
    "Job",
    "Lineage",
    "Module",
    "ModuleRow",
    "Paths",
    "Problem",
    "Ref",
    "Repository",
    "RepositoryDetail",
    "Run",
    "RunRow",
]
