"""The page of a run that failed tells why, and where in the feature's code."""

import re
from html import unescape

from headwater_catalog.repositories import add_repository, get_repository, resolve_at
from headwater_catalog.runs import request_run
from headwater_catalog.scan import scan
from headwater_catalog.worker import Worker
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo

_MODULE = '''def broken(start: int) -> float:
    """Divide by <nothing>."""
    print("<b>on the way</b>")
    return start / 0
'''
_PROJECT = """
[tool.headwater.dataflows.flow]
modules = ["features"]
config = { start = 7 }
"""


def test_the_error_its_node_and_its_line_are_shown(git_repo: GitRepo, tmp_path):
    git_repo.commit("Add", files={"features.py": _MODULE, "pyproject.toml": _PROJECT})
    settings = settings_in(tmp_path / "home")
    database = empty_catalog(settings.database_url)
    with database.write() as session:
        add_repository(session, "broken", str(git_repo.path), 0)
    scan(database, settings, "broken")
    with database.write() as session:
        repository = get_repository(session, "broken")
        commit = resolve_at(session, settings, repository, None)
        run = request_run(
            session, settings, repository, commit, "flow", ["broken"], {}, {}, None, "somebody", 0
        )
        number, job = run.id, run.job_id
    Worker(database, settings).perform_next(job)

    html = create_app(settings, database).test_client().get(f"/runs/{number}").text
    operations = create_app(settings, database).test_client().get("/operations").text
    database.dispose()
    visible = unescape(re.sub("<[^>]*>", "", html))
    assert "The run failed." in visible
    assert "ZeroDivisionError" in visible
    assert "features.py:4" in visible
    assert "return start / 0" in visible
    assert "<b>on the way</b>" in visible
    assert "hx-trigger" not in html[html.index("<main") :]
    assert "Traceback" not in visible
    assert "Isolation" in visible and ">network</span>" in html
    assert f'in <a href="/runs/{number}">run {number}</a>' in operations and ">network</span>" in operations
