"""Feature repositories to learn from and to measure with, the same commits on every machine."""

from __future__ import annotations

from headwater_catalog.demo.replay import init_demo
from headwater_catalog.demo.synthetic import init_synthetic

__all__ = ["init_demo", "init_synthetic"]
