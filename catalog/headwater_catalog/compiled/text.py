"""What the files of all orchestrators share: their heading, and commands as a shell or Python reads them."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from headwater_catalog.compiled.plans import RELAY, CompiledPlan, CompiledTask

__all__ = ["PERFORM", "first_day", "heading", "most_seconds", "python_tasks", "shell_command", "told"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # which may end a line

_BEFORE_AND_AFTER = 300
"""Seconds that a task has besides those of its nodes: to begin, to read sources, to carry results out."""

PERFORM = '''
def perform(words, relay):
    """Perform a task; the key of the relay has only characters that one may have."""
    relay = re.sub(r"[^A-Za-z0-9_:+-]", "-", relay)[:200]
    command = shlex.split(os.environ.get("HW_COMMAND", "headwater"))
    words = [*command, *(word.replace("@relay@", relay) for word in words)]
    with subprocess.Popen(words) as process:
        try:
            code = process.wait()
        except BaseException:  # the task is ended, and with it the run
            process.terminate()
            raise
    if code != 0:
        raise subprocess.CalledProcessError(code, words)
'''
"""A function of Python files that performs the words of a task."""


def heading(plan: CompiledPlan, target: str, comment: str = "#") -> str:
    """Return what a file says of itself: of what commit it is, how it is made again, and its tasks."""
    again = shlex.join(("headwater", *plan.again, "--to", target))
    needs = "what each machine needs is in docs/compile.md of Headwater"
    lines = [
        f"Repository '{plan.repository}' at commit {plan.sha}, compiled by Headwater for {target}.",
        f"To make this file again: {again}",
        f"Each task is one `headwater run` that works by hand, too; {needs}.",
        "",
        "Tasks:",
        *(f"  {task.name}: {told(task)}" for task in plan.tasks),
    ]
    return "\n".join(f"{comment} {_CONTROL.sub('?', line)}".rstrip() for line in lines) + "\n"


def told(task: CompiledTask) -> str:
    """Return a line on a task: how much it computes, what it takes, and how long that took."""
    count = len(task.computes)
    parts = [f"{count} node{'' if count == 1 else 's'} of '{task.dataflow}'"]
    parts += [f"takes {len(task.takes)}"] if task.takes else []
    parts.append("makes the dataset" if task.saves else f"hands on {len(task.outputs)}")
    parts += [f"{task.seconds:.3g} s when last run"] if task.seconds is not None else []
    return ", ".join(parts)


def most_seconds(task: CompiledTask) -> int | None:
    """Return how long an attempt may take, as tags of its nodes say; None where a node has no limit."""
    seconds = task.needs.seconds
    return None if seconds is None else math.ceil(seconds) + _BEFORE_AND_AFTER


def shell_command(words: Sequence[str], relay: str, indent: str) -> str:
    """Return the words of a task as a shell reads them, an option to a line.

    Args:
        words: The words, without the program.
        relay: How the shell knows the key of the relay, such as `"$RELAY"`.
        indent: Before each line but the first.
    """
    lines = [" ".join(_quoted(word, relay) for word in line) for line in _lines(words)]
    return f" \\\n{indent}".join(lines)


def python_tasks(plan: CompiledPlan) -> str:
    """Return the tasks as a dictionary of Python: of each what it waits for, and its words."""
    lines = ["TASKS = {"]
    for task in plan.tasks:
        lines += [f"    {json.dumps(task.name)}: {{", f'        "after": {json.dumps(list(task.after))},']
        lines.append('        "words": [')
        lines += [f"            {', '.join(map(repr, line))}," for line in _lines(task.words)]
        lines += ["        ],", "    },"]
    return "\n".join([*lines, "}"]) + "\n"


def first_day(plan: CompiledPlan) -> str:
    """Return the day of the commit, since which it could have run."""
    return datetime.fromtimestamp(plan.committed, UTC).strftime("%Y-%m-%d")


def _lines(words: Sequence[str]) -> Iterator[list[str]]:
    line: list[str] = []
    for word in words:
        if word.startswith("--") and line:
            yield line
            line = []
        line.append(word)
    yield line


def _quoted(word: str, relay: str) -> str:
    return relay.join(shlex.quote(part) if part else "" for part in word.split(RELAY)) or "''"
