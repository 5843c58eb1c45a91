"""What Argo and Kubernetes do with a workflow, by what their manuals say: neither of them can run in a test.

It stands in for both, for the parts that we write: a pod is a process, an image a folder of programs, and a
volume claim a folder. What it does not know it refuses.
"""

import json
import os
import re
import signal
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from support.argo_schema import require_workflow, spec_of

__all__ = ["ArgoCluster", "Workflow"]

_SUCCEEDED, _FAILED = "Succeeded", "Failed"
_UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass
class Workflow:
    """A workflow that was submitted.

    Attributes:
        spec: What it consists of.
        parameters: Its parameters.
        uid: What Kubernetes knows it by.
        phases: How each task ended; one that never began is not there.
        pods: How many pods each template had.
        log: What they printed.
    """

    spec: dict[str, Any]
    parameters: dict[str, str]
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))
    phases: dict[str, str] = field(default_factory=dict)
    pods: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)

    @property
    def phase(self) -> str:
        """How it ended."""
        return _FAILED if _FAILED in self.phases.values() else _SUCCEEDED


@dataclass(frozen=True)
class ArgoCluster:
    """A namespace of Kubernetes with Argo.

    Attributes:
        images: The folder of the programs of each image.
        claims: The folder of each volume claim.
        secrets: What each secret holds.
        services: The names of the services, of which Kubernetes tells pods by environment variables.
    """

    images: Mapping[str, Path]
    claims: Mapping[str, Path]
    secrets: Mapping[str, Mapping[str, str]]
    services: tuple[str, ...] = ()

    def submit(self, file: str, **parameters: str) -> Workflow:
        """Execute a file, of a CronWorkflow as if it were time, until nothing runs any more."""
        document = yaml.safe_load(file)
        require_workflow(document)
        spec = spec_of(document)
        known = {each["name"]: each["value"] for each in spec["arguments"]["parameters"]}
        assert parameters.keys() <= known.keys(), f"no parameters {parameters.keys() - known.keys()}"
        workflow = Workflow(spec, {**known, **parameters})
        self._execute(workflow)
        return workflow

    def retry(self, workflow: Workflow) -> None:
        """Execute again what has failed and what was not begun (`argo retry`): it stays the same workflow."""
        assert workflow.phase == _FAILED, "a workflow that succeeded is not retried"
        for name in [name for name, phase in workflow.phases.items() if phase == _FAILED]:
            del workflow.phases[name]
        self._execute(workflow)

    def _execute(self, workflow: Workflow) -> None:
        templates = {each["name"]: each for each in workflow.spec["templates"]}
        tasks = templates[workflow.spec["entrypoint"]]["dag"]["tasks"]
        phases, performed = workflow.phases, dict[Future[str], str]()
        with ThreadPoolExecutor(len(tasks)) as pool:
            while True:
                for task in tasks:
                    name, before = task["name"], task.get("dependencies", ())
                    is_ready = all(phases.get(each) == _SUCCEEDED for each in before)
                    # Where a task has failed for good, no other one begins ("fail fast").
                    if is_ready and workflow.phase != _FAILED and name not in {*phases, *performed.values()}:
                        template = templates[task["template"]]
                        performed[pool.submit(self._perform, workflow, template)] = name
                if not performed:
                    return
                for ended in wait(performed, return_when=FIRST_COMPLETED).done:
                    phases[performed.pop(ended)] = ended.result()

    def _perform(self, workflow: Workflow, template: Mapping[str, Any]) -> str:
        """Perform a template, again and again as its strategy says, and tell how it ended."""
        variables = {f"workflow.parameters.{name}": text for name, text in workflow.parameters.items()}
        filled = _filled(template, {**variables, "workflow.uid": workflow.uid})
        strategy = filled.get("retryStrategy")
        is_retried = strategy is not None and strategy["retryPolicy"] in ("Always", "OnFailure")
        for number in range(int(strategy["limit"]) + 1 if is_retried else 1):
            if number:
                time.sleep(_seconds(strategy["backoff"]["duration"]))  # always as long, without a factor
            workflow.pods[template["name"]] += 1
            if self._succeeds(workflow, filled):
                return _SUCCEEDED
        return _FAILED

    def _succeeds(self, workflow: Workflow, template: Mapping[str, Any]) -> bool:
        """Run a pod, as long as it may be active."""
        container = template["container"]
        program, *words = [*container["command"], *container["args"]]
        process = subprocess.Popen(
            [self.images[container["image"]] / program, *words],
            env=self._environment(workflow.spec, container),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        deadline = template.get("activeDeadlineSeconds")
        try:
            printed, _ = process.communicate(timeout=None if deadline is None else int(deadline))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            printed, _ = process.communicate()
        workflow.log.append(printed)
        return process.returncode == 0

    def _environment(self, spec: Mapping[str, Any], container: Mapping[str, Any]) -> dict[str, str]:
        """Return the variables of a container: those of its image, of services and secrets, and its own."""
        made = {"PATH": f"{self.images[container['image']]}:{os.defpath}", "HOME": "/nonexistent"}
        if json.loads(spec.get("podSpecPatch", "{}")).get("enableServiceLinks", True):
            for service in self.services:
                name = service.upper().replace("-", "_")
                made |= {f"{name}_SERVICE_HOST": "10.0.0.1", f"{name}_PORT": "tcp://10.0.0.1:80"}
        for source in container["envFrom"]:
            made |= self.secrets[source["secretRef"]["name"]]
        claims = {each["name"]: each["persistentVolumeClaim"]["claimName"] for each in spec["volumes"]}
        mounts = {each["mountPath"]: self.claims[claims[each["name"]]] for each in container["volumeMounts"]}
        # Processes see the machine's own folders, so what names a place in a volume names the claim's.
        own = {each["name"]: each["value"] for each in container["env"]}
        return made | {name: str(mounts.get(value, value)) for name, value in own.items()}


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    """Return a part of a template with its expressions replaced."""
    if isinstance(value, str):
        return re.sub(r"\{\{(.*?)\}\}", lambda found: variables[found[1]], value)
    if isinstance(value, Mapping):
        return {key: _filled(each, variables) for key, each in value.items()}
    return [_filled(each, variables) for each in value]


def _seconds(duration: str) -> float:
    unit = _UNITS.get(duration[-1])
    return float(duration) if unit is None else float(duration[:-1]) * unit
