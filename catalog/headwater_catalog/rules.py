"""What a repository declares of classifications and policies at one moment, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

__all__ = [
    "BARRIER",
    "FOREVER",
    "NO_RULES",
    "SEVERITIES",
    "USUAL_REVIEW",
    "Anonymiser",
    "Classification",
    "Policy",
    "PolicyException",
    "Review",
    "Rules",
]

BARRIER: Final = "barrier"
"""The value of a classifying tag that lets nothing through."""

FOREVER: Final = "9999-12-31"
"""The last day of what holds for good."""

SEVERITIES: Final = ("error", "warning", "note")
"""What a policy may say of its findings, the worst first."""

_NOTHING: Final = "false"
_SOMETHING: Final = "true"


@dataclass(frozen=True, slots=True)
class Anonymiser:
    """A function or modifier that takes a classification away from what it is given.

    Attributes:
        name: Its name, as the last part of how code calls it.
        at_least: Arguments that a call must give by keyword, as numbers that are at least these.
    """

    name: str
    at_least: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Classification:
    """A tag that flows downstream along every dependency.

    Attributes:
        key: The tag's key.
        levels: The values that it has, the lowest first, which means that nothing flows; of what flows
            together the highest wins. None: it flows or it does not, whatever the tag's value is.
        doc: What it means.
        anonymisers: What takes it away.
    """

    key: str
    levels: tuple[str, ...] = ()
    doc: str = ""
    anonymisers: tuple[Anonymiser, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its levels, the lowest first."""
        return self.levels or (_NOTHING, _SOMETHING)

    def level(self, value: str) -> int:
        """Return the level that a tag's value says; 0 where nothing flows.

        What no level is called counts as the highest one: a slip of the pen must not let anything through.
        """
        wanted = value.casefold()
        names = [name.casefold() for name in self.names]
        if wanted in names:
            return names.index(wanted)
        return 0 if wanted == _NOTHING else len(names) - 1

    def knows(self, value: str) -> bool:
        """Tell whether a value of its tag is one that it has; without levels any is."""
        known = (*(name.casefold() for name in self.names), _NOTHING, BARRIER)
        return not self.levels or value.casefold() in known


@dataclass(frozen=True, slots=True)
class PolicyException:
    """Features that a policy leaves alone, for a while.

    Attributes:
        feature: A key `module:name`, a name, or either with stars.
        reason: Why.
        until: The last day on which it holds, as YYYY-MM-DD; empty: for good.
    """

    feature: str
    reason: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """A query that must find nothing.

    Attributes:
        name: Its name, which findings carry.
        query: Finds the features that break it.
        message: What to tell whoever breaks it.
        severity: One of `SEVERITIES`.
        owner: Who made it, and grants exceptions.
        scope: A query for the features that it is about; empty: all.
        needs: A query for what these features must not need directly; each such need is a finding of its
            own. Empty: the features themselves are the findings.
        only_new: Whether only what a change brings is a finding.
        changed_only_by: Who may change these features: addresses or names of authors, or globs of them;
            then commits by others that change them are the findings. Empty: that is not asked.
        exceptions: What is left alone.
        path: The file that declares it; empty: the platform does.
        line: Where in that file; 0: unknown.
    """

    name: str
    query: str = ""
    message: str = ""
    severity: str = "error"
    owner: str = ""
    scope: str = ""
    needs: str = ""
    only_new: bool = False
    changed_only_by: tuple[str, ...] = ()
    exceptions: tuple[PolicyException, ...] = ()
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Review:
    """What counts as a review of a commit.

    Attributes:
        trailers: Lines at the end of its message that name who has reviewed it, by their keys.
        merges: Whether to merge what somebody else has written is a review.
    """

    trailers: tuple[str, ...] = ("Reviewed-by", "Approved-by")
    merges: bool = True


USUAL_REVIEW: Final = Review()
"""What counts as a review where nothing is declared."""

_USUAL: Final = (
    Classification("pii", doc="Data about a person."),
    Classification("hipaa", doc="Data about somebody's health."),
    Classification(
        "confidentiality",
        levels=("public", "internal", "confidential", "restricted"),
        doc="Who may see it.",
    ),
)


@dataclass(frozen=True)
class Rules:
    """What a repository declares.

    Attributes:
        declared: Its classifications; one takes the place of a usual one of the same key.
        policies: Its policies, in order.
        left_out: Usual classifications that it does without, by key.
        teams: The members of teams, by the team's name: addresses or names of authors, or globs of them.
        review: What counts as a review.
    """

    declared: tuple[Classification, ...] = ()
    policies: tuple[Policy, ...] = ()
    left_out: frozenset[str] = frozenset()
    teams: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    review: Review = USUAL_REVIEW

    @property
    def classifications(self) -> Mapping[str, Classification]:
        """All classifications that hold, by key in small letters."""
        usual = (each for each in _USUAL if each.key not in self.left_out)
        return {each.key.casefold(): each for each in (*usual, *self.declared)}

    def classification(self, key: str) -> Classification:
        """Return a classification by its key in letters of any case; any tag may be asked for as one."""
        return self.classifications.get(key.casefold()) or Classification(key.casefold())

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data, as the store keeps it; nothing where nothing is declared."""
        if self == NO_RULES:
            return {}
        return {
            "classifications": [asdict(each) for each in self.declared],
            "policies": [asdict(each) for each in self.policies],
            "left_out": sorted(self.left_out),
            "teams": {name: list(members) for name, members in sorted(self.teams.items())},
            "review": asdict(self.review),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Rules:
        """Return what `as_data` has made plain data of."""
        if not data:
            return NO_RULES
        return cls(
            tuple(_classification(each) for each in data["classifications"]),
            tuple(_policy(each) for each in data["policies"]),
            frozenset(data["left_out"]),
            {name: tuple(members) for name, members in data["teams"].items()},
            _review(data.get("review")),
        )


NO_RULES: Final = Rules()
"""What holds where nothing is declared: the usual classifications, and no policy."""


def _classification(data: Mapping[str, Any]) -> Classification:
    anonymisers = (
        Anonymiser(each["name"], tuple((name, least) for name, least in each["at_least"]))
        for each in data["anonymisers"]
    )
    return Classification(data["key"], tuple(data["levels"]), data["doc"], tuple(anonymisers))


def _review(data: Mapping[str, Any] | None) -> Review:
    return Review(tuple(data["trailers"]), data["merges"]) if data is not None else USUAL_REVIEW


def _policy(data: Mapping[str, Any]) -> Policy:
    told = {**data, "changed_only_by": tuple(data["changed_only_by"])}
    return Policy(**{**told, "exceptions": tuple(PolicyException(**each) for each in data["exceptions"])})
