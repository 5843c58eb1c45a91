"""Datasets, what is known of files of them, and what of them is stale, as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headwater_catalog.answers.commits import commit_json, instant_json
from headwater_catalog.answers.suggestions import looks_json
from headwater_catalog.kept_looks import shown_looks
from headwater_catalog.personal import hidden_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headwater_catalog.audit import Audit
    from headwater_catalog.snapshot import SnapshotFeature
    from headwater_catalog.standings import ColumnNow, Standing
    from headwater_catalog.store.models import DatasetVersion, Reproduction

__all__ = [
    "audit_json",
    "dataset_json",
    "reproduction_json",
    "stale_json",
    "version_json",
    "version_row_json",
]

_NOT_SHOWN = ("schema", "recipe", "columns", "fingerprint")
_HOW = ("env", "sample", "saver")  # of the recipe, whose rest is for programs that make it again


def version_row_json(version: DatasetVersion) -> dict[str, Any]:
    """Return what lists say of a dataset version."""
    return {
        "repository": version.dataset.repository.name,
        "dataset": version.dataset.name,
        "run": version.run_id,
        "version": version.uid,
        "commit": version.run.commit.sha,
        "format": version.format,
        "rows": version.rows,
        "columns": len(version.columns),
        "fingerprint": version.fingerprint,
        "sha256": version.sha256,
        "created_at": instant_json(version.created_at),
    }


def dataset_json(version: DatasetVersion, stale: Sequence[str] | None) -> dict[str, Any]:
    """Return what a list says of a dataset by its newest version.

    Args:
        version: The version.
        stale: The columns that would come out otherwise now; None where that is not known.
    """
    return {**version_row_json(version), "stale": None if stale is None else list(stale)}


def version_json(
    version: DatasetVersion,
    standing: Standing | None,
    kept: Mapping[str, bool],
    *,
    sees_personal: bool = False,
) -> dict[str, Any]:
    """Return all of a dataset version.

    Args:
        version: The version.
        standing: How its columns stand at main; None where that is not known.
        kept: Which of the inputs that its commit does not have are still kept.
        sees_personal: Whether who asks may see personal data in what its run was given.
    """
    hidden = hidden_in(version.run, sees_personal)
    return {
        **version_row_json(version),
        "columns": version.columns,
        "stamp": version.stamp and _stamp_json(hidden.stamp(version.stamp)),
        "standing": standing and _standing_json(standing),
        "kept_inputs": dict(kept),
        "looks": looks_json(shown_looks(version, sees_personal)),
    }


def _stamp_json(stamp: Mapping[str, Any]) -> dict[str, Any]:
    recipe = stamp.get("recipe") or {}
    how = {key: recipe.get(key) or None for key in _HOW}
    return {**{key: value for key, value in stamp.items() if key not in _NOT_SHOWN}, **how}


def _standing_json(standing: Standing) -> dict[str, Any]:
    """Return how the columns of a dataset stand at main."""
    return {
        "commit": standing.sha,
        "reason": standing.reason,
        "columns": [_column_json(column) for column in standing.columns],
    }


def _column_json(column: ColumnNow) -> dict[str, Any]:
    return {
        "name": column.name,
        "state": column.state,
        "feature": column.feature,
        "now": column.now,
        "classes": list(column.classes),
        "because": list(column.because),
        "upstream": list(column.upstream),
        "commits": [commit_json(commit) for commit in column.commits],
        "stretches": [
            {"after": commit_json(stretch.after), "until": commit_json(stretch.until)}
            for stretch in column.stretches
        ],
        "beside": column.beside,
    }


def stale_json(version: DatasetVersion, standing: Standing) -> dict[str, Any]:
    """Return which columns of a dataset would come out otherwise now, and by which commits."""
    return {
        "repository": version.dataset.repository.name,
        "dataset": version.dataset.name,
        "run": version.run_id,
        "commit": version.run.commit.sha,
        "at": standing.sha,
        "reason": standing.reason,
        "columns": [_column_json(column) for column in standing.stale],
    }


def reproduction_json(reproduction: Reproduction, *, sees_personal: bool = False) -> dict[str, Any]:
    """Return what came of making a dataset version again, as somebody may see it."""
    from headwater_catalog.shown_values import shown_verdict

    verdict = shown_verdict(reproduction, sees_personal)
    return {
        "run": reproduction.run_id,
        "state": reproduction.run.job.state,
        "verdict": verdict.word,
        "reason": verdict.reason,
        "tolerance": reproduction.tolerance,
        "details": dict(verdict.details),
    }


def audit_json(audit: Audit, *, sees_personal: bool = False) -> dict[str, Any]:
    """Return all that is known of a file.

    Args:
        audit: What is known.
        sees_personal: Whether who asks may see personal data in what made it.
    """
    found, verified, stamp = audit.found, audit.verified, audit.found.stamp
    return {
        "file": found.name,
        "format": found.format,
        "origin": found.origin,
        "store": audit.store(sees_personal),
        "differences": list(audit.differences(sees_personal)),
        "damage": found.damage,
        "kept_inputs": dict(audit.kept),
        "erased": audit.erased and audit.erased.as_json(),
        "version": found.version and version_row_json(found.version),
        "others": [version_row_json(other) for other in found.others],
        "stamp": stamp and _stamp_json(audit.hidden(sees_personal).stamp(stamp.content)),
        "fingerprint": stamp and dict(stamp.content["fingerprint"]),
        "columns": stamp and stamp.columns,
        "standing": audit.standing and _standing_json(audit.standing),
        "definitions": {
            key: [_definition_json(variant) for variant in variants]
            for key, variants in audit.definitions.items()
        },
        "verified": verified
        and {
            "same": verified.is_same,
            "rows": {"then": verified.rows[0], "now": verified.rows[1]},
            "changed": list(verified.changed),
            "added": list(verified.added),
            "removed": list(verified.removed),
            "renamed": [{"then": then, "now": now} for then, now in verified.renamed],
        },
    }


def _definition_json(variant: SnapshotFeature) -> dict[str, Any]:
    return {
        "function": variant.variant,
        "path": variant.path,
        "line": variant.line,
        "condition": variant.condition,
        "source": variant.source,
    }
