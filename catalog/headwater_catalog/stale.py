"""Which columns of saved datasets mean something else at main now, and by which commits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.compare import CLASSES
from headwater_catalog.compared import compare_moments
from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.features import CommitRef
from headwater_catalog.history import history
from headwater_catalog.meanings import MADE_BY, Meanings, meanings
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.moves import moves_along
from headwater_catalog.provenance import joined_hash
from headwater_catalog.repositories import get_repository
from headwater_catalog.store.models import Commit, Repository

if TYPE_CHECKING:
    from headwater_catalog.compare import FeatureChange
    from headwater_catalog.settings import Settings

__all__ = ["ColumnNow", "Standing", "stale_columns", "standing_of"]

_Column = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ColumnNow:
    """How a column of a dataset stands at main.

    Attributes:
        name: The column.
        state: "same", "changed", "removed" (no feature makes it any more), "unknown" (not all that it reaches
            is known, so it may have changed), or "none" (no feature made it).
        feature: The `module:name` that made it; None where none did, or one of several.
        now: Where that is now, if it moved.
        classes: How it changed.
        because: What beside its own text made the difference, in clauses.
        upstream: The nearest features upstream that changed themselves.
        commits: The commits that together made the difference, the oldest first.
        beside: Whether a part of the difference is that its commit lies beside the main line.
    """

    name: str
    state: str
    feature: str | None = None
    now: str | None = None
    classes: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    commits: tuple[CommitRef, ...] = ()
    beside: bool = False

    @property
    def is_stale(self) -> bool:
        """Whether it would come out otherwise now."""
        return self.state in ("changed", "removed")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a dataset version stands at main.

    Attributes:
        sha: The commit at main.
        columns: Its columns.
        reason: Why nothing can be said of them; empty where it can.
    """

    sha: str | None
    columns: tuple[ColumnNow, ...]
    reason: str = ""

    @property
    def stale(self) -> tuple[ColumnNow, ...]:
        """The columns that would come out otherwise now."""
        return tuple(column for column in self.columns if column.is_stale)


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
        now = known.hashes(head, keys)
        found = []
        for stamp in stamps:
            changed = [column for column in _bound(stamp) if _then(known, stamp, column) != _now(now, column)]
            then, there = (moment_at(session, settings, repository, at) for at in (stamp["commit"], None))
            moved = _last(_trails(then, there, changed, now)) if changed else {}
            again = known.hashes(head, moved.values())
            names = (c["name"] for c in changed if _then(known, stamp, c) != _now(again, c, moved))
            found.append(tuple(names))
        return found


def standing_of(
    session: Session, settings: Settings, repository_name: str, stamp: Mapping[str, Any]
) -> Standing:
    """Return how the columns of a stamp stand at main, with the commits that changed them."""
    unbound = tuple(ColumnNow(column["name"], "none") for column in stamp["columns"])
    try:
        repository = get_repository(session, repository_name)
        return _Standing(session, settings, repository, stamp).find()
    except (NotFound, RepositoryError) as error:
        return Standing(None, unbound, str(error))


