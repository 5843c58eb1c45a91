"""Checks under the names that code written for Hamilton imports them by."""

__all__: list[str] = []
