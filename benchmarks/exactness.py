"""How exactly the catalog reads source: held against what the engine makes of the imported modules.

The modules of the dataflows are imported, so only name repositories whose code you trust.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from page import write_section

import headwater
from headwater_catalog.demo import init_demo
from headwater_catalog.read import Content, LinkedModule, Reading, is_source, read_directory
from headwater_catalog.read.modules import Module, modules_of, offers_feature
from headwater_catalog.snapshot import Snapshot, SnapshotFeature
from headwater_catalog.tree_snapshots import snapshot_of

LONGEST = 600  # seconds for the modules of one repository

ABOUT = """\
## How exactly source is read

Written by `python benchmarks/exactness.py FOLDER... --python PYTHON --write docs/benchmarks.md`. The
folders held the Python files, notebooks and project files of the public repositories apache/hamilton,
DAGWorks-Inc/hamilton-tutorials, paul-heyse/CodeIntel, unicef/adt-press and zhafen/iacs as they stood on the
day; PYTHON had pandas, polars and what else most of their modules import. What the catalog reads of a
folder, without running it, is held against what the engine makes of the same modules when they are
imported: every node, type, documentation text, tag, needed name and edge counts as one thing. *Precision*
is the share of what is read that is so, *recall* the share of what is so that is read, and *partial* the
share of features that the reader itself marks as not known in full. The last two columns count what is
wrong, or missing, and not marked. Modules that cannot be imported there are not compared; functions that no
driver takes and that do not look like features are passed over on both sides."""

Item = tuple[str, str, str]
"""One thing that is said: its kind, of what (`module:function:feature`), and the value."""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("repositories", nargs="*", type=Path, help="folders; the demo unless given")
    options.add_argument("--python", default=sys.executable, help="a Python that has what the modules import")
    options.add_argument("--quiet", action="store_true", help="print the table alone")
    options.add_argument("--write", type=Path, help="a page to write the table into")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folders = given.repositories
        if not folders:
            folders = [Path(place, "demo")]
            init_demo(folders[0])
        compared = []
        for folder in folders:
            compared.append(compare(folder.resolve(), given.python))
            for line in () if given.quiet else compared[-1].differences():
                print(line, flush=True)
    lines = list(table(compared))
    print("\n".join(lines))
    if given.write:
        write_section(given.write, "exactness", f"{ABOUT}\n\n" + "\n".join(lines))
    return 1 if any(comparison.wrong for comparison in compared) else 0


@dataclass
class Live:
    """What the engine makes of the modules that can be imported.

    Attributes:
        features: The features, as `exactness_live.py` tells them, by the module that was imported.
        edges: Edges between features by dataflow.
        types: How the engine names the types that were read, some of them under other names.
        failed: Why modules could not be imported.
        refused: What the engine says of functions that it does not take.
    """

    features: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    edges: dict[str, list[list[str]]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    refused: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Comparison:
    """What was read of a repository, and what the engine makes of it."""

    name: str
    modules: int
    live: Live
    features: int
    partial: Collection[str]
    read_items: set[Item]
    live_items: set[Item]

    @property
    def wrong(self) -> set[Item]:
        """What was read wrongly without being marked."""
        return {item for item in self.read_items - self.live_items if not self.marked(item)}

    @property
    def missing(self) -> set[Item]:
        """What was not read without being marked."""
        return {item for item in self.live_items - self.read_items if not self.marked(item)}

    def marked(self, item: Item) -> bool:
        """Tell whether the reader said that it does not know all about this."""
        return item[1].rpartition(":")[0] in self.partial

    def differences(self) -> Iterator[str]:
        for module, reason in sorted(self.live.failed.items()):
            yield f"{self.name}: {module} is not compared: {reason}"
        for module, faults in sorted(self.live.refused.items()):
            for fault in faults:
                yield f"{self.name}: {module}: the engine refuses: {' '.join(fault.split())[:200]}"
        for item in sorted(self.read_items ^ self.live_items):
            who = "read" if item in self.read_items else "live"
            mark = " (partial)" if self.marked(item) else ""
            yield f"{self.name}: {item[1]}: {item[0]} {who}{mark}: {item[2][:200]!r}"


def compare(folder: Path, python: str) -> Comparison:
    """Compare what is read of a folder with what the engine makes of it."""
    reading = read_directory(folder)
    snapshot = snapshot_of(reading)
    live = ask(folder, reading, snapshot, python)
    kept = [f for f in snapshot.features if f.module in live.features and not _is_refused(f, live)]
    flows = tuple(
        replace(flow, modules=tuple(module for module in flow.modules if module in live.features))
        for flow in snapshot.dataflows
    )
    read_edges = (
        (edge.source, edge.target, edge.dataflow) for edge in Snapshot(tuple(kept), flows, ()).edges
    )
    live_edges = ((source, target, flow) for flow, edges in live.edges.items() for source, target in edges)
    comments = {
        (name, raw.name): raw.comment for name, linked in reading.modules.items() for raw in linked.raw
    }
    live_features = [feature for module in live.features.values() for feature in module]
    return Comparison(
        name=folder.name,
        modules=len(live.features),
        live=live,
        features=len(kept),
        partial=_partial(_told(feature, {}, "") for feature in kept) | _partial(live_features),
        read_items=_items(
            _told(feature, live.types, comments.get((feature.module, feature.variant), ""))
            for feature in kept
        )
        | _edges(read_edges),
        live_items=_items(live_features) | _edges(live_edges),
    )


def _is_refused(feature: SnapshotFeature, live: Live) -> bool:
    return any(f"'{feature.variant}'" in fault for fault in live.refused[feature.module])


def _partial(features: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the functions that are not known in full, and the features that they make."""
    partial = [feature for feature in features if feature["partial"]]
    return {f"{feature['module']}:{feature[name]}" for feature in partial for name in ("function", "name")}