class _Standing:
    """Finds how the columns of one stamp stand at main."""

    def __init__(
        self, session: Session, settings: Settings, repository: Repository, stamp: Mapping[str, Any]
    ) -> None:
        self._session, self._settings = session, settings
        self._repository, self._stamp = repository, stamp
        self._then = moment_at(session, settings, repository, stamp["commit"])
        self._head = moment_at(session, settings, repository)

    def find(self) -> Standing:
        head = self._head.commit.sha
        bound = _bound(self._stamp)
        keys = tuple(dict.fromkeys(key for column in bound for key in column["features"]))
        with meanings(self._session, self._settings, self._repository) as known:
            now = known.hashes(head, keys)
            changed = [c for c in bound if _then(known, self._stamp, c) != _now(now, c)]
            trails = _trails(self._then, self._head, changed, now) if changed else {}
            moved = _last(trails)
            again = known.hashes(head, moved.values())
            now = {**now, **{key: again[to] for key, to in moved.items()}}
            changed = [c for c in changed if _then(known, self._stamp, c) != _now(now, c)]
            columns = self._columns(known, changed, now, trails)
        return Standing(head, tuple(columns))

    def _told(self) -> dict[str, FeatureChange]:
        """Return what changed since, by the key that it had then."""
        found = compare_moments(self._then, self._head).found.without_formatting
        return {change.origin or change.key: change for change in found.features}

    def _columns(
        self,
        known: Meanings,
        changed: Sequence[_Column],
        now: Mapping[str, str | None],
        trails: Mapping[str, tuple[str, ...]],
    ) -> Iterable[ColumnNow]:
        told = self._told() if changed else {}
        moved = {key: to for key, to in _last(trails).items() if now.get(key) is not None}
        commits, beside = self._commits(known, changed, trails)
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
                by = tuple(dict.fromkeys(each for key in features for each in commits.get(key, ())))
                classes = change.classes if change else ()
                if not gone and "removed" in classes:
                    # Its code alone no longer shows what became of it; the steps that it took do.
                    classes = self._classes_along([moved[key] for key in features if key in moved], by)
                yield ColumnNow(
                    name,
                    "removed" if gone else "changed",
                    feature,
                    moved.get(feature or ""),
                    classes,
                    change.because if change else (),
                    change.upstream if change else (),
                    by,
                    any(key in beside for key in features),
                )

    def _classes_along(self, keys: Iterable[str], commits: Collection[CommitRef]) -> tuple[str, ...]:
        """Return how commits changed features that moved, by their own text or only by what is upstream."""
        shas = {commit.sha for commit in commits}
        found = {
            name
            for module, _, own in (key.rpartition(":") for key in keys)
            for entry in history(self._session, self._repository, module, own, self._head.base)
            if entry.commit.sha in shas
            for name in entry.classes
        }
        own = found - {"formatting"} or {"upstream only"}
        return tuple(name for name in CLASSES if name in {"moved", *own})

    def _commits(
        self, known: Meanings, changed: Sequence[_Column], trails: Mapping[str, tuple[str, ...]]
    ) -> tuple[dict[str, tuple[CommitRef, ...]], frozenset[str]]:
        """Return by which commits features changed, by key, and those that differ beside the main line."""
        keys = dict.fromkeys(key for column in changed for key in column["features"])
        base, until = self._then.base, self._head.base
        if not keys or base < 0:
            return {}, frozenset(keys)
        found = known.changes(list(keys), base, until, trails)
        if self._then.position is not None:
            return dict(found), frozenset()
        parted = self._session.scalar(
            select(Commit.sha).where(Commit.repository_id == self._repository.id, Commit.position == base)
        )
        then = known.hashes(self._then.commit.sha, keys)
        there = known.hashes(parted, keys) if parted is not None else {}
        return dict(found), frozenset(key for key in keys if then[key] != there.get(key))


def _bound(stamp: Mapping[str, Any]) -> list[_Column]:
    """Return the columns that a feature made."""
    return [column for column in stamp["columns"] if column.get("features")]


def _then(known: Meanings, stamp: Mapping[str, Any], column: _Column) -> str | None:
    """Return what a column meant when it was made; what was hashed in another way is hashed anew."""
    if stamp.get("lineage_scheme") == MADE_BY:
        lineage: str | None = column.get("lineage")
        return lineage
    return joined_hash(known.hashes(stamp["commit"], column["features"]), column["features"])


def _now(
    hashes: Mapping[str, str | None], column: _Column, moved: Mapping[str, str] | None = None
) -> str | None:
    keys = [(moved or {}).get(key, key) for key in column["features"]]
    return joined_hash(hashes, keys)


def _trails(
    then: Moment, head: Moment, changed: Sequence[_Column], now: Mapping[str, str | None]
) -> dict[str, tuple[str, ...]]:
    """Return where the features of columns went that are no longer where they were, one key after the other.

    The main line knows each step, also of what was changed later. Of a commit beside it only the two ends
    are known, where what moved must have the same code.
    """
    gone = {key for column in changed for key in column["features"] if now.get(key) is None}
    trails = moves_along(then.session, then.repository, gone, then.base, head.base) if then.base >= 0 else {}
    rest = gone - trails.keys()
    moved = compare_moments(then, head).found.moved if rest else {}
    return {**trails, **{key: (moved[key],) for key in rest if key in moved}}


def _last(trails: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {key: trail[-1] for key, trail in trails.items()}
