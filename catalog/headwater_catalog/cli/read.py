"""The command that reads a repository at one moment, without a catalog."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.output import NO_FEATURES, clean, counted, json_option, print_json, print_table

if TYPE_CHECKING:
    from headwater_catalog.snapshot import Snapshot, SnapshotFeature

__all__ = ["read", "snapshot_in"]


@click.command()
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--at", help="A commit, tag or branch; the files as they lie there unless given.")
@json_option
def read(path: Path, at: str | None, as_json: bool) -> None:
    """Read the feature functions in the folder PATH, without a catalog; nothing is imported or executed.

    Of a bare repository HEAD is read unless --at is given.

    JSON: nodes (key, name, module, function, path, line, end_line, type, dependencies (name, type,
    optional), tags, doc, condition, parts (name, type, doc), dataflows, partial, columns of tables that its
    body uses (table, column, written), owners), edges (from, to, dataflow; a key of a node, or input:NAME),
    inputs that are declared (module, name, variant, path, line, end_line, type, doc, condition, tags,
    owners), dataflows (name, origin, modules, config, sources, outputs), tables (key, name, place, doc,
    owner, tags, columns (key, name, type, doc, tags, declared, readers, makers), readers, makers, uses
    (table, is_filled, dataflow, name), unclear), unclear (what cannot be told of tables), diagnostics (path,
    line, message).
    """
    snapshot = snapshot_in(path, at)
    if as_json:
        print_json(_json(snapshot))
    else:
        _print(snapshot)


def snapshot_in(path: Path, at: str | None) -> Snapshot:
    """Read a folder as it lies there, or a commit of its repository."""
    bare = (path / "HEAD").is_file() and (path / "objects").is_dir()
    if at is None and not bare:
        from headwater_catalog.tree_snapshots import read_folder

        return read_folder(path)
    from headwater_catalog.commit_snapshots import read_repository

    return read_repository(path, at)


def _json(snapshot: Snapshot) -> dict[str, Any]:
    from dataclasses import asdict

    from headwater_catalog.answers.tables import tables_json

    return {
        "nodes": [_node_json(feature) for feature in snapshot.features],
        "edges": [{"from": e.source, "to": e.target, "dataflow": e.dataflow} for e in snapshot.edges],
        "inputs": [asdict(declared) for declared in snapshot.inputs],
        "dataflows": [asdict(dataflow) for dataflow in snapshot.dataflows],
        "tables": tables_json(snapshot),
        "unclear": [each.text for each in snapshot.tables.unclear],
        "diagnostics": [asdict(diagnostic) for diagnostic in snapshot.diagnostics],
    }


def _node_json(feature: SnapshotFeature) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "key": feature.key,
        "name": feature.name,
        "module": feature.module,
        "function": feature.variant,
        "path": feature.path,
        "line": feature.line,
        "end_line": feature.end_line,
        "type": feature.type,
        "dependencies": [asdict(needed) for needed in feature.dependencies],
        "tags": feature.tags,
        "doc": feature.doc,
        "condition": feature.condition,
        "parts": [asdict(part) for part in feature.parts],
        "dataflows": feature.dataflows,
        "partial": feature.partial,
        "columns": [asdict(use) for use in feature.columns],
        "owners": feature.owners,
    }


def _print(snapshot: Snapshot) -> None:
    for (module, path), features in groupby(snapshot.features, key=lambda f: (f.module, f.path)):
        click.echo(clean(f"{module}  {path}\n"))
        print_table(("FEATURE", "TYPE", "NEEDS", "LINE", "NOTE"), list(map(_row, features)))
        click.echo()
    if snapshot.dataflows:
        rows = [(d.name, d.origin, ", ".join(d.modules), ", ".join(d.outputs)) for d in snapshot.dataflows]
        print_table(("DATAFLOW", "ORIGIN", "MODULES", "OUTPUTS"), rows)
        click.echo()
    _print_tables(snapshot)
    for diagnostic in snapshot.diagnostics:
        click.echo(clean(str(diagnostic)))
    click.echo(
        f"{counted(len({feature.key for feature in snapshot.features}), 'feature')} in "
        f"{counted(len({feature.module for feature in snapshot.features}), 'module')}, "
        f"{counted(len(snapshot.dataflows), 'dataflow')}, "
        f"{counted(len(snapshot.diagnostics), 'problem')} in files."
    )
    if not snapshot.features:
        click.echo(NO_FEATURES)


def _print_tables(snapshot: Snapshot) -> None:
    from headwater_catalog.logical.reach import readers_and_makers

    here = snapshot.tables
    if not here.tables:
        return
    rows = []
    for table in here.tables.values():
        ends = {table.key: table.title, **dict(zip(table.column_keys, table.columns, strict=True))}
        for key, column in ends.items():
            read, made = readers_and_makers(snapshot, key)
            if key == table.key or made or read:
                shown = column if key == table.key else f"  {column}"
                rows.append((shown, ", ".join(sorted(read)), ", ".join(sorted(made)), table.key))
    print_table(("TABLE", "READ BY", "FILLED BY", "KEY"), rows)
    click.echo()
    for each in here.unclear:
        click.echo(clean(f"unclear: {each.text}"))


def _row(feature: SnapshotFeature) -> tuple[str, ...]:
    notes = [f"where {feature.condition}"] if feature.condition else []
    notes += [f"{'writes' if use.written else 'reads'} {use}" for use in feature.columns]
    notes += [f"partial: {reason}" for reason in feature.partial]
    return (
        feature.name,
        feature.type,
        ", ".join(needed.name for needed in feature.dependencies),
        str(feature.line),
        "; ".join(notes),
    )
