"""The tests of a repository at a position of its main line, read from the store."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import Integer, bindparam, select
from sqlalchemy.orm import Session

from headwater_catalog.read.named import NAMED_FORM, NOTHING_NAMED, Named
from headwater_catalog.store.bulk import chunks
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import FileOfTests, NamedInTests, Repository
from headwater_catalog.suite import NO_SUITE, Suite

__all__ = ["load_named", "load_suite"]


_WANTED: Final = select(FileOfTests.path, FileOfTests.oid).where(
    FileOfTests.repository_id == bindparam("repository", type_=Integer),
    holds_at(FileOfTests, bindparam("position", type_=Integer)),
)


def load_suite(session: Session, repository: Repository, position: int, near: Suite) -> Suite:
    """Return the tests at a position of the main line.

    Args:
        session: An open session.
        repository: The repository.
        position: Place on the main line.
        near: Those at another position, which are taken where they are the same.
    """
    rows = session.execute(_WANTED, {"repository": repository.id, "position": position})
    contents = {path: oid for path, oid in rows}  # noqa: C416 rows are no pairs to mypy
    if not contents:
        return NO_SUITE
    if contents == near.contents:
        return near
    known = {oid: near.files[path] for path, oid in near.contents.items()}
    known |= load_named(session, {oid for oid in contents.values() if oid not in known})
    files = {path: known.get(oid, NOTHING_NAMED) for path, oid in contents.items()}
    return Suite(lambda: files, contents)


def load_named(session: Session, oids: Collection[str]) -> dict[str, Named]:
    """Return what contents of files of tests name, by git's names of them."""
    found: dict[str, Named] = {}
    table = NamedInTests
    for chunk in chunks(sorted(oids)):
        wanted = select(table.oid, table.has_tests, table.imports, table.names).where(
            table.oid.in_(chunk), table.form == NAMED_FORM
        )
        for oid, has_tests, imports, names in session.execute(wanted):
            found[oid] = Named(has_tests, frozenset(imports), frozenset(names))
    return found
