"""The tables: repositories and their history, features over time, dataflows, jobs, runs, datasets, accounts.

Main-line history is kept as intervals. A row with `valid_from` and `valid_until` holds at every position p
of its repository's main line with valid_from <= p and (valid_until is NULL or p < valid_until). Positions
count the first-parent commits of the default branch from 0. Instants are whole seconds since 1970, UTC.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

__all__ = [
    "Account",
    "ApiToken",
    "Base",
    "BlobDefinition",
    "CheckResult",
    "Commit",
    "CommitDefinitions",
    "Dataflow",
    "DataflowVersion",
    "Dataset",
    "DatasetVersion",
    "Declaration",
    "DeclaredInput",
    "Definition",
    "Delivery",
    "Dependency",
    "Diagnostic",
    "Erasure",
    "ErasureItem",
    "Event",
    "EventHead",
    "Feature",
    "FeatureVersion",
    "FileOfTests",
    "Finding",
    "Grant",
    "Job",
    "JobAttempt",
    "Judgement",
    "KeptInput",
    "KeptStanding",
    "KeptValue",
    "ModuleLink",
    "ModuleVersion",
    "NamedInTests",
    "Ref",
    "Repository",
    "Reproduction",
    "ResultChange",
    "Run",
    "RunNode",
    "SourceBlob",
    "Subscription",
    "Telling",
    "ValueComparison",
    "Watch",
    "WatchProgress",
    "WatchResult",
    "WebSession",
]

Instant = BigInteger


class Base(DeclarativeBase):
    """The declarative base; constraints are named so that both databases can alter them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def _owner(target: str) -> Any:
    return ForeignKey(target, ondelete="CASCADE")


class Interval:
    """Columns of a row that holds over a stretch of main-line positions."""

    valid_from: Mapped[int]
    valid_until: Mapped[int | None]


class Repository(Base):
    """A git repository that the catalog follows."""

    __tablename__ = "repository"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    url: Mapped[str] = mapped_column(Text)
    branch: Mapped[str | None] = mapped_column(Text)  # main line; None: the remote's default branch
    added_at: Mapped[int] = mapped_column(Instant)
    scanned_sha: Mapped[str | None] = mapped_column(String(64))
    scanned_position: Mapped[int] = mapped_column(default=-1)  # position of scanned_sha
    scanned_at: Mapped[int | None] = mapped_column(Instant)
    reader_version: Mapped[str | None] = mapped_column(String(40))  # another reader means a new scan
    scan_state: Mapped[str | None] = mapped_column(String(32))  # another one whenever a scan writes
    scan_every: Mapped[int | None]  # seconds; None: only when somebody asks
    # With what a Git host signs its calls; it has to be known, so that no hash of it would do.
    hook_secret: Mapped[str | None] = mapped_column(String(64))
    jobs_at_once: Mapped[int | None]  # how many run at once; None: as the settings say, 0: any number
    is_trusted: Mapped[bool] = mapped_column(default=False)  # its runs have the network
    takes_branches: Mapped[bool] = mapped_column(default=False)  # accepted suggestions may be pushed to it


class Commit(Base):
    """A commit of a repository; `position` is its place on the main line, None beside it."""

    __tablename__ = "commit"
    __table_args__ = (UniqueConstraint("repository_id", "sha"), Index(None, "repository_id", "position"))

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"))
    sha: Mapped[str] = mapped_column(String(64))
    position: Mapped[int | None]
    parents: Mapped[list[str]] = mapped_column(JSON)
    author_name: Mapped[str] = mapped_column(Text)
    author_email: Mapped[str] = mapped_column(Text)
    authored_at: Mapped[int] = mapped_column(Instant)
    committed_at: Mapped[int] = mapped_column(Instant)
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    # Whether it has a signature, whoever made that; None: nobody has looked, or nobody can tell.
    is_signed: Mapped[bool | None]
    # Whether nobody has committed it: it is its parent and the changes of a working tree on top.
    has_changes: Mapped[bool] = mapped_column(default=False)

    @property
    def changes_on(self) -> str | None:
        """The commit on top of which it has the changes of a working tree; None for any other commit."""
        return self.parents[0] if self.has_changes else None


