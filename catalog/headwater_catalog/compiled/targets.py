"""The orchestrators that a plan can be written for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from headwater_catalog.compiled.airflow import write_airflow
from headwater_catalog.compiled.argo import write_argo
from headwater_catalog.compiled.dagster import write_dagster
from headwater_catalog.compiled.plans import CompiledPlan
from headwater_catalog.compiled.prefect import write_prefect
from headwater_catalog.compiled.script import write_script
from headwater_catalog.compiled.slurm import write_slurm

__all__ = ["TARGETS"]

TARGETS: Final[Mapping[str, Callable[[CompiledPlan], str]]] = {
    "airflow": write_airflow,
    "argo": write_argo,
    "dagster": write_dagster,
    "prefect": write_prefect,
    "script": write_script,
    "slurm": write_slurm,
}
"""What writes a plan as a file, by the name of the orchestrator."""
