"""`headwater compile`: dataflows as tasks of an orchestrator, each of them a run that works by hand, too."""

import ast
import json
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from headwater_catalog.compiled.targets import TARGETS
from headwater_catalog.run_options import RunOptions
from headwater_catalog.runs import list_runs
from headwater_catalog.scan import scan
from headwater_catalog.store.models import Run
from support.argo_schema import require_workflow
from support.compiled_shop import compiled, make_compiled_shop, program, saved
from support.git_repo import GitRepo
from support.processes import state_of
from support.run_catalog import Catalog
from support.worker_process import until

THREADS = RunOptions(executor="threads", use_kept=False)


@pytest.fixture
def catalog(sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    made = make_compiled_shop(sqlite_catalog_url, git_repo, tmp_path)
    yield made
    made.database.dispose()


def plan_of(catalog: Catalog, *words: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(compiled(catalog, *words, "--to", "script", "--json"))
    return told


def runs_of(catalog: Catalog) -> list[Run]:
    with catalog.database.read() as session:
        numbers = [run.id for run in list_runs(session)]
    return [catalog.get(number) for number in sorted(numbers)]


def execute(
    content: str, folder: Path, environment: dict[str, str], **more: str
) -> subprocess.CompletedProcess[str]:
    file = folder / "compiled.sh"
    file.write_text(content)
    return subprocess.run(
        ["bash", str(file)],
        env={**environment, **more},
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )


def test_modules_become_tasks_that_wait_for_what_they_take(catalog: Catalog):
    plan = plan_of(catalog, "sales", "--by", "module")

    assert {task["name"]: (task["takes"], task["after"]) for task in plan["tasks"]} == {
        "load": ([], []),
        "model": (["ratio", "factor"], ["load"]),
        "report": (["ratio", "factor", "fitted", "centred", "total_size"], ["load", "model"]),
    }
    assert [task["saves"] for task in plan["tasks"]] == [False, False, True]
    assert (plan["schedule"], plan["retries"], plan["repository"]) == ("0 6 * * 1", 2, "shop")


def test_a_fan_out_and_the_checks_of_a_feature_stay_in_one_task(catalog: Catalog):
    tasks = plan_of(catalog, "sales", "--by", "tag:stage")["tasks"]
    load = next(task for task in tasks if task["name"] == "load")
    rest = next(task for task in tasks if "week_size" in task["computes"])

    assert load["computes"] == ["ratio"]
    assert {"each_week", "week_size", "total_size"} <= set(rest["computes"])
    assert all(name.startswith("centred") for name in rest["computes"] if "centred" in name)


def test_one_task_makes_the_dataset_unless_something_else_is_said(catalog: Catalog):
    (task,) = plan_of(catalog, "sales")["tasks"]

    assert (task["name"], task["takes"], task["saves"]) == ("sales", [], True)
    assert "--relay" not in task["command"]
    assert task["command"][task["command"].index("--sink") + 1] == "weekly_scores"


def test_a_dataflow_that_reads_what_another_one_writes_waits_for_it(catalog: Catalog):
    tasks = plan_of(catalog, "summary", "sales")["tasks"]

    assert [(task["name"], task["after"]) for task in tasks] == [("sales", []), ("summary", ["sales"])]


def test_a_dataflow_of_partitions_is_compiled_for_one_of_them(catalog: Catalog, git_repo: GitRepo):
    project = (git_repo.path / "pyproject.toml").read_text()
    cut = 'outputs = ["best"]\npartitions = { key = "day", from = "2026-01-01" }'
    project = project.replace('outputs = ["best"]', cut).replace("/scores.csv", "/{day}/scores.csv")
    git_repo.write("pyproject.toml", project)
    git_repo.commit("Cut the summary into days")
    scan(catalog.database, catalog.settings, "shop")
    words = ("compile", "summary", "--to", "script")
    without = catalog.headwater(*words)
    (task,) = plan_of(catalog, "summary", "--config", "day=2026-01-03")["tasks"]

    assert (without.exit_code, without.stdout) == (3, "")
    assert "Say which partition" in without.stderr
    assert 'day="2026-01-03"' in task["command"]
    assert catalog.headwater(*words, "--config", "day=2025-01-03").exit_code == 3


def test_the_configuration_chooses_the_graph_and_travels_with_each_task(catalog: Catalog):
    tasks = plan_of(catalog, "sales", "--by", "module", "--config", "region=US")["tasks"]

    assert all('region="US"' in task["command"] for task in tasks)


def test_cost_needs_a_run_and_then_makes_one_task_of_what_takes_no_time(catalog: Catalog):
    before = catalog.headwater("compile", "sales", "--to", "script", "--by", "cost", "--executor", "threads")
    catalog.run(dataflow="sales", options=THREADS)

    assert before.exit_code == 3
    assert "No run of dataflow 'sales' has told yet" in before.stderr
    (task,) = plan_of(catalog, "sales", "--by", "cost")["tasks"]
    assert task["seconds"] is not None


def test_the_same_commit_gives_the_same_file_whatever_is_scanned_later(catalog: Catalog, git_repo: GitRepo):
    first = compiled(catalog, "sales", "--to", "airflow", "--by", "module")
    git_repo.write(
        "features/report.py", "import pandas as pd\ndef scored(ratio: pd.Series) -> pd.Series: ...\n"
    )
    git_repo.commit("Empty the report")
    scan(catalog.database, catalog.settings, "shop")
    again = next(line for line in first.splitlines() if "To make this file again: " in line)
    words = shlex.split(again.partition("again: ")[2])[2:]

    assert compiled(catalog, *words) == first
    assert compiled(catalog, "sales", "--to", "airflow", "--by", "module") != first


@pytest.mark.parametrize(
    "words",
    [
        ("--no-sinks", "--format", "json", "--retries", "0"),
        ("--sink", "weekly_scores", "--through", "between", "--schedule", "@daily"),
        ("--output", "ratio", "--output", "factor", "--by", "tag:stage", "--config", 'region="a \'b\' \\"c"'),
    ],
)
def test_the_file_says_by_which_words_it_is_made_again(catalog: Catalog, words: tuple[str, ...]):
    first = compiled(catalog, "sales", "--to", "airflow", *words)
    again = next(line for line in first.splitlines() if "To make this file again: " in line)

    assert compiled(catalog, *shlex.split(again.partition("again: ")[2])[2:]) == first


def test_the_script_makes_the_dataset_of_headwater_run_bit_for_bit(catalog: Catalog, tmp_path: Path):
    script = compiled(catalog, "sales", "--to", "script", "--by", "module", "--retries", "0")
    done = execute(script, tmp_path, program(catalog, tmp_path))
    assert done.returncode == 0, done.stderr
    *tasks, last = runs_of(catalog)
    whole = catalog.run(dataflow="sales", save="csv", options=THREADS)

    assert saved(catalog, last) == saved(catalog, whole) == (tmp_path / "out" / "scores.csv").read_bytes()
    assert len(tasks) == 2
    assert {run.commit.sha for run in (*tasks, last)} == {whole.commit.sha}
    assert {node.name for run in (*tasks, last) for node in run.nodes if not node.kept_from} == {
        node.name for node in whole.nodes
    }
    assert last.inputs.keys() == whole.inputs.keys()
    assert done.stdout == ""  # no values in the logs of an orchestrator


@pytest.mark.slow
def test_several_dataflows_hand_over_by_their_sink(catalog: Catalog, tmp_path: Path):
    words = ("sales", "summary", "--by", "module", "--retries", "0", "--format", "csv")
    script = compiled(catalog, *words, "--to", "script")
    done = execute(script, tmp_path, program(catalog, tmp_path))

    assert done.returncode == 0, done.stderr
    assert (
        saved(catalog, runs_of(catalog)[-1])
        == b"week,best\n2026-01-05,True\n2026-01-12,False\n2026-01-19,False\n"
    )


@pytest.mark.slow
def test_values_go_through_a_declared_sink_and_a_script_goes_on_where_it_failed(
    catalog: Catalog, tmp_path: Path
):
    words = ("sales", "--to", "script", "--by", "module", "--through", "between", "--retries", "1")
    script = compiled(catalog, *words, "--retry-seconds", "0")
    environment = program(catalog, tmp_path)
    broken = execute(
        script.replace("--keep csv", "--keep csv --sample 2"), tmp_path, environment, RELAY="seven"
    )

    assert broken.returncode == 1
    assert broken.stderr.count("with another number of rows") == 2  # it was tried again
    assert "RELAY=seven FROM=report" in broken.stderr
    assert (tmp_path / "out" / "between" / "seven" / "sales" / "ratio.json").is_file()
    mended = execute(script, tmp_path, environment, RELAY="seven", FROM="report")
    assert mended.returncode == 0, mended.stderr
    assert mended.stderr.count("Task ") == 1
    assert execute(script, tmp_path, environment, FROM="reprot").returncode == 2


MODIFIED = {
    "frames": """
        import pandas as pd
        from headwater import extract_columns, extract_fields

        @extract_columns("double", "half")
        def frame(spend: pd.Series) -> pd.DataFrame:
            return pd.DataFrame({"double": spend * 2, "half": spend / 2})

        @extract_fields({"low": float, "high": float})
        def bounds(half: pd.Series) -> dict:
            return {"low": half.min(), "high": half.max()}
    """,
    "inner": """
        import pandas as pd

        def scaled(column: pd.Series, low: float, high: float) -> pd.Series:
            return (column - low) / (high - low)
    """,
    "outer": """
        import pandas as pd
        from headwater import parameterize, source, subdag, value
        from features import inner

        @subdag(inner, inputs={"column": source("half")})
        def scaled_half(scaled: pd.Series) -> pd.Series:
            return scaled

        @parameterize(twice={"times": value(2)}, thrice={"times": value(3)})
        def times(double: pd.Series, scaled_half: pd.Series, times: int) -> pd.Series:
            return double * times + scaled_half
    """,
}


def test_nodes_that_modifiers_make_are_handed_on_like_any_other(catalog: Catalog, git_repo: GitRepo):
    project = (git_repo.path / "pyproject.toml").read_text()
    declared = """
        [tool.headwater.dataflows.modified]
        modules = ["features.frames", "features.outer"]
        outputs = ["twice", "thrice", "high"]
        sources.weekly = { path = "data/weekly.csv", index = "week" }
    """
    git_repo.write("pyproject.toml", project + dedent(declared))
    for name, content in MODIFIED.items():
        git_repo.write(f"features/{name}.py", dedent(content))
    git_repo.commit("Add modifiers")
    scan(catalog.database, catalog.settings, "shop")
    tasks = plan_of(catalog, "modified", "--by", "module", "--format", "csv")["tasks"]
    for task in tasks:
        done = catalog.headwater(*(word.replace("@relay@", "one") for word in task["command"]))
        assert done.exit_code == 0, done.output
    whole = catalog.run(dataflow="modified", save="csv", options=RunOptions(use_kept=False))

    assert len(tasks) == 2
    assert {"low", "high", "half", "double"} == set(tasks[1]["takes"])
    assert saved(catalog, runs_of(catalog)[1]) == saved(catalog, whole)


STAND_IN = """#!/usr/bin/env bash
# Stands in for sbatch: runs a job at once, unless a job that it waits for has failed; and for scancel.
set -eu
case "$0" in *scancel) echo "$@" > "$JOBS/cancelled"; exit;; esac
case "$*" in *"${REFUSED:-nothing}"*) echo "sbatch: error: invalid" >&2; exit 1;; esac
number=$(( $(find "$JOBS" -name '*.words' | wc -l) + 1 ))
echo "$@" > "$JOBS/$number.words"
cat > "$JOBS/$number.script"
for word in "$@"; do
    case "$word" in
        --dependency=afterok:*)
            for id in $(echo "${word#*afterok:}" | tr : ' '); do
                [ -e "$JOBS/$id.ok" ] || { echo "$number;cluster"; exit 0; }
            done ;;
    esac
done
if bash "$JOBS/$number.script" >> "$JOBS/log" 2>&1; then touch "$JOBS/$number.ok"; fi
echo "$number;cluster"
"""


def slurm(
    catalog: Catalog, content: str, folder: Path, **more: str
) -> tuple[subprocess.CompletedProcess[str], Path]:
    jobs = folder / "jobs"
    jobs.mkdir()
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    for name in ("sbatch", "scancel"):
        file = bin_folder / name
        file.write_text(STAND_IN)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    environment = program(catalog, folder)
    path = f"{bin_folder}:{environment['PATH']}"
    return execute(content, folder, {**environment, **more}, PATH=path, JOBS=str(jobs)), jobs


def test_a_job_of_slurm_that_fails_is_tried_again_and_keeps_the_others_from_running(
    catalog: Catalog, tmp_path: Path
):
    content = compiled(
        catalog, "sales", "--to", "slurm", "--by", "module", "--retry-seconds", "0", "--retries", "1"
    )
    done, jobs = slurm(catalog, content.replace("run ratio factor", "run ratio factor --sample x"), tmp_path)

    assert done.returncode == 0, done.stderr
    assert list(jobs.glob("*.ok")) == []
    assert (jobs / "log").read_text().count("Invalid value for '--sample'") == 2
    assert runs_of(catalog) == []


def test_no_job_of_slurm_stays_where_one_cannot_be_submitted(catalog: Catalog, tmp_path: Path):
    content = compiled(catalog, "sales", "--to", "slurm", "--by", "module", "--retries", "0")
    # What jobs do does not matter here.
    more = {"HW_COMMAND": "true", "REFUSED": "shop_sales.report", "SBATCH_OPTIONS": "-p short"}
    done, jobs = slurm(catalog, content, tmp_path, **more)

    assert done.returncode != 0
    assert "sbatch: error: invalid\nNot all jobs could be submitted" in done.stderr
    assert (jobs / "cancelled").read_text() == "1 2\n"
    assert (jobs / "2.words").read_text().endswith(" --dependency=afterok:1 -p short\n")


def test_jobs_and_pods_ask_for_what_the_tags_of_their_nodes_say(catalog: Catalog, git_repo: GitRepo):
    tags = {"cpus": "2.5", "gpus": "1", "memory": "1.5 GB", "seconds": "90.5"}
    source = (git_repo.path / "features" / "report.py").read_text()
    tagged = f"@tag(**{ ({f'resources.{key}': value for key, value in tags.items()})!r})\ndef scored("
    git_repo.write(
        "features/report.py", f"from headwater import tag\n{source.replace('def scored(', tagged)}"
    )
    git_repo.commit("Say what scores need")
    scan(catalog.database, catalog.settings, "shop")
    words = ("sales", "--by", "module", "--retries", "1", "--retry-seconds", "30", "--to")
    submitted = compiled(catalog, *words, "slurm")
    workflow = yaml.safe_load(compiled(catalog, *words, "argo"))
    report = next(t for t in workflow["spec"]["workflowSpec"]["templates"] if t["name"] == "report")

    assert 'submit load "" <<' in submitted
    # Two attempts of 91 seconds and 300 for what is around them, and 30 between them.
    wanted = "--cpus-per-task=3 --gpus=1 --mem=1431M --time=14"
    assert f'submit report "$job_load:$job_model" {wanted} <<' in submitted
    require_workflow(workflow)
    assert report["activeDeadlineSeconds"] == "391"
    assert report["container"]["resources"] == {
        "requests": {"cpu": "2.5", "memory": "1500000000", "nvidia.com/gpu": "1"},
        "limits": {"memory": "1500000000", "nvidia.com/gpu": "1"},
    }


def test_the_workflow_of_argo_is_one(catalog: Catalog):
    cron = yaml.safe_load(compiled(catalog, "sales", "--to", "argo", "--by", "module"))
    plain = yaml.safe_load(compiled(catalog, "summary", "--to", "argo", "--retries", "0"))

    require_workflow(cron)
    require_workflow(plain)
    assert (cron["kind"], plain["kind"]) == ("CronWorkflow", "Workflow")
    templates = {each["name"]: each for each in cron["spec"]["workflowSpec"]["templates"]}
    report = next(each for each in templates["all-tasks"]["dag"]["tasks"] if each["name"] == "report")
    assert report["dependencies"] == ["load", "model"]
    args = templates["report"]["container"]["args"]
    assert args[args.index("--relay") + 1] == "argo-{{workflow.uid}}"
    plan = plan_of(catalog, "sales", "--by", "module")
    assert [word.replace("@relay@", "argo-{{workflow.uid}}") for word in plan["tasks"][-1]["command"]] == args


@pytest.mark.parametrize("target", ["airflow", "dagster", "prefect"])
def test_python_files_import_the_orchestrator_and_nothing_of_headwater(catalog: Catalog, target: str):
    tree = ast.parse(compiled(catalog, "sales", "--to", target, "--by", "module"))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }

    assert imported == {target, "os", "re", "shlex", "subprocess"} | (imported & {"datetime", "sys"})


@pytest.mark.parametrize(("target", "words"), [("airflow", "max_active_runs=1"), ("prefect", "limit=1")])
def test_executions_of_a_schedule_do_not_overlap(catalog: Catalog, target: str, words: str):
    assert words in compiled(catalog, "sales", "--to", target)


WAITING = """#!/bin/sh
trap 'echo "$2" > ended; exit 1' TERM
echo begun > begun
for _ in $(seq 600); do sleep 0.1; done
"""


@pytest.mark.parametrize("target", ["airflow", "dagster", "prefect"])
def test_a_task_of_python_that_is_ended_ends_its_command(catalog: Catalog, target: str, tmp_path: Path):
    content = compiled(catalog, "sales", "--to", target)
    [perform] = [node for node in ast.parse(content).body if isinstance(node, ast.FunctionDef)][:1]
    command = tmp_path / "command"
    command.write_text(WAITING)
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    code = f"import os, re, shlex, subprocess\n{ast.unparse(perform)}\nperform(['run', '@relay@'], 'a.b')"
    environment = {**os.environ, "HW_COMMAND": str(command)}
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, stderr=subprocess.PIPE
    )
    # Sleeping, it is where it waits for the command that has begun.
    until(lambda: (tmp_path / "begun").exists() and state_of(process.pid) == "S")
    process.send_signal(signal.SIGINT)

    assert b"KeyboardInterrupt" in process.communicate()[1]
    ended = tmp_path / "ended"
    until(lambda: ended.exists() and ended.read_text() == "a-b\n")


