"""The hashes of all definitions of a commit, worked out once and then kept in the store."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from headwater.normal_form import digest
from headwater_catalog.lineage_hash import SCHEME
from headwater_catalog.moments import Moment
from headwater_catalog.read import READER_VERSION
from headwater_catalog.repositories import open_mirror
from headwater_catalog.revisions import RevisionReader
from headwater_catalog.store.bulk import insert_or_replace
from headwater_catalog.store.models import CommitDefinitions

if TYPE_CHECKING:
    from headwater_catalog.git import GitSource
    from headwater_catalog.lineage_hash import Lineages
    from headwater_catalog.snapshot import Snapshot
    from headwater_catalog.store.database import Database

__all__ = ["DefinitionReader", "Definitions"]

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
        kept = moment.session.scalars(
            select(CommitDefinitions).where(
                CommitDefinitions.commit_id == number, CommitDefinitions.made_by == _MADE_BY
            )
        ).one_or_none()
        if kept is not None:
            found: Definitions = json.loads(zlib.decompress(kept.content))
            return found
        made = self._made(moment)
        content = zlib.compress(json.dumps(made).encode(), 1)
        with database.write() as session:
            # Another worker may have worked them out meanwhile.
            row = {"commit_id": number, "made_by": _MADE_BY, "content": content}
            insert_or_replace(session, CommitDefinitions, [row], ["commit_id"])
        return made

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
                return _told(moment.snapshot, self._reader.read(moment.commit.sha, moment.snapshot).lineages)
            except BaseException:
                self._reader = None
                raise


def _told(snapshot: Snapshot, lineages: Lineages) -> Definitions:
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
