from pathlib import Path

from sqlalchemy import event

from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_catalog.search import heads, search
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_web.reading import Catalog
from headwater_web.warming import Warmer
from support.git_repo import GitRepo

FEATURE = "def spend_{0}(spend: float) -> float:\n    return spend\n"


def test_after_each_scan_searches_find_all_they_need_in_memory(
    tmp_path: Path, catalog_url: str, git_repo: GitRepo
) -> None:
    settings = Settings(home=tmp_path / "home", database_url=catalog_url, secret_key="not secret")
    database = Database(catalog_url)
    with database.write() as session:
        add_repository(session, "shop", str(git_repo.path), now=0)
    warmer = Warmer(Catalog(settings, database))
    assert warmer.look()  # nothing is scanned yet
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *said: statements.append(said[2]))

    for number in range(2):
        git_repo.commit("Add", files={f"f{number}.py": FEATURE.format(number)})
        scan(database, settings, "shop")
        assert [warmer.look(), warmer.look()] == [True, False]
        statements.clear()
        with database.read() as session:
            page = search(heads(session, settings), "spend", facets=True)

        assert len(page.hits) == number + 1
        assert not [text for text in statements if "feature_version" in text]
    database.dispose()