@pytest.mark.parametrize("waits_for", ["a run", "the next attempt"])
def test_a_script_that_is_ended_ends_what_it_waits_for(catalog: Catalog, waits_for: str, tmp_path: Path):
    command = tmp_path / "command"
    command.write_text(WAITING if waits_for == "a run" else "#!/bin/sh\ntouch begun\nexit 1\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    file = tmp_path / "compiled.sh"
    file.write_text(compiled(catalog, "sales", "--to", "script"))
    process = subprocess.Popen(
        ["bash", file], env={**os.environ, "HW_COMMAND": str(command)}, cwd=tmp_path, stderr=subprocess.PIPE
    )
    until(lambda: (tmp_path / "begun").exists())
    process.terminate()
    process.communicate(timeout=20)  # what it left behind would keep its output open

    assert process.returncode == 143
    assert (tmp_path / "ended").exists() == (waits_for == "a run")


ODD = "region=a'b\"c $(touch x) `id` \\ $HOME %s {% raw %} }} !x\n#\u202e\U0001f600"


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_a_value_of_any_characters_comes_to_the_command_as_it_is(
    catalog: Catalog, target: str, tmp_path: Path
):
    content = compiled(catalog, "sales", "--to", target, "--by", "module", "--config", ODD)
    [words, *_] = [
        task["command"] for task in plan_of(catalog, "sales", "--by", "module", "--config", ODD)["tasks"]
    ]
    words = [word.replace("@relay@", "monday") for word in words]
    told = tmp_path / "told.py"
    told.write_text("import json, sys; print(json.dumps(sys.argv[1:]))")
    more = {"RELAY": "monday", "HW_COMMAND": f"{sys.executable} {told}"}
    if target == "argo":
        workflow = yaml.safe_load(content)["spec"]["workflowSpec"]
        came = [
            word.replace("argo-{{workflow.uid}}", "monday")
            for word in workflow["templates"][1]["container"]["args"]
        ]
    elif target == "slurm":
        _, jobs = slurm(catalog, content, tmp_path, **more)
        came = json.loads((jobs / "log").read_text().splitlines()[0])
    elif target == "script":
        came = json.loads(
            execute(content, tmp_path, program(catalog, tmp_path), **more).stdout.splitlines()[0]
        )
    else:
        tasks = next(node for node in ast.walk(ast.parse(content)) if isinstance(node, ast.Dict))
        came = [word.replace("@relay@", "monday") for word in ast.literal_eval(tasks)["load"]["words"]]

    assert came == words
    assert json.loads(words[words.index("--config") + 1].removeprefix("region=")) == ODD.removeprefix(
        "region="
    )
    assert content.isascii()


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_names_of_a_repository_cannot_add_lines_to_a_file(catalog: Catalog, git_repo: GitRepo, target: str):
    evil = 'sales\\nJOB\\nimport os; os.system(\\"touch x\\")\\n#'
    project = (git_repo.path / "pyproject.toml").read_text().replace("dataflows.sales", f'dataflows."{evil}"')
    git_repo.write("pyproject.toml", project)
    git_repo.commit("Be evil")
    scan(catalog.database, catalog.settings, "shop")
    name = json.loads(f'"{evil}"')
    result = catalog.headwater("compile", name, "--to", target, "--executor", "threads")

    assert result.exit_code != 0
    assert result.stdout == ""
    assert "characters that no command" in result.stderr


def test_no_task_has_a_name_that_an_orchestrator_keeps_for_itself(catalog: Catalog, git_repo: GitRepo):
    source = (git_repo.path / "features" / "load.py").read_text()
    git_repo.write("features/load.py", source.replace('stage="load"', 'stage="import"'))
    project = (git_repo.path / "pyproject.toml").read_text()
    long, other = f"{'a' * 49}_b", f"{'a' * 49}_c"
    project = project.replace("dataflows.sales", f"dataflows.{long}")
    git_repo.write("pyproject.toml", project.replace("dataflows.summary", f"dataflows.{other}"))
    git_repo.commit("Name a stage as a word of Python, and dataflows at length")
    scan(catalog.database, catalog.settings, "shop")
    plan = plan_of(catalog, long, "--by", "tag:stage")

    assert {task["name"] for task in plan["tasks"]} > {"import_task"}
    names = [plan["name"], plan_of(catalog, other)["name"]]
    assert [(len(name), name[:44]) for name in names] == [(50, f"shop_{'a' * 38}_")] * 2
    assert names[0] != names[1]


def test_dataflows_of_names_that_are_alike_have_tasks_of_their_own(catalog: Catalog, git_repo: GitRepo):
    project = (
        (git_repo.path / "pyproject.toml").read_text().replace("dataflows.sales", 'dataflows."uk.sales"')
    )
    git_repo.write("pyproject.toml", project.replace("dataflows.summary", 'dataflows."uk-sales"'))
    git_repo.commit("Name both dataflows after sales")
    scan(catalog.database, catalog.settings, "shop")
    tasks = plan_of(catalog, "uk-sales", "uk.sales")["tasks"]

    assert [(t["dataflow"], t["name"], t["after"]) for t in tasks] == [
        ("uk.sales", "uk_sales", []),
        ("uk-sales", "uk_sales_2", ["uk_sales"]),
    ]


def test_a_label_from_the_repository_stays_in_its_place(catalog: Catalog, git_repo: GitRepo):
    source = (git_repo.path / "features" / "load.py").read_text()
    git_repo.write("features/load.py", source.replace('stage="load"', 'stage="$(touch x)\\n; rm -rf /"'))
    git_repo.commit("Be evil")
    scan(catalog.database, catalog.settings, "shop")

    assert {t["name"] for t in plan_of(catalog, "sales", "--by", "tag:stage")["tasks"]} > {"touch_x_rm_rf"}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nothing"], 3, "has no dataflow 'nothing'"),
        (["sales", "--by", "colour"], 3, "not grouped by 'colour'"),
        (["sales", "--by", "tag:colour"], 3, "has a tag 'colour'"),
        (["sales", "--schedule", "every monday"], 3, "words of cron"),
        (["sales", "--schedule", "0 6 * * 1; rm"], 3, "words of cron"),
        (["sales", "--retries", "-1"], 3, "tried again up to 100 times"),
        (["sales", "--executor", "abacus"], 3, "no executor 'abacus'"),
        (["sales", "--through", "weekly_scores"], 3, "is no folder"),
        (["sales", "--format", "parquet"], 3, "is a csv file"),
        (["sales", "--sink", "x"], 3, "has no sink 'x'"),
        (["sales", "--sink", "weekly_scores", "--no-sinks"], 2, "keep one of them"),
        (["sales", "sales"], 3, "named twice"),
        (["sales", "summary", "--output", "best"], 3, "of one dataflow"),
        (["sales", "--output", "scorred"], 3, "no 'scorred'"),
        (["sales", "--output", "factor"], 3, "none of factor is one"),
        (["sales", "--config", "colour=1"], 3, "configuration key 'colour'"),
        (["sales", "--env", "prod"], 3, "no environment 'prod'"),
        (["sales", "--executor", "synchronous"], 3, "makes the elements of a fan-out"),
        (["sales", "--config", "region=@relay@"], 3, "no value can have it"),
        (["sales", "--config", "region={{x}}", "--to", "argo"], 3, "an expression of its own"),
    ],
)
def test_what_cannot_be_compiled_is_told(catalog: Catalog, words: list[str], code: int, message: str):
    usual = {"--to": "script", "--executor": "threads"}
    more = [word for option, value in usual.items() if option not in words for word in (option, value)]
    result = catalog.headwater("compile", *words, *more)

    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr


