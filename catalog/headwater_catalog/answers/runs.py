"""Runs as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headwater_catalog.answers.commits import instant_json
from headwater_catalog.runs import failure_of

if TYPE_CHECKING:
    from headwater_catalog.store.models import CheckResult, DatasetVersion, Run

__all__ = ["run_json", "run_row_json"]


def run_row_json(run: Run) -> dict[str, Any]:
    """Return what lists say of a run."""
    job = run.job
    return {
        "id": run.id,
        "state": job.state,
        "error": job.error,
        "repository": run.repository.name,
        "commit": run.commit.sha,
        "dataflow": run.dataflow,
        "outputs": run.outputs,
        "reported": run.origin is not None,
        "requested_by": job.requested_by,
        "created_at": instant_json(job.created_at),
        "started_at": None if job.started_at is None else instant_json(job.started_at),
        "finished_at": None if job.finished_at is None else instant_json(job.finished_at),
    }


def run_json(run: Run, version: DatasetVersion | None) -> dict[str, Any]:
    """Return all of a run, with the dataset version that it saved, if any."""
    failure = failure_of(run)
    preview = run.preview if run.preview is not None and failure is None else {}
    return {
        **run_row_json(run),
        "failure": failure,
        "config": run.config,
        "inputs": run.inputs,
        "table": preview.get("table"),
        "values": preview.get("values", []),
        "nodes": [
            {"name": node.name, "seconds": node.microseconds / 1_000_000, "summary": node.summary}
            for node in run.nodes
        ],
        "checks": [_check_json(check) for check in run.checks],
        "environment": run.environment,
        "dataset": version and _version_json(version),
        "log": run.log,
        "origin": run.origin,
    }


def _check_json(check: CheckResult) -> dict[str, Any]:
    return {
        "node": check.node,
        "validator": check.validator,
        "importance": check.importance,
        "passed": check.passed,
        "message": check.message,
        "diagnostics": check.diagnostics,
    }


def _version_json(version: DatasetVersion) -> dict[str, Any]:
    return {
        "name": version.dataset.name,
        "format": version.format,
        "sha256": version.sha256,
        "rows": version.rows,
        "columns": version.columns,
    }
