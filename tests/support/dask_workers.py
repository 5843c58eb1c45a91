"""What tests ask the workers of a Dask cluster, which import this module by its name."""

import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["active", "modules_of", "pretend_older_pandas"]


def active(client: Any) -> list[int]:
    """Return how many tasks each worker that answers is at."""
    return list(client.run(_count_active, on_error="ignore").values())


def modules_of(client: Any, package: str) -> set[str]:
    """Return the modules of a package that any worker has imported."""
    return {name for names in client.run(_imported, package).values() for name in names}


def pretend_older_pandas() -> None:
    """Put a description of another version before that of the package that is there."""
    folder = Path(tempfile.mkdtemp())
    (folder / "pandas-0.1.dist-info").mkdir()
    (folder / "pandas-0.1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: pandas\nVersion: 0.1\n"
    )
    sys.path.insert(0, str(folder))


def _count_active(dask_worker: Any) -> int:
    return len(list(dask_worker.active_keys))


def _imported(package: str) -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] == package]
