"""Write a plan as a DAG of Airflow 3."""

from __future__ import annotations

from headwater_catalog.compiled.plans import CompiledPlan
from headwater_catalog.compiled.text import PERFORM, first_day, heading, python_tasks

__all__ = ["write_airflow"]


def write_airflow(plan: CompiledPlan) -> str:
    """Return the file, which imports Airflow and nothing of Headwater."""
    year, month, day = (int(part) for part in first_day(plan).split("-"))
    return f"""\
{heading(plan, "airflow")}
import os
import re
import shlex
import subprocess
from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG, task

{python_tasks(plan)}
{PERFORM}

def perform_task(name, relay):
    perform(TASKS[name]["words"], relay)


with DAG(
    dag_id={plan.name!r},
    schedule={plan.schedule!r},
    start_date=datetime({year}, {month}, {day}, tzinfo=timezone.utc),  # the day of the commit
    catchup=False,
    max_active_runs=1,  # two at a time would write to the same sinks
    default_args={{"retries": {plan.retries}, "retry_delay": timedelta(seconds={plan.retry_seconds})}},
    tags=["headwater", {plan.repository!r}],
) as dag:
    made = {{}}
    for name, each in TASKS.items():
        # The names of DAG and run are the key of the relay: a task that is cleared takes what was made.
        made[name] = task(task_id=name)(perform_task)(name, "{{{{ dag.dag_id }}}}-{{{{ run_id }}}}")
        for before in each["after"]:
            made[before] >> made[name]
"""
