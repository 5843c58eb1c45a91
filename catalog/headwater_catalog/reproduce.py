"""Dataset versions made again: the same code on the same inputs, and how what comes out compares."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from headwater.errors import InvalidInput
from headwater_catalog import jobs
from headwater_catalog.accounts.events import note
from headwater_catalog.classified_runs import personal_names
from headwater_catalog.confined_tables import compare_files
from headwater_catalog.datasets import file_of
from headwater_catalog.erased import erased_of
from headwater_catalog.errors import Conflict, JobError, NotFound, QuotingError, RepositoryError
from headwater_catalog.handover import is_file, kept_sha256
from headwater_catalog.input_places import inputs_apart
from headwater_catalog.kept_inputs import is_kept, note_used
from headwater_catalog.moments import Moment
from headwater_catalog.run_sources import AGAIN, upload_lost
from headwater_catalog.saved_objects import BYTES, sha256_of
from headwater_catalog.store.models import DatasetVersion, Reproduction, Run

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = [
    "CANNOT",
    "DIFFERS",
    "IDENTICAL",
    "TOLERANCE",
    "WITHIN",
    "Verdict",
    "compare_again",
    "get_reproduction",
    "list_reproductions",
    "request_reproduction",
    "require_original",
    "require_same_inputs",
    "require_tolerance",
    "verdict_of",
    "word_of",
]

TOLERANCE: Final = 1e-9
"""By how much numbers with fractions may differ, relative to the larger one."""

IDENTICAL: Final = "identical"
WITHIN: Final = "equal within tolerance"
DIFFERS: Final = "differs"
CANNOT: Final = "cannot"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of making a dataset version again.

    Attributes:
        word: One of the four words; empty while it is not known yet.
        reason: Why it cannot be made again; empty where it can.
        details: Where and by how much it differs: `rows`, `added`, `removed`, `columns`, `tolerance`, and
            `environment`, which packages were of other versions.
    """

    word: str
    reason: str
    details: Mapping[str, Any]


def request_reproduction(
    session: Session,
    settings: Settings,
    version: DatasetVersion,
    requested_by: str,
    now: int,
    *,
    tolerance: float = TOLERANCE,
) -> Run:
    """Queue the run that makes a dataset version again.

    Args:
        session: An open write transaction.
        settings: Where files are.
        version: The version.
        requested_by: Who asks.
        now: The present instant.
        tolerance: By how much numbers with fractions may differ, relative to the larger one.

    Raises:
        Conflict: It cannot be made again, or the tolerance is none.
    """
    require_tolerance(tolerance)
    if reason := _hindrance(session, settings, version):
        name = f"{version.dataset.name}@{version.run_id}"
        raise Conflict(f"'{name}' cannot be made again, because {reason}")
    assert version.stamp is not None
    first, recipe = version.run, version.stamp["recipe"]
    run = Run(
        repository_id=first.repository_id,
        commit_id=first.commit_id,
        dataflow=first.dataflow,
        outputs=recipe["outputs"],
        config=recipe["config"],
        inputs=recipe["inputs"],
        env=recipe["env"],
        sample=recipe["sample"],
        personal=_personal(session, settings, first),
        environment={},
    )
    payload = {"save": None, "reproduces": version.id}
    run.job = jobs.enqueue(session, "run", payload, first.repository_id, requested_by, now)
    session.add(run)
    session.flush()
    session.add(Reproduction(run_id=run.id, version_id=version.id, tolerance=tolerance, details={}))
    kept = [sha256 for sha256 in inputs_apart(version.stamp).values() if is_kept(settings, sha256)]
    note_used(session, first.repository_id, kept, now, for_dataset=True)
    session.flush()
    subject = f"{version.dataset.name} of run {first.id} in {first.repository.name}"
    note(session, "reproduction requested", (requested_by, ""), subject, now, run=run.id)
    return run


def _personal(session: Session, settings: Settings, run: Run) -> list[str] | None:
    """Return what is personal in a run: what was so then, and what main has come to call so since."""
    if run.personal is None:
        return None
    moment = Moment(session, settings, run.repository, run.commit)
    try:
        now = personal_names(moment, run.dataflow, run.outputs, (*run.config, *run.inputs))
    except (NotFound, RepositoryError):  # the commit is read otherwise now, and made again all the same
        return None
    return sorted({*now, *run.personal})


def require_tolerance(tolerance: float) -> None:
    """Refuse a tolerance that is none.

    Raises:
        Conflict: It is none.
    """
    if not math.isfinite(tolerance) or not 0 <= tolerance < 1:
        raise Conflict(f"A tolerance is a number from 0 up to 1, such as 1e-9, and not {tolerance!r}.")


def _hindrance(session: Session, settings: Settings, version: DatasetVersion) -> str:
    """Return why a version cannot be made again, as far as that is known without reading files."""
    if version.stamp is None:
        return "it was saved before what is needed for that was noted."
    if erased := erased_of(session, "dataset", [str(version.id)]).get(str(version.id)):
        return f"its file was {erased}."
    if not is_file(file_of(settings, version)):
        return "its file is gone, so there would be nothing to compare with."
    used = version.stamp["inputs"]
    for name, given in version.stamp["recipe"]["inputs"].items():
        if given.get("upload") and not is_kept(settings, given["sha256"]):
            if erased := erased_of(session, "input", [given["sha256"]]).get(given["sha256"]):
                return f"the file that was given as '{name}' was {erased}."
            return upload_lost(name, {**given, **used.get(name, {})})
    return ""


