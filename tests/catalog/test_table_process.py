"""The process that opens tables, started as a run starts it but for what holds it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headwater_catalog.table_process import ANSWER, TASK

TABLE = pa.table(
    {
        "week": pa.array([1_700_000_000, None], pa.timestamp("s")),
        "name": ["a", None],
        "parts": [[1, 2], None],
        "ratio": [0.5, float("nan")],
    }
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, table in (("made", TABLE), ("other", TABLE.slice(1))):
        with pa.ipc.new_file(str(tmp_path / f"{name}.arrow"), table.schema) as writer:
            writer.write_table(table)
    return tmp_path


def do(folder: Path, name: str, **task: Any) -> tuple[dict[str, Any], set[str]]:
    """Return the answer to a task, and what the process imported."""
    (folder / TASK).write_text(json.dumps({"task": name, **task}))
    command = [sys.executable, "-I", "-X", "importtime", "-m", "headwater_catalog.table_process", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return json.loads((folder / ANSWER).read_text()), {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.parametrize("format", ["parquet", "arrow", "json"])
def test_tables_are_finished_read_and_compared_without_the_import_of_pandas(folder: Path, format: str):
    finished, first = do(
        folder, "finish", made="made.arrow", out="kept", format=format, draft={"columns": {}}
    )
    kept, schema = str(folder / "kept"), finished["schema"]
    read, second = do(folder, "fingerprint", path=kept, format=format, schemas=[schema])
    files = {"then": [kept, format], "now": [str(folder / "other.arrow"), "arrow"]}
    how = {"schema": schema, "tolerance": 0.0, "renamed": {}, "keys": [[], []], "by": [], "spread": True}
    compared, third = do(folder, "compare", **files, **how)

    assert finished["rows"] == 2
    assert read["found"][0]["table"] == finished["table"]
    assert [column["name"] for column in compared["columns"]] == ["week", "name", "parts", "ratio"]
    assert len(compared["distributions"]) == 4
    assert "pyarrow" in first & second & third
    assert not [name for name in first | second | third if name.startswith("pandas.")]
