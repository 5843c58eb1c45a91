"""How fast the web catalog answers, how much a page weighs, and when a browser paints it.

python benchmarks/web.py [--runs N] [--write docs/benchmarks.md]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote, urlencode

from page import write_section

from catalog import COMMITS, FEATURES, Catalog, Table, machine, shown
from headwater_catalog.demo import init_synthetic
from headwater_catalog.lineage import DRAWABLE
from headwater_catalog.search import heads, search

HERE = Path(__file__).parent
PROGRAMS = Path(sys.executable).parent
WORKERS, THREADS = 2, 8  # threads as `headwater serve` has them
EACH = 100  # addresses of a kind, each another feature or word
CLIENTS = 4  # where requests per second are counted
PATIENCE = 120  # seconds until a server answers
P50, P99 = 0.015, 0.060
HEAVIEST = 200_000  # bytes
Pages = Mapping[str, Sequence[str]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--runs", type=int, default=5, help="how often each kind of page is measured")
    options.add_argument("--write", type=Path, help="a page to write the table into")
    given = options.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        init_synthetic(place / "synthetic", features=FEATURES, commits=COMMITS)
        catalog = Catalog(place / "synthetic", place / "home")
        catalog.scan()
        pages, widest = addresses(catalog), wide_lineage(catalog)
        bare_rows(catalog, place / "bare.db")
        catalog.database.dispose()
        with serving(place / "home") as port, bare_page(place / "bare.db") as bare:
            measure_times(table, port, pages, given.runs)
            measure_share(table, port, bare, pages["search page"], given.runs)
            for kind in ("search page", "feature page"):
                measure_weight(table, port, kind, pages[kind][0])
            measure_paint(table, port, widest, given.runs)
    if given.write:
        write_section(given.write, "web", table.section("The web catalog", about(given.runs)))


def about(runs: int) -> str:
    """Say how it was measured."""
    return (
        f"Written by `python benchmarks/web.py --write`: {FEATURES:,} features x {COMMITS} commits in "
        f"SQLite, `headwater serve --workers {WORKERS}`, asked by another process over loopback. Server "
        "times are those of one request at a time to its last byte, over an open connection, of "
        f"{EACH} different features or words of each kind: medians of {runs} runs, in which the kinds take "
        "turns, after each process has answered some. Requests per second are those of "
        f"{CLIENTS} clients at once, ours and a bare Flask page with one FTS5 query in turn, under the same "
        "server. Weights are those of a first visit in gzip: the page with all that it refers to. Chromium "
        f"paints on the same machine. {machine()}"
    )


def addresses(catalog: Catalog) -> Pages:
    """Return addresses of each kind of page, for features spread over the catalog."""
    with catalog.database.read() as session:
        hits = search(heads(session, catalog.settings), "", limit=FEATURES).hits
    spread = hits[:: len(hits) // EACH][:EACH]
    keys = [quote(hit.key, safe=":") for hit in spread]
    return {
        "home page": ["/"] * (EACH // 4),
        "search page": [f"/search?q={hit.name.split('_')[number % 2]}" for number, hit in enumerate(spread)],
        "feature page": [f"/r/measured/f/{key}" for key in keys],
        "lineage, one step each way": [f"/r/measured/lineage?focus={key}&up=1&down=1" for key in keys],
    }


def wide_lineage(catalog: Catalog) -> str:
    """Return the address of a lineage that has as many nodes as are ever drawn."""
    with catalog.database.read() as session:
        graph = heads(session, catalog.settings)[0].snapshot.graph
        for key in graph.nodes:
            for steps in (1, 2, 3, 5, 10):
                if len(graph.neighbourhood(key, steps, steps).nodes) == DRAWABLE:
                    query = urlencode({"focus": key, "up": steps, "down": steps})
                    return f"/r/measured/lineage?{query}"
    raise SystemExit(f"No lineage of this catalog has {DRAWABLE} nodes.")


def bare_rows(catalog: Catalog, path: Path) -> None:
    """Write what the bare page searches: names and documentation of the same features."""
    with catalog.database.read() as session, sqlite3.connect(path) as bare:
        hits = search(heads(session, catalog.settings), "", limit=FEATURES).hits
        bare.execute("CREATE VIRTUAL TABLE feature USING fts5(key, name, summary)")
        rows = [(hit.key, hit.name.replace("_", " "), hit.summary) for hit in hits]
        bare.executemany("INSERT INTO feature VALUES (?, ?, ?)", rows)
    bare.close()


@contextmanager
def serving(home: Path) -> Iterator[int]:
    """Serve a catalog as people do."""
    port = free_port()
    command = [str(PROGRAMS / "headwater"), "serve", "--workers", str(WORKERS), "--port", str(port)]
    with running(command, {"HEADWATER_HOME": str(home)}, f"http://127.0.0.1:{port}/healthz"):
        yield port


@contextmanager
def bare_page(database: Path) -> Iterator[int]:
    """Serve the bare page by the same server with the same options."""
    port = free_port()
    options = ["--workers", str(WORKERS), "--threads", str(THREADS), "--worker-class", "gthread"]
    command = [sys.executable, "-m", "gunicorn", *options, "--bind", f"127.0.0.1:{port}"]
    command += ["--log-level", "warning", "--chdir", str(HERE), "bare_page:app"]
    with running(command, {"BARE_PAGE_DATABASE": str(database)}, f"http://127.0.0.1:{port}/search?q=a"):
        yield port


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], address: str) -> Iterator[None]:
    server = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    try:
        wait_for(server, address)
        yield
    finally:
        server.terminate()
        server.wait(PATIENCE)


def wait_for(server: subprocess.Popen[bytes], address: str) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if server.poll() is not None:
            raise SystemExit("The server ended at once.")
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:  # it may have taken the connection, and not be ready yet
            time.sleep(0.1)
    raise SystemExit(f"{address} does not answer.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def load(port: int, paths: Sequence[str], clients: int = 1) -> dict[str, list[float] | float]:
    """Ask for addresses from another process; an answer that is not 200 ends the benchmark."""
    asked = json.dumps({"host": "127.0.0.1", "port": port, "paths": paths, "clients": clients})
    command = [sys.executable, str(HERE / "web_load.py")]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    told: dict[str, list[float] | float] = json.loads(done.stdout)
    return told


def measure_times(table: Table, port: int, pages: Pages, runs: int) -> None:
    """Measure how long pages take, the kinds in turn."""
    for paths in pages.values():
        load(port, [path for path in paths[:20] for _ in range(2)], 2 * WORKERS)  # every process is warm
    halves: dict[str, list[float]] = {kind: [] for kind in pages}
    slowest: dict[str, list[float]] = {kind: [] for kind in pages}
    for _ in range(runs):
        for kind, paths in pages.items():
            seconds = load(port, paths)["seconds"]
            assert isinstance(seconds, list)
            ordered = sorted(seconds)
            halves[kind].append(statistics.median(ordered))
            slowest[kind].append(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))])
    bound = f"p50 ≤ {P50 * 1000:g} ms, p99 ≤ {P99 * 1000:g} ms"
    for kind in pages:
        half, slow = statistics.median(halves[kind]), statistics.median(slowest[kind])
        table.figure(f"{kind}, server time", f"p50 {shown(half)}, p99 {shown(slow)}", bound)


def measure_share(table: Table, port: int, bare: int, paths: Sequence[str], runs: int) -> None:
    """Measure requests per second of the search page, and what share that is of the bare page's."""
    ours, floors = [], []
    load(bare, paths, CLIENTS)
    for _ in range(runs):
        for rates, where in ((ours, port), (floors, bare)):
            took = load(where, paths, CLIENTS)["took"]
            assert isinstance(took, float)
            rates.append(len(paths) / took)
    mine, floor = statistics.median(ours), statistics.median(floors)
    table.versus(
        "search page, requests per second", f"{mine:.0f}", f"a bare page, {floor:.0f}", f"{mine / floor:.2f}"
    )


