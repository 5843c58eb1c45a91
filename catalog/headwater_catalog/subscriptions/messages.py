"""What people and programs are told of news: a text, and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from urllib.parse import quote, urlencode

from headwater_catalog.answers.commits import instant_json
from headwater_catalog.answers.subscriptions import item_json
from headwater_catalog.store.models import Subscription, Telling
from headwater_catalog.subscriptions.changes import Item
from headwater_catalog.subscriptions.news import RepositoryNews, counts_of
from headwater_catalog.subscriptions.watched import Watched

__all__ = ["CHANGED", "CONFIRM", "TEST", "Message", "told_in_short"]

CHANGED: Final = "changed"
TEST: Final = "test"
CONFIRM: Final = "confirm"

_MOST_LINES: Final = 100  # items of a text; the page has all of them
_MOST_ITEMS: Final = 500  # of JSON


def told_in_short(came: int, went: int) -> str:
    """Return how many came and went, in words."""
    told = (f"{number:,} {word}" for number, word in ((came, "came"), (went, "went")) if number)
    return ", ".join(told) or "nothing changed"


@dataclass(frozen=True, slots=True)
class Message:
    """A telling as it is told.

    Attributes:
        site: The address of the catalog.
        subscription: Which subscription tells.
        telling: The telling.
        news: What it tells.
    """

    site: str
    subscription: Subscription
    telling: Telling
    news: Sequence[RepositoryNews]

    @property
    def watched(self) -> Watched:
        """What is watched."""
        return Watched.of(self.subscription.watch)

    @property
    def page(self) -> str:
        """The address of the page that lists all of it."""
        place = f"{self.site}/subscriptions/{self.subscription.id}"
        return f"{place}/told/{self.telling.id}" if self.telling.kind == CHANGED else place

    @property
    def leave(self) -> str:
        """The address by which mails end, or are agreed to, without logging in."""
        return f"{self.site}/mail/{self.subscription.email_key}"

    @property
    def subject(self) -> str:
        """What a mail says on its outside: nothing of the catalog, and no name that somebody gave."""
        if self.telling.kind == CONFIRM:
            return "Headwater: do you want these mails?"
        if self.telling.kind == TEST:
            return f"Headwater: a try of subscription {self.subscription.id}"
        return f"Headwater: {told_in_short(*counts_of(self.news))} (subscription {self.subscription.id})"

    def text(self) -> str:
        """Return what a mail says."""
        return "\n".join(map(_printable, self._lines())) + "\n"

    def _lines(self) -> Iterator[str]:
        if self.telling.kind == CONFIRM:
            yield "Somebody wants Headwater, a catalog of feature functions, to write to this address"
            yield "whenever the result of a query changes. If that is you, open this page and agree:"
            yield from ("", f"    {self.leave}", "", "If it is not, do nothing: no other mail will come.")
            return
        yield from self.body()
        yield from ("", "-- ", f"This subscription: {self.site}/subscriptions/{self.subscription.id}")
        yield f"No more mails: {self.leave}"

    def body(self) -> Iterator[str]:
        """Yield the lines that tell the news."""
        if self.telling.kind == TEST:
            yield f"This is a try of your subscription '{self.subscription.name}': it works."
            yield f"It looks at {self.watched.text}: {self.site}{self.watched.path}"
            return
        yield f"Your subscription '{self.subscription.name}' looks at {self.watched.text}:"
        yield f"{self.site}{self.watched.path}"
        left = _MOST_LINES
        for each in self.news:
            yield from ("", f"{each.repository}: {told_in_short(len(each.came), len(each.went))}")
            yield f"  {self._range(each)}"
            for word, items in (("Came:", each.came), ("Went:", each.went)):
                if items and left > 0:
                    yield f"  {word}"
                    yield from self._item_lines(each, items, left)
                    left -= len(items)
        came, went = counts_of(self.news)
        if came + went > _MOST_LINES:
            yield from ("", f"These are the first. All {came + went:,}: {self.page}")
        else:
            yield from ("", f"As a list: {self.page}")

    def _item_lines(self, news: RepositoryNews, items: Sequence[Item], most: int) -> Iterator[str]:
        for item in islice(items, most):
            yield f"    {self._label(item)}"
            yield f"      {self._feature(news, item, gone=item in news.went)}"
            if item.commit is not None:
                yield f"      by {item.commit.sha[:10]} “{item.commit.subject}”, {item.commit.author}"

    def _label(self, item: Item) -> str:
        return f"[{item.told[1]}] {item.told[0]}: {item.told[3]}" if item.told else item.key

    def _feature(self, news: RepositoryNews, item: Item, *, gone: bool) -> str:
        """Return the page of a feature: of one that may be gone, at a commit that had it."""
        place = f"{self.site}/r/{news.repository}/f/{quote(item.key, safe=_SAFE)}"
        at = news.before if gone else None
        return f"{place}?{urlencode({'at': at})}" if at else place

    def _commit(self, news: RepositoryNews, sha: str) -> str:
        return f"{self.site}/r/{news.repository}/c/{sha}"

    def _range(self, news: RepositoryNews) -> str:
        if news.before is None:
            return f"{self.site}/r/{news.repository}"
        if news.before == news.after:
            return "No commit did it: a day ended, or what flows in from another repository changed."
        asked = urlencode({"a": news.before, "b": news.after})
        return f"{self.site}/r/{news.repository}/compare?{asked}"

    def data(self) -> dict[str, Any]:
        """Return what a program is told."""
        came, went = counts_of(self.news)
        return {
            "id": self.telling.key,
            "kind": self.telling.kind,
            "at": instant_json(self.telling.at),
            "subscription": {
                "id": self.subscription.id,
                "name": self.subscription.name,
                "about": self.watched.about,
                "asked": self.watched.asked,
                "url": f"{self.site}{self.watched.path}",
            },
            "totals": {"came": came, "went": went},
            "repositories": [
                {"name": each.repository, "before": each.before, "after": each.after} for each in self.news
            ],
            "came": list(islice(self._items("came"), _MOST_ITEMS)),
            "went": list(islice(self._items("went"), _MOST_ITEMS)),
            "is_whole": max(came, went) <= _MOST_ITEMS,
            "url": self.page,
        }

    def _items(self, side: str) -> Iterator[dict[str, Any]]:
        for news in self.news:
            for item in getattr(news, side):
                told = item_json(news.repository, item)
                if item.commit is not None:
                    told["commit"]["url"] = self._commit(news, item.commit.sha)
                yield {**told, "url": self._feature(news, item, gone=side == "went")}

    def json(self) -> bytes:
        """Return what a program is told, as it is sent."""
        return json.dumps(self.data(), allow_nan=False).encode()


_SAFE: Final = "!$&'()*+,/:;=@"


def _printable(line: str) -> str:
    """Leave out what steers terminals and mail programs: names and subjects come from anywhere."""
    return "".join(character for character in line if character.isprintable())
