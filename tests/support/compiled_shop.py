"""A repository with dataflows to compile, its catalog, and the command `headwater` as a program of its own."""

import os
import stat
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

from headwater_catalog import datasets
from headwater_catalog.data_settings import DataSettings
from headwater_catalog.store.models import Run
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog

PROJECT = """
    [tool.headwater.dataflows.sales]
    modules = ["features.load", "features.model", "features.report"]
    config = { region = "UK" }
    outputs = ["ratio", "scored", "total_size"]
    schedule = "0 6 * * 1"
    [tool.headwater.dataflows.sales.sources]
    weekly = { path = "data/weekly.csv", index = "week", dates = ["week"] }
    [tool.headwater.dataflows.sales.sinks]
    weekly_scores = { url = "file://OUT/scores.csv" }
    between = { url = "file://OUT/between/" }

    [tool.headwater.dataflows.summary]
    modules = ["features.summary"]
    outputs = ["best"]
    [tool.headwater.dataflows.summary.sources]
    scores = { url = "file://OUT/scores.csv", index = "week" }
"""

LOAD = """
    import pandas as pd
    from headwater import config, tag

    @tag(stage="load")
    def ratio(spend: pd.Series, signups: pd.Series) -> pd.Series:
        return spend / signups

    @config.when(region="UK")
    def factor__uk() -> float:
        return 0.1

    @config.when(region="US")
    def factor__us() -> float:
        return 0.2
"""

MODEL = """
    import pandas as pd
    from headwater import Collect, Parallelizable, check_output

    class Fitted:
        def __init__(self, mean):
            self.mean = mean

    def fitted(ratio: pd.Series) -> object:
        return Fitted(ratio.mean())

    @check_output(range=(-100, 100), importance="fail")
    def centred(ratio: pd.Series, fitted: object) -> pd.Series:
        return ratio - fitted.mean

    def each_week(ratio: pd.Series) -> Parallelizable[float]:
        yield from ratio

    def week_size(each_week: float, factor: float) -> float:
        return each_week * factor

    def total_size(week_size: Collect[float]) -> float:
        return sum(week_size)
"""

REPORT = """
    import pandas as pd

    def scored(centred: pd.Series, fitted: object, factor: float) -> pd.Series:
        return (centred / fitted.mean) * factor
"""

SUMMARY = """
    import pandas as pd

    def best(scored: pd.Series) -> pd.Series:
        return scored == scored.max()
"""

WEEKLY = "week,spend,signups\n2026-01-05,10,3\n2026-01-12,20,7\n2026-01-19,1,9\n"


def make_compiled_shop(url: str, repo: GitRepo, folder: Path) -> Catalog:
    """Make the repository and a catalog that has scanned it, whose sinks are in `out` in the folder."""
    out = folder / "out"
    out.mkdir()
    repo.write("pyproject.toml", dedent(PROJECT).replace("OUT", str(out)))
    for name, content in {"load": LOAD, "model": MODEL, "report": REPORT, "summary": SUMMARY}.items():
        repo.write(f"features/{name}.py", dedent(content))
    repo.write("data/weekly.csv", WEEKLY)
    repo.commit("Add the sales")
    catalog = make_catalog(url, repo, folder / "home")
    allowed = DataSettings(locations=(f"file://{out}/",))
    return Catalog(catalog.database, replace(catalog.settings, data=allowed))


def program(catalog: Catalog, folder: Path) -> dict[str, str]:
    """Return the environment in which compiled files find the command, here and without our packages."""
    file = folder / "headwater"
    code = "import sys; from headwater_web.cli import main; sys.argv[0] = 'headwater'; main()"
    file.write_text(f'#!/bin/sh\nPYTHONPATH= exec {sys.executable} -c "{code}" "$@"\n')
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return {
        **os.environ,
        "HW_COMMAND": str(file),
        "HEADWATER_HOME": str(catalog.settings.home),
        "HEADWATER_DATABASE_URL": catalog.settings.database_url,
        "HEADWATER_LOCATIONS": " ".join(catalog.settings.data.locations),
    }


def compiled(catalog: Catalog, *words: str, executor: str = "threads") -> str:
    """Return the file that the command writes; what has a fan-out needs an executor that is not the usual one."""
    result = catalog.headwater(
        *("compile", *words, "--executor", executor),
        HEADWATER_LOCATIONS=" ".join(catalog.settings.data.locations),
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def saved(catalog: Catalog, run: Run) -> bytes:
    """Return the bytes of what a run has saved."""
    version = catalog.version(run)
    assert version is not None, run.job.error
    return datasets.file_of(catalog.settings, version).read_bytes()