def _told(feature: SnapshotFeature, types: Mapping[str, str], comment: str) -> dict[str, Any]:
    """Return a feature that was read as the process that imports tells those that are live.

    That knows nothing of the comment above a function, which stands in for a docstring.
    """
    return {
        "module": feature.module,
        "function": feature.variant,
        "name": feature.name,
        "type": types.get(feature.type, feature.type),
        "doc": "" if comment and feature.doc == comment else feature.doc,
        "tags": feature.tags,
        "parts": [(part.name, types.get(part.type, part.type), part.doc) for part in feature.parts],
        "needs": {needed.name: types.get(needed.type, needed.type) for needed in feature.dependencies},
        "partial": bool(feature.partial),
    }


def _items(features: Iterable[Mapping[str, Any]]) -> set[Item]:
    """Return everything that is said of features, one thing each."""
    items: set[Item] = set()
    for feature in features:
        key = f"{feature['module']}:{feature['function']}:{feature['name']}"
        items.add(("tags", key, json.dumps(feature["tags"], sort_keys=True)))
        nodes = [(feature["name"], feature["type"], feature["doc"]), *feature["parts"]]
        for name, type_, doc in nodes:
            items |= {("node", key, name), ("type", key, f"{name}: {type_}"), ("doc", key, f"{name}: {doc}")}
        for name, type_ in feature["needs"].items():
            items |= {("need", key, name), ("type", key, f"{name} is needed as {type_}")}
    return items


def _edges(edges: Iterable[tuple[str, str, str]]) -> set[Item]:
    return {("edge", f"{target}:", f"from {source} in {flow}") for source, target, flow in edges}


def ask(folder: Path, reading: Reading, snapshot: Snapshot, python: str) -> Live:
    """Have the modules of the dataflows imported; those that end the process are left out the next time."""
    asked = {
        "roots": sorted({str(folder / _root(m.module)) for m in reading.modules.values()}),
        "dataflows": {flow.name: list(flow.modules) for flow in reading.dataflows},
        "types": sorted(set(_types(snapshot))),
        "paths": {
            name: str(folder / path) for name, path in _paths(folder, reading.project.source_roots).items()
        },
    }
    passed_over = {name: _passed_over(linked) for name, linked in reading.modules.items()}
    failed = {name: why for name, linked in reading.modules.items() if (why := _refused(linked.module))}
    while True:
        live = Live(failed=failed)
        wanted = {name: passed for name, passed in passed_over.items() if name not in failed}
        ended_at = _ask_once({**asked, "modules": wanted}, python, live) if wanted else None
        if ended_at is None:
            return live
        failed[ended_at] = "its import ends the process, or takes too long"


def _types(snapshot: Snapshot) -> Iterator[str]:
    for feature in snapshot.features:
        yield feature.type
        yield from (part.type for part in feature.parts)
        yield from (needed.type for needed in feature.dependencies)


