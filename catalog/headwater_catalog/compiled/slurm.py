"""Write a plan as jobs of Slurm: a script that submits one job for each task, with its dependencies."""

from __future__ import annotations

from headwater_catalog.compiled.plans import CompiledPlan, CompiledTask
from headwater_catalog.compiled.text import heading, shell_command

__all__ = ["write_slurm"]


def write_slurm(plan: CompiledPlan) -> str:
    """Return the script; it prints the numbers of the jobs."""
    cron = f"#\n# For scrontab, in UTC: {plan.schedule} bash {plan.name}.slurm.sh\n" if plan.schedule else ""
    jobs = "\n".join(_job(plan, task) for task in plan.tasks)
    return f"""\
#!/usr/bin/env bash
{heading(plan, "slurm")}{cron}
set -euo pipefail

# The values that tasks hand on are known by this key. Jobs have it, and all of HEADWATER_*, from this shell.
export RELAY="${{RELAY:-slurm-$(date -u +%Y%m%dT%H%M%SZ)-$$}}"
export HW_COMMAND="${{HW_COMMAND:-headwater}}"

# What all jobs are submitted with, such as a partition, an account, memory or time.
read -r -a options <<<"${{SBATCH_OPTIONS:-}}"

submit() {{
    local name="$1" after="$2" number
    local given=(--parsable --export=ALL --job-name="{plan.name}.$name" --kill-on-invalid-dep=yes)
    [ -z "$after" ] || given+=(--dependency="afterok:$after")
    number="$(sbatch "${{given[@]}}" "${{options[@]}}")"  # the script of the job is on the standard input
    echo "$name ${{number%%;*}}" >&2
    echo "${{number%%;*}}"
}}

{jobs}"""


def _job(plan: CompiledPlan, task: CompiledTask) -> str:
    after = ":".join(f"$job_{name}" for name in task.after)
    words = shell_command(task.words, '"$RELAY"', "        ")
    return f"""\
job_{task.name}="$(submit {task.name} "{after}" <<'JOB'
#!/usr/bin/env bash
left={plan.retries}
until
    $HW_COMMAND \\
        {words}
do
    [ "$left" -gt 0 ] || exit 1
    left=$((left - 1))
    sleep {plan.retry_seconds}
done
JOB
)"
"""
