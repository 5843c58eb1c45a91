"""A writer to a cache, in a module of its own: a process that starts afresh finds no functions of test modules."""

from pathlib import Path

from headwater.caching.stores import FileResultStore, SQLiteMetadataStore
from headwater.fingerprints import fingerprint


def write_many(folder: Path, name: str) -> None:
    """Write and read back fifty results in the cache of `folder`, under keys that start with `name`."""
    store, files = SQLiteMetadataStore(folder), FileResultStore(folder)
    for number in range(50):
        version = fingerprint(number)
        assert version is not None
        files.set(version, number)
        store.set(f"{name}-{number}", version, run_id=name, node_name="n", code_version="c")
        assert files.get(store.get(f"{name}-{number}") or "") == number
