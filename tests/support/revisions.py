"""States of a source tree, committed one after the other and read as revisions."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

from headwater_catalog.git import GitSource
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.revisions import RevisionReader
from support.git_repo import GitRepo

__all__ = ["Revisions"]


class Revisions:
    """Commits states to a repository and reads them with one reader for all, or one for each."""

    def __init__(self, repo: GitRepo) -> None:
        self.repo = repo
        self.shas: list[str] = []

    def commit(self, *states: Mapping[str, str]) -> list[str]:
        """Commit states, each as all that there is, and return the names of the commits."""
        made = []
        for state in states:
            self.repo.git("rm", "-r", "--quiet", "--force", "--ignore-unmatch", "--", ".")
            made.append(self.repo.commit("State", files={path: dedent(text) for path, text in state.items()}))
        return made

    def read(self, *shas: str) -> list[Revision]:
        """Read commits, one after the other."""
        with GitSource(self.repo.path / ".git") as source:
            reader = RevisionReader(source)
            return [reader.read(sha) for sha in shas]

    def of(self, *states: Mapping[str, str]) -> list[Revision]:
        """Commit states and read them."""
        return self.read(*self.commit(*states))
