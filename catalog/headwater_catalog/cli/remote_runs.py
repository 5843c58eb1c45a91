"""Runs, datasets and files of a catalog that is served elsewhere, as commands ask of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from headwater_catalog.cli.failures import Failure
from headwater_catalog.cli.output import progress_bar, say
from headwater_catalog.cli.run_asked import RunAsked, local, value
from headwater_catalog.errors import NotFound
from headwater_catalog.version_names import choose_version

if TYPE_CHECKING:
    from headwater_catalog.client import Client, Reproduction

__all__ = ["FINISHED", "POLL_SECONDS", "RemoteDatasets", "RemoteRuns", "range_ends"]

POLL_SECONDS: Final = 0.5
"""Between two looks at a job."""
FINISHED: Final = ("succeeded", "failed", "cancelled")
"""The states of jobs that have ended."""
_LARGEST_AUDIT: Final = 35_000_000
"""Bytes of a file: more would not fit into a body that the API takes."""


def range_ends(commits: str) -> dict[str, Any]:
    """Return the two commits of a range, and whether it begins where they parted."""
    for dots in ("...", ".."):
        first, found, second = commits.partition(dots)
        if found:
            return {"before": first or "HEAD", "after": second or "HEAD", "parted": dots == "..."}
    return {"after": commits or "HEAD"}


class RemoteRuns:
    """The runs of a catalog that is served elsewhere.

    Args:
        client: Asks it.
        repository_of: Tells the repository of an output, or the only one there is.
    """

    def __init__(self, client: Client, repository_of: Callable[[str | None, str | None], str]) -> None:
        self._client, self._repository_of = client, repository_of

    def run(self, asked: RunAsked) -> dict[str, Any]:
        """Ask for a run, with the files that it needs of this machine, and return what came of it."""
        repo = self._repository_of(next(iter(asked.outputs), None), asked.repo)
        made = self._client.request_run(
            repo,
            [local(output) for output in asked.outputs],
            dataflow=asked.dataflow,
            config=asked.config,
            at=asked.at,
            inputs=dict(self._inputs(repo, asked)),
            query=asked.query,
            save=asked.save,
            dataset=asked.dataset,
            env=asked.env,
            executor=asked.executor,
            sample=asked.sample,
            note=asked.note,
            sinks=list(asked.sinks),
            use_kept=asked.use_kept,
            saver=asked.saver,
            profile=asked.profile,
            relay=asked.relay.as_dict() if asked.relay is not None else None,
        )
        return self.follow(made["id"])

    def values(self, asked: RunAsked, commits: str, **how: Any) -> dict[str, Any]:
        """Ask for two runs that are compared, and return how their values do."""
        repo = self._repository_of(next(iter(asked.outputs), None), asked.repo)
        ends = range_ends(commits)
        made = self._client.compare_values(
            repo,
            [local(output) for output in asked.outputs],
            **ends,
            dataflow=asked.dataflow,
            config=asked.config,
            inputs=dict(self._inputs(repo, replace(asked, at=ends["after"]))),
            env=asked.env,
            sample=asked.sample,
            use_kept=asked.use_kept,
            **how,
        )
        numbers = made["before"]["id"], made["after"]["id"]
        for number in numbers:
            self.follow(number)
        return dict(self._client.compare_runs(*numbers))

    def follow(self, number: int) -> dict[str, Any]:
        """Wait for the end of a run, and return it."""
        try:
            with progress_bar(f"Run {number}") as update:
                while (told := self._client.run(number))["state"] not in FINISHED:
                    far = told["progress"]
                    update(far.get("done", 0), far.get("total", 0), far.get("node", ""))
                    time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            say(f"Run {number} goes on there. To end it: headwater cancel {number}")
            raise
        return dict(told)

    def cancel(self, number: int) -> None:
        """Cancel a run that waits or goes on."""
        self._client.cancel_run(number)

    def copy(self, number: int, part: str, into: IO[bytes]) -> None:
        """Write the file that a run has saved, or its stamp."""
        (self._client.download_stamp if part == "stamp" else self._client.download)(number, into)

    def manifest(self, number: int) -> dict[str, Any]:
        """Return the signed manifest of a run."""
        return self._client.manifest(number)

    def _inputs(self, repo: str, asked: RunAsked) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the inputs: files of this machine as uploads, and values."""
        from headwater_catalog.sources import FORMATS

        sources: set[str] | None = None
        for name, text in asked.inputs.items():
            file = Path(text)
            is_file = file.suffix.lower() in FORMATS and file.is_file()
            if not is_file and sources is None:
                sources = self._sources(repo, asked)
            if is_file or name in (sources or ()):
                if not file.is_file():
                    raise NotFound(f"There is no file '{file}' to read as source '{name}'.")
                sent = self._client.upload(repo, file)
                yield name, {"upload": sent["sha256"], "name": sent["name"]}
            else:
                yield name, {"value": value(text)}

    def _sources(self, repo: str, asked: RunAsked) -> set[str]:
        """Return the names of the sources that the dataflow declares; of all, where none is named."""
        flows = self._client.dataflows(repo, at=asked.at)
        return {name for flow in flows if asked.dataflow in (None, flow["name"]) for name in flow["sources"]}