def measure_weight(table: Table, port: int, kind: str, path: str) -> None:
    """Measure what a first visit to a page brings, compressed."""
    whole, text = fetch(port, path)
    parts = dict.fromkeys(re.findall(r'(?:<link[^>]*href|src)="(/[^"]+)"', unescape(text)))
    total = whole + sum(fetch(port, part)[0] for part in parts)
    said = f"{total / 1000:.1f} KB, of which the page {whole / 1000:.1f} KB"
    table.figure(f"{kind}, first visit", said, f"≤ {HEAVIEST / 1000:g} KB")


def fetch(port: int, path: str) -> tuple[int, str]:
    """Return how many bytes an answer has on the way, and what it says."""
    import gzip

    wanted = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(wanted, timeout=PATIENCE) as answer:
        body = answer.read()
        is_short = answer.headers.get("Content-Encoding") == "gzip"
    return len(body), (gzip.decompress(body) if is_short else body).decode(errors="replace")


def measure_paint(table: Table, port: int, lineage: str, runs: int) -> None:
    """Measure when Chromium first paints what a page is there for."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    from support.chromium import find_chromium, running_browser

    executable = find_chromium() or shutil.which("chrome")
    if executable is None:
        raise SystemExit("Chromium is needed to measure when pages are painted.")
    site = f"http://127.0.0.1:{port}"
    pages = {f"lineage of {DRAWABLE} nodes": (lineage, "≤ 1 s")}
    if answers(f"{site}/r/measured/map"):
        pages[f"map of {FEATURES:,} features"] = ("/r/measured/map", "≤ 2 s")
    with running_browser(executable) as browser:
        for name, (path, bound) in pages.items():
            taken = []
            for _ in range(runs + 1):
                context = browser.new_context()  # a first visit, with nothing kept
                page = context.new_page()
                page.goto(f"{site}{path}", wait_until="load")
                painted = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
                page.wait_for_function(painted)
                taken.append(page.evaluate(painted) / 1000)
                context.close()
            table.figure(f"{name}, first paint in Chromium", shown(statistics.median(taken[1:])), bound)


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=PATIENCE).close()
    except HTTPError as error:
        if error.code != 404:
            raise SystemExit(f"{address} answered {error.code}, not 200.") from error
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
