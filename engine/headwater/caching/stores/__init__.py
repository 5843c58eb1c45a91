"""Where a cache keeps values, and what it knows of them."""

from headwater.caching.stores.base import MetadataStore, ResultRetrievalError, ResultStore, UnknownRun
from headwater.caching.stores.file import FileResultStore
from headwater.caching.stores.memory import InMemoryMetadataStore, InMemoryResultStore
from headwater.caching.stores.sqlite import SQLiteMetadataStore

__all__ = [
    "FileResultStore",
    "InMemoryMetadataStore",
    "InMemoryResultStore",
    "MetadataStore",
    "ResultRetrievalError",
    "ResultStore",
    "SQLiteMetadataStore",
    "UnknownRun",
]
