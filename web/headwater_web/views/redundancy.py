"""What could go: functions that do the same, features that nothing needs, and deprecated ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, render_template, request
from markupsafe import Markup

from headwater_catalog.answers.redundancy import deprecation_json, group_json, member_json, unneeded_json
from headwater_catalog.dead import DAYS, STATES, DeadFeatures, Unneeded
from headwater_catalog.errors import NotFound
from headwater_catalog.governance.duplicates import KINDS, SMALLEST_COPY, Function, Group
from headwater_catalog.governance.near_functions import LEAST
from headwater_catalog.history import code_diff
from headwater_web.governed import place_names
from headwater_web.highlighting import highlight
from headwater_web.lists import Table, as_files
from headwater_web.reading import number_asked, offset_asked
from headwater_web.redundant import (
    LONGEST,
    deprecated,
    duplicates,
    groups_asked,
    unneeded,
    without_meanings,
)

__all__ = ["blueprint"]

blueprint = Blueprint("redundancy", __name__)

_PAGE: Final = 50
_MOST_CODES: Final = 10  # of one group
_MOST_PAIRS: Final = 250_000  # of lines that a diff compares
_MOST_LINES: Final = 300
_MEMBER: Final = (
    *("id", "kind", "repository", "module", "function", "features", "path", "line", "end_line", "type"),
    *("needs", "owners", "differing"),
)
_UNNEEDED: Final = (
    *("repository", "key", "state", "reason", "path", "line", "owners", "added", "changed", "author"),
    *("last_run", "last_run_at", "last_dataset"),
)
_DEPRECATED: Final = (
    *("repository", "key", "said", "since", "since_at", "owners", "users", "new_users", "asked", "datasets"),
    "repositories",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """How the code of a function differs from that of the first of its group."""

    function: Function
    lines: tuple[str, ...]
    left_out: int


@blueprint.get("/duplicates")
def groups() -> str:
    """List functions that do the same, or almost."""
    repo, kind, offset = _repo(), _one_of("kind", KINDS), offset_asked()
    found = groups_asked(repo, None)
    counts = Counter(group.kind for group in found)
    shown = [group for group in found if kind in (None, group.kind)]
    return render_template(
        "duplicates.html",
        rows=shown[offset : offset + _PAGE],
        total=len(shown),
        counts=counts,
        kinds=KINDS,
        kind=kind,
        crowded=duplicates().crowded,
        unknown=without_meanings(),
        least=LEAST,
        smallest=SMALLEST_COPY,
        offset=offset,
        limit=_PAGE,
        **_repositories(repo),
    )


@as_files(blueprint, "/duplicates")
def all_groups() -> Table:
    """Give the members of the groups as a table."""
    return Table("duplicates", _MEMBER, _member_rows(groups_asked(_repo(), _one_of("kind", KINDS))))


@blueprint.get("/duplicates/<group>")
def group(group: str) -> str:
    """Show functions that do the same, or almost, and in what they differ."""
    found = _group(group)
    first, others = found.members[0], found.members[1 : _MOST_CODES + 1]
    differences = []
    for each in others:
        lines = code_diff(first.first.source, each.first.source, most=_MOST_PAIRS)
        shown = lines[:_MOST_LINES]
        differences.append(Difference(each, shown, len(lines) - len(shown)))
    return render_template(
        "duplicate.html",
        group=found,
        what=KINDS[found.kind],
        code=_code(first),
        differences=differences,
        left_out=len(found.members) - 1 - len(others),
    )


@as_files(blueprint, "/duplicates/<group>")
def group_members(group: str) -> Table:
    """Give the members of a group as a table."""
    return Table(f"duplicates-{group}", _MEMBER, _member_rows([_group(group)]))


def _group(id: str) -> Group:
    found = next((each for each in duplicates().groups if each.id == id), None)
    if found is None:
        raise NotFound("There are no such duplicates, or none any more. The list has all that there are.")
    return found


def _code(function: Function) -> Markup:
    return highlight(function.first.source, function.first.line or 1, {})


def _member_rows(groups: Iterable[Group]) -> Iterator[tuple[object, ...]]:
    for each in groups:
        told = group_json(each)
        for member in each.members:
            row = {"id": told["id"], "kind": told["kind"], **member_json(member)}
            yield *row.values(), told["differing"]


@blueprint.get("/dead")
def dead() -> str:
    """List what nothing has needed for some days, and what was looked at."""
    repo, days, state, offset = _repo(), _days(), _one_of("state", STATES) or "dead", offset_asked()
    found = unneeded(repo, days)
    rows = list(_unneeded(found, state))
    return render_template(
        "dead.html",
        places=found,
        rows=rows[offset : offset + _PAGE],
        total=len(rows),
        counts={name: sum(each.counts[name] for each in found) for name in STATES},
        states=STATES,
        state=state,
        days=days,
        usual_days=DAYS,
        offset=offset,
        limit=_PAGE,
        **_repositories(repo),
    )


@as_files(blueprint, "/dead")
def all_dead() -> Table:
    """Give what nothing is known to need as a table."""
    found = _unneeded(unneeded(_repo(), _days()), _one_of("state", STATES))
    return Table("dead", _UNNEEDED, (tuple(unneeded_json(*each).values()) for each in found))


def _unneeded(found: list[DeadFeatures], state: str | None) -> Iterator[tuple[str, Unneeded]]:
    """Yield what is of a state, or of any, each with its repository."""
    return (
        (place.repository, each) for place in found for each in place.found if state in (None, each.state)
    )


@blueprint.get("/deprecated")
def deprecations() -> str:
    """List the deprecated features with who still needs them."""
    repo, used, offset = _repo(), request.args.get("used") == "yes", offset_asked()
    found = deprecated(repo)
    rows = [each for each in found if each.users or not used]
    return render_template(
        "deprecated.html",
        rows=rows[offset : offset + _PAGE],
        total=len(rows),
        used=used,
        offset=offset,
        limit=_PAGE,
        **_repositories(repo),
    )


@as_files(blueprint, "/deprecated")
def all_deprecations() -> Table:
    """Give the deprecated features as a table."""
    used = request.args.get("used") == "yes"
    told = (deprecation_json(each) for each in deprecated(_repo()) if each.users or not used)
    rows = (
        (each["repository"], each["key"], each["said"], each["since"]["sha"], each["since"]["authored_at"])
        + (each["owners"], [user["key"] for user in each["users"]])
        + ([user["key"] for user in each["users"] if user["is_new"]], each["asked"], each["datasets"])
        + (each["repositories"],)
        for each in told
    )
    return Table("deprecated", _DEPRECATED, rows)


def _repo() -> str | None:
    return request.args.get("repo") or None


def _one_of(name: str, known: Mapping[str, str]) -> str | None:
    value = request.args.get(name, "")
    return value if value in known else None


def _days() -> int:
    return min(number_asked("days") or DAYS, LONGEST)


def _repositories(repo: str | None) -> dict[str, object]:
    return {"repo": repo, "repositories": place_names()}
