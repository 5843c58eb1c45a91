"""Dataflows compiled for orchestrators: planned as tasks, each one `headwater run`, and written down."""
