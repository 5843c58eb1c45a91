"""Adapters that report runs made anywhere to a catalog: scripts, notebooks, code on the real Hamilton."""

from headwater.reporting.adapters import catalog_reporter, hamilton_reporter

__all__ = ["catalog_reporter", "hamilton_reporter"]
