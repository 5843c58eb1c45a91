"""What files of a repository declare for all of it at one moment: owners, rules and tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headwater_catalog.codeowners import CODEOWNERS_FILES
from headwater_catalog.owners import NOBODY, Ownership, codeowners_file, read_ownership
from headwater_catalog.partitions import Partitions
from headwater_catalog.read import Diagnostic, Project
from headwater_catalog.read.project import read_policy_file
from headwater_catalog.read.rules import POLICY_FOLDER, is_policy_file
from headwater_catalog.rules import NO_RULES, Policy, Rules
from headwater_catalog.submodules import SUBMODULES, unread_submodules
from headwater_catalog.table_specs import TableSpec, tables_as_data, tables_from_data

__all__ = ["NOTHING_DECLARED", "Declared", "declaring_files", "may_declare", "read_declared"]

_MOST_FILES: Final = 200  # of policies
_MOST_POLICIES: Final = 2_000


@dataclass(frozen=True)
class Declared:
    """What files beside the sources say.

    Attributes:
        ownership: Whom to ask about what.
        rules: Classifications and policies.
        tables: Logical tables by name.
        partitions: The partitions of dataflows that have some, by the dataflow's name.
    """

    ownership: Ownership = NOBODY
    rules: Rules = NO_RULES
    tables: Mapping[str, TableSpec] = field(default_factory=dict)
    partitions: Mapping[str, Partitions] = field(default_factory=dict)

    def as_data(self) -> dict[str, dict[str, Any]]:
        """Return it as plain data by its kind, as the store keeps it; what says nothing is left out."""
        tables = tables_as_data(self.tables)
        partitions = {name: each.as_data() for name, each in sorted(self.partitions.items())}
        kinds = {
            "owners": self.ownership.as_data(),
            "rules": self.rules.as_data(),
            "tables": tables,
            "partitions": partitions,
        }
        return {kind: data for kind, data in kinds.items() if data}

    @classmethod
    def from_data(cls, data: Mapping[str, Mapping[str, Any]]) -> Declared:
        """Return what `as_data` has made plain data of."""
        return cls(
            Ownership.from_data(data.get("owners", {})),
            Rules.from_data(data.get("rules", {})),
            tables_from_data(data.get("tables", {})),
            {name: Partitions(**each) for name, each in data.get("partitions", {}).items()},
        )


NOTHING_DECLARED: Final = Declared()
"""What holds where no file says anything."""


def may_declare(path: str) -> bool:
    """Tell whether a file beside the project file may say something that holds for all of a repository."""
    return path in CODEOWNERS_FILES or is_policy_file(path) or path == SUBMODULES


def declaring_files(paths: Collection[str]) -> tuple[str, ...]:
    """Return those files of a tree that say something: of owners, of policies, and of what is not here."""
    owned = codeowners_file(dict.fromkeys(path for path in paths if path in CODEOWNERS_FILES))
    policies = sorted(path for path in paths if is_policy_file(path))[: _MOST_FILES + 1]
    beside = (SUBMODULES,) if SUBMODULES in paths else ()
    return (*((owned,) if owned else ()), *policies, *beside)


def read_declared(files: Mapping[str, bytes], project: Project) -> tuple[Declared, tuple[Diagnostic, ...]]:
    """Return what files declare, and what is wrong with them or missing.

    Args:
        files: The content of those that `declaring_files` names, by path.
        project: What the project file says, with diagnostics of its own.
    """
    owned = codeowners_file(dict.fromkeys(path for path in files if not is_policy_file(path)))
    ownership, faults = read_ownership(owned, files[owned] if owned else b"", project)
    missing = unread_submodules(files.get(SUBMODULES, b""))
    policies, more = _policies([path for path in files if is_policy_file(path)], files, project)
    rules = Rules(project.classifications, policies, project.unclassified, project.teams, project.review)
    partitions = {flow.name: flow.partitions for flow in project.dataflows if flow.partitions}
    return Declared(ownership, rules, project.tables, partitions), (*faults, *more, *missing)


def _policies(
    paths: Iterable[str], files: Mapping[str, bytes], project: Project
) -> tuple[tuple[Policy, ...], list[Diagnostic]]:
    """Return the policies of the project file and of files of their own; of one name the first counts."""
    faults: list[Diagnostic] = []
    found = {policy.name: policy for policy in project.policies}
    for number, path in enumerate(sorted(paths)):
        if number == _MOST_FILES:
            faults.append(Diagnostic(path, 0, f"Of files in policies/ the first {_MOST_FILES} count."))
            break
        policies, wrong = read_policy_file(path, files[path])
        faults += wrong
        for policy in policies:
            other = found.setdefault(policy.name, policy)
            if other is not policy:
                where = f"{other.path}:{other.line}"
                told = f"Policy '{policy.name}' is declared in {where} already, which counts. Rename one."
                faults.append(Diagnostic(path, policy.line, told))
    if len(found) > _MOST_POLICIES:
        told = f"Of {len(found):,} policies the first {_MOST_POLICIES:,} count. Put some of them together."
        faults.append(Diagnostic(project.path or POLICY_FOLDER, 0, told))
    return tuple(found.values())[:_MOST_POLICIES], faults
