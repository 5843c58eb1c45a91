"""How many statements an answer takes: as many for few rows as for many."""

from pathlib import Path

from sqlalchemy import event

from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_catalog.store.database import Database
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo

_PATHS = (
    "repositories",
    "repositories/shop",
    "repositories/shop/refs",
    "repositories/shop/problems",
    "features",
    "features?repo=shop&at=v1&facets=true",
    "search?q=f&facets=true",
    "search/quick?q=f",
    "features/shop/f1",
    "features/shop/f1?at=v1",
    "history/shop/f1?formatting=true&diff=true",
    "lineage/shop/f1",
    "lineage/shop/f1?since=v1",
    "paths/shop?source=f1&target=f2",
    "commits/shop",
    "commits/shop/main?diff=true",
    "compare/shop?a=v1&b=main",
    "dataflows/shop",
    "dataflows/shop/features",
    "runs",
    "runs/1",
)


def _counts(folder: Path, url: str, size: int) -> dict[str, int]:
    """Return how many statements each answer takes of a catalog with so many of everything."""
    database = Database(url)
    settings = settings_in(folder / "home", url)
    with database.write() as session:
        add_repository(session, "shop", str(_repository(folder, size).path), 0)
    scan(database, settings, "shop")
    client = create_app(settings, database).test_client()
    for _ in range(size):
        asked = {"repository": "shop", "outputs": ["f1"]}
        assert client.post("/api/v1/runs", json=asked).status_code == 202
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
    counts = {}
    for path in _PATHS:
        statements.clear()
        answer = client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, (path, answer.text)
        counts[path] = len(statements)
    assert len(client.get("/api/v1/repositories/shop/problems").json["items"]) == size
    database.dispose()
    return counts


def _repository(folder: Path, size: int) -> GitRepo:
    """Make a repository with so many features, each of which needs the one before, commits, tags and problems."""
    repository = GitRepo(folder / "repository")
    for commit in range(size):
        text = "from headwater import tag\n\n\n"
        text += "".join(_feature(number, commit) for number in range(1, size + 1))
        repository.write("features.py", text)
        for number in range(size):
            repository.write(f"features_{number}.py", "def broken(:\n")
        repository.write("pyproject.toml", '[tool.headwater.dataflows.features]\nmodules = ["features*"]\n')
        repository.commit(f"Commit {commit}")
        repository.tag(f"v{commit + 1}")
    return repository


def _feature(number: int, commit: int) -> str:
    need = f"f{number - 1}" if number > 1 else "x"
    return (
        f'@tag(owner="team{number}")\ndef f{number}({need}: int) -> int:\n    return {need} + {commit}\n\n\n'
    )


def test_an_answer_takes_as_many_statements_for_many_rows_as_for_few(tmp_path: Path):
    few = _counts(tmp_path / "few", _catalog(tmp_path / "few.db"), 3)
    many = _counts(tmp_path / "many", _catalog(tmp_path / "many.db"), 12)

    assert many == few
    assert min(few.values()) > 0


def _catalog(path: Path) -> str:
    """Make an empty catalog; return its URL."""
    empty_catalog(f"sqlite:///{path}").dispose()
    return f"sqlite:///{path}"
