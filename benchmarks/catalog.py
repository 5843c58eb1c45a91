"""How fast the catalog scans, searches and follows lineage, as ratios to floors of the same run."""

from __future__ import annotations

import argparse
import ast
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from headwater_catalog.demo import init_synthetic
from headwater_catalog.lineage import load_graph
from headwater_catalog.repositories import add_repository, get_repository
from headwater_catalog.scan import scan
from headwater_catalog.search import search
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database

FEATURES, COMMITS = 4_000, 500
SEARCHES = 10


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repository", type=Path, help="a repository to scan besides the synthetic one")
    options.add_argument("--runs", type=int, default=3, help="how often each scan is measured")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        synthetic = place / "synthetic"
        init_synthetic(synthetic, features=FEATURES, commits=COMMITS)
        if given.repository:
            measure_history("history of the repository", given.repository.resolve(), place, given.runs)
        catalog = measure_history(f"history of {FEATURES} x {COMMITS}", synthetic, place, given.runs)
        measure_news(catalog, synthetic, given.runs)
        measure_search(catalog)
        measure_closure(catalog)
        catalog.database.dispose()


class Catalog:
    """A catalog of one repository."""

    def __init__(self, origin: Path, home: Path) -> None:
        self.settings = Settings(
            home=home, database_url=f"sqlite:///{home / 'headwater.db'}", secret_key="not secret"
        )
        self.database = Database(self.settings.database_url)
        self.database.upgrade()
        with self.database.write() as session:
            add_repository(session, "measured", str(origin), now=0)

    def scan(self) -> None:
        scan(self.database, self.settings, "measured")


def measure_history(name: str, origin: Path, place: Path, runs: int) -> Catalog:
    """Compare a scan of a whole history with reading each of its contents once."""
    floors: list[float] = []
    scans: list[float] = []
    for run in range(runs):
        floors.append(seconds(lambda: read_once(origin)))
        catalog = Catalog(origin, place / f"catalog-of-{origin.name}-{run}")
        scans.append(seconds(catalog.scan))
    tell(name, scans, floors, "log + cat-file + ast.parse")
    return catalog


def measure_news(catalog: Catalog, origin: Path, runs: int) -> None:
    """Measure a scan that finds nothing new, and one that finds one commit."""
    log = ["log", "-1", "--raw", "--no-abbrev"]
    floors, nothing, one = [], [], []
    for run in range(runs):
        floors.append(seconds(lambda: git(origin, *log)))
        nothing.append(seconds(catalog.scan))
        commit_one(origin, run)
        one.append(seconds(catalog.scan))
    tell("scan with nothing new", nothing, floors, "git log -1 --raw")
    tell("scan of one new commit", one, floors, "git log -1 --raw")


def measure_search(catalog: Catalog) -> None:
    """Measure fixed kinds of queries, each with words that the catalog has."""
    with catalog.database.read() as session:
        names = [hit.name for hit in search(session, "", limit=200).hits][::10]
        parts = [name.split("_") for name in names]
        kinds: dict[str, list[str]] = {
            "exact name": names,
            "word": [words[0] for words in parts],
            "two words": [" ".join(words[:2]) for words in parts],
            "prefix": [name[:length] for name in names for length in (1, 3)],
            "typo": [f"{name[:2]}{name[3:]}x" for name in names],
            "field": ["owner:growth", "tag:stage", "module:features", "type:Series"],
            "empty": [""],
        }
        for kind, queries in kinds.items():
            taken = [latency(lambda q=q: search(session, q)) for _ in range(SEARCHES) for q in queries]
            tell_latency(f"search, {kind}", taken)


def measure_closure(catalog: Catalog) -> None:
    """Measure everything upstream and downstream of features spread over the graph."""
    with catalog.database.read() as session:
        repository = get_repository(session, "measured")
        graph = load_graph(session, repository, COMMITS - 1)
        keys = sorted(key for key in graph.nodes if not key.startswith("input:"))[::20]
        tell_latency("closure", [latency(lambda key=key: graph.closure(key)) for key in keys])


def read_once(origin: Path) -> None:
    """Do the least that any reader of a whole history must do."""
    log = git(origin, "log", "--first-parent", "-m", "--root", "--raw", "--no-abbrev", "--format=%H")
    blobs = {
        line.split()[3]
        for line in log.decode(errors="replace").splitlines()
        if line.startswith(":") and line.endswith(".py") and line.split()[4] != "D"
    }
    for source in contents(origin, sorted(blobs)):
        try:
            ast.parse(source)
        except (SyntaxError, ValueError):
            continue


def contents(origin: Path, blobs: list[str]) -> Iterator[bytes]:
    answer = git(origin, "cat-file", "--batch", stdin="\n".join(blobs).encode())
    at = 0
    for _ in blobs:
        end = answer.index(b"\n", at)
        size = int(answer[at:end].split()[2])
        yield answer[end + 1 : end + 1 + size]
        at = end + size + 2


def commit_one(origin: Path, number: int) -> None:
    """Change one feature file of a repository by one function."""
    paths = git(origin, "ls-files", "features/*.py").decode().split()
    path = origin / next(path for path in paths if not path.endswith("__init__.py"))
    added = f"\n\ndef measured_{number}(x: int) -> int:\n    return x + {number}\n"
    path.write_text(path.read_text() + added)
    who = ["-c", "user.name=Maya Lindqvist", "-c", "user.email=maya.lindqvist@example.com"]
    git(origin, *who, "commit", "--quiet", "--all", "--message", "Add a feature to measure")


def git(origin: Path, *arguments: str, stdin: bytes | None = None) -> bytes:
    command = ["git", "-C", str(origin), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time that some work takes, with that of its child processes."""
    before = os.times()
    work()
    after = os.times()
    return sum(after[:4]) - sum(before[:4])


def latency(work: Callable[[], object]) -> float:
    """Return how long some work takes, waiting included."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def tell(name: str, taken: list[float], floors: list[float], floor: str) -> None:
    """Print the median and how many times that of the floor it is."""
    median, least = statistics.median(taken), statistics.median(floors)
    print(f"{name:32} {median:9.3f} s  {median / least:8.1f} x {floor} ({least:.3f} s)")


def tell_latency(name: str, taken: list[float]) -> None:
    ordered = sorted(taken)
    median, worst = statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    print(f"{name:32} p50 {median * 1000:7.2f} ms  p99 {worst * 1000:7.2f} ms")


if __name__ == "__main__":
    sys.exit(main())
