"""The hook and the jobs that docs/governance.md gives do what they say: each is taken from there and run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from support.git_repo import GitRepo

_DOCS = Path(__file__).parents[2] / "docs" / "governance.md"
_POLICY = '[owned]\nquery = "-has:owner"\nmessage = "Say whose it is."\n'
_OWNED = (
    "from headwater import tag\n\n\n@tag(owner='growth')\ndef spend(orders: int) -> int:\n    return orders\n"
)
_UNOWNED = "\n\ndef visits(orders: int) -> int:\n    return orders\n"


def _example(begins: str) -> Any:
    """Return the example of the docs that begins with a text, as its reader reads it."""
    blocks = re.findall(r"(?:^    .*\n|^\n)+", _DOCS.read_text(), re.MULTILINE)
    (found,) = [block for block in map(dedent, blocks) if block.strip().startswith(begins)]
    return yaml.safe_load(found)


@pytest.fixture
def shop(git_repo: GitRepo) -> GitRepo:
    """Give a repository with a policy that its main line keeps."""
    git_repo.commit("Begin", files={"policies/all.toml": _POLICY, "shop.py": _OWNED})
    return git_repo


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """Give the environment of a machine that has Headwater installed, and keeps all of its own in a folder."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(tmp_path / "pre-commit"),
        "HOME": str(tmp_path),
        "GIT_CONFIG_GLOBAL": os.devnull,
    }


@pytest.fixture
def branch(shop: GitRepo, tmp_path: Path) -> Path:
    """Give a clone of a branch that breaks the policy, as a job of a pull request finds it."""
    shop.branch("feature")
    shop.checkout("feature")
    shop.commit("Count visits", files={"shop.py": _OWNED + _UNOWNED})
    clone = tmp_path / "checkout"
    subprocess.run(["git", "clone", "-q", "--branch", "feature", str(shop.path), str(clone)], check=True)
    return clone


def _run(script: str, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def test_the_hook_stops_a_commit_that_breaks_a_policy(shop: GitRepo, environment: Mapping[str, str]):
    hook = _example("repos:")
    shop.commit("Add the hook", files={".pre-commit-config.yaml": yaml.safe_dump(hook)})
    installed = _run("python -m pre_commit install", shop.path, environment)
    assert installed.returncode == 0, installed.stderr
    commit = "git -c user.name=Maya -c user.email=maya@example.com commit -qam Visits"

    shop.write("shop.py", _OWNED + _UNOWNED)
    stopped = _run(commit, shop.path, environment)
    shop.write("shop.py", _OWNED + _UNOWNED.replace("def", "@tag(owner='growth')\ndef"))
    passed = _run(commit, shop.path, environment)

    assert stopped.returncode != 0
    assert "Say whose it is." in stopped.stdout + stopped.stderr
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert shop.git("log", "-1", "--format=%s").strip() == "Visits"


def test_a_workflow_of_github_marks_the_lines_and_fails(branch: Path, environment: Mapping[str, str]):
    (step,) = _example("- run: headwater check")
    script = step["run"].replace("${{ github.base_ref }}", "main")
    failed = _run(script, branch, environment)

    assert failed.returncode == 1, failed.stderr
    assert failed.stdout.startswith("::error file=shop.py,line=9,")

    subprocess.run(["git", "checkout", "-q", "main"], cwd=branch, check=True)
    assert _run(script, branch, environment).returncode == 0


def test_a_job_of_gitlab_leaves_its_report_and_fails(
    shop: GitRepo, branch: Path, tmp_path: Path, environment: Mapping[str, str]
):
    assert branch.is_dir()
    job = _example("check:")["check"]
    runner = tmp_path / "runner"  # which has the branch alone, at no branch
    fetch = f"git init -q {runner} && cd {runner} && git remote add origin {shop.path}"
    fetch += " && git fetch -q origin feature && git checkout -q --detach FETCH_HEAD"
    assert _run(fetch, tmp_path, environment).returncode == 0
    script = "\n".join(job["script"])
    failed = _run(script, runner, {**environment, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"})
    (finding,) = json.loads((runner / job["artifacts"]["reports"]["codequality"]).read_text())

    assert failed.returncode == 1, failed.stderr
    assert job["artifacts"]["when"] == "always"
    assert (finding["check_name"], finding["location"]["path"]) == ("owned", "shop.py")


def test_a_review_is_written_for_a_pull_request(branch: Path, environment: Mapping[str, str]):
    first, second = _example("- run: headwater review")
    done = _run(first["run"].replace("${{ github.base_ref }}", "main"), branch, environment)

    assert done.returncode == 0, done.stderr
    assert "visits" in (branch / "review.md").read_text()
    assert "--body-file review.md" in second["run"]
