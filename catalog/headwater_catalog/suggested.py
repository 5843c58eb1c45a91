"""What looks classified in a repository of the catalog and says nothing of it, and patches that say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headwater_catalog.classified_at import imported_levels
from headwater_catalog.days import today
from headwater_catalog.errors import Conflict
from headwater_catalog.git_commands import MOST_READ
from headwater_catalog.governance.suggestions import Evidence, Suggestion, suggestions, would_reach
from headwater_catalog.governance.tag_patch import TagPatch, tag_patch
from headwater_catalog.kept_looks import reasons_by_values
from headwater_catalog.moments import Moment
from headwater_catalog.read import PROJECT_FILES, is_source
from headwater_catalog.repositories import open_mirror

__all__ = ["accepted", "patch_at", "reached_at", "suggestions_at"]

Wanted = Mapping[str, Mapping[str, str]]
"""Tags to add, by the key of a feature or an input."""


def suggestions_at(moment: Moment, sees_personal: bool, day: str | None = None) -> tuple[Suggestion, ...]:
    """Return what looks classified at a moment; what was found last, for what was known then, is kept.

    Args:
        moment: The moment.
        sees_personal: Whether who asks may see personal data in what runs of the repository made.
        day: The day on which barriers must hold, as YYYY-MM-DD; None: today.
    """
    day, snapshot = day or today(), moment.snapshot
    reasons = reasons_by_values(moment.session, moment.repository, sees_personal)
    imported = _imported(moment, day)
    kept, name, known = snapshot.kept, f"suggestions {sees_personal}", (day, reasons, imported)
    found = kept.get(name)
    if found is None or found[0] != known:
        found = kept[name] = known, suggestions(snapshot, day, Evidence(reasons, imported))
    return found[1]


def reached_at(moment: Moment, suggestion: Suggestion, day: str | None = None) -> tuple[str, ...]:
    """Return the keys of the features that a suggestion would classify downstream, once it is accepted."""
    day = day or today()
    return would_reach(moment.snapshot, suggestion, day, _imported(moment, day))


def _imported(moment: Moment, day: str) -> dict[str, Mapping[str, int]]:
    imported = imported_levels(moment, moment.snapshot.declared.rules.classifications, day)
    return {tag: dict(sorted(levels.items())) for tag, levels in imported.items()}


def accepted(found: Iterable[Suggestion], chosen: Iterable[tuple[str, str]] | None = None) -> Wanted:
    """Return the tags that suggestions mean.

    Args:
        found: The suggestions.
        chosen: Those that are accepted, each by its classification and its key; None: all.

    Raises:
        Conflict: One of them is suggested no more.
    """
    known = {(each.classification, each.key): each for each in found}
    wanted: dict[str, dict[str, str]] = {}
    for place in known if chosen is None else chosen:
        if place not in known:
            raise Conflict(f"Nothing suggests {place[0]} for '{place[1]}' any more. Look at the list again.")
        wanted.setdefault(place[1], {})[place[0]] = known[place].value
    return wanted


def patch_at(moment: Moment, wanted: Wanted) -> TagPatch:
    """Return the patch that adds tags to features and inputs of a commit.

    Raises:
        RepositoryError: The mirror cannot be read.
    """
    with open_mirror(moment.settings, moment.repository) as source:
        tree = source.tree(moment.commit.sha)
        paths: dict[str, list[str]] = {}
        for path, file in tree.items():
            if is_source(path) or path in PROJECT_FILES:
                paths.setdefault(file.oid, []).append(path)
        # Of what is larger than any source only the beginning comes, which is nothing to be edited.
        contents = ((oid, text) for oid, text in source.blobs(paths) if len(text) < MOST_READ)
        files = {path: text for oid, text in contents for path in paths[oid]}
    return tag_patch(files, wanted)
