"""OpenLineage events of runs: what a worker tells other tools of lineage, in the form of their specification.

The form is that of https://openlineage.io/spec/2-0-2/OpenLineage.json.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.config_values import may_hold
from headwater_catalog.datasets import version_of_run
from headwater_catalog.jobs import State
from headwater_catalog.moments import Moment
from headwater_catalog.personal import HIDDEN
from headwater_catalog.runs import get_run
from headwater_catalog.store.models import Run

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.models import CheckResult, DatasetVersion

__all__ = ["event_of", "run_number"]

_SPEC: Final = "https://openlineage.io/spec"
_PRODUCER: Final = "urn:headwater"
_RUNS: Final = uuid.UUID("6c0c5a1e-6a5e-5f0a-9d1b-3f0b7a2f4e11")  # any fixed one
_KINDS: Final = {
    State.SUCCEEDED: "COMPLETE",
    State.FAILED: "FAIL",
    State.CANCELLED: "ABORT",
}


def run_number(session: Session, job_id: int) -> int | None:
    """Return the number of the run of a job; None where it is no run."""
    return session.scalar(select(Run.id).where(Run.job_id == job_id))


def event_of(session: Session, settings: Settings, run_id: int, *, is_start: bool = False) -> dict[str, Any]:
    """Return the event that tells how a run stands.

    Args:
        session: An open session.
        settings: Where the mirrors are, and the namespace by which this catalog is told apart from others.
        run_id: Its number.
        is_start: Tell of its beginning, however it stands.
    """
    run = get_run(session, run_id)
    moment = Moment(session, settings, run.repository, run.commit)
    namespace = settings.openlineage_namespace
    job = run.job
    kind = "START" if is_start else _KINDS.get(job.state, "OTHER")
    at = job.started_at if kind == "START" else job.finished_at
    saved = None if is_start else version_of_run(session, run_id)
    return {
        "eventType": kind,
        "eventTime": datetime.fromtimestamp(at or job.created_at, UTC).isoformat(),
        "producer": _PRODUCER,
        "schemaURL": f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": str(_run_uuid(run, namespace)), "facets": _run_facets(run, kind)},
        "job": {
            "namespace": namespace,
            "name": f"{run.repository.name}.{run.dataflow}",
            "facets": _job_facets(run),
        },
        "inputs": list(_inputs(run, namespace)),
        "outputs": [] if saved is None else [_output(moment, run, saved, namespace)],
    }


def _run_uuid(run: Run, namespace: str) -> uuid.UUID:
    """Return the same name for a run in all of its events, and in no other catalog."""
    return uuid.uuid5(_RUNS, f"{namespace}/{run.id}/{run.job.created_at}")


def _facet(path: str, **values: Any) -> dict[str, Any]:
    name = path.partition("/")[2]
    return {"_producer": _PRODUCER, "_schemaURL": f"{_SPEC}/facets/{path}.json#/$defs/{name}", **values}


def _run_facets(run: Run, kind: str) -> dict[str, Any]:
    facets = {
        "processing_engine": _facet(
            "1-1-1/ProcessingEngineRunFacet", version=version_of("headwater"), name="Headwater"
        )
    }
    if run.checks and kind != "START":
        facets["test"] = _facet("1-0-1/TestRunFacet", tests=[_test(run, check) for check in run.checks])
    if kind in ("FAIL", "ABORT") and run.job.error:
        facets["errorMessage"] = _facet(
            "1-0-1/ErrorMessageRunFacet", message=run.job.error, programmingLanguage="Python"
        )
    return facets


def _message(run: Run, check: CheckResult) -> str:
    """Return what a check says, which may quote personal data."""
    return HIDDEN if run.personal != [] else check.message


def _test(run: Run, check: CheckResult) -> dict[str, Any]:
    return {
        "name": f"{check.node}: {check.validator}",
        "status": "pass" if check.passed else "fail",
        "severity": "error" if check.importance == "fail" else "warn",
        "type": check.validator,
        "description": _message(run, check),
    }


def _job_facets(run: Run) -> dict[str, Any]:
    return {
        "jobType": _facet(
            "2-0-4/JobTypeJobFacet", processingType="BATCH", integration="HEADWATER", jobType="DATAFLOW"
        ),
        "sourceCodeLocation": _facet(
            "1-1-0/SourceCodeLocationJobFacet",
            type="git",
            url=run.repository.url,
            repoUrl=run.repository.url,
            version=run.commit.sha,
        ),
    }


def _inputs(run: Run, namespace: str) -> Iterator[dict[str, Any]]:
    for name, given in sorted(run.inputs.items()):
        if "path" not in given:
            continue
        facets = {}
        if given.get("sha256"):
            facets["version"] = _facet("1-0-1/DatasetVersionDatasetFacet", datasetVersion=given["sha256"])
        yield {"namespace": namespace, "name": _input_name(run, name), "facets": facets}


def _input_name(run: Run, source: str) -> str:
    return f"{run.repository.name}.source.{source}"


def _output(moment: Moment, run: Run, saved: DatasetVersion, namespace: str) -> dict[str, Any]:
    columns = [{"name": each["name"], "type": each["type"]} for each in saved.columns]
    facets = {
        "schema": _facet("1-2-0/SchemaDatasetFacet", fields=columns),
        "version": _facet("1-0-1/DatasetVersionDatasetFacet", datasetVersion=saved.sha256),
    }
    fields = _column_lineage(moment, run, [each["name"] for each in columns], namespace)
    if fields:
        facets["columnLineage"] = _facet("1-2-0/ColumnLineageDatasetFacet", fields=fields)
    checks = [
        {
            "assertion": check.validator,
            "success": check.passed,
            "column": check.node,
            "severity": "error" if check.importance == "fail" else "warn",
            "description": _message(run, check),
        }
        for check in run.checks
    ]
    if checks:
        facets["dataQualityAssertions"] = _facet("1-1-0/DataQualityAssertionsDatasetFacet", assertions=checks)
    return {
        "namespace": namespace,
        "name": f"{run.repository.name}.{saved.dataset.name}",
        "facets": facets,
        "outputFacets": {
            "outputStatistics": _facet("1-0-2/OutputStatisticsOutputDatasetFacet", rowCount=saved.rows)
        },
    }


def _column_lineage(
    moment: Moment, run: Run, columns: list[str], namespace: str
) -> dict[str, dict[str, Any]]:
    """Return what each column is made from: the inputs that it reaches through the code of the commit.

    A column of a source is told as one of all the sources that the run has read, since which file a column
    came from is not kept; where there is one, that is exact.
    """
    needs = _needs(moment, run)
    sources = [name for name, given in sorted(run.inputs.items()) if "path" in given]
    found = {}
    for column in columns:
        reached = sorted(_leaves(column, needs)) if column in needs else []
        told = [
            {"namespace": namespace, "name": _input_name(run, source), "field": leaf}
            for leaf in reached
            if "value" not in run.inputs.get(leaf, {}) and leaf not in run.config
            for source in sources
        ]
        if told:
            found[column] = {"inputFields": told}
    return found


def _needs(moment: Moment, run: Run) -> dict[str, set[str]]:
    """Return what each feature of the dataflow needs, at the commit of the run and in its configuration.

    What the run has computed itself makes no difference: values that were kept come from somewhere, too.
    """
    dataflow = moment.snapshot.dataflow(run.dataflow)
    inside, config = frozenset(dataflow.modules), {**dataflow.config, **run.config}
    needs: dict[str, set[str]] = {}
    for feature in moment.snapshot.features:
        if feature.module in inside and may_hold(feature.condition, config):
            for made in feature.nodes:
                needs.setdefault(made, set()).update(needed.name for needed in feature.dependencies)
    return needs


def _leaves(column: str, needs: Mapping[str, set[str]]) -> set[str]:
    """Return the inputs that a column reaches."""
    seen, waiting, leaves = {column}, [column], set()
    while waiting:
        for needed in needs[waiting.pop()]:
            if needed in needs and needed not in seen:
                seen.add(needed)
                waiting.append(needed)
            elif needed not in needs:
                leaves.add(needed)
    return leaves
