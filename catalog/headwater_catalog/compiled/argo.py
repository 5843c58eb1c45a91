"""Write a plan as a workflow of Argo."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from headwater_catalog.compiled.plans import RELAY, CompiledPlan, CompiledTask
from headwater_catalog.compiled.text import heading, most_seconds
from headwater_catalog.errors import Conflict

__all__ = ["write_argo"]

_IMAGE: Final = "{{workflow.parameters.image}}"
_GROUP: Final = 10001  # of the user of Headwater's image, who is to write to the volume of the home


def write_argo(plan: CompiledPlan) -> str:
    """Return the YAML of a CronWorkflow, or of a Workflow where there is no schedule."""
    kind = "CronWorkflow" if plan.schedule else "Workflow"
    name = plan.name.replace("_", "-")
    spec = _spec(plan)
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": kind,
        "metadata": {
            **({"name": name} if plan.schedule else {"generateName": f"{name}-"}),
            "labels": {"app.kubernetes.io/managed-by": "headwater"},
            "annotations": {"headwater/repository": plan.repository, "headwater/commit": plan.sha},
        },
        "spec": spec
        if plan.schedule is None
        else {
            "schedules": [plan.schedule],
            "timezone": "UTC",
            "concurrencyPolicy": "Forbid",
            "workflowSpec": spec,
        },
    }
    needs = (
        "#\n# It needs a secret 'headwater' with HEADWATER_DATABASE_URL and other settings, a volume claim\n"
        "# 'headwater-home' that all pods can write to at once (ReadWriteMany), the home of the catalog,\n"
        "# and as parameter 'image' an image with Headwater and the packages of the features.\n"
    )
    return heading(plan, "argo") + needs + "\n".join(_yaml(document, 0)) + "\n"


def _spec(plan: CompiledPlan) -> dict[str, Any]:
    dag = [
        {
            "name": _dashed(task.name),
            "template": _dashed(task.name),
            **({"dependencies": [_dashed(name) for name in task.after]} if task.after else {}),
        }
        for task in plan.tasks
    ]
    return {
        "entrypoint": "all-tasks",
        "arguments": {"parameters": [{"name": "image", "value": "headwater"}]},
        "securityContext": {"fsGroup": _GROUP, "fsGroupChangePolicy": "OnRootMismatch"},
        # Of a service called 'headwater' Kubernetes would make variables that look like settings.
        "podSpecPatch": '{"enableServiceLinks": false}',
        "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": "headwater-home"}}],
        "templates": [
            {"name": "all-tasks", "dag": {"tasks": dag}},
            *(_template(plan, task) for task in plan.tasks),
        ],
    }


def _template(plan: CompiledPlan, task: CompiledTask) -> dict[str, Any]:
    for word in task.words:
        if "{{" in word:
            raise Conflict(
                f"Argo would take {word!r:.80} for an expression of its own. Give it without '{{{{'."
            )
    words = [word.replace(RELAY, "argo-{{workflow.uid}}") for word in task.words]
    resources, seconds = _resources(task), most_seconds(task)
    return {
        "name": _dashed(task.name),
        **({"activeDeadlineSeconds": str(seconds)} if seconds is not None else {}),
        "retryStrategy": {
            "limit": str(plan.retries),
            "retryPolicy": "Always",
            "backoff": {"duration": f"{plan.retry_seconds}s"},
        },
        "container": {
            "image": _IMAGE,
            "command": ["headwater"],
            "args": words,
            **({"resources": resources} if resources else {}),
            "env": [{"name": "HEADWATER_HOME", "value": "/headwater"}],
            "envFrom": [{"secretRef": {"name": "headwater"}}],
            "volumeMounts": [{"name": "home", "mountPath": "/headwater"}],
        },
    }


def _resources(task: CompiledTask) -> dict[str, dict[str, str]]:
    """Return what the pod asks Kubernetes for."""
    needs = task.needs
    asked = {"cpu": f"{needs.cpus:g}"} if needs.cpus else {}
    bounds = {"memory": str(needs.memory)} if needs.memory else {}
    if needs.gpus:  # whole ones alone
        bounds["nvidia.com/gpu"] = str(math.ceil(needs.gpus))
    found = {"requests": {**asked, **bounds}, "limits": bounds}
    return {kind: each for kind, each in found.items() if each}


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _yaml(value: Any, depth: int) -> Iterator[str]:
    """Write plain data as YAML; texts and numbers are JSON, which YAML has as a part."""
    pad = "  " * depth
    items = value.items() if isinstance(value, Mapping) else (("-", each) for each in value)
    for key, item in items:
        head = f"{pad}-" if key == "-" else f"{pad}{key if key.isalnum() else json.dumps(key)}:"
        if not isinstance(item, (Mapping, list)) or not item:
            yield f"{head} {json.dumps(item, ensure_ascii=False)}"
        elif key == "-" and isinstance(item, Mapping):
            first, *rest = _yaml(item, depth + 1)
            yield f"{head} {first.lstrip()}"
            yield from rest
        else:
            yield head
            yield from _yaml(item, depth + 1)
