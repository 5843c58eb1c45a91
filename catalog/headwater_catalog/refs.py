"""Branches and tags of repositories, as they were at the last scan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from headwater_catalog.ref_names import KINDS
from headwater_catalog.storable import LONGEST_NAME, clean
from headwater_catalog.store.bulk import chunks, insert_rows
from headwater_catalog.store.models import Ref, Repository

__all__ = ["RefView", "list_refs", "storable_refs", "stored_refs", "write_refs"]


@dataclass(frozen=True, slots=True)
class RefView:
    """A branch or a tag.

    Attributes:
        name: Its name as people give it.
        kind: "branch" or "tag".
        sha: The commit that it means.
    """

    name: str
    kind: str
    sha: str


def list_refs(session: Session, repository: Repository) -> list[RefView]:
    """Return the branches of a repository and then its tags, each by name."""
    names = stored_refs(session, repository.id)
    return [
        RefView(name.removeprefix(prefix), kind, names[name])
        for prefix, kind in KINDS.items()
        for name in sorted(names)
        if name.startswith(prefix)
    ]


def stored_refs(session: Session, repository_id: int) -> dict[str, str]:
    """Return the commits that branches and tags mean by their full names."""
    rows = session.execute(select(Ref.name, Ref.sha).where(Ref.repository_id == repository_id))
    return {name: sha for name, sha in rows}  # noqa: C416 rows are no pairs to mypy


def storable_refs(refs: Mapping[str, str]) -> dict[str, str]:
    """Leave out refs whose names both databases cannot store; git finds them all the same."""
    return {name: sha for name, sha in refs.items() if len(name) <= LONGEST_NAME and clean(name) == name}


def write_refs(session: Session, repository_id: int, refs: Mapping[str, str]) -> None:
    """Let exactly these be the branches and tags of a repository.

    Args:
        session: An open write transaction.
        repository_id: The repository.
        refs: The commits that they mean, by full name, all of them storable.
    """
    known = stored_refs(session, repository_id)
    gone = [name for name in known if known[name] != refs.get(name)]
    plain = {"synchronize_session": False}
    for chunk in chunks(gone):
        of_chunk = delete(Ref).where(Ref.repository_id == repository_id, Ref.name.in_(chunk))
        session.execute(of_chunk, execution_options=plain)
    new = (
        {"repository_id": repository_id, "name": name, "sha": sha}
        for name, sha in refs.items()
        if known.get(name) != sha
    )
    insert_rows(session, Ref, new)