class Ref(Base):
    """A branch or a tag of a repository as it was when it was last scanned."""

    __tablename__ = "ref"

    repository_id: Mapped[int] = mapped_column(_owner("repository.id"), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)  # in full: refs/heads/..., refs/tags/...
    sha: Mapped[str] = mapped_column(String(64))  # of the commit that it means


class Declaration(Interval, Base):
    """What files of a repository declare for all of it, over time: its owners, its rules, its tables."""

    __tablename__ = "declaration"
    __table_args__ = (UniqueConstraint("repository_id", "kind", "valid_from"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"))
    kind: Mapped[str] = mapped_column(String(20))  # owners, rules, tables, partitions
    content: Mapped[dict[str, Any]] = mapped_column(JSON)


class Finding(Interval, Base):
    """What breaks a policy, or a rule that always holds, from one commit of the main line to another."""

    __tablename__ = "finding"
    __table_args__ = (
        UniqueConstraint("repository_id", "begun_as", "valid_from"),
        Index(None, "repository_id", "valid_until"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"))
    fingerprint: Mapped[str] = mapped_column(String(20))  # the same as long as it is the same finding
    begun_as: Mapped[str] = mapped_column(String(20))  # what that was at the beginning, before features moved
    rule: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(String(20))  # error, warning, note
    message: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)  # module:name of the feature
    about: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)  # where it was last seen
    line: Mapped[int]
    end_line: Mapped[int]
    because: Mapped[list[str]] = mapped_column(JSON)  # a way downstream to it, as keys
    owners: Mapped[list[str]] = mapped_column(JSON)  # of the feature
    owner: Mapped[str] = mapped_column(Text)  # of the policy

    repository: Mapped[Repository] = relationship()


class Judgement(Base):
    """Of which stretch of a main line the findings are kept, and by what they were found."""

    __tablename__ = "judgement"

    repository_id: Mapped[int] = mapped_column(_owner("repository.id"), primary_key=True)
    sha: Mapped[str] = mapped_column(String(64))  # the last commit of it
    position: Mapped[int]  # of that
    since: Mapped[int]  # the first position of it; 0: all history
    has_ended: Mapped[bool]  # whether nothing before is to be looked at any more
    day: Mapped[str] = mapped_column(String(10))  # on which barriers and exceptions had to hold
    ends: Mapped[str] = mapped_column(String(10))  # the first day after which one of these does not; or empty
    made_by: Mapped[str] = mapped_column(Text)  # by which readers and policies
    # Of each policy that could not be judged, why; and how many findings of it an exception holds back.
    unknown: Mapped[dict[str, str]] = mapped_column(JSON)
    excepted: Mapped[dict[str, int]] = mapped_column(JSON)


class SourceBlob(Base):
    """The content of one version of a source file, read once for all repositories."""

    __tablename__ = "source_blob"

    id: Mapped[int] = mapped_column(primary_key=True)
    oid: Mapped[str] = mapped_column(String(64), unique=True)  # git's name of the content
    size: Mapped[int]
    # The texts of constants that SQL in its features may be made of, by name; None where there are none.
    constants: Mapped[dict[str, list[str]] | None] = mapped_column(JSON(none_as_null=True))


class Definition(Base):
    """The source of one function, content-addressed: equal text is one row."""

    __tablename__ = "definition"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)  # sha256 of the source
    name: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)  # decorators, signature, body, as written
    code_hash: Mapped[str] = mapped_column(String(64))  # of the normal form: no docs, comments, layout
    reader_version: Mapped[str | None] = mapped_column(String(40))  # which has made the hash


