"""Who has reviewed a commit, as far as git knows: what its message says, and who has merged it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from headwater_catalog.git_log import BLANK_LINES, LONGEST_BODY, CommitInfo
from headwater_catalog.rules import Review
from headwater_catalog.store.models import Commit

__all__ = ["reviewers_of"]

Written = Commit | CommitInfo
"""A commit, as the store or as git has it."""

_LINE: Final = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9-]*)\s*:\s*(?P<value>\S.*)")
_PERSON: Final = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")


def reviewers_of(commit: Written, merge: Written, review: Review) -> tuple[str, ...] | None:
    """Return who has reviewed a commit; nobody can review what they have written.

    Args:
        commit: The commit that something was written in.
        merge: The commit that brought it to the main line; maybe the same.
        review: What counts as a review.

    Returns:
        Their names, once each; None where nobody is known, and not all of a message is.
    """
    both = (commit,) if merge.sha == commit.sha else (commit, merge)
    named = (each for written in both for each in _named(written.body, review))
    found = [_name(each) for each in named if not _is_author(each, commit)]
    is_merged = merge.sha != commit.sha and len(merge.parents) > 1
    if review.merges and is_merged and merge.author_email.casefold() != commit.author_email.casefold():
        found.append(merge.author_name)
    if not found and any(len(written.body) >= LONGEST_BODY for written in both):
        return None
    return tuple(dict.fromkeys(found))


def _named(body: str, review: Review) -> Iterator[str]:
    """Yield who is named by the trailers of a message: lines of its last paragraph."""
    wanted = {key.casefold() for key in review.trailers}
    for line in BLANK_LINES.split(body.rstrip())[-1].splitlines():
        found = _LINE.fullmatch(line.strip())
        if found is not None and found["key"].casefold() in wanted:
            yield found["value"]


def _name(person: str) -> str:
    found = _PERSON.match(person)
    return (found["name"].strip() or found["address"].strip()) if found is not None else person.strip()


def _is_author(person: str, commit: Written) -> bool:
    found = _PERSON.match(person)
    address = found["address"].strip().casefold() if found is not None else ""
    if address:
        return address == commit.author_email.casefold()
    return _name(person).casefold() in (commit.author_name.casefold(), commit.author_email.casefold())
