"""Why something could not be delivered."""

from __future__ import annotations

from headwater_catalog.errors import CatalogError

__all__ = ["Ended", "NotDelivered"]


class NotDelivered(CatalogError):
    """Something could not be delivered, and may be tried again."""


class Ended(NotDelivered):
    """Something could not be delivered, and trying again would not help."""
