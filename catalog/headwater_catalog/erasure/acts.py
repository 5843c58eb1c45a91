"""What erasing does to each kind of thing that Headwater holds itself; done twice, it does no more."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from headwater_catalog.erasure.removing import NotRemoved, remove_kept
from headwater_catalog.erasure.traces import ERASED_VALUE
from headwater_catalog.relays import files_of
from headwater_catalog.stamps import SIDECAR
from headwater_catalog.store.models import (
    CheckResult,
    DatasetVersion,
    ErasureItem,
    Job,
    JobAttempt,
    KeptInput,
    KeptValue,
    Reproduction,
    Run,
    RunNode,
    ValueComparison,
)

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = ["NotRemoved", "erase_item"]

_NAMES: Final = "Its bytes are still on the disk under another name, such as that of a backup."


def erase_item(session: Session, settings: Settings, item: ErasureItem) -> str:
    """Erase one thing, in the write transaction that notes it; a file goes before its row.

    Returns:
        What else there is to know; mostly nothing.

    Raises:
        NotRemoved: It stays, and why.
    """
    return _ACTS[item.kind](session, settings, item)


def _dataset(session: Session, settings: Settings, item: ErasureItem) -> str:
    version = session.get(DatasetVersion, int(item.target))
    if version is None:
        return "Its dataset is gone."
    known = remove_kept(settings.home, version.path)
    known |= remove_kept(settings.home, version.path + SIDECAR)
    return _NAMES if known else ""


def _value(session: Session, settings: Settings, item: ErasureItem) -> str:
    mine = KeptValue.repository_id == item.repository_id, KeptValue.key == item.target
    # Locked before its file goes, which who takes one over moves there while they hold the row.
    session.execute(select(KeptValue.id).where(*mine).with_for_update())
    known = remove_kept(settings.home, item.place)
    session.execute(delete(KeptValue).where(*mine))
    return _NAMES if known else ""


def _handed(_session: Session, settings: Settings, item: ErasureItem) -> str:
    # What tells a value has what was given to its run, too; without it nobody takes the value.
    beside = str(PurePosixPath(item.place).with_name(files_of(item.columns[0], "")[1]))
    known = remove_kept(settings.home, beside)
    known |= remove_kept(settings.home, item.place)
    return _NAMES if known else ""


def _input(session: Session, settings: Settings, item: ErasureItem) -> str:
    mine = KeptInput.repository_id == item.repository_id, KeptInput.sha256 == item.target
    # Locked as all rows of the file are by who makes room, so that the last one who goes takes the file.
    rows = select(KeptInput).where(KeptInput.sha256 == item.target).order_by(KeptInput.id).with_for_update()
    others = [row for row in session.scalars(rows) if row.repository_id != item.repository_id]
    session.execute(delete(KeptInput).where(*mine))
    planned = exists().where(
        ErasureItem.erasure_id == item.erasure_id,
        ErasureItem.kind == "input",
        ErasureItem.target == item.target,
        ErasureItem.repository_id == KeptInput.repository_id,
    )
    apart = select(KeptInput.id).where(KeptInput.sha256 == item.target, ~planned).limit(1)
    if session.scalar(apart) is not None:
        raise NotRemoved("Another repository keeps the same file, and no part of this plan is about it.")
    if others:
        return "The file goes with the last repository of the plan that keeps it."
    return _NAMES if remove_kept(settings.home, f"uploads/{item.target}") else ""


def _preview(session: Session, settings: Settings, item: ErasureItem) -> str:
    run = _run(session, item)
    shown = run.preview or {}
    if "erased" in shown:
        return ""
    told = json.dumps(run.preview, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    # The digest is what manifests of the run have signed.
    left: dict[str, Any] = {
        "erased": item.erasure_id,
        "sha256": hashlib.sha256(told.encode()).hexdigest(),
    }
    if shown.get("failure"):
        left["failure"] = {"node": None, "error": "Error", "message": ERASED_VALUE, "frames": []}
    else:
        left |= {"table": None, "values": []}
    run.preview = left
    return ""


def _run(session: Session, item: ErasureItem) -> Run:
    return session.scalars(select(Run).where(Run.id == int(item.target)).with_for_update(of=Run)).one()


def _profiles(session: Session, settings: Settings, item: ErasureItem) -> str:
    reason = f"It was erased, as the record of erasure {item.erasure_id} tells."
    nothing: dict[str, Any] = {
        "reason": reason,
        **dict.fromkeys(("rows", "bytes", "sample")),
        "columns": [],
        "columns_left_out": 0,
    }
    mine = RunNode.run_id == int(item.target), RunNode.name.in_(item.columns)
    session.execute(update(RunNode).where(*mine).values(profile=nothing), execution_options=_PLAIN)
    return ""


def _checks(session: Session, settings: Settings, item: ErasureItem) -> str:
    mine = CheckResult.run_id == int(item.target), CheckResult.node.in_(item.columns)
    told = update(CheckResult).where(*mine).values(message=ERASED_VALUE, diagnostics={})
    session.execute(told, execution_options=_PLAIN)
    return ""


def _log(session: Session, settings: Settings, item: ErasureItem) -> str:
    run = _run(session, item)
    run.log = f"[{ERASED_VALUE}]" if run.log else ""
    if run.job.error:
        told = f"Why it ended was erased, as the record of erasure {item.erasure_id} tells."
        session.execute(update(Job).where(Job.id == run.job_id).values(error=told), execution_options=_PLAIN)
        attempts = update(JobAttempt).where(JobAttempt.job_id == run.job_id, JobAttempt.reason.is_not(None))
        session.execute(attempts.values(reason=told), execution_options=_PLAIN)
    return ""


def _comparison(session: Session, settings: Settings, item: ErasureItem) -> str:
    mine = ValueComparison.run_id == int(item.target)
    session.execute(
        update(ValueComparison).where(mine).values(details={"values": []}), execution_options=_PLAIN
    )
    return ""


def _reproduction(session: Session, settings: Settings, item: ErasureItem) -> str:
    mine = Reproduction.run_id == int(item.target)
    session.execute(update(Reproduction).where(mine).values(details={}), execution_options=_PLAIN)
    return ""


def _given(session: Session, settings: Settings, item: ErasureItem) -> str:
    """Replace values that a run was given; what its dataset version says of itself loses them, too."""
    run = _run(session, item)
    names = frozenset(item.columns)
    run.inputs, run.config = _without(run.inputs, names), _emptied(run.config, names)
    wanted = select(DatasetVersion).where(DatasetVersion.run_id == run.id).with_for_update()
    for version in session.scalars(wanted):
        if version.stamp is not None:
            version.stamp = _stamp_without(version.stamp, names)
    return ""


def _without(inputs: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {
        name: {**given, "value": ERASED_VALUE} if name in names and "value" in given else given
        for name, given in inputs.items()
    }


def _emptied(config: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: ERASED_VALUE if name in names else value for name, value in config.items()}


def _stamp_without(stamp: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    recipe = stamp.get("recipe") or {}
    told = {**recipe}
    for part, emptied in (("inputs", _without), ("config", _emptied)):
        if part in told:
            told[part] = emptied(told[part], names)
    return {
        **stamp,
        "inputs": _without(stamp["inputs"], names),
        "config": _emptied(stamp["config"], names),
        "recipe": told,
    }


_PLAIN: Final = {"synchronize_session": False}
_Act = Callable[[Session, "Settings", ErasureItem], str]
_ACTS: Final[Mapping[str, _Act]] = {
    "dataset": _dataset,
    "value": _value,
    "handed": _handed,
    "input": _input,
    "preview": _preview,
    "profiles": _profiles,
    "checks": _checks,
    "log": _log,
    "comparison": _comparison,
    "reproduction": _reproduction,
    "given": _given,
}
