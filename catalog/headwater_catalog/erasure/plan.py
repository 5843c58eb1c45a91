"""The plan of an erasure: all that holds something made from some columns, in whatever repository."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.erasure.columns import seeds_of, told_of
from headwater_catalog.erasure.data import Head, data_items
from headwater_catalog.erasure.items import DONE, UNKNOWN, Item, Standing, target_of, weightier
from headwater_catalog.erasure.looks import Look, Looks
from headwater_catalog.erasure.reach import Reach, Seeds
from headwater_catalog.erasure.traces import trace_items
from headwater_catalog.jobs import FINISHED
from headwater_catalog.store.models import Commit, Dataflow, DataflowVersion, ErasureItem, Repository, Run

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = ["Plan", "make_plan"]

_WHOLE: Final = ("dataset", "preview", "log", "comparison", "reproduction")


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to erase.

    Attributes:
        items: It, by repository and kind.
        counts_as: By repository, what the columns are called there.
        unknown: What could not be looked at or is not known, each a sentence.
        runs: How many runs were looked at.
        commits: At how many commits.
        under_way: Numbers of the jobs of runs that have not ended, and need something of this.
    """

    items: tuple[Item, ...]
    counts_as: Mapping[str, Mapping[str, Any]]
    unknown: tuple[str, ...]
    runs: int
    commits: int
    under_way: tuple[int, ...]


@dataclass
class _Found:
    """What was found in one repository.

    Attributes:
        repository: It.
        seeds: The columns as they are called there.
        looks: Its runs.
        heads: Its dataflows at the scanned head, each with the commit and what is reached there.
        features: How each feature stands, by key, with the first commit of those looked at that shows it.
    """

    repository: Repository
    seeds: Seeds
    looks: list[Look] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)
    features: dict[str, tuple[Standing, str]] = field(default_factory=dict)

    @property
    def reached(self) -> dict[str, tuple[str, ...]]:
        """The features that are reached, with what holds them back, or nothing."""
        return {key: standing.by for key, (standing, _) in self.features.items() if standing.word != UNKNOWN}

    def note(self, reach: Reach, sha: str) -> None:
        """Note how the features of a dataflow stand at a commit."""
        for name, keys in reach.keys.items():
            standing = reach.standings.get(name)
            if standing is None or (len(keys) != 1 and standing.word == UNKNOWN):
                continue
            for key in keys:
                before = self.features.get(key)
                counted = weightier(before[0] if before else None, standing)
                if before is None or counted != before[0]:
                    assert counted is not None
                    self.features[key] = counted, sha


def make_plan(
    session: Session, settings: Settings, repository: Repository, columns: Sequence[str], day: str
) -> Plan:
    """Return all that holds something made from columns, as far as anybody can know.

    What was made is judged by the code of the commit at which it was made, in the configuration of its run.

    Args:
        session: An open session; what it may not see is not looked at.
        settings: Where mirrors and files are.
        repository: The repository of the columns.
        columns: As `columns.seeds_of` takes them.
        day: The day on which barriers must hold.

    Raises:
        NotFound: There was never such a column.
    """
    looks = Looks(session, settings, day)
    seeds = seeds_of(session, repository, columns)
    found = _followed(session, looks, repository, seeds)
    erased = _erased(session)
    items: list[Item] = []
    for each in found.values():
        made = data_items(session, settings, each.repository, each.seeds, each.looks, each.heads)
        items += [item for item in made if (item.repository_id, item.kind, item.target) not in erased]
        traces = trace_items(session, each.repository, each.looks)
        items += [item for item in traces if (item.repository_id, item.kind, item.target) not in erased]
    for each in found.values():
        items += _features(each)
    every = [look for each in found.values() for look in each.looks]
    runs = [look.run for look in every]
    return Plan(
        tuple(items),
        {each.repository.name: _called(each) for each in found.values()},
        (*looks.unknown, *told_of(session, repository, seeds)),
        len(runs),
        len({run.commit_id for run in runs}),
        tuple(_under_way(every, items)),
    )


