"""A repository with a dataflow that is computed for each of three days."""

from pathlib import Path

from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog

__all__ = ["CODE", "PROJECT", "SALES", "make_daily_shop"]

CODE = """\
import pandas as pd

def spend(amount: pd.Series, rate: pd.Series) -> pd.Series:
    return amount * rate

def apart(amount: pd.Series) -> pd.Series:
    return amount
"""
PROJECT = """\
[dataflows.daily]
modules = ["m"]
outputs = ["spend"]
[dataflows.daily.partitions]
key = "day"
from = 2026-01-01
until = 2026-01-03
[dataflows.daily.sources]
sales = "data/{day}.csv"
rates = "data/rates.csv"
"""
SALES = "amount\n{}\n"


def make_daily_shop(url: str, repo: GitRepo, home: Path, **more: str) -> Catalog:
    """Make the repository and its catalog, with more files or others; the caller disposes of the database."""
    files = {f"data/2026-01-0{day}.csv": SALES.format(day) for day in (1, 2, 3)}
    made = {"m.py": CODE, "headwater.toml": PROJECT, "data/rates.csv": "rate\n10\n", **files, **more}
    repo.commit("Begin", files=made)
    return make_catalog(url, repo, home)
