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
    RunComparison,
    RunRow,
    Upload,
)
from headwater_catalog.client.client import Client
from headwater_catalog.client.dataset_answers import (
    Audit,
    Dataset,
    Reproduction,
    Standing,
    Version,
    VersionRow,
)
from headwater_catalog.client.governance_answers import Review

__all__ = [
    "Audit",
    "Change",
    "Client",
    "Commit",
    "CommitDetail",
    "Comparison",
    "Dataflow",
    "Dataset",
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
    "Reproduction",
    "Review",
    "Run",
    "RunComparison",
    "RunRow",
    "Standing",
    "Upload",
    "Version",
    "VersionRow",
]
