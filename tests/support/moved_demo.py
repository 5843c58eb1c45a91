"""The demo repository with main moved on, and files of its datasets that somebody has changed."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater_catalog.settings import Settings
from support.git_repo import GitRepo

__all__ = ["STALE_PEOPLE", "Moved", "move_main_on", "tampered_with"]

STALE_PEOPLE = {
    "age": (["moved", "logic", "docs"], ["bf94b74", "0532ba7", "a2def51"]),
    "tenure_days": (["moved", "logic", "tags"], ["bf94b74", "a2def51"]),
}
"""How columns of customers that were made at v1.0 differ by the demo's own story, and by which commits."""

_MEAN = "    return spend.mean()\n"


@dataclass(frozen=True)
class Moved:
    """What was committed to main.

    Attributes:
        changed: Makes `spend_mean` another number, and so `spend_zero_mean_unit_variance` downstream of it.
        documented: Changes words and layout only.
    """

    changed: str
    documented: str


def move_main_on(settings: Settings) -> Moved:
    """Commit to the demo repository: one commit that changes a meaning, and one that changes none."""
    repo = GitRepo(settings.home / "demo-repository")
    spend = repo.path / "features/spend.py"
    source = spend.read_text()
    assert source.count(_MEAN) == 1
    source = source.replace(_MEAN, "    return spend.median()\n")
    changed = repo.commit("Take the median of spend for its mean", files={"features/spend.py": source})
    source = source.replace("Rolling 3 week", "The rolling 3 week").replace("\n\n\ndef", "\n\n\n# Next.\ndef")
    return Moved(changed, repo.commit("Say it in other words", files={"features/spend.py": source}))


def tampered_with(file: Path, column: str, copy: Path) -> Path:
    """Write a copy of a Parquet file in which one cell of a column is another number, its stamp as it was."""
    table = pq.read_table(file)
    cells = table.column(column).to_pylist()
    cells[7] += 1
    place = table.column_names.index(column)
    changed = pa.chunked_array([pa.array(cells, table.schema.field(column).type)])
    assert pc.sum(pc.not_equal(changed, table.column(column))).as_py() == 1
    pq.write_table(table.set_column(place, table.schema.field(column), changed), copy)
    return copy
