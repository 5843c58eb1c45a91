"""Runs as plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from headwater_catalog.answers.commits import instant_json, perhaps_instant_json
from headwater_catalog.personal import shown_run

if TYPE_CHECKING:
    from headwater_catalog.run_comparison import RunComparison
    from headwater_catalog.shown_values import ShownValues
    from headwater_catalog.store.models import DatasetVersion, Run

__all__ = ["run_comparison_json", "run_json", "run_row_json"]


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
        "note": run.note,
        "created_at": instant_json(job.created_at),
        "started_at": perhaps_instant_json(job.started_at),
        "finished_at": perhaps_instant_json(job.finished_at),
    }


def run_json(run: Run, version: DatasetVersion | None, *, sees_personal: bool = False) -> dict[str, Any]:
    """Return all of a run, with the dataset version that it saved, if any.

    Args:
        run: The run.
        version: What it saved.
        sees_personal: Whether who asks may see personal data in what it made.
    """
    shown = shown_run(run, sees_personal)
    return {
        **run_row_json(run),
        "progress": run.job.progress,
        "changes_on": run.commit.changes_on,
        "failure": shown.failure,
        "config": shown.config,
        "env": run.env,
        "executor": run.executor,
        "sample": run.sample,
        "inputs": shown.inputs,
        "table": shown.table,
        "values": list(shown.values),
        "nodes": [
            {
                "name": node.name,
                "seconds": node.microseconds / 1_000_000,
                "begun": None if node.begun is None else node.begun / 1_000_000,
                "summary": shown.summary(node),
                "kept_from": node.kept_from,
                "profile": profile,
            }
            for node, profile in zip(run.nodes, shown.profiles, strict=True)
        ],
        "checks": list(shown.checks),
        "environment": run.environment,
        "personal": run.personal or [],
        "erasures": run.job.payload.get("erasures", []),
        "masked": shown.is_masked,
        "dataset": version and _version_json(version),
        "log": shown.log,
        "origin": run.origin,
    }


def run_comparison_json(found: RunComparison) -> dict[str, Any]:
    """Return what differs between two runs."""
    return {
        "before": run_row_json(found.before),
        "after": run_row_json(found.after),
        "code": [{"key": change.key, "classes": list(change.classes)} for change in found.code],
        "config": [asdict(each) for each in found.config],
        "inputs": [asdict(each) for each in found.inputs],
        "surroundings": [asdict(each) for each in found.surroundings],
        "rows": found.rows and asdict(found.rows),
        "columns": [
            {
                "name": column.name,
                "masked": column.is_masked,
                "only_in": column.only_in or None,
                "figures": [asdict(each) for each in column.figures],
            }
            for column in found.columns
        ],
        "values": found.values and _values_json(found.values),
    }


def _values_json(values: ShownValues) -> dict[str, Any]:
    """Return how the values of two runs compare."""
    return {
        "verdict": values.verdict,
        "reason": values.reason,
        "tolerance": values.tolerance,
        "renamed": dict(values.renamed),
        "masked": values.is_masked,
        "details": dict(values.details),
    }


def _version_json(version: DatasetVersion) -> dict[str, Any]:
    return {
        "name": version.dataset.name,
        "format": version.format,
        "sha256": version.sha256,
        "rows": version.rows,
        "columns": version.columns,
    }
