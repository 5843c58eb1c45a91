"""The client: one method for each question that the REST API answers."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, cast

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
from headwater_catalog.client.dataset_answers import (
    Audit,
    Dataset,
    Look,
    Reproduction,
    Version,
    VersionRow,
)
from headwater_catalog.client.erasure_answers import Erasure, ErasureItem
from headwater_catalog.client.governance_answers import PushedBranch, Review, Suggestion, TagPatch
from headwater_catalog.client.partition_answers import Backfill, Partition
from headwater_catalog.client.subscription_answers import ShownSubscription, Subscription, Told, ToldItem
from headwater_catalog.client.table_answers import LogicalTable
from headwater_catalog.client.transport import Transport

__all__ = ["Client"]

_SECONDS: Final = 30.0
_PAGE: Final = 200


class Client:
    """Asks a catalog that is served elsewhere.

    Lists are iterators that ask for page after page; what they yield stays as of the commit that they began
    with. `at` is a branch, a tag or a commit, None the last that was scanned. All methods raise CatalogError
    with the reason where the catalog refuses or does not answer, and of its kinds NotFound, Conflict,
    QueryError and the others where they fit.

    Args:
        url: Where it is served, such as http://127.0.0.1:8000.
        token: What says who asks, where the catalog wants to know.
        timeout: Seconds that it may be silent.
        page: How many items of a list are asked for at once, up to 500.
    """

    def __init__(
        self, url: str, *, token: str | None = None, timeout: float = _SECONDS, page: int = _PAGE
    ) -> None:
        self._transport = Transport(url, token, timeout)
        self._page = page

    # Repositories

    def repositories(self) -> Iterator[Repository]:
        """Yield the repositories by name."""
        return self._list("repositories")

    def repository(self, repo: str) -> RepositoryDetail:
        """Return a repository."""
        return cast(RepositoryDetail, self._transport.get("repositories", repo))

    def refs(self, repo: str) -> Iterator[Ref]:
        """Yield the branches of a repository, and then its tags."""
        return self._list("repositories", repo, "refs")

    def problems(self, repo: str, *, at: str | None = None) -> Iterator[Problem]:
        """Yield what in the files of a repository could not be read as meant."""
        return self._list("repositories", repo, "problems", at=at)

    def dataflows(self, repo: str, *, at: str | None = None) -> Iterator[Dataflow]:
        """Yield the dataflows of a repository by name."""
        return self._list("dataflows", repo, at=at)

    def dataflow(self, repo: str, name: str, *, at: str | None = None) -> Dataflow:
        """Return a dataflow."""
        return cast(Dataflow, self._transport.get("dataflows", repo, name, at=at))

    def modules(self, repo: str, *, at: str | None = None) -> Iterator[ModuleRow]:
        """Yield the modules of a repository that define features, by name."""
        return self._list("modules", repo, at=at)

    def module(self, repo: str, name: str, *, at: str | None = None) -> Module:
        """Return a module."""
        return cast(Module, self._transport.get("modules", repo, name, at=at))

    # Features

    def search(
        self,
        query: str = "",
        *,
        repo: str | None = None,
        at: str | None = None,
        base: str | None = None,
        sort: str | None = None,
    ) -> Iterator[Hit]:
        """Yield the features that meet a query, the best first unless sorted; all for an empty one."""
        return self._list("features", q=query, repo=repo, at=at, base=base, sort=sort)

    def pages(self, *path: str, limit: int, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield the pages of any list, each with all that it says beside its items."""
        return self._transport.pages(*path, limit=limit, **query)

    def feature(self, repo: str, key: str, *, at: str | None = None) -> Feature:
        """Return a feature, named by `module:name`, or by a name that only one has."""
        return cast(Feature, self._transport.get("features", repo, key, at=at))

    def history(
        self,
        repo: str,
        key: str,
        *,
        at: str | None = None,
        diff: bool = False,
        formatting: bool = False,
    ) -> Iterator[Change]:
        """Yield what commits did to a feature, the newest first."""
        return self._list("history", repo, key, at=at, diff=diff, formatting=formatting)

    # Lineage

    def lineage(
        self,
        repo: str,
        key: str,
        *,
        up: int | None = None,
        down: int | None = None,
        dataflow: str | None = None,
        at: str | None = None,
        since: str | None = None,
        across: bool = False,
    ) -> Lineage:
        """Return what a feature or `input:name` needs and what needs it, within some steps or all of it."""
        asked = {"up": up, "down": down, "dataflow": dataflow, "at": at, "since": since, "across": across}
        return cast(Lineage, self._transport.get("lineage", repo, key, **asked))

    def paths(
        self,
        repo: str,
        source: str,
        target: str,
        *,
        longer: bool = False,
        limit: int | None = None,
        dataflow: str | None = None,
        at: str | None = None,
        across: bool = False,
    ) -> Paths:
        """Return the ways by which the values of one node reach another."""
        asked = {"longer": longer, "limit": limit, "dataflow": dataflow, "at": at, "across": across}
        found = self._transport.get("paths", repo, source=source, target=target, **asked)
        return cast(Paths, found)

    def tables(self, repo: str, *, at: str | None = None) -> Iterator[LogicalTable]:
        """Yield the tables that a repository reads, fills or declares, by key."""
        return self._list("tables", repo, at=at)

    def table(self, repo: str, table: str, *, at: str | None = None) -> LogicalTable:
        """Return a table by its key, or by what the project calls it."""
        return cast(LogicalTable, self._transport.get("tables", repo, table, at=at))

    # Commits

    def commits(self, repo: str, *, at: str | None = None) -> Iterator[Commit]:
        """Yield the commits of the main line, the newest first."""
        return self._list("commits", repo, at=at)

    def commit(self, repo: str, sha: str) -> CommitDetail:
        """Return a commit, or what a branch or a tag means."""
        found = self._transport.get("commits", repo, sha, limit=1)
        return cast(CommitDetail, {name: found[name] for name in found if name not in ("items", "next")})

    def changes(self, repo: str, sha: str, *, diff: bool = False) -> Iterator[Change]:
        """Yield what a commit did to features, by key."""
        return self._list("commits", repo, sha, diff=diff)

    def compare(
        self,
        repo: str,
        before: str | None = None,
        after: str | None = None,
        *,
        parted: bool = False,
        formatting: bool = False,
    ) -> Comparison:
        """Return what changed between two commits; without the first one, since the second's parent."""
        asked = {"a": before, "b": after, "parted": parted, "formatting": formatting}
        return cast(Comparison, self._transport.get("compare", repo, **asked))

    def impact(
        self, repo: str, before: str | None = None, after: str | None = None, *, parted: bool = False
    ) -> Impact:
        """Return what changes of meaning between two commits reach downstream."""
        asked = {"a": before, "b": after, "parted": parted}
        return cast(Impact, self._transport.get("impact", repo, **asked))

    def review(
        self,
        repo: str,
        before: str | None = None,
        after: str | None = None,
        *,
        parted: bool = False,
        day: str | None = None,
    ) -> Review:
        """Return what a reviewer of a change must know, as of a day; today unless given."""
        asked = {"a": before, "b": after, "parted": parted, "day": day}
        return cast(Review, self._transport.get("review", repo, **asked))

    # Suggestions

    def suggestions(self, repo: str, *, at: str | None = None) -> Iterator[Suggestion]:
        """Yield what looks classified and says nothing of it, by path and line."""
        return self._list("repositories", repo, "suggestions", at=at)

    def tag_patch(self, repo: str, tags: Mapping[str, Mapping[str, str]] | None = None) -> TagPatch:
        """Return the patch that adds tags to the sources of the scanned head; all suggested ones for None."""
        path = "repositories", repo, "suggestions", "patch"
        return cast(TagPatch, self._transport.post(*path, body=_tags(tags)))

    def push_tags(self, repo: str, tags: Mapping[str, Mapping[str, str]] | None = None) -> PushedBranch:
        """Have such a patch pushed as a new branch, where an administrator has allowed it."""
        path = "repositories", repo, "suggestions", "branch"
        return cast(PushedBranch, self._transport.post(*path, body=_tags(tags)))

    def look_at_values(self, repo: str, name: str, run: int) -> list[Look]:
        """Have the values of a dataset version looked at, and return what they look like."""
        path = "datasets", repo, name, "versions", str(run), "looks"
        return cast(list[Look], self._transport.post(*path, body={})["looks"])

    # Jobs

    def jobs(self, *, state: str | None = None) -> Iterator[Job]:
        """Yield scans and runs, the latest first."""
        return self._list("jobs", state=state)

    def job(self, number: int) -> Job:
        """Return a job."""
        return cast(Job, self._transport.get("jobs", str(number)))

    def cancel_job(self, number: int) -> Job:
        """Cancel a job that waits or runs."""
        return cast(Job, self._transport.post("jobs", str(number), "cancel", body={}))

    def request_scan(self, repo: str) -> Job:
        """Have a repository scanned by a worker; `job` tells how it goes."""
        return cast(Job, self._transport.post("repositories", repo, "scan", body={}))

    # Runs

    def runs(self, *, repo: str | None = None) -> Iterator[RunRow]:
        """Yield runs, the newest first."""
        return self._list("runs", repo=repo)

    def run(self, number: int) -> Run:
        """Return a run."""
        return cast(Run, self._transport.get("runs", str(number)))

    def request_run(
        self,
        repo: str,
        outputs: Sequence[str] = (),
        *,
        dataflow: str | None = None,
        config: Mapping[str, Any] | None = None,
        at: str | None = None,
        inputs: Mapping[str, Mapping[str, Any]] | None = None,
        **how: Any,
    ) -> Run:
        """Ask for a run, which a worker performs; `run` tells how it goes.

        Args:
            repo: The repository.
            outputs: Features, `name` or `module:name`; the declared outputs unless given.
            dataflow: The dataflow; needed where several have the outputs.
            config: Added to the declared configuration, and stronger.
            at: A branch, a tag or a commit; the last scanned unless given.
            inputs: By name, `{"value": ...}`, `{"path": ...}` of the repository, or
                `{"upload": ..., "name": ...}`.
            how: What else the API takes: `query`, `env`, `executor`, `sample`, `save`, `note` and so on.
        """
        body = {"repository": repo, "outputs": list(outputs), "dataflow": dataflow, "at": at, **how}
        body |= {"config": dict(config or {}), "inputs": dict(inputs or {})}
        return cast(Run, self._transport.post("runs", body=body))

    def cancel_run(self, number: int) -> Run:
        """Cancel a run that waits or goes on."""
        return cast(Run, self._transport.post("runs", str(number), "cancel", body={}))

    def partitions(
        self,
        repo: str,
        dataflow: str,
        *,
        since: str | None = None,
        until: str | None = None,
        env: str | None = None,
    ) -> Iterator[Partition]:
        """Yield the partitions of a dataflow in the order of time, and how their datasets stand.

        Args:
            repo: The repository.
            dataflow: The dataflow.
            since: Only partitions that begin on this day or later, YYYY-MM-DD.
            until: Only those that begin on this day or before; those that are over unless given.
            env: The environment whose datasets are meant; the usual one unless given.
        """
        return self._list("partitions", repo, dataflow, since=since, until=until, env=env)

    def backfill(
        self, repo: str, dataflow: str, *, seen: Mapping[str, int | None] | None = None, **how: Any
    ) -> Backfill:
        """Ask for partitions that lack their dataset or have a stale one; `run` tells how each goes.

        Args:
            repo: The repository.
            dataflow: The dataflow.
            seen: Just these partitions, whatever their state: by the first day, the run that saved it last.
            how: What else the API takes: `since`, `until`, `everything`, `limit`, `env`, `executor`, `sinks`.
        """
        body: dict[str, Any] = {"repository": repo, "dataflow": dataflow, **how}
        if seen is not None:
            body["partitions"] = [{"day": day, "run": run} for day, run in seen.items()]
        return cast(Backfill, self._transport.post("backfills", body=body))

    def compare_runs(self, a: int, b: int) -> RunComparison:
        """Return what differs between two runs."""
        return cast(RunComparison, self._transport.get("runs", "compare", a=a, b=b))

    def compare_values(
        self,
        repo: str,
        outputs: Sequence[str] = (),
        before: str | None = None,
        after: str | None = None,
        *,
        parted: bool = False,
        **how: Any,
    ) -> RunComparison:
        """Ask for two runs whose values are compared; `compare_runs` tells the outcome.

        Args:
            repo: The repository.
            outputs: Features, `name` or `module:name`, by their names at the second commit or the first.
            before: A branch, a tag or a commit; the parent of the second unless given.
            after: The second commit; the last scanned unless given.
            parted: Compare with where the two parted.
            how: What else the API takes: `dataflow`, `config`, `inputs` and so on as of `request_run`, and
                `tolerance`, `own_data`, and `keys`, the columns by which rows are matched.
        """
        body = {"repository": repo, "outputs": list(outputs), "before": before, "at": after, **how}
        answer = self._transport.post("runs", "compare", body={**body, "parted": parted})
        return cast(RunComparison, answer)

    def manifest(self, number: int) -> dict[str, Any]:
        """Return the signed manifest of a run that has succeeded, as a DSSE envelope."""
        return dict(self._transport.get("runs", str(number), "manifest"))

    def upload(self, repo: str, file: Path) -> Upload:
        """Send a file for a run to read, which names it by `{"upload": sha256, "name": name}`."""
        with file.open("rb") as stream:
            sent = self._transport.send_file("repositories", repo, "uploads", file=stream, name=file.name)
        return cast(Upload, sent)

    def download(self, number: int, into: IO[bytes]) -> None:
        """Write the whole table that a run has saved into a file."""
        self._transport.receive_file("runs", str(number), "file", into=into)

    def download_stamp(self, number: int, into: IO[bytes]) -> None:
        """Write the stamp of what a run has saved into a file, as it stands beside a CSV or JSON file."""
        self._transport.receive_file("runs", str(number), "stamp", into=into)

    def download_catalog(self, repo: str, into: IO[bytes], *, at: str | None = None) -> None:
        """Write a repository at a commit into a file, as `headwater export` does."""
        self._transport.receive_file("repositories", repo, "catalog", into=into, at=at)

    # Datasets

    def datasets(self, *, repo: str | None = None, stale: bool = False) -> Iterator[Dataset]:
        """Yield datasets by name, each by its newest version; or only those with a column that is stale."""
        return self._list("datasets", repo=repo, stale=stale)

    def versions(self, repo: str, name: str) -> Iterator[VersionRow]:
        """Yield the versions of a dataset, the newest first."""
        return self._list("datasets", repo, name, "versions")

    def version(self, repo: str, name: str, run: int) -> Version:
        """Return the version of a dataset that a run saved, with how its columns stand at main."""
        return cast(Version, self._transport.get("datasets", repo, name, "versions", str(run)))

    def reproductions(self, repo: str, name: str, run: int) -> Iterator[Reproduction]:
        """Yield how a dataset version was made again, the newest first."""
        return self._list("datasets", repo, name, "versions", str(run), "reproductions")

    def reproduce(self, repo: str, name: str, run: int, *, tolerance: float | None = None) -> Reproduction:
        """Ask for a dataset version to be made again; `reproductions` tells the verdict."""
        body = {} if tolerance is None else {"tolerance": tolerance}
        path = ("datasets", repo, name, "versions", str(run), "reproductions")
        return cast(Reproduction, self._transport.post(*path, body=body))

    def audit(self, name: str, content: bytes, *, stamp: str | None = None, verify: bool = False) -> Audit:
        """Return all that is known of a file.

        Args:
            name: What it is called.
            content: Its bytes.
            stamp: The text of the file beside it, NAME.headwater.json, of a CSV or JSON file.
            verify: Also read its data, and tell what was changed.
        """
        sent = base64.b64encode(content).decode()
        body = {"name": name, "content": sent, "stamp": stamp, "verify": verify}
        return cast(Audit, self._transport.post("audit", body=body))

    # Subscriptions

    def subscriptions(self) -> Iterator[Subscription]:
        """Yield one's saved queries and subscriptions, the newest first."""
        return self._list("subscriptions")

    def subscription(self, number: int) -> Subscription:
        """Return one of one's subscriptions."""
        return cast(Subscription, self._transport.get("subscriptions", str(number)))

    def subscribe(self, name: str, query: str = "", **how: Any) -> ShownSubscription:
        """Save a query, and be told what comes to its result and what goes; secrets are shown this once.

        Args:
            name: What it is called.
            query: What finds features; empty for all.
            how: What else the API takes: `repository`, `email`, `webhook`, `feed`, `every`; and of findings
                `about="findings"`, `least`, `rule`, `owner`, `key`.
        """
        body = {"name": name, "query": query, **how}
        return cast(ShownSubscription, self._transport.post("subscriptions", body=body))

    def change_subscription(self, number: int, **how: Any) -> ShownSubscription:
        """Change what is named of a subscription, as `subscribe` takes it; or `paused`, or `renew`."""
        found = self._transport.patch("subscriptions", str(number), body=how)
        return cast(ShownSubscription, found)

    def remove_subscription(self, number: int) -> Subscription:
        """Remove one of one's subscriptions, and return what it was."""
        return cast(Subscription, self._transport.delete("subscriptions", str(number)))

    def try_subscription(self, number: int) -> Told:
        """Have a subscription say by its channels that it works; `told` says what came of it."""
        return cast(Told, self._transport.post("subscriptions", str(number), "try", body={}))

    def told(self, number: int) -> Iterator[Told]:
        """Yield what a subscription told, the latest first."""
        return self._list("subscriptions", str(number), "told")

    def told_items(self, number: int, telling: int) -> Iterator[ToldItem]:
        """Yield what came and went by one telling of a subscription."""
        return self._list("subscriptions", str(number), "told", str(telling))

    # Erasures

    def erasures(self, *, repo: str | None = None) -> Iterator[Erasure]:
        """Yield the erasures of repositories of which one is a steward, the latest first."""
        return self._list("erasures", repo=repo)

    def erasure(self, number: int) -> Erasure:
        """Return an erasure."""
        return cast(Erasure, self._transport.get("erasures", str(number)))

    def erasure_items(
        self, number: int, *, kind: str | None = None, standing: str | None = None, state: str | None = None
    ) -> Iterator[ErasureItem]:
        """Yield what holds something made from the columns, with what became of it."""
        asked = {"kind": kind, "standing": standing, "state": state}
        return self._list("erasures", str(number), "items", **asked)

    def request_erasure(self, repo: str, columns: Sequence[str], reference: str) -> Erasure:
        """Store an erasure, of which a worker makes the plan; `job` tells how that goes."""
        body = {"repository": repo, "columns": list(columns), "reference": reference}
        return cast(Erasure, self._transport.post("erasures", body=body))

    def begin_erasure(self, number: int, also: Sequence[str] = ()) -> Erasure:
        """Have erased what is derived, and `also` what is anonymised or unknown; this cannot be undone."""
        return cast(
            Erasure, self._transport.post("erasures", str(number), "erase", body={"also": list(also)})
        )

    def mark_erasure_items(
        self,
        number: int,
        state: str,
        note: str = "",
        *,
        items: Sequence[int] = (),
        kind: str = "",
        standing: str = "",
    ) -> int:
        """Say of items what became of them, and return of how many: of `items`, or of all open ones alike."""
        body = {"items": list(items), "kind": kind, "standing": standing, "state": state, "note": note}
        return int(self._transport.post("erasures", str(number), "marks", body=body)["marked"])

    def close_erasure(self, number: int) -> Erasure:
        """End an erasure of which nothing is open any more."""
        return cast(Erasure, self._transport.post("erasures", str(number), "close", body={}))

    def withdraw_erasure(self, number: int) -> Erasure:
        """Give up an erasure of which nothing is done yet."""
        return cast(Erasure, self._transport.post("erasures", str(number), "withdraw", body={}))

    def erasure_record(self, number: int, *, signed: bool = False) -> dict[str, Any]:
        """Return the record of an erasure, or an envelope around it that the key of manifests has signed."""
        path = ("erasures", str(number), "record", *(("signed",) if signed else ()))
        return dict(self._transport.get(*path))

    def _list(self, *path: str, **query: Any) -> Iterator[Any]:
        return self._transport.items(*path, limit=self._page, **query)


def _tags(tags: Mapping[str, Mapping[str, str]] | None) -> dict[str, Any]:
    """Return tags by key as a body has them."""
    if tags is None:
        return {"tags": None}
    told = ((key, tag, value) for key, each in tags.items() for tag, value in each.items())
    return {"tags": [{"key": key, "tag": tag, "value": value} for key, tag, value in told]}
