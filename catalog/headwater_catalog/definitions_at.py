"""The hashes of all definitions of a commit, worked out once and then kept in the store."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select

from headwater.normal_form import digest
from headwater_catalog.lineage_scheme import READER_VERSION, SCHEME
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.repositories import get_repository, open_mirror
from headwater_catalog.revisions import RevisionReader
from headwater_catalog.store.bulk import insert_or_replace
from headwater_catalog.store.models import Commit, CommitDefinitions, Repository, Run

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from headwater_catalog.git import GitSource
    from headwater_catalog.lineage_hash import Lineages
    from headwater_catalog.settings import Settings
    from headwater_catalog.snapshot import Snapshot
    from headwater_catalog.store.database import Database

__all__ = [
    "DefinitionReader",
    "Definitions",
    "definitions_of",
    "head_to_define",
    "kept_definitions",
    "known_definitions",
]

Definitions = Mapping[str, Mapping[str, str]]
"""By module and name of the function, the hash of its definition with all that it reaches in the repository.

Functions that reach something unknown are left out.
"""

_MADE_BY: Final = f"{SCHEME}/{READER_VERSION}"
_COMMITS: Final = 20  # that one reader reads, before its memory is given back


class DefinitionReader:
    """Gives the definitions of commits; one that is much like those before costs little.

    It belongs to one thread, such as that of a worker.
    """

    def __init__(self) -> None:
        self._mirror: tuple[int, str] | None = None
        self._source: GitSource | None = None
        self._reader: RevisionReader | None = None
        self._read = 0

    def at(self, database: Database, moment: Moment) -> Definitions:
        """Return the definitions of a commit that the store has.

        Raises:
            CatalogError: The mirror cannot be read.
        """
        number = moment.commit.id
        if number in known_definitions([moment]):
            return kept_definitions(moment)
        made = self._made(moment)
        content = zlib.compress(json.dumps(made).encode(), 1)
        with database.write() as session:
            # Another worker may have worked them out meanwhile.
            row = {"commit_id": number, "made_by": _MADE_BY, "content": content}
            insert_or_replace(session, CommitDefinitions, [row], ["commit_id"])
        return made

    def keep_head(self, database: Database, settings: Settings, repository: str) -> None:
        """Keep the definitions of a repository's scanned head, in place of those of earlier heads.

        What a run was made of stays.

        Raises:
            CatalogError: The mirror cannot be read.
        """
        with database.read() as session:
            place = get_repository(session, repository)
            if place.scanned_sha is None:
                return
            head = moment_at(session, settings, place)
            number, owner = head.commit.id, place.id
            self.at(database, head)
        used = select(Run.commit_id).where(Run.repository_id == owner)
        others = select(Commit.id).where(Commit.repository_id == owner, Commit.id != number)
        old = delete(CommitDefinitions).where(
            CommitDefinitions.commit_id.in_(others), CommitDefinitions.commit_id.not_in(used)
        )
        with database.write() as session:
            session.execute(old, execution_options={"synchronize_session": False})

    def _made(self, moment: Moment) -> Definitions:
        mirror = (moment.repository.id, moment.repository.name)
        if self._reader is None or mirror != self._mirror or self._read >= _COMMITS:
            self._mirror, self._read = mirror, 0
            self._source = open_mirror(moment.settings, moment.repository)
            self._reader = RevisionReader(self._source)
        self._read += 1
        assert self._source is not None
        with self._source:  # it opens again where it is asked again
            try:
                return definitions_of(
                    moment.snapshot, self._reader.read(moment.commit.sha, moment.snapshot).lineages
                )
            except BaseException:
                self._reader = None
                raise


def known_definitions(moments: Iterable[Moment]) -> frozenset[int]:
    """Return of which of some commits, by their numbers, the store has the definitions."""
    numbers = {moment.commit.id: moment.session for moment in moments}
    if not numbers:
        return frozenset()
    session = next(iter(numbers.values()))
    wanted = select(CommitDefinitions.commit_id).where(
        CommitDefinitions.commit_id.in_(numbers), CommitDefinitions.made_by == _MADE_BY
    )
    return frozenset(session.scalars(wanted))


def head_to_define(session: Session, passed: Collection[tuple[str, str]] = ()) -> tuple[str, str] | None:
    """Return a repository and its scanned head, of which the store does not have the definitions.

    Args:
        session: An open session.
        passed: What is passed over.
    """
    rows = session.execute(
        select(Repository.name, Repository.scanned_sha)
        .join(Commit, (Commit.repository_id == Repository.id) & (Commit.sha == Repository.scanned_sha))
        .outerjoin(
            CommitDefinitions,
            (CommitDefinitions.commit_id == Commit.id) & (CommitDefinitions.made_by == _MADE_BY),
        )
        .where(CommitDefinitions.commit_id.is_(None))
        .order_by(Repository.id)
    )
    return next(((name, sha) for name, sha in rows if sha and (name, sha) not in passed), None)


def kept_definitions(moment: Moment) -> Definitions:
    """Return the definitions of a commit that the store has, as `known_definitions` tells."""
    wanted = select(CommitDefinitions.content).where(CommitDefinitions.commit_id == moment.commit.id)
    found: Definitions = json.loads(zlib.decompress(moment.session.scalars(wanted).one()))
    return found


def definitions_of(snapshot: Snapshot, lineages: Lineages) -> Definitions:
    """Return the definitions of a source tree."""
    lineages.look_at(snapshot.features)
    parts: dict[tuple[str, str], list[str]] = defaultdict(list)
    opaque = set()
    for feature in snapshot.features:
        function, meaning = (feature.module, feature.variant), lineages.meaning(feature)
        parts[function].append(meaning.definition)
        if meaning.opaque:
            opaque.add(function)
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for (module, name), definitions in parts.items():
        if (module, name) not in opaque:
            found[module][name] = digest([SCHEME, *sorted(definitions)])
    return found
