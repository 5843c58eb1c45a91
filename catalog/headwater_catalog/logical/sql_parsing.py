"""The text of a query as a tree, in whatever dialect it is written, for no more work than it is worth."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["FILLED", "TooMuchWork", "Work", "parsed"]

_MOST_NODES: Final = 40_000  # of what one query is made of, those included that are given up again
_NODES_PER_WORD: Final = 20  # a query that takes more lets the parser go back and forth without end
_MOST_STEPS: Final = 400_000  # of one query
_CHARACTERS_PER_STEP: Final = 8

_DIALECTS: Final = ("", "postgres", "bigquery", "snowflake", "tsql", "mysql", "spark", "duckdb", "oracle")
"""What a query may be written in, the usual first: what a connection leads to, no repository says."""

_TEMPLATE: Final = re.compile(r"\w{0,100}(\{\{[^{}]{0,500}\}\}|\{\w{1,100}\})\w{0,100}")
FILLED: Final = "headwater_filled_in"
"""What stands for a place of a query that is filled in before it is asked, such as `{table}`."""


class TooMuchWork(Exception):
    """A query would take too long to be read."""


class Work:
    """Counts the steps that it takes to read a query."""

    def __init__(self) -> None:
        self.done = 0

    def add(self, steps: int = 1) -> None:
        """Count some steps.

        Raises:
            TooMuchWork: There are too many by now.
        """
        self.done += steps
        if self.done > _MOST_STEPS:
            raise TooMuchWork


def parsed(query: str, work: Work) -> exp.Query | None:
    """Return a query as the first dialect has it that can read it; None where none can.

    Raises:
        TooMuchWork: It lets the parser go back and forth without end.
    """
    from sqlglot import exp
    from sqlglot.dialects.dialect import Dialect
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # it would log pieces of the queries
    left = _MOST_NODES
    query = _TEMPLATE.sub(f":{FILLED}", query)
    for name in _DIALECTS:
        dialect = Dialect.get_or_raise(name)
        work.add(len(query) // _CHARACTERS_PER_STEP)
        try:
            words = dialect.tokenize(query)
        except SqlglotError:
            continue
        parser = dialect.parser(max_nodes=min(left, 1_000 + _NODES_PER_WORD * len(words)))
        try:
            statements = parser.parse(words, query)
        except SqlglotError:
            if parser._node_count > parser.max_nodes:
                raise TooMuchWork from None
            continue
        finally:
            left -= parser._node_count
            work.add(len(words) + parser._node_count)
        found = [each for each in statements if each is not None and not isinstance(each, exp.Semicolon)]
        if len(found) == 1 and isinstance(found[0], exp.Query):
            return found[0]
    return None
