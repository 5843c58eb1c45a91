"""The least that a search page could be: one FTS5 query, its hits in a line of HTML each, nothing else."""

from __future__ import annotations

import os
import sqlite3
import threading

from flask import Flask, request

HITS = 30
"""On a page, as the search page of the catalog has."""

app = Flask("bare")
_local = threading.local()


def _connection() -> sqlite3.Connection:
    if not hasattr(_local, "connection"):
        _local.connection = sqlite3.connect(os.environ["BARE_PAGE_DATABASE"])
    found: sqlite3.Connection = _local.connection
    return found


@app.get("/search")
def search() -> str:
    """Answer with the features whose names or documentation have a word."""
    rows = _connection().execute(
        "SELECT key, summary FROM feature WHERE feature MATCH ? ORDER BY rank LIMIT ?",
        (f'"{request.args["q"]}"*', HITS),
    )
    hits = "".join(f"<li>{key}: {summary}</li>" for key, summary in rows)
    return f"<!doctype html><title>Search</title><ul>{hits}</ul>"
