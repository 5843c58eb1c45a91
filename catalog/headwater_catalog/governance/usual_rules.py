"""The rules that always hold: what features say of classifications must be true, and explained."""

from __future__ import annotations

from collections.abc import Iterator

from headwater_catalog.governance.findings import CLAIM, EXPIRED, LACKING, LEVEL, SAME_NAME, Finding
from headwater_catalog.lineage_graph import INPUT_PREFIX
from headwater_catalog.query.classified import Classified, classify
from headwater_catalog.snapshot import Snapshot, SnapshotFeature, SnapshotInput

__all__ = ["place_of", "usual_findings"]


def usual_findings(snapshot: Snapshot, day: str) -> Iterator[Finding]:
    """Yield what contradicts the classifications of a snapshot on a day.

    Args:
        snapshot: The features.
        day: The day, as YYYY-MM-DD.
    """
    for tag in snapshot.declared.rules.classifications:
        found = classify(snapshot, tag, day)
        yield from _of(snapshot, found)
        yield from _same_names(snapshot, found)


def _of(snapshot: Snapshot, found: Classified) -> Iterator[Finding]:
    tag, names = found.classification.key, found.classification.names
    for key in found.contradicted():
        claimed, way = names[found.said.levels[key]], found.why(key)
        told = (
            f"'{_short(key)}' says {tag}={claimed}, and {tag}={found.name(key)} flows in from "
            f"'{_short(way[0])}'. Take the tag away, or stop it: "
            f'{tag}="barrier" with {tag}_reason and {tag}_reviewer.'
        )
        yield _finding(snapshot, CLAIM, "error", told, key, tag, way)
    for key, barrier in found.said.barriers.items():
        if barrier.is_expired:
            told = (
                f"The barrier of '{_short(key)}' for {tag} held until {barrier.until}, so it stops nothing "
                f"any more. Look at it again, and give {tag}_until a later day, such as 2030-06-30."
            )
            yield _finding(snapshot, EXPIRED, "error", told, key, tag)
        if barrier.lacks:
            wanted = " and ".join(f"{tag}_{what}" for what in barrier.lacks)
            told = f"The barrier of '{_short(key)}' for {tag} does not say {wanted}."
            yield _finding(snapshot, LACKING, "warning", told, key, tag)
    for key, value in found.said.unknown.items():
        told = (
            f"'{_short(key)}' says {tag}={value!r}, which is none of its levels; it counts as "
            f"{names[-1]}. The levels are {', '.join(names)}."
        )
        yield _finding(snapshot, LEVEL, "warning", told, key, tag)


def _same_names(snapshot: Snapshot, found: Classified) -> Iterator[Finding]:
    """Yield the inputs of which nothing is said, and which have the name of a feature that it reaches.

    Dataflows are apart: what one makes comes into another only where somebody declares that. So where an
    input is called as personal data is elsewhere, it may be just that, and nobody would know.
    """
    graph, tag = snapshot.graph, found.classification.key
    reached: dict[str, str] = {}
    for key in sorted(found.levels):
        if not key.startswith(INPUT_PREFIX):
            reached.setdefault(_short(key), key)
    bound = {name for flow in snapshot.dataflows for name in flow.upstream}
    for name in sorted(reached.keys() - bound):
        key = f"{INPUT_PREFIX}{name}"
        if key not in graph.nodes or key in found.levels or key in found.said.levels or key in found.barriers:
            continue
        if snapshot.lineage.parents(key):  # it is a column of a table, which somebody has declared
            continue
        (user, *_), there = sorted(graph.children(key)), reached[name]
        told = (
            f"The input '{name}' of '{_short(user)}' has the name of '{there}', which is "
            f"{tag}={found.name(there)}, and is in another dataflow, so that nothing flows from there. Where "
            "it is the same, put both into one dataflow; where not, say so of the input: "
            f'@external_input with @tag({tag}="false").'
        )
        yield _finding(snapshot, SAME_NAME, "warning", told, user, f"{tag} {name}")


def _finding(
    snapshot: Snapshot,
    rule: str,
    severity: str,
    message: str,
    key: str,
    about: str,
    because: tuple[str, ...] = (),
) -> Finding:
    place = place_of(snapshot, key)
    path, line, end_line = ("", 0, 0) if place is None else (place.path, place.line, place.end_line)
    owners = () if place is None else place.owners
    return Finding(rule, severity, message, key, about, path, line, end_line, because, owners)


def place_of(snapshot: Snapshot, key: str) -> SnapshotFeature | SnapshotInput | None:
    """Return where a feature or a declared input stands: its first variant."""
    if key.startswith(INPUT_PREFIX):
        name = key.removeprefix(INPUT_PREFIX)
        return next((each for each in snapshot.inputs if each.name == name), None)
    variants = snapshot.variants.get(key)
    return variants[0] if variants else None


def _short(key: str) -> str:
    return key.removeprefix(INPUT_PREFIX).rpartition(":")[2]
