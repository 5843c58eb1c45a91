"""How fast the catalog scans, searches and follows lineage, as ratios to floors of the same run.

python benchmarks/catalog.py [--repository PATH] [--runs N] [--large] [--write docs/benchmarks.md]
"""

from __future__ import annotations

import argparse
import ast
import gc
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice, product
from pathlib import Path

from lineage_graphs import SHAPES, synthetic_graph
from page import write_section
from sqlalchemy import func, select

from headwater_catalog.compared import compare_moments
from headwater_catalog.demo import init_synthetic
from headwater_catalog.git import GitSource
from headwater_catalog.moments import Moment, moment_at, snapshot_at
from headwater_catalog.repositories import add_repository, get_repository, mirror_path
from headwater_catalog.scan import Scanner
from headwater_catalog.search import heads, search
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import FeatureVersion

FEATURES, COMMITS, FEW = 4_000, 500, 50  # the few are the commits of a young history
SEARCHES = 10


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--repository", type=Path, help="a repository to scan besides the synthetic one")
    options.add_argument("--runs", type=int, default=3, help="how often each scan is measured")
    options.add_argument("--large", action="store_true", help="40,000 features x 2,000 commits, too")
    options.add_argument("--write", type=Path, help="a page to write the table into")
    given = options.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        synthetic = place / "synthetic"
        init_synthetic(synthetic, features=FEATURES, commits=COMMITS)
        if given.repository:
            measure_history(
                table, "all history of a repository", given.repository.resolve(), place, given.runs
            )
        size = f"{FEATURES:,} features x {COMMITS} commits"
        catalog = measure_history(table, f"all history of {size}", synthetic, place, given.runs)
        measure_changes(table, catalog, given.runs)
        measure_comparisons(table, catalog)
        measure_news(table, catalog, place, given.runs)
        measure_search(table, catalog, 10)
        measure_closure(table, catalog)
        catalog.database.dispose()
        measure_graphs(table)
        if given.large:
            measure_large(table, place)
    if given.write:
        write_section(
            given.write, "catalog", table.section("The catalog", about(given.repository, given.runs))
        )


def about(repository: Path | None, runs: int) -> str:
    """Say how it was measured."""
    which = " --repository PATH" if repository else ""
    return (
        f"Written by `python benchmarks/catalog.py{which} --write`: medians of {runs} runs of each scan"
        " and its floor in turn, processor time with child processes, into SQLite; a new commit is "
        f"wall time. Searches and closures are wall time in a warm process. {machine()}"
    )


def machine() -> str:
    """Say on what it was measured."""
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}."


class Table:
    """What was measured, told as it comes and kept for the page."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def ratio(
        self,
        what: str,
        taken: list[float],
        floors: list[float],
        floor: str,
        bound: float | None = None,
        *,
        digits: int = 1,
    ) -> None:
        """Tell a median, and how many times that of a floor it is."""
        median, least = statistics.median(taken), statistics.median(floors)
        held = f"{floor}, {shown(least)}"
        self._tell(what, shown(median), held, f"{median / least:.{digits}f}", f"≤ {bound:g}" if bound else "")

    def latency(self, what: str, taken: list[float], bound: float | None = None) -> None:
        """Tell the time of half and of all but one in a hundred."""
        ordered = sorted(taken)
        median = statistics.median(ordered)
        worst = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        limit = f"p99 ≤ {bound * 1000:g} ms" if bound else ""
        self._tell(what, f"p50 {shown(median)}, p99 {shown(worst)}", "", "", limit)

    def figure(self, what: str, value: str, bound: str = "") -> None:
        """Tell a single figure."""
        self._tell(what, value, "", "", bound)

    def versus(self, what: str, ours: str, held: str, ratio: str) -> None:
        """Tell a figure beside the one that it is held against."""
        self._tell(what, ours, held, ratio, "")

    def beyond(self, what: str, taken: float, held: str, floor: float, bound: str) -> None:
        """Tell what is left of a time without that of something that it includes."""
        left = taken - floor
        self._tell(what, shown(taken), held, f"{'+' if left >= 0 else '-'} {shown(abs(left))}", bound)

    def _tell(self, *cells: str) -> None:
        line = f"| {' | '.join(cells)} |"
        print(line, flush=True)
        self._lines.append(line)

    def section(self, title: str, about: str) -> str:
        """Return the section that says what was measured."""
        head = ["| what | ours | held against | ratio | bound |", "| --- | --- | --- | --- | --- |"]
        return "\n".join([f"## {title}", "", about, "", *head, *self._lines])


def shown(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 0.2 else f"{seconds * 1000:.3g} ms"


class Catalog:
    """A catalog of one repository."""

    def __init__(self, origin: Path, home: Path) -> None:
        self.origin = origin
        self.settings = Settings(
            home=home, database_url=f"sqlite:///{home / 'headwater.db'}", secret_key="not secret"
        )
        self.database = Database(self.settings.database_url)
        self.scanner = Scanner(self.database, self.settings)  # which a worker keeps, too
        self.database.upgrade()
        with self.database.write() as session:
            add_repository(session, "measured", str(origin), now=0)

    def scan(self) -> None:
        self.scanner.scan("measured")

    def search(self) -> None:
        """Search all of it for a word."""
        with self.database.read() as session:
            search(heads(session, self.settings), "word", facets=True)

    def fetch(self) -> None:
        """Bring the mirror up to date, which is the part of a scan that is git's."""
        with self.database.read() as session:
            repository = get_repository(session, "measured")
            url, path = repository.url, mirror_path(self.settings, repository)
        GitSource(path).fetch(url)

    def fetch_news(self, number: int) -> float:
        """Commit once at the origin, and return how long it takes to fetch that."""
        commit_one(self.origin, number)
        return latency(self.fetch)


