"""Logical tables: what reads and fills them, and lineage that runs through them, down to their columns."""
