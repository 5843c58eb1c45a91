"""Loaders and savers by format and type, apart from the functions whose data they move."""

__all__: list[str] = []