def measure_history(table: Table, name: str, origin: Path, place: Path, runs: int) -> Catalog:
    """Compare a scan of a whole history with reading each of its contents once."""
    floors: list[float] = []
    scans: list[float] = []
    for run in range(runs):
        floors.append(seconds(lambda: read_once(origin)))
        catalog = Catalog(origin, place / f"catalog-of-{origin.name}-{run}")
        scans.append(seconds(catalog.scan))
    table.ratio(name, scans, floors, "log --raw, cat-file, ast.parse of each content", 1.5)
    return catalog


def measure_news(table: Table, catalog: Catalog, place: Path, runs: int) -> None:
    """Measure a scan that finds nothing new, one that finds one commit, and the first search after that."""
    origin, log = catalog.origin, ["log", "-1", "--raw", "--no-abbrev"]
    init_synthetic(place / "young", features=FEATURES, commits=FEW)
    young = Catalog(place / "young", place / "catalog-of-young")
    young.scan()
    floors, nothing, fetches, one, rest, others = [], [], [], [], [], []
    for run in range(4 * runs + 1):
        floors.append(latency(lambda: git(origin, *log)))
        nothing.append(latency(catalog.scan))
        fetches.append(catalog.fetch_news(run))
        one.append(latency(catalog.scan))
        rest.append(one[-1] - latency(catalog.fetch))
        young.fetch_news(run)
        others.append(latency(young.scan) - latency(young.fetch))
    young.database.dispose()
    floor = "git log -1 --raw"
    table.figure("a second scan with nothing new", shown(statistics.median(nothing)), "≤ 0.3 s")
    table.ratio("one new commit that was fetched before", one, floors, floor)
    table.ratio("the same, less a fetch that brings nothing", rest, floors, floor, 10)
    table.ratio("that once more", rest, others, f"the same after {FEW} commits instead of {COMMITS}")
    table.ratio("its fetch alone, by git", fetches, floors, floor)
    # A worker that scans does not search: these are measured apart.
    searches = []
    for run in range(runs + 1):
        catalog.search()
        catalog.fetch_news(100 + run)
        catalog.scan()
        searches.append(latency(catalog.search))
    table.figure("the first search after it, with facets", shown(statistics.median(searches)))


def measure_changes(table: Table, catalog: Catalog, runs: int) -> None:
    """Measure the commands that compare two commits of a catalog, each as a process of its own."""
    program = Path(sys.executable).with_name("headwater")
    settings = catalog.settings
    environment = {
        **os.environ,
        "HEADWATER_HOME": str(settings.home),
        "HEADWATER_DATABASE_URL": settings.database_url,
    }
    for command, (apart, which) in product(("diff", "impact"), ((1, "one commit"), (COMMITS - 1, "all"))):
        asked = [str(program), command, f"HEAD~{apart}..HEAD"]

        def run(asked: list[str] = asked) -> None:
            subprocess.run(asked, env=environment, check=True, capture_output=True)

        taken = statistics.median(seconds(run) for _ in range(runs))
        table.figure(f"`headwater {command}` of {which}, processor time with its start", shown(taken))


def measure_comparisons(table: Table, catalog: Catalog) -> None:
    """Measure what the page of a comparison waits for, in a process that has the head in memory."""
    with catalog.database.read() as session:
        head = heads(session, catalog.settings)[0]
        assert head.snapshot.graph.nodes  # which a server has made when somebody asks
        for apart, which in ((1, "one commit"), (COMMITS - 1, "all commits")):
            before = moment_at(session, catalog.settings, head.repository, f"HEAD~{apart}")

            def look(before: Moment = before) -> None:
                compare_moments(before, head)

            for time_asked in ("first", "second"):
                table.figure(f"comparing {which} for a page, asked a {time_asked} time", shown(latency(look)))


