"""Whom to ask about a feature: its tag, else CODEOWNERS, else what the project file says of its module."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Final, NamedTuple

from headwater_catalog.codeowners import CODEOWNERS_FILES, CodeOwners, Rule, read_codeowners
from headwater_catalog.read import Diagnostic, Project
from headwater_catalog.storable import clean

__all__ = ["NOBODY", "Owned", "Ownership", "codeowners_file", "read_ownership"]

_MOST_GLOBS: Final = 200
"""Patterns of modules in a project file, each of which is tried on each module."""

_GLOB: Final = re.compile(r"[*?\[]")


class Owned(NamedTuple):
    """The owners of a feature, and what says so: `tag`, or a file, with the line where it is known."""

    owners: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Ownership:
    """What the files of a repository say of owners at one moment.

    Attributes:
        path: The CODEOWNERS file; empty where there is none.
        rules: Its rules in order.
        project: The project file, where it names owners.
        defaults: Owners by module as declared there: a module with all in it, or a glob.
    """

    path: str = ""
    rules: tuple[Rule, ...] = ()
    project: str = ""
    defaults: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def of(self, path: str, module: str, tags: Mapping[str, Any]) -> Owned:
        """Return the owners of a feature, and why; none where nothing names any.

        Args:
            path: Its file.
            module: Its module.
            tags: Its tags.
        """
        if tagged := _texts(tags.get("owner", ())):
            return Owned(tagged, "tag")
        rule = self._codeowners.of(path)
        if rule is not None and rule.owners:
            return Owned(rule.owners, f"{self.path}:{rule.line}")
        if module not in self._by_module:
            # Of several that fit the longest is the nearest.
            fitting = (entry for entry in self.defaults if _means(entry[0], module))
            nearest = max(fitting, key=lambda entry: len(entry[0]), default=None)
            self._by_module[module] = Owned(nearest[1], self.project) if nearest else Owned()
        return self._by_module[module]

    @cached_property
    def _by_module(self) -> dict[str, Owned]:
        """What the project file says of the modules that were asked for."""
        return {}

    @cached_property
    def _codeowners(self) -> CodeOwners:
        return CodeOwners(self.rules)

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data, as the store keeps it; nothing where nobody is named."""
        if not self.rules and not self.defaults:
            return {}
        return {
            "path": self.path,
            "rules": [[rule.pattern, list(rule.owners), rule.line] for rule in self.rules],
            "project": self.project,
            "defaults": [[module, list(owners)] for module, owners in self.defaults],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Ownership:
        """Return what `as_data` has made plain data of."""
        if not data:
            return cls()
        return cls(
            path=data["path"],
            rules=tuple(Rule(pattern, tuple(owners), line) for pattern, owners, line in data["rules"]),
            project=data["project"],
            defaults=tuple((module, tuple(owners)) for module, owners in data["defaults"]),
        )


NOBODY: Final = Ownership()
"""What files say that name no owner."""


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, (list, tuple)) else (value,)
    return tuple(dict.fromkeys(text for text in map(str, values) if text))


def _means(declared: str, module: str) -> bool:
    return module == declared or module.startswith(f"{declared}.") or fnmatchcase(module, declared)


def codeowners_file(paths: Mapping[str, object]) -> str | None:
    """Return the CODEOWNERS file that counts among the files of a tree; None where there is none."""
    return next((path for path in CODEOWNERS_FILES if path in paths), None)


def read_ownership(
    path: str | None, content: bytes, project: Project
) -> tuple[Ownership, tuple[Diagnostic, ...]]:
    """Return what the files of a repository say of owners, and what is wrong with CODEOWNERS.

    Args:
        path: The CODEOWNERS file; None where there is none.
        content: Its bytes.
        project: What the project file says, with diagnostics of its own.
    """
    rules, diagnostics = read_codeowners(path, content) if path else ((), ())
    globs = [module for module in project.owners if _GLOB.search(module)]
    left_out = frozenset(globs[_MOST_GLOBS:])
    if left_out:
        message = (
            f"Of the {len(globs):,} patterns of modules that have owners only {_MOST_GLOBS} count. "
            "Name modules instead: a module stands for all in it."
        )
        diagnostics = (*diagnostics, Diagnostic(project.path, 0, message))
    found = Ownership(
        path=path if path and rules else "",
        rules=rules,
        project=project.path if project.owners else "",
        defaults=tuple(
            (clean(module), tuple(map(clean, owners)))
            for module, owners in project.owners.items()
            if module not in left_out
        ),
    )
    return found, diagnostics
