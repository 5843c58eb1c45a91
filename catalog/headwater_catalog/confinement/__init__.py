"""Confinement: what holds a program that is not trusted, by means of the kernel.

The modules here run in a small process of their own between the worker and the program (see `keeper`), and
import nothing but Python's own modules, and few of these, since every run waits for them.
"""

from __future__ import annotations

from typing import Final

__all__ = ["LARGEST_ORDER"]

LARGEST_ORDER: Final = 128 * 1024
"""How many bytes the order to a keeper may have."""
