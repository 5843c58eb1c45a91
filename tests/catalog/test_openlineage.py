"""OpenLineage events: held against the classes of the official client, and handed on beside the work."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import event_v2, facet_v2
from openlineage.client.serde import Serde
from sqlalchemy import select

from headwater_catalog import jobs
from headwater_catalog.errors import SettingError
from headwater_catalog.lineage_events import LineageEvents
from headwater_catalog.scan import scan
from headwater_catalog.settings import load_settings
from headwater_catalog.store.models import Job, Run
from headwater_catalog.worker import Worker
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog, make_repository

pytestmark = pytest.mark.runs

_FACETS = {
    "schema": facet_v2.schema_dataset.SchemaDatasetFacet,
    "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
    "columnLineage": facet_v2.column_lineage_dataset.ColumnLineageDatasetFacet,
    "dataQualityAssertions": facet_v2.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet,
    "outputStatistics": facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "sourceCodeLocation": facet_v2.source_code_location_job.SourceCodeLocationJobFacet,
    "jobType": facet_v2.job_type_job.JobTypeJobFacet,
    "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
    "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
    "test": facet_v2.test_run.TestRunFacet,
}
_PARTS: dict[str, Callable[[Any], Any]] = {
    "schema": lambda told: {"fields": [facet_v2.schema_dataset.SchemaDatasetFacetFields(**f) for f in told]},
    "columnLineage": lambda told: {
        "fields": {
            column: facet_v2.column_lineage_dataset.Fields(
                inputFields=[facet_v2.column_lineage_dataset.InputField(**f) for f in each["inputFields"]]
            )
            for column, each in told.items()
        }
    },
    "dataQualityAssertions": lambda told: {
        "assertions": [facet_v2.data_quality_assertions_dataset.Assertion(**each) for each in told]
    },
    "test": lambda told: {"tests": [facet_v2.test_run.TestExecution(**each) for each in told]},
}


def _facet(name: str, told: dict[str, Any]) -> Any:
    """Make the official facet of ours; it knows no field that it does not have."""
    given = {key: value for key, value in told.items() if not key.startswith("_")}
    if name in _PARTS:
        (value,) = given.values()
        given = _PARTS[name](value)
    facet = _FACETS[name](**given, producer=told["_producer"])
    assert told["_schemaURL"] == facet._schemaURL
    return facet


def _facets(told: dict[str, Any]) -> dict[str, Any]:
    return {name: _facet(name, facet) for name, facet in told.items()}


def _dataset(kind: type, told: dict[str, Any]) -> Any:
    return kind(**{key: _facets(value) if "acets" in key else value for key, value in told.items()})


def official(event: dict[str, Any]) -> event_v2.RunEvent:
    """Make the official event of ours, and hold what it writes against what we wrote."""
    made = event_v2.RunEvent(
        eventTime=event["eventTime"],
        producer=event["producer"],
        eventType=event_v2.RunState[event["eventType"]],
        run=event_v2.Run(event["run"]["runId"], _facets(event["run"]["facets"])),
        job=event_v2.Job(event["job"]["namespace"], event["job"]["name"], _facets(event["job"]["facets"])),
        inputs=[_dataset(event_v2.InputDataset, each) for each in event["inputs"]],
        outputs=[_dataset(event_v2.OutputDataset, each) for each in event["outputs"]],
    )
    assert made.schemaURL == event["schemaURL"]
    written = json.loads(Serde.to_json(made))
    assert _without_defaults(written, event) == event
    return made


def _without_defaults(written: Any, ours: Any) -> Any:
    """Take out what the client adds to every object where ours has nothing: empty lists and mappings."""
    if isinstance(written, dict) and isinstance(ours, dict):
        return {
            key: _without_defaults(value, ours.get(key))
            for key, value in written.items()
            if key in ours or value not in ({}, [], None)
        }
    if isinstance(written, list) and isinstance(ours, list) and len(written) == len(ours):
        return [_without_defaults(*pair) for pair in zip(written, ours, strict=True)]
    return written


@pytest.fixture
def catalog(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    make_repository(git_repo)
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    made.settings = replace(
        made.settings, openlineage=str(tmp_path / "events" / "lineage.jsonl"), openlineage_namespace="test"
    )
    yield made
    made.database.dispose()


def perform(catalog: Catalog, *outputs: str, **given: Any) -> list[dict[str, Any]]:
    """Perform a run, and return the events that were told of it."""
    _, job_id = catalog.request(*outputs, **given)
    worker = Worker(catalog.database, catalog.settings)
    worker.perform_next(job_id)
    worker.close()
    return told(catalog)


def told(catalog: Catalog) -> list[dict[str, Any]]:
    file = Path(catalog.settings.openlineage)
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.runs(databases=True)
def test_a_run_is_told_at_its_beginning_and_its_end_in_the_official_form(catalog: Catalog, git_repo: GitRepo):
    start, end = perform(catalog, "spend_per_signup", "scaled", save="csv")
    for event in (start, end):
        official(event)

    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == end["run"]["runId"]
    assert end["job"]["name"] == "shop.marketing"
    code = end["job"]["facets"]["sourceCodeLocation"]
    assert (code["url"], code["version"]) == (str(git_repo.path), git_repo.git("rev-parse", "HEAD"))
    (source,) = end["inputs"]
    assert source["name"] == "shop.source.weekly"
    (table,) = end["outputs"]
    assert table["name"] == "shop.marketing"
    assert table["outputFacets"]["outputStatistics"]["rowCount"] == 2
    fields = table["facets"]["columnLineage"]["fields"]
    assert {each["field"] for each in fields["spend_per_signup"]["inputFields"]} == {"spend", "signups"}
    assert {each["name"] for each in fields["spend_per_signup"]["inputFields"]} == {"shop.source.weekly"}
    (check,) = table["facets"]["dataQualityAssertions"]["assertions"]
    assert (check["column"], check["success"], check["severity"]) == ("spend_per_signup", False, "warn")
    assert [each["status"] for each in end["run"]["facets"]["test"]["tests"]] == ["fail"]


def test_columns_of_kept_values_come_from_where_they_were_computed(catalog: Catalog, git_repo: GitRepo):
    git_repo.write(
        "features/spend.py",
        (git_repo.path / "features/spend.py").read_text()
        + """
