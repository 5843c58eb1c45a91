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
    Look,
    Reproduction,
    Standing,
    Version,
    VersionRow,
)
from headwater_catalog.client.erasure_answers import Erasure, ErasureItem
from headwater_catalog.client.governance_answers import PushedBranch, Review, Suggestion, TagPatch
from headwater_catalog.client.partition_answers import Backfill, Partition, RequestedPartition
from headwater_catalog.client.subscription_answers import (
    ShownSubscription,
    Subscription,
    Told,
    ToldItem,
)
from headwater_catalog.client.table_answers import LogicalTable

__all__ = [
    "Audit",
    "Backfill",
    "Change",
    "Client",
    "Commit",
    "CommitDetail",
    "Comparison",
    "Dataflow",
    "Dataset",
    "Erasure",
    "ErasureItem",
    "Feature",
    "Hit",
    "Impact",
    "Job",
    "Lineage",
    "LogicalTable",
    "Look",
    "Module",
    "ModuleRow",
    "Partition",
    "Paths",
    "Problem",
    "PushedBranch",
    "Ref",
    "Repository",
    "RepositoryDetail",
    "Reproduction",
    "RequestedPartition",
    "Review",
    "Run",
    "RunComparison",
    "RunRow",
    "ShownSubscription",
    "Standing",
    "Subscription",
    "Suggestion",
    "TagPatch",
    "Told",
    "ToldItem",
    "Upload",
    "Version",
    "VersionRow",
]
