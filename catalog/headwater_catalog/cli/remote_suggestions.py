"""Suggestions of a repository of a catalog that is served elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headwater_catalog.cli.made_patches import MadePatch

if TYPE_CHECKING:
    from headwater_catalog.cli.remote_runs import RemoteDatasets
    from headwater_catalog.client import Client

__all__ = ["RemoteSuggestions"]


class RemoteSuggestions:
    """Suggestions of a repository of a catalog that is served elsewhere.

    Args:
        client: Asks it.
        datasets: Its datasets.
        repo: The repository.
    """

    def __init__(self, client: Client, datasets: RemoteDatasets, repo: str) -> None:
        self._client, self._datasets, self._repo = client, datasets, repo

    def found(self) -> Sequence[dict[str, Any]]:
        """Return the suggestions."""
        return [dict(each) for each in self._client.suggestions(self._repo)]

    def look_at(self, dataset: str) -> None:
        """Have the values of a dataset looked at."""
        self._client.look_at_values(*self._datasets.named(dataset, self._repo))

    def patch(self, tags: Mapping[str, Mapping[str, str]]) -> MadePatch:
        """Return the patch that adds tags."""
        told = self._client.tag_patch(self._repo, tags)
        return MadePatch(base64.b64decode(told["patch"]), told["added"], told["left_out"])

    def push(self, tags: Mapping[str, Mapping[str, str]]) -> Mapping[str, Any]:
        """Push that patch as a new branch."""
        return dict(self._client.push_tags(self._repo, tags))
