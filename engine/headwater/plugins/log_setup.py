"""Showing what a program logs, set up in one line."""

from __future__ import annotations

import logging
import sys

__all__ = ["LOG_LEVELS", "setup_logging"]

LOG_LEVELS = {name: getattr(logging, name) for name in ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")}
"""The levels by their names."""


def setup_logging(log_level: int = logging.INFO) -> None:
    """Show what is logged on the standard output; logging that is set up already stays as it is.

    Args:
        log_level: What is below this level is not shown.
    """
    form = "[%(levelname)s] %(asctime)s %(name)s(%(lineno)s): %(message)s"
    logging.basicConfig(stream=sys.stdout, level=log_level, format=form)
