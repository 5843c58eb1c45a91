"""A patch that takes dead features out of the sources of a repository's scanned head."""

from __future__ import annotations

from collections.abc import Collection

from headwater_catalog.declared import may_declare
from headwater_catalog.governance.removal_patch import RemovalPatch, removal_patch
from headwater_catalog.moments import Moment
from headwater_catalog.read import PROJECT_FILES, is_source
from headwater_catalog.repositories import open_mirror

__all__ = ["dead_patch"]


def dead_patch(head: Moment, keys: Collection[str]) -> RemovalPatch:
    """Return a patch that takes features out of the sources of a commit.

    Args:
        head: The commit.
        keys: The features.

    Raises:
        NotFound: The mirror is not there.
        RepositoryError: The mirror cannot be read.
    """
    with open_mirror(head.settings, head.repository) as source:
        files = {
            path: file.oid
            for path, file in source.tree(head.commit.sha).items()
            if is_source(path) or path in PROJECT_FILES or may_declare(path)
        }
        contents = dict(source.blobs(dict.fromkeys(files.values())))
    return removal_patch({path: contents[oid] for path, oid in files.items()}, keys)
