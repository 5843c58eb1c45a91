"""Write a plan as a script of a shell, which performs its tasks one after the other."""

from __future__ import annotations

from headwater_catalog.compiled.plans import CompiledPlan
from headwater_catalog.compiled.text import heading, shell_command

__all__ = ["write_script"]


def write_script(plan: CompiledPlan) -> str:
    """Return the script."""
    cron = f"#\n# Scheduled by cron, in UTC: {plan.schedule} bash {plan.name}.sh\n" if plan.schedule else ""
    tasks = "\n".join(
        f"task {task.name} \\\n    {shell_command(task.words, chr(34) + '$RELAY' + chr(34), '    ')}\n"
        for task in plan.tasks
    )
    return f"""\
#!/usr/bin/env bash
{heading(plan, "script")}{cron}
set -euo pipefail

# The values that tasks hand on are known by this key. To go on with an execution that failed, give its key.
RELAY="${{RELAY:-script-$(date -u +%Y%m%dT%H%M%SZ)-$$}}"
HW_COMMAND="${{HW_COMMAND:-headwater}}"
echo "RELAY=$RELAY" >&2

# Who ends this script ends what it waits for, too: a run, or the time until the next attempt.
trap 'kill $(jobs -p) 2>/dev/null || true; wait; exit 143' HUP INT TERM
await() {{
    "$@" &
    wait $!
}}

attempt() {{
    local name="$1" left={plan.retries}
    shift
    echo "Task $name" >&2
    until await $HW_COMMAND "$@"; do
        if [ "$left" -le 0 ]; then
            echo "Task $name failed. To go on from here: RELAY=$RELAY FROM=$name bash $0" >&2
            exit 1
        fi
        left=$((left - 1))
        await sleep {plan.retry_seconds}
    done
}}

# FROM names the task to begin with, where those before it have succeeded in this relay.
skipping="${{FROM:-}}"
task() {{
    [ "$skipping" != "$1" ] || skipping=""
    [ -n "$skipping" ] || attempt "$@"
}}

{tasks}
if [ -n "$skipping" ]; then
    echo "There is no task '$skipping'." >&2
    exit 2
fi
"""