def _under_way(looks: Iterable[Look], items: Iterable[Item]) -> Iterator[int]:
    """Yield the jobs of runs that have not ended and compute, or read, something of a plan."""
    files = {item.target for item in items if item.kind == "input"}
    for look in looks:
        if look.run.job.state not in FINISHED:
            read = {given.get("sha256") for given in look.run.inputs.values()}
            if look.whole is not None or not files.isdisjoint(read):
                yield look.run.job_id


def _followed(session: Session, looks: Looks, repository: Repository, seeds: Seeds) -> dict[int, _Found]:
    """Return what is found in a repository, and in all that draw from it, and from these."""
    drawing, beside = _drawing(session), _beside(session)
    ever_drawing = {each for of in drawing.values() for each in of}
    everybody = {each.id: each for each in session.scalars(select(Repository))}
    found = {repository.id: _Found(repository, seeds)}
    upstream: dict[str, dict[str, tuple[str, ...]]] = {}
    pending = [repository.id]
    while pending:
        number = pending.pop()
        here = found[number]
        here.looks, here.features, noted = [], {}, None
        beside_only = number != repository.id and number not in ever_drawing
        for look, reach in looks.at(here.repository, here.seeds, upstream, beside_only=beside_only):
            here.looks.append(look)
            if reach is not None and reach is not noted:
                noted = reach
                here.note(reach, look.run.commit.sha)
        here.heads = list(looks.heads(here.repository, here.seeds, upstream))
        for sha, _, reach in here.heads:
            here.note(reach, sha)
        name = here.repository.name
        reached = here.reached
        if reached == upstream.get(name, {}):
            continue
        upstream[name] = reached
        # What draws from it only beside its main line is told by the runs there.
        for other in drawing.get(name, set()) | beside:
            if other not in found:
                found[other] = _Found(everybody[other], Seeds())
            pending += [other] if other not in pending else []
    # What cannot be looked at may be reached.
    unknown = set(looks.unknown.values())
    return {
        number: each
        for number, each in found.items()
        if each.seeds or each.features or each.repository.name in unknown
    }


def _beside(session: Session) -> set[int]:
    """Return the repositories that have runs beside their main line."""
    runs = select(Run.repository_id).join(Commit, Commit.id == Run.commit_id)
    return set(session.scalars(runs.where(Commit.position.is_(None)).distinct()))


def _drawing(session: Session) -> dict[str, set[int]]:
    """Return the repositories that have ever drawn from others, by the name of these."""
    rows = session.execute(
        select(Dataflow.repository_id, DataflowVersion.upstream).join(
            DataflowVersion, DataflowVersion.dataflow_id == Dataflow.id
        )
    )
    found: dict[str, set[int]] = {}
    for number, upstream in rows:
        for declared in upstream.values():
            found.setdefault(declared["feature"].partition(":")[0], set()).add(number)
    return found


def _erased(session: Session) -> set[tuple[int, str, str]]:
    """Return what is erased already as a whole, and has left its row behind."""
    columns = ErasureItem.repository_id, ErasureItem.kind, ErasureItem.target
    done = ErasureItem.state == DONE, ErasureItem.kind.in_(_WHOLE)
    rows = session.execute(select(*columns).where(*done))
    return {(number, kind, target) for number, kind, target in rows}


def _features(found: _Found) -> Iterable[Item]:
    for key, (standing, sha) in sorted(found.features.items()):
        if standing.word != UNKNOWN:
            yield Item(found.repository.id, "feature", target_of(key), key, standing, sha=sha)


def _called(found: _Found) -> dict[str, Any]:
    """Return what the columns are called in a repository, with the inputs that it draws from others."""
    drawn = {name for _, view, reach in found.heads for name in reach.columns & view.upstream.keys()}
    return {
        "names": sorted(found.seeds.names),
        "keys": sorted(found.seeds.keys),
        "inputs": sorted(found.seeds.inputs | drawn),
    }