class RemoteDatasets:
    """The datasets of a catalog that is served elsewhere.

    Args:
        client: Asks it.
        runs: Its runs.
        repository_of: Tells the only repository there is.
    """

    def __init__(
        self, client: Client, runs: RemoteRuns, repository_of: Callable[[str | None, str | None], str]
    ) -> None:
        self._client, self._runs, self._repository_of = client, runs, repository_of

    def audit(self, file: Path, verify: bool) -> dict[str, Any]:
        """Return all that is known of a file of this machine."""
        from headwater_catalog.stamps import SIDECAR

        if not file.is_file():
            raise NotFound(f"There is no file '{file}'.")
        beside = file.with_name(file.name + SIDECAR)
        try:
            if file.stat().st_size > _LARGEST_AUDIT:
                raise Failure(
                    f"'{file}' has more than {_LARGEST_AUDIT // 1_000_000} MB, which are not sent to be "
                    "audited. The page /audit of the catalog takes files of up to 512 MB."
                )
            stamp = beside.read_bytes().decode(errors="replace") if beside.is_file() else None
            content = file.read_bytes()
        except OSError as error:
            raise Failure(f"'{file}' cannot be read: {error}.") from error
        return dict(self._client.audit(file.name, content, stamp=stamp, verify=verify))

    def stale(self, dataset: str | None, repo: str | None) -> list[dict[str, Any]]:
        """Return the stale columns of the newest versions of datasets, or of one version."""
        if dataset is not None:
            asked = [self.named(dataset, repo)]
        else:
            rows = sorted(self._client.datasets(repo=repo), key=lambda row: row["repository"])
            asked = [(row["repository"], row["dataset"], row["run"]) for row in rows]
        return [told for each in asked if (told := self._stale(*each)) is not None]

    def _stale(self, repo: str, name: str, run: int) -> dict[str, Any] | None:
        version = self._client.version(repo, name, run)
        standing = version["standing"]
        if version["stamp"] is None or standing is None:
            return None
        columns = [each for each in standing["columns"] if each["state"] in ("changed", "removed")]
        told = {"repository": repo, "dataset": name, "run": run, "commit": version["commit"]}
        return {**told, "at": standing["commit"], "reason": standing["reason"], "columns": columns}

    def reproduce(self, dataset: str, repo: str | None, tolerance: float) -> dict[str, Any]:
        """Have a dataset version made again, and return the verdict."""
        where = self.named(dataset, repo)
        run = self._client.reproduce(*where, tolerance=tolerance)["run"]
        self._runs.follow(run)
        made: Reproduction = next(each for each in self._client.reproductions(*where) if each["run"] == run)
        told: Mapping[str, Any] = {"verdict": made["verdict"], "reason": made["reason"], "run": run}
        return {**told, "details": made["details"]}

    def named(self, dataset: str, repo: str | None) -> tuple[str, str, int]:
        """Return the version that is named by `dataset`, which is the newest, or `dataset@run`."""
        repo = self._repository_of(None, repo)
        name = dataset.rpartition("@")[0] or dataset
        runs = [version["run"] for version in self._client.versions(repo, name)]
        return repo, name, runs[choose_version(dataset, runs)]
