"""The table of a run becomes a dataset version: a file with its stamp, all of it or nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.orm import Session

from headwater.errors import InvalidInput
from headwater_catalog.confined_tables import finish_table
from headwater_catalog.dataset_files import take_back
from headwater_catalog.datasets import new_path, record_version
from headwater_catalog.errors import JobError, QuotingError
from headwater_catalog.git import GitSource
from headwater_catalog.handover import kept_sha256, open_folder, take_file
from headwater_catalog.provenance import draft_stamp
from headwater_catalog.reports import Report, storable
from headwater_catalog.repositories import mirror_path
from headwater_catalog.saved_objects import file_name, finish_object, type_of
from headwater_catalog.stamps import SIDECAR, completed, has_sidecar, stamp_bytes
from headwater_catalog.store.models import DatasetVersion, Run

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["TABLE", "Saved", "record_saved", "save_table"]

TABLE: Final = "table.arrow"
"""The name under which a runner leaves its table in its folder."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A table in its place, which nobody knows of yet.

    Attributes:
        dataset: Name of the dataset.
        path: Where it is, relative to the home folder.
        format: Its format.
        sha256: Of the file's bytes.
        stamp: What it says of itself.
        created_at: When it was saved.
    """

    dataset: str
    path: str
    format: str
    sha256: str
    stamp: Mapping[str, Any]
    created_at: int


@contextlib.contextmanager
def save_table(
    database: Database,
    settings: Settings,
    run_id: int,
    folder: Path,
    format: str,
    dataset: str,
    report: Report,
    recipe: Mapping[str, Any],
    inputs: Mapping[str, Any],
    watch: Callable[[], str | None] | None = None,
) -> Iterator[Saved]:
    """Put the table of a run in its place, and take it away again where what follows fails.

    Args:
        database: The catalog.
        settings: Where its files are.
        run_id: The run.
        folder: The folder with what was taken over from its runner.
        format: The format to save it in, or the name of the saver.
        dataset: Name of the dataset.
        report: What the runner says.
        recipe: What to execute, to make it again.
        inputs: The inputs as used.
        watch: Asked several times a second; a sentence that it returns ends it.

    Raises:
        JobError: It cannot be saved; the message says why.
    """
    if report.table is None:
        raise JobError("The runner does not say where the columns of the saved table came from.")
    now = int(time.time())
    with database.read() as session:
        run = session.get_one(Run, run_id)
        environment = report.environment
        told = (dataset, report.table, recipe, inputs, environment, now)
        draft = storable(draft_stamp(session, settings, run, *told))
        path, mirror = (
            new_path(run.repository.name, dataset, run_id, format),
            mirror_path(settings, run.repository),
        )
    saver = recipe.get("saver", "")
    out = file_name(saver) if saver else f"saved.{format}"
    try:
        if saver:
            node = next(iter(report.table.origins), "")
            made = finish_object(folder, saver, node, type_of(report.preview, node))
        else:
            made = finish_table(folder, TABLE, out, format, draft, settings.runs, watch)
        stamp = completed(draft, made.rows, made.table, made.columns, made.schema)
        if saver:
            (folder / (out + SIDECAR)).write_bytes(stamp_bytes(stamp))
        with GitSource(mirror) as source:
            source.pin(draft["commit"])
        beside = (SIDECAR,) if saver or has_sidecar(format) else ()
        # A saver's file has been hashed, and nobody had it since.
        known = stamp["fingerprint"]["table"] if saver else None
        sha256 = _place(settings, folder, out, path, beside, known)
        saved = Saved(dataset, path, format, sha256, stamp, now)
    except InvalidInput as error:
        raise QuotingError(str(error), "What came out cannot be saved.") from error
    except OSError as error:
        raise JobError(f"The table could not be put in its place: {error}.") from error
    try:
        yield saved
    except BaseException:
        # What names it may have been committed without anybody hearing of that, as when a connection is lost.
        take_back(database, settings, run_id, saved.path)
        raise


def _place(
    settings: Settings, folder: Path, out: str, path: str, beside: Sequence[str], known: str | None
) -> str:
    """Move a file, and what stands beside it, to where they are kept; return its sha256, known or not."""
    final = settings.home / path
    final.parent.mkdir(parents=True, exist_ok=True)
    ends = (*beside, "")  # the file last, as nobody looks for its stamp alone
    try:
        # The process that wrote it has opened what nobody vouches for, and may have been taken in by that.
        with open_folder(folder) as held:
            for end in ends:
                take_file(out + end, held, final.with_name(final.name + end))
        return known or kept_sha256(final)
    except BaseException:
        for end in ends:
            final.with_name(final.name + end).unlink(missing_ok=True)
        raise


def record_saved(session: Session, run: Run, saved: Saved) -> DatasetVersion:
    """Add the dataset version that a run has saved."""
    stamp = saved.stamp
    hidden = ("fingerprint",)
    version = record_version(
        session,
        run,
        saved.dataset,
        path=saved.path,
        format=saved.format,
        sha256=saved.sha256,
        rows=stamp["rows"],
        columns=[{k: v for k, v in column.items() if k not in hidden} for column in stamp["columns"]],
        now=saved.created_at,
    )
    version.uid = stamp["version"]
    version.fingerprint = f"{stamp['fingerprint']['scheme']}:{stamp['fingerprint']['table']}"
    version.stamp = dict(stamp)
    return version
