"""The manifest of a run: what it was made from and what came out, as a signed statement.

An in-toto statement with SLSA provenance, so that tools for these read it: the subjects are what the run
has made, its resolved dependencies the commit, the definitions and the inputs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.orm import Session

from headwater_catalog import dsse
from headwater_catalog.answers.commits import instant_json, perhaps_instant_json
from headwater_catalog.datasets import file_sha256, version_of_run
from headwater_catalog.errors import CatalogError, Conflict
from headwater_catalog.jobs import State
from headwater_catalog.moments import Moment
from headwater_catalog.runs import get_run
from headwater_catalog.store.bulk import select_in
from headwater_catalog.store.models import Definition, Run

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.models import DatasetVersion

__all__ = ["PAYLOAD_TYPE", "OtherFile", "check_data", "read_manifest", "signed_manifest", "statement_of"]

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_PREDICATE: Final = "https://slsa.dev/provenance/v1"
_BUILD_TYPE: Final = "urn:headwater:run:1"


class OtherFile(CatalogError):
    """A file is none that the manifest tells of."""


def signed_manifest(session: Session, settings: Settings, run_id: int) -> dict[str, Any]:
    """Return the manifest of a run, signed by the key of this catalog.

    Raises:
        NotFound: There is no such run.
        Conflict: It did not succeed, or there is no key yet.
    """
    key = settings.manifest_signing_key()
    if key is None:
        raise Conflict(
            "There is no key to sign manifests with. An administrator makes one on the server: "
            "headwater manifest key"
        )
    return dsse.sign(statement_of(session, settings, run_id), PAYLOAD_TYPE, key)


def statement_of(session: Session, settings: Settings, run_id: int) -> dict[str, Any]:
    """Return what a manifest says of a run that succeeded.

    Raises:
        NotFound: There is no such run.
        Conflict: It did not succeed, or was not performed here.
    """
    run = get_run(session, run_id)
    if run.job.state != State.SUCCEEDED:
        raise Conflict(f"Run {run_id} is {run.job.state}: only a run that has succeeded has a manifest.")
    if run.origin is not None:
        raise Conflict(
            f"Run {run_id} was made elsewhere: Headwater signs only for runs that it has made itself."
        )
    saved = version_of_run(session, run_id)
    return {
        "_type": _STATEMENT,
        "subject": [_result(run), *_files(saved)],
        "predicateType": _PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": _BUILD_TYPE,
                "externalParameters": {
                    "repository": run.repository.name,
                    "dataflow": run.dataflow,
                    "outputs": run.outputs,
                    "config": run.config,
                    "inputs": {
                        name: given["value"] for name, given in run.inputs.items() if "value" in given
                    },
                    "env": run.env,
                    "sample": run.sample,
                    "executor": run.executor,
                    "saver": run.job.payload.get("saver") or None,
                },
                "internalParameters": {"environment": run.environment},
                "resolvedDependencies": [_commit(run), *_definitions(session, settings, run), *_inputs(run)],
            },
            "runDetails": {
                "builder": {"id": "urn:headwater:worker", "version": {"headwater": version_of("headwater")}},
                "metadata": {
                    "invocationId": f"run/{run.id}",
                    "startedOn": perhaps_instant_json(run.job.started_at),
                    "finishedOn": perhaps_instant_json(run.job.finished_at),
                },
                "byproducts": [_checks(run)],
            },
        },
    }


def _result(run: Run) -> dict[str, Any]:
    """Return what the catalog shows of a run as a subject, so that runs without a file have one, too."""
    shown = json.dumps(run.preview, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(shown.encode()).hexdigest()
    if run.preview and "erased" in run.preview:  # what it was is known by its digest alone
        digest = run.preview["sha256"]
    return {"name": f"run/{run.id}/preview", "digest": {"sha256": digest}}


def _files(saved: DatasetVersion | None) -> Iterator[dict[str, Any]]:
    if saved is None:
        return
    told = {"rows": saved.rows, "columns": saved.columns, "format": saved.format}
    # What is kept of the content beside the bytes, where it is.
    more = {"fingerprint": saved.fingerprint, "stamp": saved.stamp}
    told |= {name: value for name, value in more.items() if value is not None}
    yield {
        "name": f"dataset/{saved.dataset.name}.{saved.format}",
        "digest": {"sha256": saved.sha256},
        "annotations": told,
    }


def _commit(run: Run) -> dict[str, Any]:
    told = {"subject": run.commit.subject, "authored_at": instant_json(run.commit.authored_at)}
    if run.commit.changes_on is not None:
        told["changes_on"] = run.commit.changes_on
    url = run.repository.url
    uri = f"git+{url}@{run.commit.sha}" if "://" in url else f"git+file://{url}@{run.commit.sha}"
    return {
        "name": run.repository.name,
        "uri": uri,
        "digest": {"gitCommit": run.commit.sha},
        "annotations": told,
    }


def _definitions(session: Session, settings: Settings, run: Run) -> Iterator[dict[str, Any]]:
    """Give the functions of all nodes that the run computed, as they were at its commit."""
    names = {node.name for node in run.nodes}
    snapshot = Moment(session, settings, run.repository, run.commit).snapshot
    computed = [feature for feature in snapshot.features if not names.isdisjoint(feature.nodes)]
    hashes = dict(
        select_in(
            session,
            (Definition.digest, Definition.code_hash),
            Definition.digest,
            {feature.digest for feature in computed},
        )
    )
    for feature in computed:
        told = {"function": feature.variant, "path": feature.path, "line": feature.line}
        # What came beside the main line, and is not scanned yet, is known by its own digest alone.
        if feature.digest in hashes:
            told["code_hash"] = hashes[feature.digest]
        yield {
            "name": f"definition/{feature.key}",
            "digest": {"sha256": feature.digest},
            "annotations": told,
        }


def _inputs(run: Run) -> Iterator[dict[str, Any]]:
    for name, given in sorted(run.inputs.items()):
        if "sha256" in given:
            told = {key: value for key, value in given.items() if key != "sha256"}
            yield {"name": f"input/{name}", "digest": {"sha256": given["sha256"]}, "annotations": told}


def _checks(run: Run) -> dict[str, Any]:
    checks = [
        {"node": check.node, "validator": check.validator, "passed": check.passed} for check in run.checks
    ]
    return {"name": "checks", "annotations": {"checks": checks}}


def read_manifest(text: str, public: str) -> dict[str, Any]:
    """Return what a manifest says, when the key has signed it; nothing else is needed.

    Raises:
        InvalidSignature: The key has not signed it.
        CatalogError: It is no manifest.
    """
    try:
        envelope = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CatalogError(f"That is no manifest: {error}.") from None
    statement = dsse.verify(envelope, PAYLOAD_TYPE, public)
    if statement.get("_type") != _STATEMENT or statement.get("predicateType") != _PREDICATE:
        raise CatalogError("It is signed, but no manifest of a run.")
    return statement


def check_data(statement: Mapping[str, Any], file: Path) -> str:
    """Return the name under which a manifest tells of a file.

    Raises:
        OtherFile: It tells of no file with these bytes.
    """
    digest = file_sha256(file)
    build = statement["predicate"]["buildDefinition"]
    for told in (*statement["subject"], *build["resolvedDependencies"]):
        if told["digest"].get("sha256") == digest:
            return str(told["name"])
    raise OtherFile(
        f"{file} is none of the files that the manifest tells of: its sha256 is {digest}. It was changed, or "
        "comes from another run."
    )