def require_same_inputs(stamp: Mapping[str, Any], digests: Mapping[str, str]) -> None:
    """Make sure that the inputs are those that the version was made of.

    Raises:
        JobError: One of them is another.
    """
    for name, given in stamp["inputs"].items():
        if "sha256" in given and digests.get(name) != given["sha256"]:
            raise JobError(
                f"{AGAIN}the file of source '{name}' ({given.get('path', '')}) is "
                "not the one that it was made of."
            )


def require_original(database: Database, settings: Settings, run_id: int) -> None:
    """Make sure that the file is still the one that was saved, before anything is executed.

    Raises:
        JobError: It is not.
    """
    original, _ = _original(database, settings, run_id)
    if not original.is_there():
        raise JobError(f"{AGAIN}its file is not the one that was saved: somebody has written over it.")


def compare_again(
    database: Database,
    settings: Settings,
    run_id: int,
    folder: Path,
    made: str,
    environment: Mapping[str, Any],
    watch: Callable[[], str | None] | None = None,
) -> tuple[str, dict[str, Any]]:
    """Return the verdict on what a run made, and where it differs.

    Args:
        database: The catalog, from which is read before anything is compared.
        settings: Where files are.
        run_id: The run.
        folder: The folder with what was taken over from its runner.
        made: The name of the file there.
        environment: Versions of Python and of packages that it had.
        watch: Asked several times a second; a sentence that it returns ends it.

    Raises:
        JobError: What it made cannot be read.
    """
    original, tolerance = _original(database, settings, run_id)
    stamp = original.stamp
    if stamp.get("fingerprint", {}).get("scheme") == BYTES:
        return _compare_bytes(stamp, folder / made, tolerance, environment)
    then, now = (original.file, original.format), (folder / made, "arrow")
    if not original.is_there():  # it was, when the run began
        raise JobError(f"{AGAIN}its file was written over or removed meanwhile.")
    if not now[0].is_file():
        raise JobError("The runner left no table to compare.")
    try:
        found = compare_files(folder, then, now, stamp.get("schema"), tolerance, settings.runs, watch)
    except InvalidInput as error:
        plain = "What came out cannot be compared"
        raise QuotingError(f"{plain}: {error}", f"{plain}.") from error
    details = {**found, "environment": _other_versions(stamp.get("environment", {}), environment)}
    return word_of(found), details


@dataclass(frozen=True, slots=True)
class _Original:
    """What is made again, as it was saved."""

    file: Path
    format: str
    sha256: str
    stamp: Mapping[str, Any]

    def is_there(self) -> bool:
        try:
            return kept_sha256(self.file) == self.sha256
        except OSError:
            return False


def _original(database: Database, settings: Settings, run_id: int) -> tuple[_Original, float]:
    """Return what a run makes again, and the tolerance of the comparison."""
    with database.read() as session:
        again = session.get_one(Reproduction, run_id)
        version = again.version
        found = _Original(file_of(settings, version), version.format, version.sha256, version.stamp or {})
        return found, again.tolerance


def _compare_bytes(
    stamp: Mapping[str, Any], made: Path, tolerance: float, environment: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Return the verdict on what a saver has written again: its bytes alone tell, as nobody opens it."""
    try:
        now = sha256_of(made)
    except OSError as error:
        raise JobError(f"The saver left no file to compare ({error}).") from error
    then = stamp["fingerprint"]["table"]
    details = {
        **{"rows": [0, 0], "added": [], "removed": [], "columns": [], "tolerance": tolerance},
        "bytes": [then, now],
        "environment": _other_versions(stamp.get("environment", {}), environment),
    }
    return IDENTICAL if then == now else DIFFERS, details


def word_of(found: Mapping[str, Any]) -> str:
    """Return the verdict on what `compare_files` has found."""
    then, now = found["rows"]
    columns = found["columns"]
    if found["added"] or found["removed"] or then != now or found["both"] != now:
        return DIFFERS
    if any(column["types"] or column["beyond_tolerance"] for column in columns):
        return DIFFERS
    return WITHIN if columns else IDENTICAL


def _other_versions(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, list[str | None]]:
    """Return the versions of what was of another one then, by name."""
    was, is_ = (
        {"python": told.get("python"), **told.get("packages", {})} if told else {} for told in (then, now)
    )
    names = (name for name in sorted(was.keys() | is_.keys()) if was.get(name) != is_.get(name))
    return {name: [was.get(name), is_.get(name)] for name in names}


def get_reproduction(session: Session, run_id: int) -> Reproduction | None:
    """Return what a run made again; None where it made nothing again."""
    return session.get(Reproduction, run_id, populate_existing=True)


def list_reproductions(session: Session, version: DatasetVersion) -> list[Reproduction]:
    """Return how a version was made again, the newest first."""
    wanted = (
        select(Reproduction)
        .where(Reproduction.version_id == version.id)
        .options(joinedload(Reproduction.run).joinedload(Run.job))
        .order_by(Reproduction.run_id.desc())
    )
    return list(session.scalars(wanted))


def verdict_of(reproduction: Reproduction) -> Verdict:
    """Return the verdict, which the end of a run may tell that came to nothing."""
    if reproduction.verdict is not None:
        return Verdict(reproduction.verdict, "", reproduction.details)
    job = reproduction.run.job
    if job.state in jobs.FINISHED:
        return Verdict(CANNOT, (job.error or "The run came to nothing.").removeprefix(AGAIN), {})
    return Verdict("", "", {})
