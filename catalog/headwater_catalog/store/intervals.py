"""Conditions on rows that hold over a stretch of the main line."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from headwater_catalog.store.models import Interval

__all__ = ["holds_at"]


def holds_at(model: type[Interval], position: Any) -> ColumnElement[bool]:
    """Return the condition that a row of `model` holds at a position, a number or an SQL expression."""
    until: Any = model.valid_until
    return and_(model.valid_from <= position, or_(until.is_(None), until > position))
