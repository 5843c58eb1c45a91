"""Feeds: what a subscription told as Atom (RFC 4287), each telling an entry that stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from headwater_catalog.answers.commits import instant_json
from headwater_catalog.store.models import Subscription
from headwater_catalog.subscriptions.messages import CHANGED, Message, told_in_short
from headwater_catalog.subscriptions.standing import Told

__all__ = ["FEED_TYPE", "MOST_ENTRIES", "feed_of"]

FEED_TYPE: Final = "application/atom+xml"
MOST_ENTRIES: Final = 50
_ATOM: Final = "http://www.w3.org/2005/Atom"


def feed_of(site: str, subscription: Subscription, told: Sequence[Told]) -> bytes:
    """Return the feed of a subscription.

    Args:
        site: The address of the catalog.
        subscription: The subscription.
        told: What it told, the latest first; what holds nothing that its reader may see is left out.
    """
    feed = Element("feed", xmlns=_ATOM)
    page = f"{site}/subscriptions/{subscription.id}"
    shown = [each for each in told if each.telling.kind == CHANGED and each.news]
    _text(feed, "id", f"{page}#{subscription.made_at}")
    _text(feed, "title", f"Headwater: {subscription.name}")
    _text(feed, "updated", instant_json(shown[0].telling.at if shown else subscription.made_at))
    SubElement(feed, "link", rel="alternate", type="text/html", href=page)
    SubElement(SubElement(feed, "author"), "name").text = "Headwater"
    for each in shown:
        message = Message(site, subscription, each.telling, each.news)
        entry = SubElement(feed, "entry")
        _text(entry, "id", f"urn:uuid:{each.telling.key}")
        _text(entry, "title", f"{subscription.name}: {told_in_short(*each.counts)}")
        _text(entry, "updated", instant_json(each.telling.at))
        SubElement(entry, "link", rel="alternate", type="text/html", href=message.page)
        _text(entry, "content", "\n".join(message.body())).set("type", "text")
    written: bytes = tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _text(above: Element, name: str, text: str) -> Element:
    found = SubElement(above, name)
    found.text = "".join(each for each in text if each in "\n" or each.isprintable())
    return found
