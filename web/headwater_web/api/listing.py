"""Lists as of a commit that the first page settles, so that they stay the same while commits come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from flask import Response

from headwater_catalog.moments import Moment
from headwater_web.api.answering import page_answer
from headwater_web.api.cursors import Cursor, cursor_of
from headwater_web.reading import moment_named

__all__ = ["named_answer", "offset", "pinned", "slice_answer"]

T = TypeVar("T")


def pinned(cursor: Cursor, repo: str, at: str | None) -> tuple[Cursor, Moment]:
    """Return a repository as of the commit of a list's first page, and the cursor that says so.

    Args:
        cursor: Where this page begins.
        repo: The repository.
        at: The commit that was asked for; the first page tells which one that is for all others.
    """
    moment = moment_named(repo, next(iter(cursor.commits.values()), at))
    return cursor.moved(cursor.after, {moment.repository.id: moment.commit.sha}), moment


def offset(cursor: Cursor) -> int:
    """Return how many items come before the page of a cursor."""
    return cursor.after if isinstance(cursor.after, int) else 0


def slice_answer(
    args: Mapping[str, Any],
    cursor: Cursor,
    items: Sequence[T],
    as_json: Callable[[T], Any],
    **more: Any,
) -> Response:
    """Return a page of a list that stays as it is.

    Args:
        args: The parameters of the request.
        cursor: Where the page begins.
        items: The whole list.
        as_json: What an item is in the answer.
        more: What else there is to say.
    """
    first = offset(cursor)
    last = first + args["limit"]
    following = cursor.moved(last) if last < len(items) else None
    return page_answer([as_json(item) for item in items[first:last]], following, **more)


def named_answer(
    args: Mapping[str, Any], items: Sequence[T], name: Callable[[T], str], as_json: Callable[[T], Any]
) -> Response:
    """Return a page of a list in the order of its names, which may come and go between two pages.

    Args:
        args: The parameters of the request.
        items: The whole list, in that order.
        name: The name of an item.
        as_json: What an item is in the answer.
    """
    cursor = cursor_of(args, "")
    rest = [item for item in items if name(item) > str(cursor.after)]
    page = rest[: args["limit"]]
    following = cursor.moved(name(page[-1])) if len(rest) > len(page) else None
    return page_answer([as_json(item) for item in page], following)
