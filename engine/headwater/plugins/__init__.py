"""Adapters that bring other packages in: progress bars, logs, threads."""

__all__: list[str] = []