def _refused(module: Module) -> str:
    """Return why a module is not to be imported, if so."""
    if module.path.endswith(".ipynb"):
        return "it is a notebook"
    # In the repository of Hamilton itself these are not what `import hamilton` gives here.
    return "the engine answers for it" if module.name.partition(".")[0] == "hamilton" else ""


def _paths(folder: Path, source_roots: Collection[str]) -> dict[str, str]:
    """Return the paths of all modules of a folder, also of those that only others import."""
    files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.py"))]
    contents = {path: Content(b"", name=path) for path in files if is_source(path)}
    modules, _ = modules_of(contents, source_roots)
    return {name: module.path for name, module in modules.items()}


def _passed_over(linked: LinkedModule) -> list[str]:
    """Return the functions of a module that do not look like features, so that they are none here."""
    taken = {raw.name for raw in linked.raw}
    others = (raw for raw in linked.module.parsed.functions if raw.name not in taken)
    return [raw.name for raw in others if not offers_feature(raw, linked.module)]


def _ask_once(asked: Mapping[str, Any], python: str, live: Live) -> str | None:
    with tempfile.TemporaryDirectory() as place:
        answers = Path(place, "answers")
        request = {
            **asked,
            "answers": str(answers),
        }
        program = Path(__file__).with_name("exactness_live.py")
        said = "it takes too long"
        with contextlib.suppress(subprocess.TimeoutExpired):  # the answers so far tell where
            done = subprocess.run(
                [python, str(program)],
                input=json.dumps(request).encode(),
                env={**os.environ, "PYTHONPATH": str(Path(str(headwater.__file__)).parent.parent)},
                cwd=place,
                capture_output=True,
                timeout=LONGEST,
            )
            said = done.stderr.decode(errors="replace")
        lines = answers.read_text(encoding="utf-8").splitlines(keepends=True) if answers.exists() else []
        # The last line may be cut off where the process was ended.
        told = [json.loads(line) for line in lines if line.endswith("\n")]
        ended_at = _take(live, told)
        if ended_at is None and not (told and "types" in told[-1]):
            raise RuntimeError(f"{program} failed: {said}")
        return ended_at


def _take(live: Live, answers: Iterable[Mapping[str, Any]]) -> str | None:
    """Take in the answers, and return the module at which they end too early."""
    begun: str | None = None
    for answer in answers:
        match answer:
            case {"begun": module}:
                begun = module
            case {"failed": module, "reason": reason}:
                live.failed[module], begun = reason, None
            case {"imported": module, "features": features, "refused": refused}:
                live.features[module], live.refused[module], begun = features, refused, None
            case {"dataflow": dataflow, "edges": edges}:
                live.edges[dataflow] = edges
            case {"types": types}:
                live.types = types
    return begun


def _root(module: Module) -> str:
    """Return the folder that importing a module by its name starts from."""
    depth = module.name.count(".") + (2 if module.is_package else 1)
    return "/".join(module.path.split("/")[:-depth])


def table(compared: Iterable[Comparison]) -> Iterator[str]:
    """Yield the table in Markdown, with a line for all together."""
    heads = ["modules", "not importable", "features", "precision", "recall", "partial"]
    heads += ["wrong, unmarked", "missing, unmarked"]
    yield f"| repository | {' | '.join(heads)} |"
    yield f"| --- |{' --- |' * len(heads)}"
    total = Counter[str]()
    for comparison in compared:
        counts = _counts(comparison)
        total += counts
        if counts["features"]:
            yield _row(comparison.name, counts)
    yield _row("all together", total)


def _counts(c: Comparison) -> Counter[str]:
    return Counter(
        modules=c.modules,
        failed=len(c.live.failed),
        features=c.features,
        partial=sum(kind == "tags" and c.marked((kind, key, "")) for kind, key, _ in c.read_items),
        right=len(c.read_items & c.live_items),
        read=len(c.read_items),
        live=len(c.live_items),
        wrong=len(c.wrong),
        missing=len(c.missing),
    )


def _row(name: str, n: Counter[str]) -> str:
    cells = [name, str(n["modules"]), str(n["failed"]), f"{n['features']:,}"]
    for part, whole in (("right", "read"), ("right", "live"), ("partial", "features")):
        cells.append(f"{100 * n[part] / n[whole]:.2f} %" if n[whole] else "")
    return f"| {' | '.join([*cells, str(n['wrong']), str(n['missing'])])} |"


if __name__ == "__main__":
    sys.exit(main())