def measure_search(table: Table, catalog: Catalog, bound: float) -> None:
    """Measure fixed kinds of queries, each with words that the catalog has."""
    table.figure("the first search of a process: snapshot, index and facets", shown(first_search(catalog)))
    with catalog.database.read() as session:
        moments = heads(session, catalog.settings)
        names = [hit.name for hit in search(moments, "", limit=200).hits][::10]
        parts = [name.split("_") for name in names]
        kinds: dict[str, list[str]] = {
            "exact name": names,
            "word": [words[0] for words in parts],
            "two words": [" ".join(words[:2]) for words in parts],
            "prefix": [name[:length] for name in names for length in (1, 3)],
            "typo": [f"{name[:2]}{name[3:]}x" for name in names],
            "phrase": [f'"{" ".join(words[:2])}"' for words in parts],
            "field": ["owner:growth-team", "tag:stage", "module:features", "type:int", "has:owner -is:leaf"],
            "choice": [f"({words[0]} OR {words[-2]}) -owner:growth-team" for words in parts],
            "lineage": [f"downstream:{name}@3" for name in names] + [f"upstream:{name}" for name in names],
            "history": ["changed:<30d", "added:>1y author:maya", "removed:<9y"],
            "empty": [""],
        }
        for kind, queries in kinds.items():
            for query in queries:  # so that what a field or the history needs is there, as it is in use
                search(moments, query)
            taken = [latency(lambda q=q: search(moments, q)) for _ in range(SEARCHES) for q in queries]
            table.latency(f"search, {kind}", taken, bound / 1000)
        counted = [latency(lambda q=q: search(moments, q, facets=True)) for q in ("", *names) * SEARCHES]
        table.latency("search with facets", counted, bound / 1000)


def first_search(catalog: Catalog) -> float:
    """Return how long the first search of a new process takes, all but what is imported."""
    code = (
        "import sys, time; from pathlib import Path; from headwater_catalog.search import heads, search; "
        "from headwater_catalog.settings import Settings; "
        "from headwater_catalog.store.database import Database; "
        "s = Settings(home=Path(sys.argv[1]), database_url=sys.argv[2], secret_key='not secret'); "
        "session = Database(s.database_url).read().__enter__(); started = time.perf_counter(); "
        "search(heads(session, s), 'word', facets=True); print(time.perf_counter() - started)"
    )
    command = [sys.executable, "-c", code, str(catalog.settings.home), catalog.settings.database_url]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def measure_closure(table: Table, catalog: Catalog) -> None:
    """Measure everything upstream and downstream of features spread over the graph."""
    with catalog.database.read() as session:
        repository = get_repository(session, "measured")
        graph = snapshot_at(session, repository, COMMITS - 1).graph
        keys = sorted(key for key in graph.nodes if not key.startswith("input:"))[::20]
        taken = [latency(lambda key=key: graph.closure(key)) for key in keys]
        table.latency("both closures of a feature, among 4,000", taken, 0.005)


def measure_graphs(table: Table) -> None:
    """Measure one way of the closure of nodes spread over graphs as small and as large as they come."""
    for size, shape in product((4_000, 400_000), SHAPES):
        graph = synthetic_graph(shape, size)
        keys = list(graph.nodes)[size // 200 :: size // 50]
        gc.collect()  # what making the graph left behind
        for way in (graph.upstream, graph.downstream):
            for key in keys:
                way(key)  # once for a graph its nodes are numbered and laid out
            taken = [latency(lambda key=key, way=way: nearest(way(key))) for key in keys]
            bound = 0.005 if size == 4_000 else 0.1
            table.latency(f"{way.__name__} closure, {size:,} nodes, {shape}", taken, bound)


def nearest(closure: Mapping[str, int]) -> tuple[int, list[tuple[str, int]]]:
    """Return how many nodes a closure has, and the first of them, as a page shows them."""
    return len(closure), list(islice(closure.items(), 1_000))


def measure_large(table: Table, place: Path) -> None:
    """Measure the memory of a scan of many features, and searches in what it has stored."""
    origin = place / "large"
    init_synthetic(origin, features=40_000, commits=2_000, together=240)  # some 400,000 versions
    catalog = Catalog(origin, place / "catalog-of-large")
    code = (
        "import sys, resource; from pathlib import Path; from headwater_catalog.scan import scan; "
        "from headwater_catalog.settings import Settings; "
        "from headwater_catalog.store.database import Database; "
        "s = Settings(home=Path(sys.argv[1]), database_url=sys.argv[2], secret_key='not secret'); "
        "scan(Database(s.database_url), s, 'measured'); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    command = [sys.executable, "-c", code, str(catalog.settings.home), catalog.settings.database_url]
    started = time.perf_counter()
    peak = int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    took = time.perf_counter() - started
    table.figure(
        "peak memory of scanning 40,000 features x 2,000 commits", f"{peak / 1024:.0f} MB", "≤ 500 MB"
    )
    table.figure("that scan", shown(took))
    with catalog.database.read() as session:
        versions = session.scalar(select(func.count(FeatureVersion.id))) or 0
    table.figure("feature versions it has stored", f"{versions:,}")
    measure_search(table, catalog, 50)
    catalog.database.dispose()


def read_once(origin: Path) -> None:
    """Do the least that any reader of a whole history must do."""
    log = git(
        origin, "log", "--first-parent", "-m", "--root", "--raw", "--no-renames", "--no-abbrev", "--format=%H"
    )
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


if __name__ == "__main__":
    sys.exit(main())
