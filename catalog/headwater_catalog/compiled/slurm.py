"""Write a plan as jobs of Slurm: a script that submits one job for each task, with its dependencies."""

from __future__ import annotations

import math

from headwater_catalog.compiled.plans import CompiledPlan, CompiledTask
from headwater_catalog.compiled.text import heading, most_seconds, shell_command

__all__ = ["write_slurm"]

_MEBIBYTE = 1 << 20


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
echo "RELAY=$RELAY" >&2

# What all jobs are submitted with, such as a partition or an account; stronger than what a job asks for.
read -r -a options <<<"${{SBATCH_OPTIONS:-}}"

submit() {{  # NAME NUMBERS-OF-JOBS-BEFORE OPTION...; the script of the job is on the standard input
    local name="$1" after="$2" number
    shift 2
    local given=(--parsable --export=ALL --job-name="{plan.name}.$name" --kill-on-invalid-dep=yes "$@")
    [ -z "$after" ] || given+=(--dependency="afterok:$after")
    number="$(sbatch "${{given[@]}}" ${{options[@]+"${{options[@]}}"}})" || return
    echo "$name ${{number%%;*}}" >&2
    echo "${{number%%;*}}"
}}

# Either all jobs are submitted, or none stays.
submitted=()
give_up() {{
    echo "Not all jobs could be submitted. Those that were are cancelled." >&2
    [ "${{#submitted[@]}}" -eq 0 ] || scancel "${{submitted[@]}}"
}}
trap give_up ERR

{jobs}"""


def _job(plan: CompiledPlan, task: CompiledTask) -> str:
    after = ":".join(f"$job_{name}" for name in task.after)
    words = shell_command(task.words, '"$RELAY"', "        ")
    wanted = "".join(f" {option}" for option in _options(plan, task))
    return f"""\
job_{task.name}="$(submit {task.name} "{after}"{wanted} <<'JOB'
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
submitted+=("$job_{task.name}")
"""


def _options(plan: CompiledPlan, task: CompiledTask) -> list[str]:
    """Return what a job asks the cluster for, which knows only whole numbers."""
    needs, seconds, found = task.needs, most_seconds(task), []
    if needs.cpus is not None:
        found.append(f"--cpus-per-task={max(1, math.ceil(needs.cpus))}")
    if needs.gpus:
        found.append(f"--gpus={math.ceil(needs.gpus)}")
    if needs.memory is not None:
        found.append(f"--mem={max(1, math.ceil(needs.memory / _MEBIBYTE))}M")
    if seconds is not None:  # of all attempts, which one job makes
        whole = seconds * (plan.retries + 1) + plan.retry_seconds * plan.retries
        found.append(f"--time={math.ceil(whole / 60)}")
    return found
