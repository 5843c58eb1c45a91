"""Scanning: the whole main-line history of a repository, from git into the store."""

from headwater_catalog.scan.scanning import Scanner, ScanReport, scan

__all__ = ["ScanReport", "Scanner", "scan"]