def test_a_dataflow_that_no_run_could_compute_is_told(catalog: Catalog, git_repo: GitRepo):
    git_repo.write("features/model.py", (git_repo.path / "features/load.py").read_text())
    project = '[tool.headwater.dataflows.bare]\nmodules = ["features.load"]\n'
    git_repo.write("pyproject.toml", project)
    git_repo.commit("Declare less")
    scan(catalog.database, catalog.settings, "shop")
    words = ("compile", "bare", "--to", "script")
    no_outputs = catalog.headwater(*words)
    no_source = catalog.headwater(*words, "--output", "ratio")
    given = catalog.headwater(*words, "--output", "ratio", "--config", "spend=1", "--config", "signups=2")

    assert (no_outputs.exit_code, no_source.exit_code, given.exit_code) == (3, 3, 0), given.output
    assert "Say by --output" in no_outputs.stderr
    assert "needs 'spend', 'signups' from outside, and has no source" in no_source.stderr


def test_dataflows_that_read_what_each_other_writes_are_told(catalog: Catalog, git_repo: GitRepo):
    project = (git_repo.path / "pyproject.toml").read_text()
    back = project.replace('path = "data/weekly.csv"', f'url = "file://{git_repo.path}/best.csv"')
    git_repo.write(
        "pyproject.toml",
        f'{back}\n[tool.headwater.dataflows.summary.sinks]\nb = {{ url = "file://{git_repo.path}/best.csv" }}\n',
    )
    git_repo.commit("Go round")
    scan(catalog.database, catalog.settings, "shop")
    result = catalog.headwater("compile", "sales", "summary", "--to", "script", "--executor", "threads")

    assert (result.exit_code, result.stdout) == (3, "")
    assert "read each other's sinks" in result.stderr


def test_the_file_is_written_as_a_whole_and_told(catalog: Catalog, tmp_path: Path):
    words = ("compile", "summary", "--to", "script", "--out")
    result = catalog.headwater(*words, str(tmp_path / "sales.sh"))

    assert result.exit_code == 0
    assert result.stdout == ""
    assert re.search(r"1 task of commit [0-9a-f]{8} written to ", result.stderr)
    assert (tmp_path / "sales.sh").read_text().startswith("#!/usr/bin/env bash\n")
    assert catalog.headwater(*words, "/nowhere/x.sh").exit_code == 3
