"""What a subscription watches: a query for features, or which findings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlencode

from headwater_catalog.errors import Conflict, QueryError
from headwater_catalog.found_findings import Asked
from headwater_catalog.query import parse_query
from headwater_catalog.rules import SEVERITIES
from headwater_catalog.storable import clean
from headwater_catalog.store.models import Watch

__all__ = ["ABOUT", "FEATURES", "FINDINGS", "Watched", "read_watched"]

FEATURES: Final = "features"
FINDINGS: Final = "findings"
ABOUT: Final = (FEATURES, FINDINGS)

_LONGEST: Final = 400
"""Characters of a query, as of one in the search box."""

_PARAMETERS: Final = {"query": "q", "repository": "repo"}
"""What addresses of pages call differently."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is watched; what is empty does not matter.

    Attributes:
        about: One of `ABOUT`.
        repository: The name of the only repository that matters.
        query: Of features: the query that finds them.
        rule: Of findings: the policy, or the rule.
        least: Of findings: how bad they are at least.
        owner: Of findings: whom to ask about the feature.
        key: Of findings: the feature.
    """

    about: str = FEATURES
    repository: str = ""
    query: str = ""
    rule: str = ""
    least: str = ""
    owner: str = ""
    key: str = ""

    @classmethod
    def of(cls, watch: Watch) -> Watched:
        """Return what a row of the store watches."""
        return cls(about=watch.about, **watch.asked)

    @property
    def asked(self) -> dict[str, str]:
        """What is asked for, without what does not matter."""
        return {name: value for name, value in asdict(self).items() if value and name != "about"}

    @property
    def digest(self) -> str:
        """The same for all that is the same."""
        told = json.dumps([self.about, self.asked], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    @property
    def findings(self) -> Asked:
        """Which findings are asked for."""
        return Asked(
            repository=self.repository, rule=self.rule, least=self.least, owner=self.owner, key=self.key
        )

    @property
    def path(self) -> str:
        """The address of the page that lists the result."""
        page = "/search" if self.about == FEATURES else "/findings"
        asked = {_PARAMETERS.get(name, name): value for name, value in self.asked.items()}
        return f"{page}?{urlencode(asked)}" if asked else page

    @property
    def text(self) -> str:
        """Say in a few words what is asked for."""
        where = f" in {self.repository}" if self.repository else ""
        if self.about == FEATURES:
            return f"{self.query or 'all features'}{where}"
        told = [
            f"{name}:{value}" for name, value in self.asked.items() if name not in ("repository", "least")
        ]
        bad = "" if self.least in ("", SEVERITIES[-1]) else f" of severity {_at_least(self.least)}"
        return f"findings{bad}{where}{' · ' if told else ''}{' '.join(told)}"


def _at_least(severity: str) -> str:
    return severity if severity == SEVERITIES[0] else f"{severity} or worse"


def read_watched(given: Mapping[str, Any]) -> Watched:
    """Return what somebody wants to be watched.

    Args:
        given: What they say, by the names of `Watched`; more may be there.

    Raises:
        Conflict: It is nothing that can be watched.
        QueryError: The query cannot be understood, or means nothing without more.
    """
    about = str(given.get("about") or FEATURES)
    if about not in ABOUT:
        raise Conflict(f"What is watched is {' or '.join(ABOUT)}, not {about!r:.80}.")
    names = ("repository", "query") if about == FEATURES else ("repository", "rule", "least", "owner", "key")
    found = Watched(about, **{name: clean(str(given.get(name) or "")).strip() for name in names})
    long = next((name for name, value in found.asked.items() if len(value) > _LONGEST), None)
    if long is not None:
        raise Conflict(f"The {long} is longer than {_LONGEST} characters. Make it shorter.")
    if found.least and found.least not in SEVERITIES:
        raise Conflict(f"There is no severity {found.least!r:.80}. They are {', '.join(SEVERITIES)}.")
    _require_followed(found.query)
    return found


def _require_followed(text: str) -> None:
    """Require that a query can be asked of the main line, again after each commit."""
    query = parse_query(text, growing=True)
    if query.at is not None:
        raise QueryError(
            "What a fixed commit holds never changes. Leave 'at:' out: a subscription follows the main line.",
            query.at.position,
        )
    if (term := query.base_term) is not None:
        raise QueryError(
            f"'{term.field}:' at position {term.position} compares with a base, which a subscription has "
            "not: it tells itself what is new. Leave it out.",
            term.position,
        )
