"""Which columns of saved datasets mean something else at main now, and by which commits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.compare import CLASSES
from headwater_catalog.compared import compare_moments
from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.history import history
from headwater_catalog.lineage_scheme import MADE_BY
from headwater_catalog.meanings import Meanings, meanings
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.moves import moves_along
from headwater_catalog.provenance import joined_hash
from headwater_catalog.repositories import get_repository
from headwater_catalog.standings import ColumnNow, Standing, Stretch, Way
from headwater_catalog.store.models import Commit, Repository

if TYPE_CHECKING:
    from headwater_catalog.compare import FeatureChange
    from headwater_catalog.settings import Settings

__all__ = ["stale_columns", "standing_of"]

_Column = Mapping[str, Any]


def stale_columns(
    session: Session, settings: Settings, repository: Repository, stamps: Sequence[Mapping[str, Any]]
) -> list[tuple[str, ...]]:
    """Return for each of some stamps of a repository the names of the columns that mean something else now.

    A feature that moved and means the same is none of them. By which commits is not asked: it costs little.

    Raises:
        NotFound: The mirror is not there.
        RepositoryError: It cannot be read, or it lacks a commit.
    """
    head = repository.scanned_sha
    if head is None:
        return [() for _ in stamps]
    keys = dict.fromkeys(key for stamp in stamps for column in _bound(stamp) for key in column["features"])
    with meanings(session, settings, repository) as known:
        known.hashes(head, keys)  # of all of them at once
        there = moment_at(session, settings, repository)
        changes = (_changed(known, stamp, there) for stamp in stamps)
        return [tuple(column["name"] for column in found.columns) for found in changes]


def standing_of(
    session: Session,
    settings: Settings,
    repository_name: str,
    stamp: Mapping[str, Any],
    earlier: Standing | None = None,
    most_looks: int | None = None,
) -> Standing:
    """Return how the columns of a stamp stand at main, with the commits that changed them.

    Args:
        session: An open session.
        settings: Where the mirror is.
        repository_name: The repository of the stamp.
        stamp: What a dataset version says of itself.
        earlier: How it stood at an earlier commit of the main line: from there on only later commits are
            looked at.
        most_looks: At how many stretches of the main line to look; None: as many as usual.
    """
    unbound = tuple(ColumnNow(column["name"], "none") for column in stamp["columns"])
    try:
        repository = get_repository(session, repository_name)
        return _Standing(session, settings, repository, stamp, earlier, most_looks).find()
    except (NotFound, RepositoryError) as error:
        return Standing(None, unbound, str(error))


class _Standing:
    """Finds how the columns of one stamp stand at main."""

    def __init__(
        self,
        session: Session,
        settings: Settings,
        repository: Repository,
        stamp: Mapping[str, Any],
        earlier: Standing | None,
        most_looks: int | None,
    ) -> None:
        self._most_looks = most_looks
        self._session, self._settings = session, settings
        self._repository, self._stamp, self._earlier = repository, stamp, earlier
        self._then = moment_at(session, settings, repository, stamp["commit"])
        self._head = moment_at(session, settings, repository)

    def find(self) -> Standing:
        with meanings(self._session, self._settings, self._repository) as known:
            found = _changed(known, self._stamp, self._head)
            ways, beside = self._ways(known, found.columns, found.trails)
            columns = tuple(self._columns(found.columns, found.now, found.trails, ways, beside))
            return Standing(self._head.commit.sha, columns, ways=ways)

    def _told(self) -> dict[str, FeatureChange]:
        """Return what changed since, by the key that it had then."""
        found = compare_moments(self._then, self._head).found.without_formatting
        return {change.origin or change.key: change for change in found.features}

    def _columns(
        self,
        changed: Sequence[_Column],
        now: Mapping[str, str | None],
        trails: Mapping[str, tuple[str, ...]],
        ways: Mapping[str, Way],
        beside: frozenset[str],
    ) -> Iterable[ColumnNow]:
        told = self._told() if changed else {}
        moved = {key: to for key, to in _last(trails).items() if now.get(key) is not None}
        names = {column["name"] for column in changed}
        for column in self._stamp["columns"]:
            name, features = column["name"], column.get("features") or ()
            feature = column.get("feature")
            if not features:
                yield ColumnNow(name, "none")
            elif name not in names:
                state = "unknown" if column.get("opaque") else "same"
                yield ColumnNow(name, state, feature, moved.get(feature or ""))
            else:
                change = next((told[key] for key in features if key in told), None)
                gone = all(now.get(key) is None for key in features)
                steps = [step for key in features if key in ways for step in ways[key].steps]
                by = tuple(dict.fromkeys(step.commit for step in steps if step.after is None))
                stretches = tuple(
                    dict.fromkeys(Stretch(s.after, s.commit) for s in steps if s.after is not None)
                )
                classes = change.classes if change else ()
                if not gone and "removed" in classes:
                    # Its code alone no longer shows what became of it; the steps that it took do.
                    classes = self._classes_along(
                        [moved[key] for key in features if key in moved], by, stretches
                    )
                yield ColumnNow(
                    name,
                    "removed" if gone else "changed",
                    feature,
                    moved.get(feature or ""),
                    classes,
                    change.because if change else (),
                    change.upstream if change else (),
                    by,
                    stretches,
                    any(key in beside for key in features),
                )

    def _classes_along(
        self, keys: Iterable[str], commits: Collection[CommitRef], stretches: Collection[Stretch]
    ) -> tuple[str, ...]:
        """Return how commits changed features that moved, by their own text or only by what is upstream."""
        shas = {commit.sha for commit in commits}
        found = {
            name
            for module, _, own in (key.rpartition(":") for key in keys)
            for entry in history(self._session, self._repository, module, own, self._head.base)
            if entry.commit.sha in shas or any(stretch.holds(entry.commit) for stretch in stretches)
            for name in entry.classes
        }
        own = found - {"formatting"} or {"upstream only"}
        return tuple(name for name in CLASSES if name in {"moved", *own})

    def _ways(
        self, known: Meanings, changed: Sequence[_Column], trails: Mapping[str, tuple[str, ...]]
    ) -> tuple[dict[str, Way], frozenset[str]]:
        """Return by which commits features changed, by key, and those that differ beside the main line."""
        keys = dict.fromkeys(key for column in changed for key in column["features"])
        base, until = self._then.base, self._head.base
        if not keys or base < 0:
            return {}, frozenset(keys)
        found = self._along(known, list(keys), base, until, trails)
        if self._then.position is not None:
            return found, frozenset()
        parted = self._session.scalar(
            select(Commit.sha).where(Commit.repository_id == self._repository.id, Commit.position == base)
        )
        then = known.hashes(self._then.commit.sha, keys)
        there = known.hashes(parted, keys) if parted is not None else {}
        return found, frozenset(key for key in keys if then[key] != there.get(key))

    def _along(
        self, known: Meanings, keys: list[str], base: int, until: int, moved: Mapping[str, tuple[str, ...]]
    ) -> dict[str, Way]:
        """Return the ways of features from one place of the main line to another; what is known goes on."""
        earlier, after, most = self._earlier, self._place_of_earlier(base, until), self._most_looks
        if earlier is None or after is None:
            return dict(known.changes(keys, base, until, moved, most))
        later = known.changes(keys, after, until, moved, most)
        if any(_end(earlier.ways[key]) != way.begin for key, way in later.items() if key in earlier.ways):
            return dict(known.changes(keys, base, until, moved, most))  # it is followed to another place now
        return {
            key: earlier.ways[key].and_then(way.steps) if key in earlier.ways else way
            for key, way in later.items()
        }

    def _place_of_earlier(self, base: int, until: int) -> int | None:
        """Return the place from which on only later commits matter; None where there is none."""
        if self._earlier is None or self._earlier.sha is None or self._then.position is None:
            return None
        place = self._session.scalar(
            select(Commit.position).where(
                Commit.repository_id == self._repository.id, Commit.sha == self._earlier.sha
            )
        )
        return place if place is not None and base <= place <= until else None


def _end(way: Way) -> str | None:
    return way.steps[-1].meaning if way.steps else way.begin


def _bound(stamp: Mapping[str, Any]) -> list[_Column]:
    """Return the columns that a feature made."""
    return [column for column in stamp["columns"] if column.get("features")]


def _then(known: Meanings, stamp: Mapping[str, Any], column: _Column) -> str | None:
    """Return what a column meant when it was made; what was hashed in another way is hashed anew."""
    if stamp.get("lineage_scheme") == MADE_BY:
        lineage: str | None = column.get("lineage")
        return lineage
    return joined_hash(known.hashes(stamp["commit"], column["features"]), column["features"])


def _now(hashes: Mapping[str, str | None], column: _Column) -> str | None:
    return joined_hash(hashes, column["features"])


@dataclass(frozen=True, slots=True)
class _Changed:
    """The columns of a stamp that mean something else at main now.

    Attributes:
        columns: The columns.
        now: What the features of all columns mean now, by the key that they had then.
        trails: Where features went that are no longer where they were, one key after the other.
    """

    columns: Sequence[_Column]
    now: Mapping[str, str | None]
    trails: Mapping[str, tuple[str, ...]]


def _changed(known: Meanings, stamp: Mapping[str, Any], head: Moment) -> _Changed:
    sha, bound = head.commit.sha, _bound(stamp)
    now = known.hashes(sha, dict.fromkeys(key for column in bound for key in column["features"]))
    changed = [column for column in bound if _then(known, stamp, column) != _now(now, column)]
    if not changed:
        return _Changed((), now, {})
    gone = {key for column in changed for key in column["features"] if now.get(key) is None}
    if not gone:
        return _Changed(changed, now, {})
    then = moment_at(known.session, known.settings, known.repository, stamp["commit"])
    trails = _trails(then, head, gone)
    moved = _last(trails)
    again = known.hashes(sha, moved.values())
    now = {**now, **{key: again[to] for key, to in moved.items()}}
    return _Changed([c for c in changed if _then(known, stamp, c) != _now(now, c)], now, trails)


def _trails(then: Moment, head: Moment, gone: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return where features went that are no longer where they were, one key after the other.

    The main line knows each step, also of what was changed later. Of a commit beside it only the two ends
    are known, where what moved must have the same code.
    """
    trails = moves_along(then.session, then.repository, gone, then.base, head.base) if then.base >= 0 else {}
    rest = set(gone) - trails.keys()
    moved = compare_moments(then, head).found.moved if rest else {}
    return {**trails, **{key: (moved[key],) for key in rest if key in moved}}


def _last(trails: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {key: trail[-1] for key, trail in trails.items()}
