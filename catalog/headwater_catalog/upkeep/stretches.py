"""What variants of features have, from one position of the main line to another, read from the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.owners import NOBODY, Ownership
from headwater_catalog.read.named import NOTHING_NAMED, Named
from headwater_catalog.store.models import (
    Declaration,
    Feature,
    FeatureVersion,
    FileOfTests,
    ModuleVersion,
    Repository,
)
from headwater_catalog.stored_snapshots import json_text
from headwater_catalog.stored_suites import load_named
from headwater_catalog.suite import Function, Functions, conftests_of, imports_of
from headwater_catalog.views import PartView

__all__ = ["Stretch", "load_stretches"]


class Stretch(NamedTuple):
    """A variant of a feature from one position to another.

    Attributes:
        key: The feature.
        variant: The name of its function.
        begin: The first position.
        end: The first one after it; None where there is none.
        owners: Whom to ask about it.
        has: Whether it has documentation, a check, and a test.
    """

    key: str
    variant: str
    begin: int
    end: int | None
    owners: tuple[str, ...]
    has: tuple[bool, bool, bool]


class _Held(NamedTuple):
    """Something that holds from one position to another."""

    begin: int
    end: int | None
    what: Any


_ENDLESS: Final = 1 << 62


def load_stretches(session: Session, repository: Repository) -> Iterator[Stretch]:
    """Yield what there is of each variant of a feature of a repository, over all of its main line."""
    rows = session.connection().execute(
        select(
            *(Feature.module, Feature.name, FeatureVersion.variant),
            *(FeatureVersion.valid_from, FeatureVersion.valid_until, FeatureVersion.doc),
            *map(json_text, (FeatureVersion.tags, FeatureVersion.parts)),
        )
        .join(FeatureVersion.feature)
        .where(Feature.repository_id == repository.id)
    )
    versions = rows.all()
    tested = _tested(session, repository, {(row.module, row.name, row.variant) for row in versions})
    owners = _Owners(session, repository)
    has_check = cache(_has_check)
    for row in versions:
        tests = tested.get((row.module, row.name, row.variant), ())
        owned = owners.of(row.module, row.tags)
        begin, end = row.valid_from, row.valid_until
        cuts = {begin, *_cuts(begin, end, (*owned, *tests))}
        for first, last in _between(sorted(cuts), end):
            test = any(_holds(each, first) for each in tests)
            whose: tuple[str, ...] = next((each.what for each in owned if _holds(each, first)), ())
            has = bool(row.doc.strip()), has_check(row.parts), test
            yield Stretch(f"{row.module}:{row.name}", row.variant, first, last, whose, has)


def _holds(held: _Held, position: int) -> bool:
    return held.begin <= position < (_ENDLESS if held.end is None else held.end)


def _cuts(begin: int, end: int | None, held: Iterable[_Held]) -> Iterator[int]:
    """Yield where inside of a stretch something begins or ends."""
    last = _ENDLESS if end is None else end
    for each in held:
        yield from (at for at in (each.begin, each.end) if at is not None and begin < at < last)


def _between(cuts: Sequence[int], end: int | None) -> Iterator[tuple[int, int | None]]:
    return zip(cuts, (*cuts[1:], end), strict=True)


def _has_check(parts: str) -> bool:
    return any(PartView(p["name"], p.get("type", ""), p.get("doc", "")).is_check for p in json.loads(parts))


# Owners


class _Owners:
    """Whom to ask about features of a module, over time."""

    def __init__(self, session: Session, repository: Repository) -> None:
        self._declared = _declared(session, repository)
        self._paths = _paths(session, repository)
        self._tags: Callable[[str], Mapping[str, Any]] = cache(json.loads)
        self._known: dict[tuple[str, str], tuple[_Held, ...]] = {}

    def of(self, module: str, tags: str) -> tuple[_Held, ...]:
        """Return the owners of features with some tags, and from where to where they are."""
        said = self._tags(tags).get("owner", ())
        key = module, json.dumps(said)
        if key not in self._known:
            self._known[key] = tuple(self._found(module, {"owner": said} if said != () else {}))
        return self._known[key]

    def _found(self, module: str, tags: Mapping[str, Any]) -> Iterator[_Held]:
        if tagged := NOBODY.of("", module, tags).owners:
            yield _Held(0, None, tagged)
            return
        for place in self._paths.get(module, ()):
            cuts = sorted({place.begin, *_cuts(place.begin, place.end, self._declared)})
            for first, last in _between(cuts, place.end):
                ownership = next((each.what for each in self._declared if _holds(each, first)), NOBODY)
                yield _Held(first, last, ownership.of(place.what, module, tags).owners)


def _declared(session: Session, repository: Repository) -> list[_Held]:
    rows = session.execute(
        select(Declaration.valid_from, Declaration.valid_until, Declaration.content).where(
            Declaration.repository_id == repository.id, Declaration.kind == "owners"
        )
    )
    return [_Held(begin, end, Ownership.from_data(content)) for begin, end, content in rows]


def _paths(session: Session, repository: Repository) -> dict[str, list[_Held]]:
    """Return where the file of each module is; its content does not matter."""
    rows = session.execute(
        select(ModuleVersion.module, ModuleVersion.path, ModuleVersion.valid_from, ModuleVersion.valid_until)
        .where(ModuleVersion.repository_id == repository.id)
        .order_by(ModuleVersion.module, ModuleVersion.valid_from)
    )
    found: dict[str, list[_Held]] = {}
    for module, path, begin, end in rows:
        known = found.setdefault(module, [])
        if known and known[-1].what == path and known[-1].end == begin:
            known[-1] = known[-1]._replace(end=end)
        else:
            known.append(_Held(begin, end, path))
    return found


# Tests


def _tested(
    session: Session, repository: Repository, functions: Collection[Function]
) -> dict[Function, list[_Held]]:
    """Return from where to where a test names each of some functions."""
    files = _files(session, repository)
    known, found = Functions(functions), dict[Function, list[_Held]]()
    named = {path: each.named_by(known, files) for path, each in files.items()}
    for each in (held for spans in named.values() for held in spans):
        for function in each.what:
            found.setdefault(function, []).append(each)
    return {function: _joined(spans) for function, spans in found.items()}


def _joined(spans: Iterable[_Held]) -> list[_Held]:
    """Return stretches without what they have in common."""
    found: list[_Held] = []
    for each in sorted(spans, key=lambda held: held.begin):
        last = found[-1] if found else None
        if last is None or (last.end is not None and last.end < each.begin):
            found.append(each._replace(what=None))
        elif last.end is not None:
            end = None if each.end is None else max(last.end, each.end)
            found[-1] = last._replace(end=end)
    return found


class _File:
    """A file of tests over time."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.versions: list[_Held] = []
        self._imports: dict[Named, frozenset[str]] = {}

    def named_by(self, known: Functions, files: Mapping[str, _File]) -> Iterator[_Held]:
        """Yield which functions it names, from where to where."""
        above = [files[path].versions for path in conftests_of(self.path) if path in files]
        shared = [each for versions in above for each in versions]
        for version in self.versions:
            if version.what.has_tests:
                cuts = sorted({version.begin, *_cuts(version.begin, version.end, shared)})
                for first, last in _between(cuts, version.end):
                    yield _Held(
                        first, last, known.named_by(version.what, self._taken(version.what, first, files))
                    )

    def _taken(self, named: Named, position: int, files: Mapping[str, _File]) -> frozenset[str]:
        above = (files[path] for path in conftests_of(self.path) if path in files)
        return self.imports(named).union(*(each.imports(each.at(position)) for each in above))

    def imports(self, named: Named) -> frozenset[str]:
        """Return what one version of it imports."""
        if named not in self._imports:
            self._imports[named] = imports_of(self.path, named)
        return self._imports[named]

    def at(self, position: int) -> Named:
        """Return what it names at a position."""
        return next((each.what for each in self.versions if _holds(each, position)), NOTHING_NAMED)


def _files(session: Session, repository: Repository) -> dict[str, _File]:
    rows = session.execute(
        select(FileOfTests.path, FileOfTests.oid, FileOfTests.valid_from, FileOfTests.valid_until).where(
            FileOfTests.repository_id == repository.id
        )
    ).all()
    named = load_named(session, {row.oid for row in rows})
    found: dict[str, _File] = {}
    for path, oid, begin, end in rows:
        file = found.setdefault(path, _File(path))
        file.versions.append(_Held(begin, end, named.get(oid, NOTHING_NAMED)))
    return found
