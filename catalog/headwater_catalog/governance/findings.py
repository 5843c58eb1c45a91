"""What breaks a policy, or contradicts what features say of themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "CLAIM",
    "EXPIRED",
    "IDLE",
    "LACKING",
    "LEVEL",
    "SAME_NAME",
    "UNDECLARED",
    "UNREAD",
    "Finding",
    "Unknown",
    "sorted_findings",
]

CLAIM = "claim-contradicted"
"""A feature claims that less flows in than does."""
EXPIRED = "barrier-expired"
"""A barrier whose last day is over."""
LACKING = "barrier-unexplained"
"""A barrier without a reason or a reviewer."""
LEVEL = "level-unknown"
"""A value that a classification does not have."""
UNREAD = "policy-unread"
"""A policy that cannot be checked."""
UNDECLARED = "declaration-unread"
"""Something in a file that declares policies, classifications, dataflows or owners that cannot be read."""
IDLE = "policy-idle"
"""A policy whose scope has no feature."""
SAME_NAME = "same-name-input"
"""An input of which nothing is said, with the name of a classified feature of another dataflow."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that should not be so.

    Attributes:
        rule: The policy that it breaks, or one of the rules that always hold.
        severity: One of `rules.SEVERITIES`.
        message: What is wrong, and what to do.
        key: The feature; empty where it is about a policy.
        about: What else tells it apart from others of the rule and the feature: a feature that it needs, a
            classification, or a commit.
        path: The file.
        line: Its first line there, from 1; 0: unknown.
        end_line: Its last line.
        because: A way downstream to the feature that shows it, as keys.
        owners: Whom to ask about the feature.
        owner: Who made the policy.
    """

    rule: str
    severity: str
    message: str
    key: str = ""
    about: str = ""
    path: str = ""
    line: int = 0
    end_line: int = 0
    because: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    owner: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What it keeps while the code around it changes."""
        return self.rule, self.key, self.about

    @property
    def fingerprint(self) -> str:
        """A short text that is the same as long as it is the same finding."""
        return hashlib.sha256("\0".join(self.identity).encode("utf-8", "replace")).hexdigest()[:20]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A policy of which it cannot be told here whether it holds.

    Attributes:
        rule: The policy.
        reason: Why not, and where it can.
    """

    rule: str
    reason: str


_ORDER = {"error": 0, "warning": 1, "note": 2}


def sorted_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings, the worst first, then by rule and place; each once."""
    unique = {finding.identity: finding for finding in findings}
    return tuple(
        sorted(unique.values(), key=lambda f: (_ORDER[f.severity], f.rule, f.path, f.line, f.key, f.about))
    )
