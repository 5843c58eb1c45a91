"""Data that holds something made from columns: datasets, kept values and inputs, and what is elsewhere."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session, defer, joinedload

from headwater_catalog.datasets import file_of
from headwater_catalog.erasure.items import (
    DERIVED,
    UNKNOWN,
    Item,
    Standing,
    target_of,
    weightier,
)
from headwater_catalog.erasure.looks import Look
from headwater_catalog.erasure.reach import Reach, Seeds
from headwater_catalog.errors import Conflict
from headwater_catalog.jobs import State
from headwater_catalog.kept_inputs import input_file
from headwater_catalog.locations import Location, Whereabouts
from headwater_catalog.relays import Relay, files_of
from headwater_catalog.sinks import places_of
from headwater_catalog.store.models import DatasetVersion, Event, KeptInput, KeptValue, Repository
from headwater_catalog.value_store import relays_of
from headwater_catalog.views import DataflowView

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = ["Head", "data_items"]

_NEW: Final = "which node it is of was not noted"


Head = tuple[str, DataflowView, Reach]
"""A commit, a dataflow as it is there, and what the columns reach in it."""


def data_items(
    session: Session,
    settings: Settings,
    repository: Repository,
    seeds: Seeds,
    looks: Sequence[Look],
    heads: Sequence[Head],
) -> Iterator[Item]:
    """Yield the data of a repository that holds something made from columns.

    Args:
        session: An open session.
        settings: Where files are.
        repository: The repository.
        seeds: The columns as they are called there.
        looks: Its runs.
        heads: Its dataflows at the scanned head.
    """
    by_run = {look.run.id: look for look in looks}
    datasets = list(_datasets(session, settings, repository, by_run))
    yield from datasets
    yield from _values(session, repository, by_run)
    yield from _handed(settings, repository, looks)
    inputs = list(_inputs(session, settings, repository, seeds, looks))
    yield from inputs
    known = {(item.kind, item.target) for item in inputs}
    for item in _declared(repository, heads):
        if (item.kind, item.target) not in known:
            known.add((item.kind, item.target))
            yield item
    yield from _sinks(repository, looks, {item.run: item for item in datasets})
    yield from _downloads(session, repository, datasets)


def _datasets(
    session: Session, settings: Settings, repository: Repository, by_run: Mapping[int, Look]
) -> Iterator[Item]:
    wanted = (
        select(DatasetVersion)
        .options(joinedload(DatasetVersion.dataset), defer(DatasetVersion.stamp))
        .where(DatasetVersion.dataset.has(repository_id=repository.id))
        .order_by(DatasetVersion.id)
    )
    for version in session.scalars(wanted):
        look = by_run.get(version.run_id)
        if look is None:
            continue
        found = {column["name"]: _of_column(column, look) for column in version.columns}
        told = {name: standing for name, standing in found.items() if standing is not None}
        whole = _heaviest(told.values())
        if whole is None:
            continue
        columns = tuple(name for name, standing in told.items() if standing.word == whole.word)
        file = file_of(settings, version)
        yield Item(
            repository.id,
            "dataset",
            str(version.id),
            f"{version.dataset.name}@{version.run_id}",
            whole,
            columns,
            version.run_id,
            look.run.commit.sha,
            version.path,
            _size(file),
        )


def _of_column(column: Mapping[str, Any], look: Look) -> Standing | None:
    """Return how a column of a dataset version stands."""
    if column.get("kind") == "index":
        return Standing(DERIVED) if column.get("source") in look.index else look.standing(())
    names = [name for name in (column.get("node"), column["name"]) if name]
    found = look.standing(names[:1])
    if found is None and column.get("kind") == "unknown":
        whole = look.whole
        return whole and Standing(UNKNOWN, "what made the column was not noted")
    if found is None and column.get("opaque") and look.whole is not None:
        return Standing(UNKNOWN, f"its code reaches what cannot be read: {column['opaque'][0]}")
    return found


def _heaviest(standings: Iterable[Standing]) -> Standing | None:
    found: Standing | None = None
    for each in standings:
        found = weightier(found, each)
    return found


def _size(file: Path) -> int | None:
    try:
        return file.lstat().st_size
    except OSError:
        return None


def _values(session: Session, repository: Repository, by_run: Mapping[int, Look]) -> Iterator[Item]:
    columns = KeptValue.key, KeptValue.run_id, KeptValue.node, KeptValue.bytes
    wanted = select(*columns).where(KeptValue.repository_id == repository.id).order_by(KeptValue.id)
    for key, run_id, node, size in session.execute(wanted):
        look = by_run.get(run_id)
        if look is None:
            continue
        if node is not None and not look.why and node in look.names:
            standing = look.standing((node,))
        else:
            standing = look.whole and Standing(UNKNOWN, look.why or _NEW)
        if standing is not None:
            told = (node,) if node else ()
            place = f"values/{repository.id}/{key[:2]}/{key}.value"
            name = f"{node or 'a value'} of run {run_id}"
            yield Item(
                repository.id, "value", key, name, standing, told, run_id, look.run.commit.sha, place, size
            )


def _handed(settings: Settings, repository: Repository, looks: Sequence[Look]) -> Iterator[Item]:
    """Yield what runs of relays have handed on: in the home, and in sinks, where people see to it."""
    for look in looks:
        payload = look.run.job.payload
        for node, hashes in payload.get("handed_on", {}).items():
            standing = look.standing((node,))
            if standing is None:
                continue
            relay, name = Relay.from_dict(payload["relay"]), f"{node} of run {look.run.id}"
            file = files_of(node, hashes["sha256"])[0]
            known = (name, standing, (node,), look.run.id, look.run.commit.sha)
            if not relay.through:
                path = relays_of(settings, repository.id) / relay.folder(look.run.dataflow) / file
                size, place = _size(path), path.relative_to(settings.home).as_posix()
                if size is not None:  # else it has been removed, as all that lies there some days
                    yield Item(
                        repository.id, "handed", target_of(f"{look.run.id}:{node}"), *known, place, size
                    )
                continue
            sinks = look.view.sinks if look.view is not None else {}
            with contextlib.suppress(Conflict, KeyError):
                folder = places_of(sinks, [relay.through], look.run.env)[relay.through].shown
                place = f"{folder}{relay.folder(look.run.dataflow)}/{file}"
                yield Item(repository.id, "sink", target_of(place), *known, place)


def _inputs(
    session: Session, settings: Settings, repository: Repository, seeds: Seeds, looks: Sequence[Look]
) -> Iterator[Item]:
    """Yield the files that runs have read and that may have the columns: kept here, in git, or elsewhere."""
    kept = set(session.scalars(select(KeptInput.sha256).where(KeptInput.repository_id == repository.id)))
    read: dict[tuple[str, str], tuple[Standing, Look, str, str]] = {}
    seen: set[str] = set()
    for look in looks:
        for name, given in look.run.inputs.items():
            sha256 = given.get("sha256")
            if not sha256:
                continue
            seen.add(sha256)
            standing = _of_input(look, name)
            if standing is None:
                continue
            for kind, target, place in _places(look, name, given, kept):
                before = read.get((kind, target))
                counted = weightier(before[0] if before else None, standing)
                assert counted is not None
                read[kind, target] = counted, look, place, str(given.get("path", name))
    for (kind, target), (standing, look, place, called) in read.items():
        size = _size(input_file(settings, target)) if kind == "input" else None
        yield Item(
            *(repository.id, kind, target, called, standing, (), look.run.id, look.run.commit.sha, place),
            size,
        )
    if not (seeds.names or seeds.inputs):
        return
    why = "it was sent, and no run that is known has read it: which columns it has is not known"
    for sha256 in sorted(kept - seen):
        place = f"uploads/{sha256}"
        size = _size(input_file(settings, sha256))
        yield Item(
            repository.id, "input", sha256, sha256[:16], Standing(UNKNOWN, why), place=place, bytes=size
        )


def _declared(repository: Repository, heads: Iterable[Head]) -> Iterator[Item]:
    """Yield where sources are declared to be that may have the columns, read by a run or not."""
    for sha, view, reach in heads:
        outside = reach.columns.difference(reach.keys, view.config, view.upstream)
        for name, declared in view.sources.items():
            named = {declared.get("index"), *declared.get("dates", ())}
            if name in reach.index or outside & named or (outside and len(view.sources) == 1):
                standing = Standing(DERIVED)
            elif outside:
                why = f"dataflow '{view.name}' has {len(view.sources)} sources, and none declares the column"
                standing = Standing(UNKNOWN, why)
            elif name in reach.open:
                standing = Standing(UNKNOWN, reach.open[name])
            else:
                continue
            for place in Whereabouts.from_dict(declared).locations.values():
                kind = "file" if place.path else "source"
                yield Item(
                    *(repository.id, kind, target_of(place.shown), place.shown, standing, ()),
                    *(None, sha, place.shown),
                )


def _of_input(look: Look, source: str) -> Standing | None:
    """Return how a file stands that a run has read as a source."""
    if look.why:
        return Standing(UNKNOWN, look.why)
    if source in look.index:
        return Standing(DERIVED)
    given = {name for name, each in look.run.inputs.items() if "value" in each}
    outside = look.columns.difference(look.made, look.run.config, given)
    if not outside:
        return Standing(UNKNOWN, look.open[source]) if source in look.open else None
    if not outside & look.computed:
        return Standing(UNKNOWN, "it may have the column, which this run did not need")
    declared = look.view.sources.get(source, {}) if look.view else {}
    if outside & {declared.get("index"), *declared.get("dates", ())}:
        return Standing(DERIVED)
    files = [name for name, given in look.run.inputs.items() if given.get("sha256")]
    if len(files) == 1:
        return Standing(DERIVED)
    return Standing(UNKNOWN, f"the run has read {len(files)} files, and it is not kept which has the column")


def _places(
    look: Look, name: str, given: Mapping[str, Any], kept: Iterable[str]
) -> Iterator[tuple[str, str, str]]:
    """Yield kind, target and place of what a run has read as a source."""
    sha256 = given["sha256"]
    if sha256 in kept:
        yield "input", sha256, f"uploads/{sha256}"
    if given.get("upload"):
        return
    path = str(given.get("path", ""))
    place = _location(look, name)
    if "commit" in given or place is None or place.path or place.shown != path:
        yield "file", target_of(path), path
    else:
        yield "source", target_of(path), path


def _location(look: Look, name: str) -> Location | None:
    declared = look.view.sources.get(name) if look.view else None
    if declared is None:
        return None
    try:
        return Whereabouts.from_dict(declared).at(look.run.env)
    except KeyError:
        return None


def _sinks(
    repository: Repository, looks: Sequence[Look], datasets: Mapping[int | None, Item]
) -> Iterator[Item]:
    """Yield the places to which tables were carried; each holds what came last."""
    found: dict[str, list[Item]] = defaultdict(list)
    for look in looks:
        names = look.run.job.payload.get("sinks") or ()
        if not names or look.view is None or look.run.job.state not in (State.SUCCEEDED, State.FAILED):
            continue
        item = datasets.get(look.run.id)
        standing = item.standing if item else look.standing(look.run.outputs)
        if standing is None or (item is None and look.run.job.state == State.SUCCEEDED):
            continue
        if item is None:
            standing = Standing(UNKNOWN, "the run failed, and may have written it before")
        for name in names:
            try:
                place = places_of(look.view.sinks, [name], look.run.env)[name]
            except (Conflict, KeyError):
                continue
            columns = item.columns if item else ()
            shown = place.shown
            found[shown].append(
                Item(
                    *(repository.id, "sink", target_of(shown), name, standing, columns),
                    *(look.run.id, look.run.commit.sha, shown),
                )
            )
    for items in found.values():
        newest = max(items, key=lambda item: item.run or 0)
        whole = _heaviest(item.standing for item in items)
        assert whole is not None
        columns = tuple(dict.fromkeys(name for item in items for name in item.columns))
        yield Item(
            *(repository.id, "sink", newest.target, newest.name, whole, columns),
            *(newest.run, newest.sha, newest.place),
        )


def _downloads(session: Session, repository: Repository, datasets: Sequence[Item]) -> Iterator[Item]:
    """Yield who has downloaded files of datasets: the log tells."""
    if not datasets:
        return
    by_subject = {f"{_dataset(item.name)} of run {item.run} in {repository.name}": item for item in datasets}
    wanted = select(Event.id, Event.actor, Event.subject).where(Event.kind == "dataset downloaded")
    for number, actor, subject in session.execute(wanted.order_by(Event.id)):
        item = by_subject.get(subject)
        if item is not None:
            yield Item(
                *(repository.id, "download", str(number), item.name, item.standing, item.columns),
                *(item.run, item.sha, f"with {actor}, as event {number} tells"),
            )


def _dataset(name: str) -> str:
    return name.rpartition("@")[0]
