"""Write a plan as a flow of Prefect 3."""

from __future__ import annotations

from headwater_catalog.compiled.plans import CompiledPlan
from headwater_catalog.compiled.text import PERFORM, heading, python_tasks

__all__ = ["write_prefect"]


def write_prefect(plan: CompiledPlan) -> str:
    """Return the file, which imports Prefect and nothing of Headwater."""
    cron = f", cron={plan.schedule!r}" if plan.schedule else ""
    return f"""\
{heading(plan, "prefect")}
import os
import re
import shlex
import subprocess
import sys

from prefect import flow, task
from prefect.runtime import flow_run

{python_tasks(plan)}
{PERFORM}

@flow(name={plan.name!r})
def all_tasks(relay: str | None = None):
    \"\"\"Perform all tasks; by the relay of an execution that failed, what that has made is taken.\"\"\"
    relay = relay or str(flow_run.id)
    made = {{}}
    for name, each in TASKS.items():
        performed = task(perform, name=name, retries={plan.retries}, retry_delay_seconds={plan.retry_seconds})
        made[name] = performed.submit(
            each["words"], relay, wait_for=[made[before] for before in each["after"]]
        )
    for each in made.values():
        each.result()


if __name__ == "__main__":
    if "--serve" in sys.argv:
        all_tasks.serve(name={plan.name!r}{cron}, limit=1)  # two at a time would write to the same sinks
    else:
        all_tasks()
"""
