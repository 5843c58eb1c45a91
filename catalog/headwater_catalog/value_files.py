"""Values of nodes as files: written where what is read back is the same in every respect, else not at all.

A column or a table of pandas is an Arrow file, a number or a text a line of JSON; nothing is pickled, so that
reading a file runs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.columns import package_of
from headwater.fingerprints import fingerprint

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NotKept", "read_value", "write_value"]

_ARROW: Final = b"ARROW1"
_FACTS: Final = b"headwater.value"
_COLUMN: Final = "value"
_LONGEST: Final = 1_000_000  # characters of a text
_PLAIN: Final = frozenset("biufMm")
"""Kinds of numpy types of which Arrow keeps every value as it is."""


class NotKept(Exception):
    """A value cannot be kept so that it is read back as it was, or a file holds none."""


def write_value(value: Any, path: Path) -> None:
    """Write a value into a new file.

    Raises:
        NotKept: It is of a kind that is not kept; nothing is left behind.
        OSError: The file cannot be written.
    """
    write: Callable[[Any, Path], None] = _write_table if package_of(value) == "pandas" else _write_plain
    try:
        write(value, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def read_value(path: Path) -> Any:
    """Return the value in a file.

    Raises:
        NotKept: The file holds none.
        OSError: The file cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(len(_ARROW))
    try:
        return _read_table(path) if head == _ARROW else _read_plain(path.read_bytes())
    except OSError:
        raise
    except Exception as error:  # whatever a file may hold, its reader may raise
        raise NotKept(f"'{path.name}' holds no value: {type(error).__name__}: {error}") from error


def _write_plain(value: Any, path: Path) -> None:
    kind, plain = type(value).__name__, value
    if package_of(value) == "numpy":
        kind, plain = _numpy_number(value)
    if type(plain) is float:
        told: Any = plain.hex()
    elif type(plain) is int:
        told = str(plain)
    elif type(plain) in (bool, type(None)) or (type(plain) is str and len(plain) <= _LONGEST):
        told = plain
    else:
        raise NotKept(f"A value of the type {type(value).__name__} is not kept.")
    path.write_bytes(json.dumps([kind, told]).encode())


def _numpy_number(value: Any) -> tuple[str, Any]:
    """Return the type of a number of numpy as numpy writes it, and the number as Python's own."""
    import numpy as np

    if not isinstance(value, np.generic) or value.dtype.kind not in "biuf" or value.dtype.itemsize > 8:
        raise NotKept(f"A value of the type {type(value).__name__} is not kept.")
    return value.dtype.str, value.item()


def _read_plain(content: bytes) -> Any:
    kind, told = json.loads(content)
    if kind in ("bool", "str", "NoneType"):
        return told
    if kind in ("int", "float"):
        return int(told) if kind == "int" else float.fromhex(told)
    import numpy as np

    dtype = np.dtype(kind)
    plain = told if dtype.kind == "b" else float.fromhex(told) if dtype.kind == "f" else int(told)
    return dtype.type(plain)


def _write_table(value: Any, path: Path) -> None:
    import pandas as pd

    try:
        import pyarrow as pa  # type: ignore[import-untyped]
    except ImportError as error:
        raise NotKept("Columns are kept by pyarrow.") from error
    if type(value) is pd.Series:
        frame, facts = value.to_frame(_COLUMN), {"series": value.name}
    elif type(value) is pd.DataFrame:
        frame, facts = value, {}
    else:
        raise NotKept(f"A value of the type {type(value).__name__} is not kept.")
    if not value.flags.allows_duplicate_labels:
        raise NotKept("It allows no label twice, which Arrow does not keep.")
    if value.attrs or not isinstance(facts.get("series"), (str, type(None))):
        raise NotKept("It has attributes or a name that Arrow does not keep.")
    if getattr(frame.index, "freq", None) is not None:
        raise NotKept("Its index has a frequency, which Arrow does not keep.")
    try:
        table = pa.Table.from_pandas(frame)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise NotKept(f"Arrow does not keep it: {error}") from error
    metadata = {**(table.schema.metadata or {}), _FACTS: json.dumps(facts).encode()}
    table = table.replace_schema_metadata(metadata)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    if not (_is_plain(frame) or _is_same(value, read_value(path))):
        raise NotKept("It would not be read back as it was.")


def _is_plain(frame: pd.DataFrame) -> bool:
    """Tell whether a table has nothing but types of which it is known that all is kept."""
    import pandas as pd

    if type(frame.columns) is not pd.Index or type(frame.index) is not pd.RangeIndex:
        return False
    names = list(frame.columns)
    if len(set(names)) != len(names) or not all(type(name) is str for name in names):
        return False
    return all(getattr(dtype, "kind", "O") in _PLAIN and hasattr(dtype, "str") for dtype in frame.dtypes)


def _is_same(one: Any, other: Any) -> bool:
    told = fingerprint(one)
    return told is not None and told == fingerprint(other)


def _read_table(path: Path) -> Any:
    import pyarrow as pa

    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
        facts = json.loads((reader.schema.metadata or {})[_FACTS])
        frame = reader.read_all().to_pandas()
    # Arrow's own memory cannot be written, and features may work on what they are given.
    frame = frame.copy()
    return frame[_COLUMN].rename(facts["series"]) if "series" in facts else frame
