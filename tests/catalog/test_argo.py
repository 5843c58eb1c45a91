"""Workflows of Argo, executed by what stands in for a cluster of it."""

from pathlib import Path

import pytest
import yaml

from headwater.executors.needs import NO_NEEDS, Needs
from headwater_catalog.compiled.argo import write_argo
from headwater_catalog.compiled.planning import slug
from headwater_catalog.compiled.plans import RELAY, CompiledPlan, CompiledTask
from support.argo_cluster import ArgoCluster, Workflow
from support.argo_schema import EXPRESSION_WORDS, require_workflow

# Its words are the name of the task, the relay, and a number of attempts before it succeeds; 0: it never ends.
PROGRAM = """#!/bin/sh
[ -z "$HEADWATER_SERVICE_HOST" ] || exit 1  # as the real command does, of which it would be no setting
echo "$1" >> "$HEADWATER_HOME/begun"
echo "$2 $SHOP" >> "$HEADWATER_HOME/relays"
[ "$3" != 0 ] || exec sleep 600
[ "$(grep -c "^$1\\$" "$HEADWATER_HOME/begun")" -ge "$3" ]
"""


def plan(*tasks: tuple[str, int, tuple[str, ...]], retries: int = 1, needs: Needs = NO_NEEDS) -> CompiledPlan:
    made = [
        CompiledTask(name, "sales", (), (), (), after, (name, RELAY, str(attempt)), None, False, needs)
        for name, attempt, after in tasks
    ]
    about = {"repository": "shop", "sha": "1" * 40, "committed": 0, "by": "module", "again": ("compile",)}
    return CompiledPlan(
        "shop_sales", tasks=tuple(made), schedule=None, retries=retries, retry_seconds=0, **about
    )


@pytest.fixture
def cluster(tmp_path: Path) -> ArgoCluster:
    program = tmp_path / "image" / "headwater"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    (tmp_path / "home").mkdir()
    claims, secrets = {"headwater-home": tmp_path / "home"}, {"headwater": {"SHOP": "a shop"}}
    return ArgoCluster({"shop/headwater:7": program.parent}, claims, secrets, services=("headwater",))


def submitted(cluster: ArgoCluster, plan: CompiledPlan) -> Workflow:
    return cluster.submit(write_argo(plan), image="shop/headwater:7")


def begun(cluster: ArgoCluster) -> list[str]:
    return (cluster.claims["headwater-home"] / "begun").read_text().split()


def test_tasks_begin_when_those_that_they_wait_for_have_succeeded(cluster: ArgoCluster):
    workflow = submitted(
        cluster, plan(("load", 1, ()), ("a_b", 2, ("load",)), ("report", 1, ("load", "a_b")))
    )

    assert workflow.phases == dict.fromkeys(("load", "a-b", "report"), "Succeeded")
    assert begun(cluster) == ["load", "a_b", "a_b", "report"]
    relays = (cluster.claims["headwater-home"] / "relays").read_text().splitlines()
    assert set(relays) == {f"argo-{workflow.uid} a shop"}


def test_a_task_that_fails_for_good_leaves_the_rest_undone_until_the_workflow_is_retried(
    cluster: ArgoCluster,
):
    workflow = submitted(cluster, plan(("load", 1, ()), ("model", 3, ("load",)), ("report", 1, ("model",))))
    failed, uid = dict(workflow.phases), workflow.uid
    cluster.retry(workflow)

    assert failed == {"load": "Succeeded", "model": "Failed"}
    assert (workflow.phase, workflow.uid) == ("Succeeded", uid)
    assert begun(cluster) == ["load", "model", "model", "model", "report"]
    with pytest.raises(AssertionError, match="is not retried"):
        cluster.retry(workflow)


def test_a_pod_that_is_active_for_too_long_fails(cluster: ArgoCluster):
    content = write_argo(plan(("load", 0, ()), retries=0, needs=Needs(seconds=1)))
    assert '"301"' in content
    workflow = cluster.submit(content.replace('"301"', '"1"'), image="shop/headwater:7")

    assert workflow.phases == {"load": "Failed"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("retryPolicy:", "policy:"),
        ("entrypoint:", "suspend: true\n  entrypoint:"),
        ("command:", "imagePullPolicy: Always\n        command:"),
        ("workflow.uid", "workflow.name"),
        ("enableServiceLinks", "hostNetwork"),
    ],
)
def test_what_the_stand_in_does_not_know_is_refused(cluster: ArgoCluster, old: str, new: str):
    content = write_argo(plan(("load", 1, ())))
    changed = content.replace(old, new)

    assert changed != content
    with pytest.raises((AssertionError, KeyError)):
        cluster.submit(changed, image="shop/headwater:7")


@pytest.mark.parametrize("word", sorted({*EXPRESSION_WORDS, "all-tasks"}))
def test_no_task_is_called_by_a_word_that_has_a_meaning_there(word: str):
    document = yaml.safe_load(write_argo(plan((slug(word), 1, ()), ("last", 1, (slug(word),)))))

    require_workflow(document)
