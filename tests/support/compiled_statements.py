"""Compiled SQL for all databases of a test process, since nearly every test has a database of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine.default import DefaultDialect

from headwater_catalog.store import database


@contextmanager
def shared_statements() -> Iterator[None]:
    """Let what one database has compiled serve all others of its kind and version.

    Each engine keeps its own otherwise, by its own dialect, so that every test would compile every statement
    anew: a third of the time of a test that works with a catalog.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DefaultDialect, "__eq__", _is_alike)
        patch.setattr(DefaultDialect, "__hash__", lambda dialect: hash(type(dialect)))
        options: dict[str, Any] = {"compiled_cache": {}}
        patch.setattr(database, "create_engine", partial(create_engine, execution_options=options))
        yield


def _is_alike(dialect: DefaultDialect, other: object) -> bool:
    return type(dialect) is type(other) and dialect.server_version_info == other.server_version_info