class BlobDefinition(Base):
    """Where a definition stands in a source file version."""

    __tablename__ = "blob_definition"

    blob_id: Mapped[int] = mapped_column(_owner("source_blob.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    definition_id: Mapped[int] = mapped_column(_owner("definition.id"), index=True)
    line: Mapped[int]  # of its first decorator or its def, from 1
    end_line: Mapped[int]


class ModuleVersion(Interval, Base):
    """Which source a module of a repository has, over time."""

    __tablename__ = "module_version"
    __table_args__ = (Index(None, "repository_id", "module"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"))
    module: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)
    blob_id: Mapped[int] = mapped_column(_owner("source_blob.id"))


class FileOfTests(Interval, Base):
    """Which content a file of tests of a repository has, over time."""

    __tablename__ = "file_of_tests"
    __table_args__ = (Index(None, "repository_id", "valid_until"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"))
    path: Mapped[str] = mapped_column(Text)
    oid: Mapped[str] = mapped_column(String(64))  # git's name of the content


class NamedInTests(Base):
    """What one version of a file of tests names, read once for all repositories."""

    __tablename__ = "named_in_tests"

    oid: Mapped[str] = mapped_column(String(64), primary_key=True)  # git's name of the content
    form: Mapped[str] = mapped_column(String(10), primary_key=True)  # by which rules that was read
    has_tests: Mapped[bool]
    imports: Mapped[list[str]] = mapped_column(JSON)  # in order
    names: Mapped[list[str]] = mapped_column(JSON)  # in order


class ModuleLink(Base):
    """What a module used of others when it was last read: no history, but what the next scan goes on from.

    While the module and the meaning of all these stay, its features stay, and nothing of it is read again.
    """

    __tablename__ = "module_link"

    repository_id: Mapped[int] = mapped_column(_owner("repository.id"), primary_key=True)
    module: Mapped[str] = mapped_column(Text, primary_key=True)
    uses: Mapped[dict[str, str | None]] = mapped_column(JSON)  # their meanings by name; None: not there


class Feature(Base):
    """A name that code declares; its key is `repository:module:name`."""

    __tablename__ = "feature"
    __table_args__ = (UniqueConstraint("repository_id", "module", "name"), Index(None, "name"))

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"))
    module: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)

    repository: Mapped[Repository] = relationship()


class FeatureVersion(Interval, Base):
    """What one function makes of a feature, from one of its own changes to the next.

    A feature has several versions at one position where variants exist side by side.
    """

    __tablename__ = "feature_version"
    __table_args__ = (
        UniqueConstraint("feature_id", "variant", "valid_from"),
        Index(None, "definition_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    feature_id: Mapped[int] = mapped_column(_owner("feature.id"))
    variant: Mapped[str] = mapped_column(Text)  # name of the function, with its suffix
    definition_id: Mapped[int] = mapped_column(_owner("definition.id"))
    commit_id: Mapped[int] = mapped_column(_owner("commit.id"))  # the commit at valid_from
    introduced_id: Mapped[int | None] = mapped_column(_owner("commit.id"))  # behind it, where that merged
    type: Mapped[str] = mapped_column(Text)
    doc: Mapped[str] = mapped_column(Text)
    condition: Mapped[str] = mapped_column(Text)  # configurations it exists under; empty: all
    tags: Mapped[dict[str, Any]] = mapped_column(JSON)
    parts: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # nodes folded into it: name, type, doc
    partial: Mapped[list[str]] = mapped_column(JSON)
    columns: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # that its body reads and writes of tables

    feature: Mapped[Feature] = relationship()
    definition: Mapped[Definition] = relationship()
    commit: Mapped[Commit] = relationship(foreign_keys=commit_id)
    introduced: Mapped[Commit | None] = relationship(foreign_keys=introduced_id)
    dependencies: Mapped[list[Dependency]] = relationship(order_by="Dependency.ordinal")


class Dependency(Base):
    """A name that a feature version needs."""

    __tablename__ = "dependency"
    __table_args__ = (Index(None, "name"),)

    feature_version_id: Mapped[int] = mapped_column(_owner("feature_version.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    type: Mapped[str] = mapped_column(Text)
    optional: Mapped[bool]


class DeclaredInput(Interval, Base):
    """An input of dataflows that a function declares, from one of its own changes to the next."""

    __tablename__ = "declared_input"
    __table_args__ = (Index(None, "repository_id", "module"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"))
    module: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    variant: Mapped[str] = mapped_column(Text)  # name of the function, with its suffix
    definition_id: Mapped[int] = mapped_column(_owner("definition.id"), index=True)
    type: Mapped[str] = mapped_column(Text)
    doc: Mapped[str] = mapped_column(Text)
    condition: Mapped[str] = mapped_column(Text)  # configurations it exists under; empty: all
    tags: Mapped[dict[str, Any]] = mapped_column(JSON)


class Diagnostic(Interval, Base):
    """Something in a file that could not be read as meant; it never stops a scan."""

    __tablename__ = "diagnostic"
    __table_args__ = (Index(None, "repository_id", "valid_until"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"))
    path: Mapped[str] = mapped_column(Text)
    line: Mapped[int]  # 0: the file as a whole
    message: Mapped[str] = mapped_column(Text)


class Dataflow(Base):
    """Modules and configuration composed into one graph, by name."""

    __tablename__ = "dataflow"
    __table_args__ = (UniqueConstraint("repository_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"))
    name: Mapped[str] = mapped_column(Text)

    repository: Mapped[Repository] = relationship()


class DataflowVersion(Interval, Base):
    """What a dataflow is made of, from one change of its declaration to the next."""

    __tablename__ = "dataflow_version"
    __table_args__ = (UniqueConstraint("dataflow_id", "valid_from"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    dataflow_id: Mapped[int] = mapped_column(_owner("dataflow.id"))
    origin: Mapped[str] = mapped_column(Text)  # "declared" in a project file, or "layout" of packages
    modules: Mapped[list[str]] = mapped_column(JSON)  # in order
    config: Mapped[dict[str, Any]] = mapped_column(JSON)
    sources: Mapped[dict[str, Any]] = mapped_column(JSON)
    upstream: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # features of other repositories
    sinks: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # where saved tables go, too
    outputs: Mapped[list[str]] = mapped_column(JSON)

    dataflow: Mapped[Dataflow] = relationship()


class Job(Base):
    """Work for a worker: a scan, a run, an erasure; or the report of a run made elsewhere, taken by nobody.

    A lease says who has it; a fence counts its leases."""

    __tablename__ = "job"
    __table_args__ = (Index(None, "state", "priority", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))  # scan, run, report, erasure
    state: Mapped[str] = mapped_column(String(20))  # queued, running, succeeded, failed, cancelled
    repository_id: Mapped[int | None] = mapped_column(_owner("repository.id"))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    priority: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(Text)
    leased_until: Mapped[int | None] = mapped_column(Instant)
    progress: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    error: Mapped[str | None] = mapped_column(Text)
    requested_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[int] = mapped_column(Instant)
    started_at: Mapped[int | None] = mapped_column(Instant)
    finished_at: Mapped[int | None] = mapped_column(Instant)
    waits_for: Mapped[int | None]  # number of the job that has to end before this one begins


class JobAttempt(Base):
    """One lease of a job: who had it, from when until when, and how that ended."""

    __tablename__ = "job_attempt"

    job_id: Mapped[int] = mapped_column(_owner("job.id"), primary_key=True)
    fence: Mapped[int] = mapped_column(primary_key=True)
    worker: Mapped[str] = mapped_column(Text)
    began_at: Mapped[int] = mapped_column(Instant)
    ended_at: Mapped[int | None] = mapped_column(Instant)  # None while it goes on
    outcome: Mapped[str | None] = mapped_column(String(20))  # a state of the job, "lost" or "given back"
    reason: Mapped[str | None] = mapped_column(Text)


class Run(Base):
    """One execution of features at one commit; its state is its job's."""

    __tablename__ = "run"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(_owner("job.id"), unique=True)
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"), index=True)
    commit_id: Mapped[int] = mapped_column(_owner("commit.id"))
    dataflow: Mapped[str] = mapped_column(Text)
    outputs: Mapped[list[str]] = mapped_column(JSON)
    config: Mapped[dict[str, Any]] = mapped_column(JSON)
    inputs: Mapped[dict[str, Any]] = mapped_column(JSON)  # by name: path, sha256, rows; or a literal
    env: Mapped[str | None] = mapped_column(Text)  # of the project's environments: where sources are
    executor: Mapped[str] = mapped_column(String(20), default="synchronous")
    sample: Mapped[int | None] = mapped_column(Integer)  # first rows of each source; None: all
    note: Mapped[str] = mapped_column(Text, default="")  # why, in the words of who asked
    personal: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # nodes classified so
    environment: Mapped[dict[str, Any]] = mapped_column(JSON)  # Python and package versions
    preview: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # first rows and scalars, as text
    log: Mapped[str] = mapped_column(Text, default="")
    # Where it was made, as who reported it claims: framework, branch, patch, graph; None: a worker made it.
    origin: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    job: Mapped[Job] = relationship()
    repository: Mapped[Repository] = relationship()
    commit: Mapped[Commit] = relationship()
    nodes: Mapped[list[RunNode]] = relationship(order_by="RunNode.ordinal")
    checks: Mapped[list[CheckResult]] = relationship(order_by="CheckResult.id")


class RunNode(Base):
    """One node that a run computed, in the order of computation."""

    __tablename__ = "run_node"

    run_id: Mapped[int] = mapped_column(_owner("run.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    microseconds: Mapped[int] = mapped_column(BigInteger)
    begun: Mapped[int | None] = mapped_column(BigInteger)  # microseconds after the first one began
    summary: Mapped[str] = mapped_column(Text)  # what came out: type and shape
    kept_from: Mapped[int | None]  # number of the run that had computed the value; None: this one
    # Statistics of what it made, where the run was asked for them.
    profile: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class CheckResult(Base):
    """The outcome of one check in a run."""

    __tablename__ = "check_result"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(_owner("run.id"), index=True)
    node: Mapped[str] = mapped_column(Text)
    validator: Mapped[str] = mapped_column(Text)
    importance: Mapped[str] = mapped_column(String(10))  # warn, fail
    passed: Mapped[bool]
    message: Mapped[str] = mapped_column(Text)
    diagnostics: Mapped[dict[str, Any]] = mapped_column(JSON)


class CommitDefinitions(Base):
    """The hashes of all definitions of a commit, compressed."""

    __tablename__ = "commit_definitions"

    commit_id: Mapped[int] = mapped_column(_owner("commit.id"), primary_key=True)
    made_by: Mapped[str] = mapped_column(String(100))  # scheme of the hashes, version of the reader
    content: Mapped[bytes] = mapped_column(LargeBinary)


class KeptValue(Base):
    """The value of a node that is kept in a file, so that other runs need not compute it."""

    __tablename__ = "kept_value"
    __table_args__ = (UniqueConstraint("repository_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"))
    key: Mapped[str] = mapped_column(String(40))  # of all that it follows from
    run_id: Mapped[int] = mapped_column(_owner("run.id"), index=True)  # which has computed it
    node: Mapped[str | None] = mapped_column(Text)  # as its runner said; None: it did not, or was killed
    bytes: Mapped[int] = mapped_column(BigInteger)
    used_at: Mapped[int] = mapped_column(Instant, index=True)


class KeptInput(Base):
    """A file that runs of a repository may read or have read, kept by its content."""

    __tablename__ = "kept_input"
    __table_args__ = (UniqueConstraint("repository_id", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"))
    sha256: Mapped[str] = mapped_column(String(64), index=True)  # of its bytes
    needed_for: Mapped[int]  # 0: it was sent, and no run has needed it yet; 1: a run; 2: a dataset version
    used_at: Mapped[int] = mapped_column(Instant)


class Dataset(Base):
    """A table that runs have saved under one name."""

    __tablename__ = "dataset"
    __table_args__ = (UniqueConstraint("repository_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"))
    name: Mapped[str] = mapped_column(Text)

    repository: Mapped[Repository] = relationship()


class DatasetVersion(Base):
    """What one run saved of a dataset."""

    __tablename__ = "dataset_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(_owner("dataset.id"), index=True)
    run_id: Mapped[int] = mapped_column(_owner("run.id"), index=True)
    path: Mapped[str] = mapped_column(Text)
    format: Mapped[str] = mapped_column(String(20))
    sha256: Mapped[str] = mapped_column(String(64))  # of the file's bytes
    rows: Mapped[int] = mapped_column(Integer)
    columns: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # name, type, what made it
    created_at: Mapped[int] = mapped_column(Instant)
    # Those that were saved before there were stamps have none of these.
    uid: Mapped[str | None] = mapped_column(String(32), unique=True)
    fingerprint: Mapped[str | None] = mapped_column(String(120), index=True)  # of its content: scheme:hex
    stamp: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # What its values look like: column, kind, share and looked_at of each; None where nobody has looked.
    looks: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))

    @property
    def is_object(self) -> bool:
        """Whether it is a value that a saver has saved, known by its bytes, and no table."""
        return (self.fingerprint or "").startswith("bytes:")

    dataset: Mapped[Dataset] = relationship()
    run: Mapped[Run] = relationship()


class KeptStanding(Base):
    """How the columns of a dataset version stood at a commit of the main line."""

    __tablename__ = "kept_standing"

    version_id: Mapped[int] = mapped_column(_owner("dataset_version.id"), primary_key=True)
    sha: Mapped[str] = mapped_column(String(64))  # the commit
    made_by: Mapped[str] = mapped_column(String(100))  # what found it: of nothing else it is taken for true
    content: Mapped[dict[str, Any]] = mapped_column(JSON)  # the columns, and the commits that they mention
    # By feature what it came to mean since the dataset was made; only needed to go on from there.
    ways: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)


class Reproduction(Base):
    """A run that makes a dataset version again, and how what it made compares."""

    __tablename__ = "reproduction"

    run_id: Mapped[int] = mapped_column(_owner("run.id"), primary_key=True)
    version_id: Mapped[int] = mapped_column(_owner("dataset_version.id"), index=True)
    tolerance: Mapped[float]  # relative, for numbers with fractions
    verdict: Mapped[str | None] = mapped_column(String(30))  # None until it is known
    details: Mapped[dict[str, Any]] = mapped_column(JSON)

    run: Mapped[Run] = relationship()
    version: Mapped[DatasetVersion] = relationship()


class ValueComparison(Base):
    """A run that is compared with the one before it, of the same choice at another commit."""

    __tablename__ = "value_comparison"

    run_id: Mapped[int] = mapped_column(_owner("run.id"), primary_key=True)
    before_id: Mapped[int] = mapped_column(_owner("run.id"), unique=True)
    tolerance: Mapped[float]  # relative, for numbers with fractions
    renamed: Mapped[dict[str, str]] = mapped_column(
        JSON
    )  # outputs of the first that are called otherwise now
    verdict: Mapped[str | None] = mapped_column(String(30))  # None until it is known
    details: Mapped[dict[str, Any]] = mapped_column(JSON)

    run: Mapped[Run] = relationship(foreign_keys=[run_id])
    before: Mapped[Run] = relationship(foreign_keys=[before_id])


class Erasure(Base):
    """That what was made from some columns is to be erased: what was found, and what became of it."""

    __tablename__ = "erasure"

    id: Mapped[int] = mapped_column(primary_key=True)
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"), index=True)
    columns: Mapped[list[str]] = mapped_column(JSON)  # each `name`, `module:name` or `input:name`
    reference: Mapped[str] = mapped_column(String(100))  # why: the number of a request
    state: Mapped[str] = mapped_column(String(20))  # planning, planned, erasing, erased, closed, withdrawn
    requested_by: Mapped[str] = mapped_column(Text)
    requested_at: Mapped[int] = mapped_column(Instant)
    day: Mapped[str] = mapped_column(String(10))  # on which barriers had to hold
    job_id: Mapped[int | None]  # number of the job that plans or erases, or did
    planned_at: Mapped[int | None] = mapped_column(Instant)
    digest: Mapped[str | None] = mapped_column(String(64))  # sha256 of the items as they were planned
    counts_as: Mapped[dict[str, Any]] = mapped_column(JSON)  # by repository, what the columns are there
    unknown: Mapped[list[str]] = mapped_column(JSON)  # what could not be looked at
    begun_by: Mapped[str | None] = mapped_column(Text)
    begun_at: Mapped[int | None] = mapped_column(Instant)
    standings: Mapped[list[str]] = mapped_column(JSON)  # of the items that Headwater erases
    erased_at: Mapped[int | None] = mapped_column(Instant)
    closed_by: Mapped[str | None] = mapped_column(Text)
    closed_at: Mapped[int | None] = mapped_column(Instant)

    repository: Mapped[Repository] = relationship()


class ErasureItem(Base):
    """One thing that holds something made from the columns of an erasure, and what became of it."""

    __tablename__ = "erasure_item"
    __table_args__ = (
        UniqueConstraint("erasure_id", "repository_id", "kind", "target"),
        Index(None, "erasure_id", "kind", "standing", "state", "id"),  # lists, and how many of each
        Index(None, "erasure_id", "id"),
        Index(None, "kind", "target"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    erasure_id: Mapped[int] = mapped_column(_owner("erasure.id"))
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"))
    kind: Mapped[str] = mapped_column(String(20))
    target: Mapped[str] = mapped_column(String(64))  # tells it apart from others of its kind
    name: Mapped[str] = mapped_column(Text)
    standing: Mapped[str] = mapped_column(String(20))  # derived, anonymised, unknown
    because: Mapped[str] = mapped_column(Text)  # what holds it back, or why it is unknown
    columns: Mapped[list[str]] = mapped_column(JSON)  # of it, that are made from the columns
    run_id: Mapped[int | None]  # number of the run
    sha: Mapped[str | None] = mapped_column(String(64))  # the commit
    place: Mapped[str] = mapped_column(Text)  # where it is
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(20))  # open, done, kept, impossible
    note: Mapped[str] = mapped_column(Text)  # why it stays, or what was done
    settled_by: Mapped[str | None] = mapped_column(Text)
    settled_at: Mapped[int | None] = mapped_column(Instant)

    repository: Mapped[Repository] = relationship()


class Account(Base):
    """Somebody who may log in."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    password: Mapped[str] = mapped_column(Text)  # its hash, with the method and the salt; empty for none
    created_at: Mapped[int] = mapped_column(Instant)
    disabled_at: Mapped[int | None] = mapped_column(Instant)

    grants: Mapped[list[Grant]] = relationship(cascade="all, delete-orphan", order_by="Grant.id")


class Identity(Base):
    """Somebody as a provider of OpenID Connect knows them, and the account that is theirs here."""

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(_owner("account.id"), index=True)
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255))  # what the provider never gives to anybody else
    created_at: Mapped[int] = mapped_column(Instant)

    account: Mapped[Account] = relationship()


class Grant(Base):
    """A role of an account in one repository, or in all where none is named."""

    __tablename__ = "role_grant"
    __table_args__ = (UniqueConstraint("account_id", "repository_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(_owner("account.id"))
    repository_id: Mapped[int | None] = mapped_column(_owner("repository.id"))
    role: Mapped[str] = mapped_column(String(20))


class WebSession(Base):
    """A browser that is logged in; what it shows as its key is kept as a hash only."""

    __tablename__ = "web_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(_owner("account.id"), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[int] = mapped_column(Instant)
    seen_at: Mapped[int] = mapped_column(Instant)
    browser: Mapped[str] = mapped_column(Text)  # what it says of itself
    address: Mapped[str] = mapped_column(String(100))

    account: Mapped[Account] = relationship()


class ApiToken(Base):
    """A key for programs, which may do no more than its account; kept as a hash only."""

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(_owner("account.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    beginning: Mapped[str] = mapped_column(String(20))  # to tell tokens apart
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(20))  # the highest that it lends
    repositories: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))  # None: all
    created_at: Mapped[int] = mapped_column(Instant)
    expires_at: Mapped[int] = mapped_column(Instant)
    seen_at: Mapped[int | None] = mapped_column(Instant)

    account: Mapped[Account] = relationship()


class Event(Base):
    """Something that somebody did, or tried to."""

    __tablename__ = "event"
    __table_args__ = (Index(None, "kind", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(Instant)
    kind: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str] = mapped_column(String(100))  # who did it; a name that is none where a login failed
    subject: Mapped[str] = mapped_column(Text)  # to what it was done
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    address: Mapped[str] = mapped_column(String(100))  # from where
    previous: Mapped[str] = mapped_column(String(64))  # hash of the event before
    hash: Mapped[str] = mapped_column(String(64))


class EventHead(Base):
    """The end of the event log, in one row: who adds to the log locks it."""

    __tablename__ = "event_head"

    id: Mapped[int] = mapped_column(primary_key=True)  # 1
    number: Mapped[int]  # of the last event; 0 before the first
    hash: Mapped[str] = mapped_column(String(64))


class Watch(Base):
    """A query that somebody subscribes to; those who ask the same share it."""

    __tablename__ = "watch"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)  # of what is asked
    about: Mapped[str] = mapped_column(String(20))  # features, findings
    asked: Mapped[dict[str, Any]] = mapped_column(JSON)
    made_at: Mapped[int] = mapped_column(Instant)


class WatchResult(Base):
    """What a watched query finds in one repository, as it was seen last."""

    __tablename__ = "watch_result"
    __table_args__ = (UniqueConstraint("watch_id", "repository_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    watch_id: Mapped[int] = mapped_column(_owner("watch.id"))
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64))  # of the content, to see at once that it is the same
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)  # compressed JSON
    size: Mapped[int]  # how many it finds
    sha: Mapped[str | None] = mapped_column(String(64))  # where it was when this was written down
    problem: Mapped[str] = mapped_column(Text)  # why it finds less than it should


class WatchProgress(Base):
    """Up to where all watched queries of a kind are compared in a repository."""

    __tablename__ = "watch_progress"

    repository_id: Mapped[int] = mapped_column(_owner("repository.id"), primary_key=True)
    about: Mapped[str] = mapped_column(String(20), primary_key=True)
    mark: Mapped[str] = mapped_column(Text)  # of all that results depend on
    sha: Mapped[str | None] = mapped_column(String(64))


class ResultChange(Base):
    """What came to the result of a watched query in a repository, and what went; never changed afterwards."""

    __tablename__ = "result_change"
    __table_args__ = (Index(None, "watch_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    watch_id: Mapped[int] = mapped_column(_owner("watch.id"))
    repository_id: Mapped[int] = mapped_column(_owner("repository.id"), index=True)
    at: Mapped[int] = mapped_column(Instant, index=True)
    before: Mapped[str | None] = mapped_column(String(64))  # the commits between which it changed
    after: Mapped[str | None] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary)  # compressed JSON


class Subscription(Base):
    """A saved query of somebody, and where they are told when its result changes."""

    __tablename__ = "subscription"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(_owner("account.id"), index=True)
    watch_id: Mapped[int] = mapped_column(_owner("watch.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    made_at: Mapped[int] = mapped_column(Instant)
    paused_at: Mapped[int | None] = mapped_column(Instant)
    paused_for: Mapped[str] = mapped_column(Text)  # why, where that was not its owner's wish
    every: Mapped[int]  # seconds that lie at least between two tellings
    told_id: Mapped[int]  # of the last change that was looked at
    told_at: Mapped[int] = mapped_column(Instant)
    email: Mapped[str | None] = mapped_column(Text)
    email_key: Mapped[str] = mapped_column(String(64), unique=True)  # by which a mail confirms or ends it
    email_confirmed_at: Mapped[int | None] = mapped_column(Instant)
    webhook: Mapped[str | None] = mapped_column(Text)
    webhook_secret: Mapped[str] = mapped_column(String(64))  # it signs, so that no hash of it would do
    feed_hash: Mapped[str | None] = mapped_column(String(64), unique=True)

    watch: Mapped[Watch] = relationship()
    account: Mapped[Account | None] = relationship()


class Telling(Base):
    """That a subscription told of changes; what exactly is looked up whenever it is told."""

    __tablename__ = "telling"

    id: Mapped[int] = mapped_column(primary_key=True)
    subscription_id: Mapped[int] = mapped_column(_owner("subscription.id"), index=True)
    key: Mapped[str] = mapped_column(String(36), unique=True)  # the same however often it is sent
    kind: Mapped[str] = mapped_column(String(20))  # changed, test, confirm
    at: Mapped[int] = mapped_column(Instant, index=True)
    after_id: Mapped[int]  # it tells of the changes of higher numbers than this
    until_id: Mapped[int]

    subscription: Mapped[Subscription] = relationship()


class Delivery(Base):
    """A telling on its way by one channel."""

    __tablename__ = "delivery"
    __table_args__ = (Index(None, "state", "due_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    telling_id: Mapped[int] = mapped_column(_owner("telling.id"), index=True)
    channel: Mapped[str] = mapped_column(String(20))  # email, webhook
    state: Mapped[str] = mapped_column(String(20))  # waiting, delivered, failed, dropped
    due_at: Mapped[int] = mapped_column(Instant)  # when it is tried next; while it is tried, when another may
    attempts: Mapped[int]
    log: Mapped[list[Any]] = mapped_column(JSON)  # of each attempt when, and what came of it

    telling: Mapped[Telling] = relationship()
