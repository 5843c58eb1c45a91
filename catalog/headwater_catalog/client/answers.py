"""The answers of the REST API, as it gives them; docs/api.md says where each comes from."""

from __future__ import annotations

from typing import Any, TypedDict

__all__ = [
    "Change",
    "Commit",
    "CommitDetail",
    "Comparison",
    "Dataflow",
    "Edge",
    "FarNode",
    "Feature",
    "FeatureChange",
    "Hit",
    "Impact",
    "Job",
    "Lineage",
    "Module",
    "ModuleRow",
    "Node",
    "Paths",
    "Problem",
    "Ref",
    "Repository",
    "RepositoryDetail",
    "Run",
    "RunComparison",
    "RunRow",
    "Upload",
    "Variant",
]


class Commit(TypedDict):
    """A commit; beside the main line it has no position."""

    sha: str
    author: str
    authored_at: str
    subject: str
    position: int | None


class Repository(TypedDict):
    """A repository with its figures at the commit that was scanned last."""

    name: str
    url: str
    features: int
    dataflows: int
    commits: int
    scanned_at: int | None
    head: Commit | None


class RepositoryDetail(Repository):
    """A repository with more figures."""

    branches: int
    tags: int
    problems: int
    is_trusted: bool
    takes_branches: bool
    scan_every: int | None
    jobs_at_once: int | None


class Ref(TypedDict):
    """A branch or a tag."""

    name: str
    kind: str
    sha: str


class Problem(TypedDict):
    """Something in a file that could not be read as meant; line 0 means the file as a whole."""

    path: str
    line: int
    message: str


class Dataflow(TypedDict):
    """A dataflow with its partitions and the keys of the features in it."""

    name: str
    origin: str
    modules: list[str]
    config: dict[str, Any]
    sources: dict[str, Any]
    outputs: list[str]
    upstream: dict[str, Any]
    sinks: dict[str, Any]
    partitions: dict[str, Any] | None
    features: list[str]


class ModuleRow(TypedDict):
    """A module in passing, with how many features it defines."""

    name: str
    path: str
    features: int


class Module(TypedDict):
    """A module at one commit; `owners`, `needs` and `gives` count features by name."""

    name: str
    path: str
    features: list[str]
    owners: dict[str, int]
    dataflows: list[str]
    needs: dict[str, int]
    gives: dict[str, int]
    inputs: list[str]
    problems: list[Problem]
    commits: list[Commit]
    sha: str


class Match(TypedDict):
    """Where words of a query stand."""

    field: str
    fragment: str
    spans: list[list[int]]


class Hit(TypedDict):
    """A feature that meets a query."""

    repository: str
    key: str
    module: str
    name: str
    type: str
    summary: str
    owner: str
    tags: dict[str, Any]
    variants: list[str]
    dependencies: int
    rank: str | None
    matches: list[Match]
    last_sha: str | None


class Node(TypedDict):
    """A feature, an input, or a table or column in a lineage."""

    key: str
    name: str
    type: str
    input: bool
    table: bool


class FarNode(Node):
    """A node with its distance."""

    distance: int


class Edge(TypedDict):
    """`target` needs `source`, in some dataflows."""

    source: str
    target: str
    dataflows: list[str]


class LineageChanges(TypedDict):
    """What came into a lineage, and what went."""

    added: list[str]
    removed: list[str]
    added_edges: list[Edge]
    removed_edges: list[Edge]


class Lineage(TypedDict):
    """What a node needs and what needs it, nearest first."""

    focus: str
    upstream: list[FarNode]
    downstream: list[FarNode]
    edges: list[Edge]
    unresolved: list[str]
    unclear: list[str]
    changes: LineageChanges | None


class Common(TypedDict):
    """What two nodes have in common upstream."""

    key: str
    distances: list[int]


class Paths(TypedDict):
    """The ways from one node downstream to another."""

    source: str
    target: str
    paths: list[list[Node]]
    cut: bool
    common: list[Common]
    unresolved: list[str]


