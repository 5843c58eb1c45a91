"""The process that opens tables nobody vouches for: `main`, with a folder on its command line.

What a runner wrote, or somebody uploaded, may be made to harm who reads it. So it is read here, within limits
and without database, settings or network; `confined_tables` is the other side. It does what `task.json` in
the folder says, and writes `answer.json`.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

from headwater.errors import InvalidInput
from headwater_catalog.collection import without_collection

__all__ = ["ANSWER", "CONVERTED", "TASK", "main", "perform"]

TASK: Final = "task.json"
ANSWER: Final = "answer.json"
CONVERTED: Final = "converted.arrow"


class _NoPandas:
    """Says that pandas is not there.

    Arrow imports it only to ask whether what it is given is of it, which nothing here is; that would take
    longer than all the rest.
    """

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is not used here", name=fullname)


def main() -> NoReturn:
    """Do the task in the folder that the command line names, and end the process."""
    sys.meta_path.insert(0, _NoPandas())
    with without_collection():  # tables hold no cycles
        perform(Path(sys.argv[1]))
    os._exit(0)  # Arrow takes a while to give back what the process has, which ends all the same.


def perform(folder: Path) -> None:
    """Do the task in a folder, and leave the answer there."""
    task = json.loads((folder / TASK).read_text("utf-8"))
    try:
        answer = _TASKS[task.pop("task")](folder, **task)
    except InvalidInput as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": "The table needs more memory than there is for it."}
    except OSError as error:
        answer = {"error": _no_room(error)}
    draft = folder / f"{ANSWER}.partial"
    draft.write_text(json.dumps(answer), "utf-8")
    draft.replace(folder / ANSWER)


def _no_room(error: OSError) -> str:
    text = str(error).split("\n")[0]
    if error.errno in (errno.ENOSPC, errno.EDQUOT) or "o space left" in text:
        return "The table could not be written: there is no room left on the disk."
    if error.errno == errno.EFBIG or "ile too large" in text:
        return "The table could not be written: it would be larger than a file of a run may be."
    return f"The table could not be read or written: {text}."


def _finish(folder: Path, made: str, out: str, format: str, draft: Mapping[str, Any]) -> dict[str, Any]:
    """Check what a runner wrote, take its fingerprints, and write the file with its stamp."""
    from headwater_catalog.fingerprints import SCHEME
    from headwater_catalog.stamps import SIDECAR, completed, has_sidecar, stamp_bytes
    from headwater_catalog.table_files import open_table, schema_text, write_table

    with _undone(folder / out), open_table(folder / made, "arrow") as table:
        content = _guarded(partial(_fingerprints, table))
        columns = {
            field.name: {"type": str(field.type), "fingerprint": content.columns[field.name]}
            for field in table.schema
        }
        told = (content.rows, f"{SCHEME}:{content.table}", columns, schema_text(table.schema))
        stamp = completed(draft, *told)
        each = {column["name"]: stamp_bytes(column) for column in stamp["columns"]}
        write_table(folder / out, format, table, stamp_bytes(stamp), each)
        if has_sidecar(format):
            (folder / f"{out}{SIDECAR}").write_bytes(stamp_bytes(stamp))
    rows, fingerprint, columns, schema = told
    return {"rows": rows, "table": fingerprint, "columns": columns, "schema": schema}


@contextmanager
def _undone(path: Path) -> Iterator[None]:
    """Take a file away again that was not finished: on a full disk, so that there is room to say why."""
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _fingerprint(folder: Path, path: str, format: str, schemas: list[str | None]) -> dict[str, Any]:
    """Take the fingerprints of a file, once for each way in which its columns may be meant."""
    from headwater_catalog.fingerprints import SCHEME
    from headwater_catalog.table_files import open_table, schema_from_text

    found: list[dict[str, Any]] = []
    for text in schemas:
        schema = schema_from_text(text) if text is not None else None
        try:
            with open_table(Path(path), format, schema) as table:
                content = _guarded(partial(_fingerprints, table))
        except InvalidInput as error:
            found.append({"error": str(error)})
            continue
        told = {"rows": content.rows, "table": f"{SCHEME}:{content.table}"}
        found.append({**told, "columns": dict(content.columns)})
    return {"found": found}


def _convert(folder: Path, path: str, format: str, schema: str | None) -> dict[str, Any]:
    """Write a table as a plain Arrow file."""
    from headwater_catalog.table_files import open_table, schema_from_text, write_table

    types = schema_from_text(schema) if schema is not None else None
    with _undone(folder / CONVERTED), open_table(Path(path), format, types) as table:
        names = dict.fromkeys(table.schema.names, b"")
        _guarded(partial(write_table, folder / CONVERTED, "arrow", table, b"", names))
    return {}


def _names(folder: Path, path: str, format: str) -> dict[str, Any]:
    """Return the names of the columns of a file."""
    from headwater_catalog.table_files import open_table

    with open_table(Path(path), format) as table:
        return {"names": list(table.schema.names)}


def _look(folder: Path, path: str, format: str, schema: str | None, today: str) -> dict[str, Any]:
    """Tell what the values of each column look like, by its first rows; of the values nothing is told."""
    from datetime import date

    from headwater_catalog.governance.values import looks_like
    from headwater_catalog.table_files import open_table, schema_from_text

    types = schema_from_text(schema) if schema is not None else None
    with open_table(Path(path), format, types) as table:

        def looked() -> Iterator[dict[str, Any]]:
            rows = _first_rows(table)
            for name, column in zip(rows.column_names, rows.columns, strict=True):
                for found in looks_like(column, date.fromisoformat(today)):
                    told = {"kind": found.kind, "share": found.share, "looked_at": found.looked_at}
                    yield {"column": name, **told}

        return {"found": _guarded(lambda: list(looked()))}


def _first_rows(table: Any) -> Any:
    import pyarrow as pa  # type: ignore[import-untyped]

    from headwater_catalog.governance.values import MOST_ROWS

    batches: list[Any] = []
    for batch in table.batches():
        batches.append(batch.slice(0, MOST_ROWS))
        if sum(each.num_rows for each in batches) >= MOST_ROWS:
            break
    return pa.Table.from_batches(batches, table.schema)


def _compare(
    folder: Path,
    then: list[str],
    now: list[str],
    schema: str | None,
    tolerance: float,
    renamed: Mapping[str, str],
    keys: tuple[list[str], list[str]],
    by: list[str],
    spread: bool,
) -> dict[str, Any]:
    """Compare two tables cell by cell; each is given by its path and its format."""
    from headwater_catalog.distributions import distributions
    from headwater_catalog.row_matching import common_keys, match_by, match_rows
    from headwater_catalog.table_comparison import compare_tables
    from headwater_catalog.table_files import open_table, renamed_table, schema_from_text

    types = schema_from_text(schema) if schema is not None else None
    with (
        open_table(Path(then[0]), then[1], types) as opened,
        open_table(Path(now[0]), now[1], types) as second,
    ):
        first = renamed_table(opened, renamed)

        def compared() -> dict[str, Any]:
            if by:
                matching = match_by(first, second, by)
            else:
                matching = match_rows(first, second, *common_keys(keys[0], keys[1], (first, second)))
            found = compare_tables(first, second, tolerance, matching)
            if spread:
                columns = [*found["compared"], *found["added"], *found["removed"]]
                found["distributions"] = distributions(first, second, columns)
            return found

        return dict(_guarded(compared))


def _fingerprints(table: Any) -> Any:
    from headwater_catalog.fingerprints import fingerprint_of

    return fingerprint_of(table.schema, table.batches())


def _guarded(work: Callable[[], Any]) -> Any:
    """Do what reads the rows of a table, which may turn out to be none while they are read."""
    import pyarrow as pa

    try:
        return work()
    except InvalidInput:
        raise
    except (pa.ArrowException, ValueError, TypeError) as error:
        if isinstance(error, MemoryError):
            raise
        first = str(error).split("\n")[0][:300]
        raise InvalidInput(f"The table is damaged: {first}.") from error


_TASKS: Final[Mapping[str, Callable[..., dict[str, Any]]]] = {
    "finish": _finish,
    "fingerprint": _fingerprint,
    "names": _names,
    "convert": _convert,
    "compare": _compare,
    "look": _look,
}

if __name__ == "__main__":
    main()
