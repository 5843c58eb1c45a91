"""What would let a check pass since it looked at nothing: declarations unread, policies about nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headwater_catalog.codeowners import CODEOWNERS_FILES
from headwater_catalog.errors import QueryError
from headwater_catalog.governance.findings import IDLE, UNDECLARED, Finding
from headwater_catalog.query import parse_query
from headwater_catalog.query.find import find
from headwater_catalog.query.index import Index
from headwater_catalog.read import PROJECT_FILES, Diagnostic
from headwater_catalog.read.rules import is_policy_file
from headwater_catalog.rules import Policy
from headwater_catalog.snapshot import Snapshot

__all__ = ["idle_policies", "other_problems", "unread_declarations"]


def unread_declarations(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield what is wrong in the files that declare policies, classifications, dataflows and owners.

    What cannot be read of them does not hold, so that a policy would be broken and nobody told.
    """
    for each in snapshot.diagnostics:
        if _declares(each):
            severity = "warning" if each.path in CODEOWNERS_FILES else "error"
            about = f"{each.path} {each.message}"
            yield Finding(UNDECLARED, severity, each.message, "", about, each.path, each.line, each.line)


def other_problems(snapshot: Snapshot) -> int:
    """Return how many problems there are in the code, which may hide features."""
    return sum(not _declares(each) for each in snapshot.diagnostics)


def _declares(diagnostic: Diagnostic) -> bool:
    path = diagnostic.path
    return path in PROJECT_FILES or path in CODEOWNERS_FILES or is_policy_file(path)


def idle_policies(policies: Iterable[Policy], index: Index) -> Iterator[Finding]:
    """Yield the policies of the repository whose scope has no feature: maybe its name is misspelt."""
    for policy in policies:
        if policy.scope and policy.path:
            try:
                if next(iter(find(parse_query(policy.scope), index)), None) is not None:
                    continue
            except QueryError:  # which is a finding already
                continue
            told = f"Policy '{policy.name}' is about nothing: its scope, {policy.scope}, has no feature."
            yield Finding(
                IDLE, "note", told, about=policy.name, path=policy.path, line=policy.line, owner=policy.owner
            )