class Dependency(TypedDict):
    """A name that a variant needs."""

    name: str
    type: str
    optional: bool
    features: list[str]
    summary: str


class Variant(TypedDict):
    """What one function makes of a feature."""

    name: str
    type: str
    doc: str
    documentation: dict[str, Any]
    condition: str
    tags: dict[str, Any]
    source: str
    path: str
    line: int
    end_line: int
    dependencies: list[Dependency]
    parts: list[dict[str, str]]
    partial: list[str]
    columns: list[dict[str, Any]]
    commit: Commit | None
    introduced: Commit | None


class Feature(TypedDict):
    """A feature at one commit."""

    key: str
    repository: str
    module: str
    name: str
    type: str
    owner: str
    summary: str
    variants: list[Variant]
    dataflows: list[str]
    users: list[str]
    owners: list[str]
    owned_by: str
    commit: Commit | None
    base: Commit | None
    authors: list[dict[str, Any]]
    tagged_by: list[dict[str, Any]]
    needs: list[Node]
    missing_inputs: dict[str, list[str]]


class _Change(TypedDict):
    commit: Commit
    introduced: Commit | None
    key: str
    variant: str
    change: str
    classes: list[str]
    origin: str | None


class Change(_Change, total=False):
    """What one commit did to one variant of a feature; `diff` where it was asked for."""

    diff: list[str]


class CommitDetail(Commit):
    """All that a commit says of itself, and how many features it changed in each class."""

    committed_at: str
    body: str
    parents: list[str]
    is_signed: bool | None
    base: Commit | None
    counts: dict[str, int]


class FeatureChange(TypedDict):
    """How a feature differs between two commits."""

    key: str
    classes: list[str]
    origin: str | None
    because: list[str]
    upstream: list[str]
    opaque: list[str]
    variants: list[dict[str, Any]]


class Comparison(TypedDict):
    """What changed between two commits."""

    before: str | None
    after: str
    counts: dict[str, int]
    features: list[FeatureChange]
    dataflows: list[dict[str, Any]]
    edges: dict[str, list[dict[str, str]]]


class Impact(TypedDict):
    """What changed in meaning between two commits, and what that reaches."""

    before: str | None
    after: str
    changed: list[dict[str, Any]]
    reached: list[dict[str, Any]]
    modules: list[dict[str, Any]]
    owners: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    datasets: list[dict[str, Any]]


class JobAttempt(TypedDict):
    """One time that a worker had a job."""

    worker: str
    began_at: str
    ended_at: str | None
    outcome: str | None
    reason: str | None


class Job(TypedDict):
    """Work for a worker: a scan or a run."""

    id: int
    kind: str
    state: str
    repository: str | None
    priority: int
    requested_by: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    progress: dict[str, Any]
    error: str | None
    attempts: list[JobAttempt]


class RunRow(TypedDict):
    """A run in a list."""

    id: int
    state: str
    error: str | None
    repository: str
    commit: str
    dataflow: str
    outputs: list[str]
    reported: bool
    requested_by: str
    note: str
    created_at: str
    started_at: str | None
    finished_at: str | None


class Run(RunRow):
    """A run with what came of it."""

    progress: dict[str, Any]
    changes_on: str | None
    failure: dict[str, Any] | None
    config: dict[str, Any]
    env: str | None
    executor: str
    sample: int | None
    inputs: dict[str, Any]
    table: dict[str, Any] | None
    values: list[dict[str, Any]]
    nodes: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    environment: dict[str, Any]
    personal: list[str]
    erasures: list[int]
    masked: bool
    dataset: dict[str, Any] | None
    log: str
    origin: dict[str, Any] | None


class RunComparison(TypedDict):
    """What differs between two runs."""

    before: RunRow
    after: RunRow
    code: list[dict[str, Any]]
    config: list[dict[str, Any]]
    inputs: list[dict[str, Any]]
    surroundings: list[dict[str, Any]]
    rows: dict[str, Any] | None
    columns: list[dict[str, Any]]
    values: dict[str, Any] | None


class Upload(TypedDict):
    """A file that is kept for runs."""

    sha256: str
    name: str
