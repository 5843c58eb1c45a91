"""What the README tells people to type works, on the demo that it tells them to make."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from headwater_catalog.settings import Settings
from headwater_web.cli import main
from support.demo_catalog import make_demo_catalog

README = Path(__file__).parent.parent / "README.md"


def _examples() -> list[str]:
    """Return the commands that stand below "Then, for instance:"."""
    block = README.read_text().split("Then, for instance:\n\n")[1].split("\n\n")[0]
    return [line.strip() for line in block.splitlines()]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return make_demo_catalog(tmp_path_factory.mktemp("readme"))


def test_the_readme_has_examples_of_most_commands():
    named = {re.split(r"\s+", example)[1] for example in _examples()}

    assert {"search", "show", "lineage", "path", "history", "diff", "impact", "run", "read"} <= named


def test_every_example_of_the_readme_works(demo: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HEADWATER_HOME", str(demo.home))
    monkeypatch.setenv("HEADWATER_DATABASE_URL", demo.database_url)
    monkeypatch.chdir(demo.home / "demo-repository")

    for example in _examples():  # in their order: some go on with what others have written
        program, *arguments = shlex.split(example, comments=True)
        result = CliRunner().invoke(main, arguments)

        assert program == "headwater"
        assert result.exit_code == 0, f"{example}\n{result.output}"
        assert result.output.strip(), example
