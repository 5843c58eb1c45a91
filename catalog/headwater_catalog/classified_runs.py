"""Which names in a run are classified personal: at its commit, and on the main line as it is now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from headwater_catalog.classified_at import classify_at, draws_from_others
from headwater_catalog.lineage_graph import INPUT_PREFIX, LineageGraph
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.query.classified import flow_of, guarded_edges
from headwater_catalog.snapshot import Snapshot

__all__ = ["PERSONAL", "node_names", "personal_names", "reported_personal"]

PERSONAL: Final = ("pii", "hipaa")
"""Of the tags that flow downstream, those by which data is personal."""


def personal_names(
    moment: Moment, dataflow: str, outputs: Iterable[str], given: Iterable[str] = ()
) -> list[str]:
    """Return the names that are personal among outputs of a dataflow, all that they need, and what is given.

    The columns that index its sources come along with whatever is read, so they count as needed.

    Args:
        moment: The repository at the commit of the run.
        dataflow: The dataflow.
        outputs: Names of nodes.
        given: Names of configuration and inputs that the run has.
    """
    snapshot = moment.snapshot
    keys, names = _classified(moment)
    if not names:
        return []
    graph = snapshot.graph_of(dataflow)
    nodes = _nodes(snapshot, graph)
    needed: set[str] = set()
    for key in {key for name in outputs for key in nodes.get(name, ())}:
        needed |= {key, *graph.upstream(key)}
    found = {name for name, those in nodes.items() if keys & needed & those}
    indices = {each["index"] for each in snapshot.dataflow(dataflow).sources.values() if each.get("index")}
    return sorted(found | (names & {*indices, *given}))


def reported_personal(moment: Moment, names: Collection[str]) -> list[str]:
    """Return the names that are personal among those of a run that was made elsewhere.

    Where some are, so are those that the commit does not know: nobody has read what they are made from.
    """
    _, personal = _classified(moment)
    found = personal.intersection(names)
    known = node_names(moment.snapshot) if found else ()
    return sorted(found | {name for name in names if found and name not in known})


def node_names(snapshot: Snapshot, dataflow: str | None = None) -> Collection[str]:
    """Return the names that nodes may have, in a dataflow or in all of them."""
    graph = snapshot.graph if dataflow is None else snapshot.graph_of(dataflow)
    return _nodes(snapshot, graph).keys()


def _classified(moment: Moment) -> tuple[set[str], set[str]]:
    """Return the keys of all at a commit that is personal, and the names of that.

    A commit beside main may have dropped a tag or put up a barrier that main knows nothing of. So what main
    calls personal is so by its name everywhere, with all downstream of it up to main's own barriers.
    """
    snapshot, head = moment.snapshot, _head(moment)
    keys: set[str] = set()
    names: set[str] = set()
    nodes = _nodes(snapshot, snapshot.graph) if head is not None else {}
    for tag in PERSONAL if _may_be_personal(snapshot) or head is not None else ():
        keys |= classify_at(moment, tag).keys
        if head is not None:
            there = classify_at(head, tag)
            carried = _names_of(head.snapshot, there.keys)
            stopped = _names_of(head.snapshot, there.barriers)
            carriers = {key for name in carried for key in nodes.get(name, ())}
            barriers = {key for name in stopped for key in nodes.get(name, ())} - carriers
            guarded = frozenset(guarded_edges(snapshot, there.classification))
            keys |= flow_of(snapshot.lineage, dict.fromkeys(carriers, 1), barriers, guarded).levels.keys()
            names |= carried
    return keys, names | _names_of(snapshot, keys)


def _head(moment: Moment) -> Moment | None:
    """Return main as it was last scanned, if that is another commit and has something to say."""
    if moment.position == moment.repository.scanned_position:
        return None
    head = moment_at(moment.session, moment.settings, moment.repository)
    return head if _may_be_personal(head.snapshot) else None


def _may_be_personal(snapshot: Snapshot) -> bool:
    """Tell whether anything says that it is personal, or may have that from another repository."""
    if draws_from_others(snapshot):
        return True
    return not snapshot.tagged.isdisjoint(PERSONAL)


def _names_of(snapshot: Snapshot, keys: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for key in keys:
        if key.startswith(INPUT_PREFIX):
            found.add(key.removeprefix(INPUT_PREFIX))
        for variant in snapshot.variants.get(key, ()):
            found.update(variant.nodes)
    return found


def _nodes(snapshot: Snapshot, graph: LineageGraph) -> Mapping[str, set[str]]:
    """Return the keys behind each name that a node may have: that of a feature, a part of it, or an input."""
    found: dict[str, set[str]] = {}
    for key, node in graph.nodes.items():
        found.setdefault(node.name, set()).add(key)
        for variant in snapshot.variants.get(key, ()):
            for part in variant.parts:
                found.setdefault(part.name, set()).add(key)
    return found
