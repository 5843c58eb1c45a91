"""A drawing in files, in notebooks and in the hands of those who know Graphviz's package."""

import shutil
from pathlib import Path

import pytest

from headwater.display import draw, with_sources
from headwater.errors import HeadwaterError


@pytest.mark.parametrize(
    ("name", "begins"),
    [("a.svg", "<svg"), ("a.dot", "// "), ("a.gv", "// "), ("a.mmd", "flowchart"), ("a.SVG", "<svg")],
)
def test_the_suffix_says_the_format(graph, tmp_path, name, begins):
    saved = draw(graph).save(tmp_path / name)

    assert saved.read_text(encoding="utf-8").startswith(begins)


def test_a_format_given_wins_over_the_suffix(graph, tmp_path):
    draw(graph, output_file_path=str(tmp_path / "a.svg"), render_kwargs={"format": "dot", "view": False})

    assert [path.name for path in tmp_path.glob("a*")] == ["a.dot"]


def test_the_dot_text_is_kept_beside_the_drawing_where_that_is_asked_for(graph, tmp_path):
    drawing = draw(graph, output_file_path=tmp_path / "a.svg", keep_dot=True)

    assert (tmp_path / "a").read_text() == drawing.source
    assert (tmp_path / "a.svg").exists()


def test_a_format_of_graphviz_without_graphviz_is_an_error_that_says_what_to_do(graph, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(HeadwaterError, match=r"Install Graphviz, or save as \.svg"):
        draw(graph, output_file_path=tmp_path / "a.png")
    assert not list(tmp_path.glob("a*"))


def test_a_path_without_suffix_is_svg_where_graphviz_is_not_installed(graph, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    draw(graph, output_file_path=tmp_path / "a")

    assert [path.name for path in tmp_path.glob("a*")] == ["a.svg"]


def graphviz_in(folder: Path, script: str) -> str:
    program = folder / "dot"
    program.write_text(f"#!{shutil.which('sh')}\n{script}\n")
    program.chmod(0o755)
    return str(folder)


def test_other_formats_are_made_by_graphviz(graph, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", graphviz_in(tmp_path, 'echo "$1"; while read -r line; do echo "$line"; done'))
    drawing = draw(graph)

    assert drawing.pipe(format="png", encoding="utf-8").startswith("-Tpng\n// Dependency Graph")


def test_what_graphviz_says_of_a_failure_is_told(graph, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", graphviz_in(tmp_path, "echo 'no such format' >&2; exit 1"))

    with pytest.raises(HeadwaterError, match="no such format"):
        draw(graph).pipe("nonsense")


def test_it_can_be_rendered_and_piped_as_a_graphviz_object(graph, tmp_path):
    drawing = draw(graph)
    path = drawing.render("sub/graph", directory=tmp_path, format="svg", view=False)

    assert Path(path) == tmp_path / "sub" / "graph.svg"
    assert Path(path).read_text(encoding="utf-8") == drawing.svg
    assert (tmp_path / "sub" / "graph").read_text() == drawing.source
    assert drawing.pipe(format="svg") == drawing.svg.encode()
    assert drawing.render(tmp_path / "other", cleanup=True) == str(tmp_path / "other.svg")
    assert not (tmp_path / "other").exists()
    assert drawing.render(outfile=tmp_path / "x.mmd", cleanup=True) == str(tmp_path / "x.mmd")


def test_it_shows_itself_in_a_notebook(graph):
    drawing = draw(graph)

    assert drawing.svg in drawing._repr_html_()
    assert set(drawing._repr_mimebundle_()) == {"image/svg+xml", "text/html", "text/plain"}
    assert set(drawing._repr_mimebundle_(include=["text/plain"])) == {"text/plain"}
    assert "text/html" not in drawing._repr_mimebundle_(exclude=["text/html"])
    assert repr(drawing) == f"Drawing({len(drawing.picture.boxes)} boxes, {len(drawing.picture.edges)} edges)"


def test_an_option_that_does_not_exist_is_an_error(graph):
    with pytest.raises(TypeError, match="hide_input"):
        draw(graph, hide_input=True)


def test_a_part_can_be_shown_with_what_it_rests_on(graph):
    assert set(with_sources(graph, ["share_raw", "whole"])) == {
        "share_raw",
        "mean",
        "half",
        "whole",
        "part",
        "days",
    }
