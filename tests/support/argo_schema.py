"""What a workflow of Argo may hold, of those parts that we write: strictly, so that a slip is found without Argo.

The names are those of Argo's own API (`argoproj.io/v1alpha1`) and of Kubernetes' pods.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["EXPRESSION_WORDS", "require_workflow", "spec_of"]

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_CRON_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?")  # 11 signs of the time follow
_BEGIN_OF_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,57}")  # 5 signs of Kubernetes' own follow
_FIELD = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,127}")
EXPRESSION_WORDS = {
    "and",
    "contains",
    "else",
    "false",
    "if",
    "in",
    "let",
    "matches",
    "nil",
    "not",
    "or",
    "true",
}
"""Words of the language in which Argo asks whether tasks that another one waits for have succeeded."""
_AMOUNT = re.compile(r"\d+(\.\d+)?m?")
_TEXT, _TEXTS = str, [str]
_LABELS = {"*": str}

_TEMPLATE = {
    "name": _FIELD,
    "activeDeadlineSeconds?": re.compile(r"\d+"),
    "dag?": {"tasks": [{"name": _FIELD, "template": _FIELD, "dependencies?": [_FIELD]}]},
    "container?": {
        "image": _TEXT,
        "command": _TEXTS,
        "args": _TEXTS,
        "resources?": {
            "requests": {"cpu?": _AMOUNT, "memory?": _AMOUNT, "nvidia.com/gpu?": _AMOUNT},
            "limits?": {"memory?": _AMOUNT, "nvidia.com/gpu?": _AMOUNT},
        },
        "env": [{"name": _TEXT, "value": _TEXT}],
        "envFrom": [{"secretRef": {"name": _NAME}}],
        "volumeMounts": [{"name": _NAME, "mountPath": _TEXT}],
    },
    "retryStrategy?": {
        "limit": re.compile(r"\d+"),
        "retryPolicy": re.compile("Always|OnFailure|OnError|OnTransientError"),
        "backoff": {"duration": re.compile(r"\d+[smh]?")},
    },
}

_SPEC = {
    "entrypoint": _FIELD,
    "arguments": {"parameters": [{"name": _FIELD, "value": _TEXT}]},
    "securityContext": {"fsGroup": int, "fsGroupChangePolicy": re.compile("OnRootMismatch|Always")},
    "podSpecPatch": _TEXT,
    "volumes": [{"name": _NAME, "persistentVolumeClaim": {"claimName": _NAME}}],
    "templates": [_TEMPLATE],
}

_WORKFLOW = {
    "apiVersion": re.compile("argoproj.io/v1alpha1"),
    "kind": re.compile("Workflow"),
    "metadata": {"generateName": _BEGIN_OF_NAME, "labels": _LABELS, "annotations": _LABELS},
    "spec": _SPEC,
}

_CRON_WORKFLOW = {
    "apiVersion": re.compile("argoproj.io/v1alpha1"),
    "kind": re.compile("CronWorkflow"),
    "metadata": {"name": _CRON_NAME, "labels": _LABELS, "annotations": _LABELS},
    "spec": {
        "schedules": [re.compile(r"@\w+|\S+( \S+){4}")],
        "timezone": _TEXT,
        "concurrencyPolicy": re.compile("Allow|Forbid|Replace"),
        "workflowSpec": _SPEC,
    },
}


_POD_SPEC = {"enableServiceLinks": bool}


def spec_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a workflow, or each workflow of a CronWorkflow, consists of."""
    spec: dict[str, Any] = document["spec"]
    return spec["workflowSpec"] if document["kind"] == "CronWorkflow" else spec  # type: ignore[no-any-return]


def require_workflow(document: Mapping[str, Any]) -> None:
    """Make sure that a document is a workflow whose parts all refer to each other."""
    is_cron = document["kind"] == "CronWorkflow"
    _hold(document, _CRON_WORKFLOW if is_cron else _WORKFLOW, "")
    spec = spec_of(document)
    _hold(json.loads(spec["podSpecPatch"]), _POD_SPEC, ".podSpecPatch")
    names = [each["name"] for each in spec["templates"]]
    assert len(set(names)) == len(names)
    assert spec["entrypoint"] in names
    volumes = {each["name"] for each in spec["volumes"]}
    for template in spec["templates"]:
        assert ("dag" in template) != ("container" in template), template["name"]
        assert {m["name"] for m in template.get("container", {}).get("volumeMounts", ())} <= volumes
        before: set[str] = set()
        for task in template.get("dag", {}).get("tasks", ()):
            assert task["template"] in names
            assert set(task.get("dependencies", ())) <= before, "a task waits for one that comes later"
            assert task["name"] not in EXPRESSION_WORDS and not task["name"][0].isdigit(), task["name"]
            before.add(task["name"])


def _hold(value: Any, wanted: Any, where: str) -> None:
    if isinstance(wanted, dict):
        assert isinstance(value, dict), f"{where}: {value!r} is no object"
        if "*" in wanted:
            for key, each in value.items():
                _hold(each, wanted["*"], f"{where}.{key}")
            return
        known = {key.rstrip("?") for key in wanted}
        assert value.keys() <= known, f"{where}: unknown {value.keys() - known}"
        for key, kind in wanted.items():
            if key in value or not key.endswith("?"):
                assert key.rstrip("?") in value, f"{where}: no {key}"
            if key.rstrip("?") in value:
                _hold(value[key.rstrip("?")], kind, f"{where}.{key}")
    elif isinstance(wanted, list):
        assert isinstance(value, list) and value, f"{where}: {value!r} is no list of something"
        for each in value:
            _hold(each, wanted[0], f"{where}[]")
    elif isinstance(wanted, re.Pattern):
        assert isinstance(value, str) and wanted.fullmatch(value), f"{where}: {value!r}"
    else:
        assert type(value) is wanted, f"{where}: {value!r} is no {wanted.__name__}"
