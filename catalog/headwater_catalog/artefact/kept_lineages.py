"""What features mean, as an exported catalog tells it: nothing is worked out again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from headwater_catalog.lineage_hash import Functions, Lineages, Meaning, values_set
from headwater_catalog.mentions import Sources
from headwater_catalog.reach import Unit, UnitKey
from headwater_catalog.records import FeatureKey
from headwater_catalog.snapshot import Snapshot, SnapshotFeature

__all__ = ["KeptLineages"]


class KeptLineages(Lineages):
    """What the features of a commit mean, without its sources.

    Args:
        snapshot: The features.
        meanings: What functions make of them.
        units: What these reach, each with the hash of it and all that it reaches in turn.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        meanings: Mapping[FeatureKey, Meaning],
        units: Mapping[UnitKey, tuple[Unit, str]],
    ) -> None:
        super().__init__(snapshot, Sources(), _no_source, _no_source)
        self._meanings = dict(meanings)
        self._units = units
        self._hashes = {key: own_hash for key, (_, own_hash) in units.items()}
        self._settings: dict[tuple[str, ...], Mapping[str, tuple[UnitKey, ...]]] = {}

    def look_at(self, features: Iterable[SnapshotFeature]) -> None:
        """Do nothing: all that can be known is known."""

    def may_differ(self, later: Lineages) -> Functions:
        """Return the functions that mean something else at another commit, as (module, function)."""
        assert isinstance(later, KeptLineages)  # two files are compared, or two commits
        return {
            (key[0], key[2])
            for key, meaning in later._meanings.items()
            if (then := self._meanings.get(key)) is not None and then.definition != meaning.definition
        }

    def code_hash(self, feature: SnapshotFeature) -> str:
        """Return the code hash of the function of a feature."""
        return self.meaning(feature).code_hash

    def settings(self, feature: SnapshotFeature) -> Mapping[str, tuple[UnitKey, ...]]:
        """Return the values that the dataflows of a feature have for each key of their configurations."""
        if feature.dataflows not in self._settings:
            flows = [flow for flow in self._snapshot.dataflows if flow.name in feature.dataflows]
            self._settings[feature.dataflows] = values_set(flows)
        return self._settings[feature.dataflows]

    def _unit(self, key: UnitKey) -> Unit:
        return self._units[key][0]

    def hash_of(self, key: UnitKey) -> str | None:
        """Return the hash of a unit with all that it reaches; None where no definition reaches it."""
        return self._hashes.get(key)


def _no_source(name: object) -> Any:
    raise KeyError(name)
