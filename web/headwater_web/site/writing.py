"""Writing a site: every page asked of the application, rewritten, and put into a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from flask import Flask
from flask.testing import FlaskClient

from headwater_catalog.artefact.origin import Origin, small_catalog
from headwater_catalog.artefact.placing import MARK, folder_in_place, require_free_folder
from headwater_catalog.days import on_day
from headwater_catalog.errors import CatalogError
from headwater_catalog.moments import moment_at
from headwater_catalog.repositories import get_repository
from headwater_catalog.scan.scanning import Progress
from headwater_catalog.settings import Settings
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.store.database import Database
from headwater_catalog.table_specs import TABLE_PREFIX
from headwater_web.app import create_app
from headwater_web.assets import STATIC
from headwater_web.reading import Site, show_as_site
from headwater_web.site import search_page
from headwater_web.site.addresses import Addresses, Target
from headwater_web.site.rewriting import Rewriter
from headwater_web.site.search_index import search_index

__all__ = ["export_site"]

_AT_ONCE: Final = 64  # pages that a process is given
_MANY: Final = 500  # pages for which further processes are worth their start
_INDEX: Final = "static/search-index.js"


@dataclass(frozen=True)
class _Place:
    """What a process needs to know to make pages; it may be handed to another one."""

    settings: Settings
    origin: Origin
    folder: Path


@dataclass(frozen=True)
class _Work:
    """What a process makes pages with."""

    app: Flask
    addresses: Addresses
    snapshot: Snapshot
    place: _Place


_WORK: dict[str, _Work] = {}
"""What this process makes pages with, while it does."""


def export_site(origin: Origin, place: Path, *, processes: int = 1, progress: Progress | None = None) -> int:
    """Write a commit as a folder of pages, in place of an exported one or of nothing; return how many files.

    Args:
        origin: The commit.
        place: The folder.
        processes: How many make pages at once, where there are many.
        progress: Told after each part.

    Raises:
        Conflict: Something else is there.
        RepositoryError: The repository cannot be read, or the folder cannot be written.
    """
    require_free_folder(place)  # before the work
    tell = progress or (lambda done, total, what: None)
    with small_catalog(origin, tell) as catalog, folder_in_place(place) as folder:
        (folder / "static").mkdir()
        here = _Place(catalog.settings, origin, folder)
        with _working(here, catalog.database) as work:
            index = search_index(work.snapshot)
            (folder / _INDEX).write_text(index, encoding="ascii", newline="\n")
            _write_pages(work, processes, tell)
        _write_mark(folder, origin)
        return sum(each.is_file() for each in folder.rglob("*"))


@contextmanager
def _working(place: _Place, database: Database) -> Iterator[_Work]:
    """Make ready what pages are made with."""
    app = create_app(place.settings, database)
    commit = place.origin.commit
    instant = max(0, commit.committed_at)
    show_as_site(app, Site(commit.sha, commit.subject, instant, version("headwater")))
    app.register_blueprint(search_page.blueprint)
    name = place.origin.name
    with on_day(place.origin.day), database.read() as session:
        snapshot = moment_at(session, place.settings, get_repository(session, name)).snapshot
        named = frozenset((*(f.name for f in snapshot.dataflows), *(f.module for f in snapshot.features)))
        _WORK["now"] = _Work(app, Addresses(app, name, named), snapshot, place)
        try:
            yield _WORK["now"]
        finally:
            del _WORK["now"]


def _first(work: _Work) -> dict[str, Target]:
    """Return the pages that a site has whether or not others lead to them, by their files."""
    addresses, snapshot = work.addresses, work.snapshot
    single = "repositories.repository", "search.search", "governance.overview", "governance.findings"
    found = [addresses.page(name) for name in (*single, "governance.policies", "site.search")]
    found += map(addresses.lineage, snapshot.lineage.nodes)
    found += (addresses.page("features.feature", key=key) for key in snapshot.variants)
    found += (addresses.page("modules.module", name=name) for name in {f.module for f in snapshot.features})
    found += (addresses.page("dataflows.dataflow", name=flow.name) for flow in snapshot.dataflows)
    tables = (key.removeprefix(TABLE_PREFIX).removeprefix("./") for key in snapshot.tables.tables)
    found += (addresses.page("tables.table", name=name) for name in tables)
    return {target.file: target for target in found}


def _write_pages(work: _Work, processes: int, tell: Progress) -> None:
    """Write pages, and all that they lead to."""
    known = _first(work)
    waiting = sorted(known.values(), key=lambda target: target.file)
    with _several(work.place, processes if len(waiting) >= _MANY else 1) as write:
        while waiting:
            done, found = len(known) - len(waiting), dict[str, Target]()
            parts = [waiting[at : at + _AT_ONCE] for at in range(0, len(waiting), _AT_ONCE)]
            for number, new in write(_write_some, parts):
                done, found = done + number, found | new
                tell(done, len(known), "writing pages")
            waiting = sorted((found[file] for file in found.keys() - known.keys()), key=lambda it: it.file)
            known |= found


_Part = list[Target]
_Write = Callable[[Callable[[_Part], tuple[int, dict[str, Target]]], Iterable[_Part]], Iterable[Any]]


@contextmanager
def _several(place: _Place, processes: int) -> Iterator[_Write]:
    """Give what writes parts of a site, in several processes where that is worth their start."""
    if processes < 2:
        yield map
        return
    # Not forked: whoever exports may have threads, and what these hold would be held for ever there.
    context = get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(place,)) as pool:
        try:
            yield pool.map
        except BrokenExecutor as error:
            told = "A process that writes pages was ended from outside. Is there enough memory? Export again."
            raise CatalogError(told) from error


def _begin(place: _Place) -> None:
    """Make ready a process that ends when all is written."""
    stack = ExitStack()
    stack.enter_context(_working(place, Database(place.settings.database_url)))
    _BEGUN.append(stack)


_BEGUN: Final[list[ExitStack]] = []
"""What holds open what this process works with, until its end."""


def _write_some(targets: _Part) -> tuple[int, dict[str, Target]]:
    """Write some files, and return how many and what they lead to."""
    work = _WORK["now"]
    rewriter = Rewriter(work.addresses.target)
    client = work.app.test_client()
    for target in targets:
        _write_file(work, client, rewriter, target)
    return len(targets), rewriter.found


def _write_file(work: _Work, client: FlaskClient, rewriter: Rewriter, target: Target) -> None:
    place = work.place.folder / target.file
    place.parent.mkdir(parents=True, exist_ok=True)
    if not target.url:
        shutil.copyfile(STATIC / target.file.removeprefix("static/"), place)
        return
    answer = client.get(target.url)
    if answer.status_code != 200:
        raise CatalogError(f"The page {target.url} cannot be exported: it answers {answer.status_code}.")
    content = answer.get_data()
    if target.file.endswith(".html"):
        content = rewriter.rewritten(content.decode(), target.file).encode()
    place.write_bytes(content)


def _write_mark(folder: Path, origin: Origin) -> None:
    """Say what the folder is, and what stands at its top, so that the next export may replace it."""
    told: dict[str, Any] = {
        "kind": "headwater site",
        "repository": origin.name,
        "commit": origin.commit.sha,
        "day": origin.day,
        "headwater": version("headwater"),
        "holds": sorted(each.name for each in folder.iterdir()),
    }
    (folder / MARK).write_text(json.dumps(told, indent=1) + "\n", encoding="ascii", newline="\n")
