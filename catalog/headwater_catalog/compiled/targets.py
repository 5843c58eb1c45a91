"""The orchestrators that a plan can be written for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from headwater_catalog.compiled.airflow import write_airflow
from headwater_catalog.compiled.argo import write_argo
from headwater_catalog.compiled.dagster import write_dagster
from headwater_catalog.compiled.plans import CompiledPlan
from headwater_catalog.compiled.prefect import write_prefect
from headwater_catalog.compiled.script import write_script
from headwater_catalog.compiled.slurm import write_slurm

__all__ = ["TARGETS", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """An orchestrator.

    Attributes:
        write: Returns a plan as its file.
        ending: How the name of that file ends.
    """

    write: Callable[[CompiledPlan], str]
    ending: str


TARGETS: Final[Mapping[str, Target]] = {
    "airflow": Target(write_airflow, ".py"),
    "argo": Target(write_argo, ".yaml"),
    "dagster": Target(write_dagster, ".py"),
    "prefect": Target(write_prefect, ".py"),
    "script": Target(write_script, ".sh"),
    "slurm": Target(write_slurm, ".slurm.sh"),
}
"""The orchestrators by name."""
