"""How many statements a page takes: as many for ten rows as for a thousand."""

from pathlib import Path

from headwater_catalog.accounts.events import note
from headwater_catalog.demo import init_synthetic
from headwater_catalog.features import find_key
from headwater_catalog.jobs import State
from headwater_catalog.kept_findings import keep_findings
from headwater_catalog.moments import moment_at
from headwater_catalog.repositories import add_repository, get_repository
from headwater_catalog.scan import scan
from headwater_catalog.store.models import Job, Run, Subscription
from headwater_catalog.subscriptions.messages import CHANGED
from headwater_catalog.subscriptions.subscribing import Wanted, subscribe
from headwater_catalog.subscriptions.telling import tell
from headwater_catalog.subscriptions.watched import Watched
from headwater_web.app import create_app
from support.demo_catalog import settings_in
from support.empty_catalog import empty_catalog
from support.queries import counted_queries

_PAGES = (
    *("/", "/search", "/search?q=feature", "/search?sort=changed", "/search?sort=used&repo=shop"),
    *("/search/quick?q=f", "/repos", "/repos/state", "/repos?only=problems", "/runs", "/runs?state=failed"),
    *("/jobs", "/jobs?state=failed", "/events", "/operations", "/r/shop", "/r/shop/timeline"),
    *("/r/shop/timeline?touching=1", "/r/shop/m/{module}", "/r/shop/d/{dataflow}"),
    *(
        "/r/shop/lineage?focus={key}",
        "/r/shop/c/HEAD",
        "/search.csv",
        "/repos.json",
        "/runs.csv",
        "/jobs.json",
    ),
    *("/events.csv", "/r/shop/m/{module}.csv", "/r/shop/d/{dataflow}.json", "/r/shop/modules.csv"),
    *("/r/shop/dataflows.json", "/r/shop/problems.csv", "/governance", "/findings", "/policies"),
    *("/governance/coverage", "/governance/coverage.csv", "/governance/coverage.json?list=module"),
    *("/governance/drift", "/governance/drift.csv", "/governance/origins", "/governance/origins.csv"),
    *("/findings.csv?state=all", "/governance.json", "/policies.csv", "/duplicates", "/duplicates.csv"),
    *("/r/shop/suggestions",),
    *(
        "/dead",
        "/dead.json?state=unknown",
        "/deprecated",
        "/deprecated.csv",
        "/r/shop/reach?of=input:raw_visits",
    ),
    *("/subscriptions", "/subscriptions.csv", "/subscriptions/1", "/subscriptions/1/feed"),
)


def _counts(folder: Path, size: int) -> dict[str, int]:
    """Return how many statements each page takes of a catalog with so many of everything."""
    init_synthetic(folder / "repository", features=size, commits=min(size, 60))
    settings = settings_in(folder / "home")
    database = empty_catalog(settings.database_url)
    with database.write() as session:
        add_repository(session, "shop", str(folder / "repository"), 0)
    scan(database, settings, "shop")
    keep_findings(database, settings, "shop")
    with database.write() as session:
        head = moment_at(session, settings, get_repository(session, "shop"))
        module, name = find_key(head, max(head.snapshot.variants))
        dataflow = head.snapshot.dataflows[0].name
        for number in range(size):
            note(session, "repository added", ("maya", ""), f"number {number}", 0)
            state = State.FAILED if number % 2 else State.SUCCEEDED
            job = Job(kind="run", state=state, repository_id=head.repository.id, payload={}, progress={})
            job.requested_by, job.created_at, job.finished_at = "maya", number, number
            run = Run(job=job, repository=head.repository, commit=head.commit, dataflow=dataflow)
            run.outputs, run.config, run.inputs, run.environment = [name], {}, {}, {}
            session.add(run)
            wanted = Wanted(f"number {number}", Watched(query="feature"))
            subscribe(session, settings, None, wanted, [], ("maya", ""), number)
        for number in range(size):
            tell(session, session.get(Subscription, 1), CHANGED, number)
    client = create_app(settings, database).test_client()
    counts = {}
    for page in _PAGES:
        path = page.format(module=module, key=f"{module}:{name}", dataflow=dataflow)
        assert client.get(path).status_code == 200, path  # what is kept in memory is made now
        with counted_queries(database) as statements:
            client.get(path)
        counts[page] = len(statements)
    database.dispose()
    return counts


def test_pages_take_as_many_statements_for_a_thousand_rows_as_for_ten(tmp_path: Path):
    few, many = (_counts(tmp_path / str(size), size) for size in (10, 1_000))

    assert {page: (few[page], many[page]) for page in _PAGES if few[page] != many[page]} == {}
    assert {page: count for page, count in few.items() if count > 16} == {}
