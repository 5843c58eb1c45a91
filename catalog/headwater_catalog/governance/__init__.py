"""Governance from source: where classifications come from, what a change does to them, and policies."""
