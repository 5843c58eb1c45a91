"""Write a plan as a job of Dagster, with its schedule."""

from __future__ import annotations

from headwater_catalog.compiled.plans import CompiledPlan
from headwater_catalog.compiled.text import PERFORM, heading, python_tasks

__all__ = ["write_dagster"]


def write_dagster(plan: CompiledPlan) -> str:
    """Return the file, which imports Dagster and nothing of Headwater."""
    schedules = (
        f"dg.ScheduleDefinition(job=all_tasks, cron_schedule={plan.schedule!r}, execution_timezone='UTC')"
        if plan.schedule
        else ""
    )
    return f"""\
{heading(plan, "dagster")}
import os
import re
import shlex
import subprocess

import dagster as dg

{python_tasks(plan)}
{PERFORM}

def op_of(name, each):
    @dg.op(
        name=name,
        ins={{f"after_{{before}}": dg.In(dg.Nothing) for before in each["after"]}},
        out=dg.Out(dg.Nothing),
        retry_policy=dg.RetryPolicy(max_retries={plan.retries}, delay={plan.retry_seconds}),
    )
    def perform_op(context):
        # A run that goes on where another one failed takes what that has made.
        perform(each["words"], context.run.root_run_id or context.run_id)

    return perform_op


OPS = {{name: op_of(name, each) for name, each in TASKS.items()}}


@dg.job(
    name={plan.name!r},
    tags={{"headwater/repository": {plan.repository!r}, "headwater/commit": {plan.sha!r}}},
)
def all_tasks():
    made = {{}}
    for name, each in TASKS.items():
        made[name] = OPS[name](**{{f"after_{{before}}": made[before] for before in each["after"]}})


defs = dg.Definitions(jobs=[all_tasks], schedules=[{schedules}])
"""
