"""A drawing of a graph: as SVG, Mermaid and DOT, in files and in notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from headwater.display.dot import dot
from headwater.display.mermaid import mermaid
from headwater.display.picture import Picture, Request, picture
from headwater.display.svg import svg
from headwater.errors import HeadwaterError
from headwater.graph import Graph

__all__ = ["Drawing", "draw", "with_sources"]

_OWN_FORMATS = {"svg": "svg", "dot": "dot", "gv": "dot", "mmd": "mermaid", "mermaid": "mermaid"}
_DEFAULT_FILE = "Digraph.gv"


class Drawing:
    """A picture in the forms it can be shown in; each is made when it is first asked for.

    It also answers to what users of Graphviz's Python package call: `source`, `render`, `pipe`.

    Attributes:
        picture: What it shows.
        format: The format of `render` and `pipe` where none is given.
    """

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.format = "svg"

    @cached_property
    def svg(self) -> str:
        """The drawing as SVG, laid out by Headwater itself."""
        return svg(self.picture)

    @cached_property
    def mermaid(self) -> str:
        """The drawing as Mermaid text."""
        return mermaid(self.picture)

    @cached_property
    def dot(self) -> str:
        """The drawing as DOT text."""
        return dot(self.picture)

    @property
    def source(self) -> str:
        """The DOT text, under Graphviz's name for it."""
        return self.dot

    def save(self, path: str | Path, format: str | None = None) -> Path:
        """Write the drawing to a file.

        Args:
            path: Where; the suffix says the format: .svg, .dot, .gv, .mmd, or one that Graphviz makes.
                A path without suffix gets one: .png where Graphviz is installed, else .svg.
            format: The format, whatever the suffix says; the file gets its suffix.

        Returns:
            The path of the file.

        Raises:
            HeadwaterError: The format needs Graphviz, which is not installed or failed.
        """
        target = Path(path)
        chosen = format or target.suffix[1:].lower() or ("png" if _graphviz() else "svg")
        target = target.with_suffix(f".{chosen}")
        target.write_bytes(self._bytes(chosen))
        return target

    def pipe(self, format: str | None = None, encoding: str | None = None, **_: Any) -> Any:
        """Return the drawing in a format: bytes, or text where an encoding is given.

        Raises:
            HeadwaterError: The format needs Graphviz, which is not installed or failed.
        """
        made = self._bytes(format or self.format)
        return made if encoding is None else made.decode(encoding)

    def render(
        self,
        filename: str | Path | None = None,
        directory: str | Path | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        outfile: str | Path | None = None,
        **_: Any,
    ) -> str:
        """Write the DOT text and the drawing beside it, as Graphviz's package does; no viewer is opened.

        Args:
            filename: Where the DOT text goes; the drawing gets the format as one more suffix.
            directory: Folder that the file name is in.
            view: Taken for compatibility.
            cleanup: Whether to leave no DOT text behind.
            format: The format of the drawing.
            outfile: Where the drawing goes instead.

        Returns:
            The path of the drawing.

        Raises:
            HeadwaterError: The format needs Graphviz, which is not installed or failed.
        """
        chosen = format or (Path(outfile).suffix[1:] if outfile else "") or self.format
        text = Path(directory or "") / (filename or _DEFAULT_FILE)
        target = Path(outfile) if outfile else text.with_name(f"{text.name}.{chosen}")
        made = self._bytes(chosen)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(made)
        if not cleanup:
            text.parent.mkdir(parents=True, exist_ok=True)
            text.write_text(self.dot, encoding="utf-8")
        return str(target)

    def _bytes(self, format: str) -> bytes:
        own = _OWN_FORMATS.get(format)
        if own is not None:
            text: str = getattr(self, own)
            return text.encode()
        return _converted(self.dot, format)

    def _repr_html_(self) -> str:
        """Show the drawing in a notebook; a wide one scrolls."""
        return f'<div style="overflow:auto">{self.svg}</div>'

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None, **_: Any
    ) -> dict[str, str]:
        bundle = {"image/svg+xml": self.svg, "text/html": self._repr_html_(), "text/plain": repr(self)}
        wanted = set(bundle if include is None else include) - set(exclude or ())
        return {kind: shown for kind, shown in bundle.items() if kind in wanted}

    def __repr__(self) -> str:
        return f"Drawing({len(self.picture.boxes)} boxes, {len(self.picture.edges)} edges)"


def _graphviz() -> str | None:
    import shutil

    return shutil.which("dot")


def _converted(text: str, format: str) -> bytes:
    import subprocess

    program = _graphviz()
    if program is None:
        raise HeadwaterError(
            f"A drawing as '{format}' is made by Graphviz, whose program `dot` is not installed. Install "
            "Graphviz, or save as .svg, .mmd or .dot, which need nothing else."
        )
    # Graphviz could read other files for an unknown format; with the text on its input it only reads that.
    done = subprocess.run([program, f"-T{format}"], input=text.encode(), capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip()
        raise HeadwaterError(f"Graphviz could not make '{format}': {reason}. Choose another format.")
    return done.stdout


def draw(
    graph: Graph,
    *,
    output_file_path: str | Path | None = None,
    render_kwargs: Mapping[str, Any] | None = None,
    graphviz_kwargs: Mapping[str, Any] | None = None,
    keep_dot: bool = False,
    **options: Any,
) -> Drawing:
    """Draw a graph or a part of it.

    Args:
        graph: The graph.
        output_file_path: Where to save the drawing, if anywhere; see `Drawing.save`.
        render_kwargs: `format` says the format of the file, whatever its suffix; the rest is for Graphviz.
        graphviz_kwargs: Attributes for DOT.
        keep_dot: Whether to write the DOT text too, to the path without its suffix.
        **options: What to show and how; see `Request`.

    Raises:
        UnknownNode: No node has one of the names.
        InvalidInput: An option cannot be used.
        HeadwaterError: The format needs Graphviz, which is not installed or failed.
    """
    drawing = Drawing(picture(graph, Request(graphviz_kwargs=graphviz_kwargs or {}, **options)))
    if output_file_path is not None:
        saved = drawing.save(output_file_path, (render_kwargs or {}).get("format"))
        if keep_dot:
            saved.with_suffix("").write_text(drawing.dot, encoding="utf-8")
    return drawing


def with_sources(graph: Graph, names: Iterable[str]) -> list[str]:
    """Return names and those that they read, in the order of the graph, to show a part with what it rests on.

    Raises:
        UnknownNode: No node has one of the names.
    """
    found = set(names)
    found |= {source for name in found for node in graph.variants(name) for source in node.dependencies}
    return [name for name in graph.names if name in found]