from headwater import config

@config.when(region="UK")
def local__uk(spend: pd.Series) -> pd.Series:
    return spend

@config.when(region="US")
def local__us(signups: pd.Series) -> pd.Series:
    return signups

def further(local: pd.Series) -> pd.Series:
    return local + 1
""",
    )
    git_repo.commit("Go on")
    scan(catalog.database, catalog.settings, "shop")
    events = [perform(catalog, "further", save="csv")[-1] for _ in range(2)]
    with catalog.database.read() as session:
        runs = session.scalars(select(Run).order_by(Run.id)).all()
        assert {node.name for node in runs[-1].nodes if node.kept_from} == {"further"}

    for event in events:
        (table,) = event["outputs"]
        fields = table["facets"]["columnLineage"]["fields"]["further"]["inputFields"]
        assert [each["field"] for each in fields] == ["spend"]


def test_a_run_that_failed_is_told_with_the_reason(catalog: Catalog):
    _, end = perform(catalog, "broken", dataflow="traps", inputs={"x": 1})
    official(end)

    assert end["eventType"] == "FAIL"
    assert "division by zero" in end["run"]["facets"]["errorMessage"]["message"]
    assert end["outputs"] == []


def test_a_run_that_is_cancelled_is_told_as_an_abort(catalog: Catalog):
    _, job_id = catalog.request("waiting", dataflow="traps")
    worker = Worker(catalog.database, catalog.settings, lease_seconds=4)
    thread = threading.Thread(target=worker.perform_next, args=(job_id,))
    thread.start()
    while catalog.job(job_id).state != jobs.State.RUNNING:
        time.sleep(0.02)
    with catalog.database.write() as session:
        jobs.cancel(session, job_id, "ana")
    thread.join(60)
    worker.close()

    start, end = told(catalog)
    official(end)
    assert (start["eventType"], end["eventType"]) == ("START", "ABORT")
    assert end["run"]["facets"]["errorMessage"]["message"] == "Cancelled by ana."


@pytest.mark.runs(databases=True)
def test_a_run_whose_worker_was_lost_is_told_by_another(catalog: Catalog):
    _, job_id = catalog.request("holiday_count")
    assert jobs.lease(catalog.database, "lost", job_id=job_id) is not None
    with catalog.database.write() as session:
        session.get_one(Job, job_id).leased_until = 1
    worker = Worker(catalog.database, catalog.settings)
    worker.run(once=True)
    worker.close()

    (event,) = told(catalog)
    official(event)
    assert event["eventType"] == "FAIL"
    assert "worker was lost" in event["run"]["facets"]["errorMessage"]["message"]


def test_scans_are_no_runs(catalog: Catalog):
    with catalog.database.write() as session:
        jobs.enqueue(session, "scan", {"repository": "shop"}, None, "tester", 0)
    worker = Worker(catalog.database, catalog.settings)
    worker.run(once=True)
    worker.close()

    assert told(catalog) == []


class Endpoint:
    """What takes events, and answers as it is told to."""

    def __init__(self, *statuses: int) -> None:
        self.taken: list[tuple[str, str | None, Any]] = []
        answers = list(statuses)
        taken = self.taken

        class Takes(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken.append((self.path, self.headers["Authorization"], json.loads(body)))
                status = answers.pop(0) if answers else 201
                self.send_response(status)
                if status in (301, 302, 307):
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Takes)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/api/v1/lineage"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Callable[..., Endpoint]]:
    made: list[Endpoint] = []

    def make(*statuses: int) -> Endpoint:
        made.append(Endpoint(*statuses))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_events_go_to_an_endpoint_with_its_key(endpoint):
    taking = endpoint()
    events = LineageEvents(taking.url, "hush")
    events.send({"a": 1})
    events.close()

    assert taking.taken == [("/api/v1/lineage", "Bearer hush", {"a": 1})]


def test_a_fault_of_the_endpoint_is_tried_again_and_a_refusal_is_not(endpoint, caplog):
    failing, refusing = endpoint(503, 503), endpoint(400)
    for taking in (failing, refusing):
        events = LineageEvents(taking.url)
        events.send({"a": 1})
        events.close()

    assert (len(failing.taken), len(refusing.taken)) == (3, 1)
    assert "could not be sent: HTTP Error 400" in caplog.text


@pytest.mark.parametrize("status", [301, 302, 307])
def test_events_are_never_led_elsewhere(endpoint, status: int):
    taking = endpoint(status)
    events = LineageEvents(taking.url, "hush")
    events.send({"a": 1})
    events.close()

    assert [path for path, _, _ in taking.taken] == ["/api/v1/lineage"]


def test_an_endpoint_that_does_not_answer_fails_no_run(catalog: Catalog, caplog):
    caplog.set_level(logging.WARNING)
    gone = Endpoint()
    gone.close()
    catalog.settings = replace(catalog.settings, openlineage=gone.url)
    _, job_id = catalog.request("holiday_count")
    worker = Worker(catalog.database, catalog.settings)
    worker.perform_next(job_id)
    worker.close()

    assert catalog.job(job_id).state == jobs.State.SUCCEEDED
    assert caplog.text.count("An OpenLineage event could not be sent") == 2


def test_a_file_that_cannot_be_written_fails_no_run(catalog: Catalog, tmp_path: Path):
    catalog.settings = replace(catalog.settings, openlineage=str(tmp_path))  # a folder
    _, job_id = catalog.request("holiday_count")
    worker = Worker(catalog.database, catalog.settings)
    worker.perform_next(job_id)
    worker.close()

    assert catalog.job(job_id).state == jobs.State.SUCCEEDED


def test_where_events_go_is_a_file_or_an_address_of_the_web(tmp_path: Path):
    home = {"HEADWATER_HOME": str(tmp_path)}

    assert load_settings({**home, "HEADWATER_OPENLINEAGE": "https://x.example/api"}).openlineage.startswith(
        "https:"
    )
    assert (
        load_settings({**home, "HEADWATER_OPENLINEAGE": "/var/log/l.jsonl"}).openlineage == "/var/log/l.jsonl"
    )
    with pytest.raises(SettingError, match="must be a file"):
        load_settings({**home, "HEADWATER_OPENLINEAGE": "ftp://x.example"})
