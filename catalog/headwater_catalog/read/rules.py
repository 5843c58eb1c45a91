"""Classifications and policies as project files and files of policies declare them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Mapping
from typing import Any, Final, Protocol

from headwater.errors import did_you_mean
from headwater_catalog.rules import (
    BARRIER,
    SEVERITIES,
    USUAL_REVIEW,
    Anonymiser,
    Classification,
    Policy,
    PolicyException,
    Review,
)

__all__ = ["POLICY_FOLDER", "is_policy_file", "read_classifications", "read_policies", "read_review"]

POLICY_FOLDER: Final = "policies"
"""The folder at the top of a repository whose files declare policies."""

_CLASSIFICATION: Final = ("anonymisers", "doc", "levels")
_ANONYMISER: Final = ("at_least", "function")
_EXCEPTION: Final = ("feature", "reason", "until")
_POLICY: Final = (
    *("changed_only_by", "exceptions", "message", "needs", "only_new", "owner", "query", "scope"),
    "severity",
)
_REVIEW: Final = ("merges", "trailers")
_TRAILER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,99}")
_MOST_TRAILERS: Final = 20
_MOST_POLICIES: Final = 500  # of one file
_MOST_EXCEPTIONS: Final = 500  # of one policy
_MOST_LEVELS: Final = 20
_LONGEST: Final = 2_000  # characters of a text


class TableReader(Protocol):
    """What reads tables of one file, and notes what is wrong with them."""

    path: str

    def known(self, table: dict[str, Any], keys: Collection[str], where: str) -> None: ...
    def table(self, table: dict[str, Any], key: str, where: str = "") -> dict[str, Any]: ...
    def text(self, table: dict[str, Any], key: str, where: str) -> str | None: ...
    def texts(self, table: dict[str, Any], key: str, where: str) -> tuple[str, ...]: ...
    def wrong(self, key: str, where: str, expected: str) -> None: ...
    def tell(self, key: str, message: str) -> None: ...
    def line(self, key: str, within: str = "") -> int: ...


def is_policy_file(path: str) -> bool:
    """Tell whether a file of a repository declares policies: `policies/*.toml` at its top."""
    return path.startswith(f"{POLICY_FOLDER}/") and path.endswith(".toml") and path.count("/") == 1


def read_classifications(
    reader: TableReader, settings: dict[str, Any], where: str
) -> tuple[tuple[Classification, ...], frozenset[str]]:
    """Return the classifications that a project file declares, and the usual ones that it does without."""
    table = reader.table(settings, "classifications", where)
    inner = f"{where}classifications."
    left_out = frozenset(key.casefold() for key, value in table.items() if value is False)
    found = []
    for key in table:
        if table[key] is False:
            continue
        given = {} if table[key] is True else table[key]
        if not isinstance(given, dict):
            reader.wrong(key, inner, 'true, false, or a table such as {levels = ["public", "secret"]}')
            continue
        found.append(_classification(reader, key, given, f"{inner}{key}."))
    return tuple(found), left_out


def _classification(reader: TableReader, key: str, table: dict[str, Any], where: str) -> Classification:
    reader.known(table, _CLASSIFICATION, where)
    levels = tuple(dict.fromkeys(reader.texts(table, "levels", where)))
    folded = {level.casefold() for level in levels}
    if levels and not (2 <= len(levels) <= _MOST_LEVELS and len(folded) == len(levels) and all(levels)):
        reader.wrong("levels", where, f"from 2 to {_MOST_LEVELS} names, the lowest first")
        levels = ()
    elif BARRIER in folded:
        reader.tell("levels", f"{where}levels names '{BARRIER}', which stops a classification.")
        levels = ()
    given = table.get("anonymisers", [])
    if not isinstance(given, list):
        reader.wrong("anonymisers", where, "a list of names of functions or modifiers")
        given = []
    anonymisers: dict[str, Anonymiser] = {}
    for each in (_anonymiser(reader, each, where) for each in given):
        if each is not None and anonymisers.setdefault(each.name, each) is not each:
            reader.tell("anonymisers", f"{where}anonymisers: {each.name} is there twice; the first counts.")
    doc = _short(reader.text(table, "doc", where) or "")
    return Classification(key, levels, doc, tuple(anonymisers.values()))


def _anonymiser(reader: TableReader, given: Any, where: str) -> Anonymiser | None:
    table = {"function": given} if isinstance(given, str) else given
    if isinstance(table, dict):
        reader.known(table, _ANONYMISER, f"{where}anonymisers.")
        name, least = table.get("function"), table.get("at_least", {})
        are_numbers = isinstance(least, dict) and all(
            isinstance(number, (int, float)) and not isinstance(number, bool) for number in least.values()
        )
        if isinstance(name, str) and name.isidentifier() and are_numbers:
            return Anonymiser(name, tuple(sorted(least.items())))
    wanted = 'the name of a function, or a table such as {function = "mean_of_groups", at_least = {k = 10}}'
    reader.tell("anonymisers", f"{where}anonymisers: each must be {wanted}; {given!r:.80} has no effect.")
    return None


def read_review(reader: TableReader, settings: dict[str, Any], where: str) -> Review:
    """Return what a project file says counts as a review of a commit; what cannot be read is as usual."""
    table, inner, usual = reader.table(settings, "review", where), f"{where}review.", USUAL_REVIEW
    reader.known(table, _REVIEW, inner)
    merges = table.get("merges", usual.merges)
    if not isinstance(merges, bool):
        reader.wrong("merges", inner, "true or false")
        merges = usual.merges
    trailers = reader.texts(table, "trailers", inner)
    if not trailers and table.get("trailers") != []:
        trailers = usual.trailers
    if len(trailers) > _MOST_TRAILERS or not all(map(_TRAILER.fullmatch, trailers)):
        reader.wrong("trailers", inner, f'at most {_MOST_TRAILERS} keys such as "Reviewed-by"')
        trailers = usual.trailers
    return Review(tuple(dict.fromkeys(trailers)), merges)


def read_policies(reader: TableReader, table: dict[str, Any], where: str) -> tuple[Policy, ...]:
    """Return the policies of a table, each by its name.

    Args:
        reader: What reads the file.
        table: The table.
        where: The table's own name before theirs, for messages.
    """
    if len(table) > _MOST_POLICIES:
        reader.tell(
            "policies", f"{where or reader.path} has {len(table):,} policies; {_MOST_POLICIES} count."
        )
    found = (_policy(reader, name, table, where) for name in list(table)[:_MOST_POLICIES])
    return tuple(policy for policy in found if policy is not None)


def _policy(reader: TableReader, name: str, policies: dict[str, Any], where: str) -> Policy | None:
    if not isinstance(policies[name], dict):
        reader.wrong(name, where, 'a table such as {query = "-has:owner"}')
        return None
    table, inner = policies[name], f"{where}{name}."
    reader.known(table, _POLICY, inner)
    texts = {key: _short(reader.text(table, key, inner) or "") for key in ("message", "owner")}
    # Never cut to what can be read: a query that is too long is told where it is parsed.
    texts |= {key: (reader.text(table, key, inner) or "").strip() for key in ("needs", "query", "scope")}
    authors = reader.texts(table, "changed_only_by", inner)
    if not (texts["query"] or texts["needs"] or authors):
        reader.tell(name, f'{inner[:-1]} has no query, so it finds nothing. Add query = "-has:owner".')
        return None
    only_new = table.get("only_new", False)
    if not isinstance(only_new, bool):
        reader.wrong("only_new", inner, "true or false")
        only_new = False
    severity = reader.text(table, "severity", inner) or SEVERITIES[0]
    if severity not in SEVERITIES:
        hint = did_you_mean(severity, SEVERITIES)
        reader.tell("severity", f"{inner}severity must be one of {', '.join(SEVERITIES)}.{hint}")
        severity = SEVERITIES[0]
    return Policy(
        name=_short(name),
        severity=severity,
        only_new=only_new,
        changed_only_by=authors,
        exceptions=_exceptions(reader, table, inner),
        path=reader.path,
        line=reader.line(name, "policies" if where else ""),
        **texts,
    )


def _exceptions(reader: TableReader, table: Mapping[str, Any], where: str) -> tuple[PolicyException, ...]:
    given = table.get("exceptions", [])
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        wanted = 'a list of tables such as {feature = "spend", until = 2027-06-30, reason = "..."}'
        reader.wrong("exceptions", where, wanted)
        return ()
    if len(given) > _MOST_EXCEPTIONS:
        reader.tell("exceptions", f"{where}exceptions are {len(given):,}; {_MOST_EXCEPTIONS} count.")
    found: dict[str, PolicyException] = {}
    for each in given[:_MOST_EXCEPTIONS]:
        inner = f"{where}exceptions."
        reader.known(each, _EXCEPTION, inner)
        feature, reason = (_short(reader.text(each, key, inner) or "") for key in ("feature", "reason"))
        until = _day(each.get("until"))
        if not feature or until is None:
            # An exception that cannot be read must not hold for good.
            reader.tell("exceptions", f"{where}exceptions: {_told(each)} has no effect: {_WANTED}.")
            continue
        if feature in found:
            reader.tell("exceptions", f"{where}exceptions: {_told(each)} is there twice; the first counts.")
        found.setdefault(feature, PolicyException(feature, reason, until))
    return tuple(found.values())


_WANTED: Final = "it names a feature, and until, if given, is a day such as 2027-06-30"


def _told(given: Mapping[str, Any]) -> str:
    return f"the one of {given.get('feature')!r:.80}"


def _day(given: Any) -> str | None:
    """Return a day as text, nothing where none is given; None where it is none."""
    if given is None:
        return ""
    if isinstance(given, datetime.datetime):
        return given.date().isoformat()
    if isinstance(given, datetime.date):
        return given.isoformat()
    try:
        return datetime.date.fromisoformat(given).isoformat()
    except (TypeError, ValueError):
        return None


def _short(text: str) -> str:
    return text.strip()[:_LONGEST]
