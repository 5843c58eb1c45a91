"""What versions of a dataset are called: `dataset`, which is the newest, or `dataset@run`."""

from __future__ import annotations

from collections.abc import Sequence

from headwater_catalog.errors import NotFound

__all__ = ["choose_version"]


def choose_version(name: str, runs: Sequence[int]) -> int:
    """Return the place of a version among those of some runs, the newest first.

    Raises:
        NotFound: None is of that run.
    """
    dataset, at, number = name.rpartition("@")
    for place, run in enumerate(runs):
        if not at or number == str(run):
            return place
    known = ", ".join(map(str, runs[:10]))
    raise NotFound(
        f"Dataset '{dataset or name}' has no version {number}. Its versions are those of the runs {known}."
    )
