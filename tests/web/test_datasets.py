"""The pages of datasets and the audit of an upload, and the same by the API."""

import base64
import contextlib
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from headwater_catalog import datasets, meanings
from headwater_catalog.cli import command_line
from headwater_catalog.kept_inputs import input_file
from headwater_catalog.repositories import get_repository
from headwater_catalog.scan import scan
from headwater_catalog.stamps import SIDECAR
from headwater_catalog.store.models import Run
from headwater_catalog.worker import Worker
from headwater_catalog.working_tree import take_changes
from headwater_web import audited_uploads
from headwater_web.app import create_app
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_shop


class Shop:
    """A dataset of an old commit, and the pages on it."""

    def __init__(self, catalog: Catalog, repo: GitRepo) -> None:
        self.catalog = catalog
        self.repo = repo
        self.run: Run = catalog.run("spend_per_signup", "scaled", dataflow="marketing", save="csv")
        source = (repo.path / "features/spend.py").read_text()
        repo.write("features/spend.py", source.replace("spend / signups", "spend / signups * 2"))
        self.changed = repo.commit("Count <twice>")
        scan(catalog.database, catalog.settings, "shop")
        self.client: FlaskClient = create_app(catalog.settings, catalog.database).test_client()

    @property
    def file(self) -> Path:
        version = self.catalog.version(self.run)
        assert version is not None
        return datasets.file_of(self.catalog.settings, version)

    def audit(self, data: bytes, name: str = "mine.csv", stamp: bytes | None = None, **form: str) -> Any:
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get("/audit").text)
        assert token
        sent: dict[str, Any] = {"csrf_token": token[1], "file": (io.BytesIO(data), name), **form}
        if stamp is not None:
            sent["stamp"] = (io.BytesIO(stamp), name + SIDECAR)
        return self.client.post("/audit", data=sent, content_type="multipart/form-data")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    catalog, repo = make_shop(tmp_path_factory.mktemp("shop"))
    yield Shop(catalog, repo)
    catalog.database.dispose()


def test_the_list_tells_which_datasets_are_stale(shop: Shop):
    page = shop.client.get("/datasets").text
    found = shop.client.get("/datasets.json").json["items"]

    assert "1 column stale" in page and 'href="/datasets/shop/marketing"' in page
    assert [(each["dataset"], each["stale"]) for each in found] == [("marketing", ["spend_per_signup"])]
    assert "spend_per_signup" in shop.client.get("/datasets.csv?stale=yes").text


def test_the_page_of_a_dataset_tells_each_column_its_maker_and_what_changed_it(shop: Shop):
    page = shop.client.get("/datasets/shop/marketing").text

    assert "features.spend:spend_per_signup" in page
    assert "Count &lt;twice&gt;" in page and shop.changed[:8] in page
    assert "1 column would come out otherwise now" in page
    assert "data/weekly.csv" in page and "index of source" in page
    assert shop.client.get("/datasets/shop/marketing?run=99").status_code == 404
    assert "Did you mean &#39;marketing&#39;" in shop.client.get("/datasets/shop/marketin").text


def test_the_page_of_a_feature_leads_to_the_datasets_that_hold_it(shop: Shop):
    page = shop.client.get("/r/shop/f/features.spend:scaled").text

    assert "In datasets" in page and f"/datasets/shop/marketing?run={shop.run.id}" in page
    assert "In datasets" not in shop.client.get("/r/shop/f/features.traps:broken").text


def test_the_file_and_its_stamp_can_be_taken_away(shop: Shop):
    got = shop.client.get(f"/runs/{shop.run.id}/file", buffered=True)
    stamp = shop.client.get(f"/runs/{shop.run.id}/stamp")

    assert got.data == shop.file.read_bytes()
    assert f"filename=marketing-{shop.run.id}.csv" in got.headers["Content-Disposition"]
    assert stamp.data == shop.file.with_name(shop.file.name + SIDECAR).read_bytes()
    assert "dataset downloaded" in shop.client.get("/events").text
    assert shop.client.get("/runs/99/file").status_code == 404


def test_an_upload_is_audited(shop: Shop):
    stamp = shop.file.with_name(shop.file.name + SIDECAR).read_bytes()
    data = shop.file.read_bytes()
    known = shop.audit(data, stamp=stamp, verify="yes").text
    changed = shop.audit(data.replace(b"10.0", b"11.0"), stamp=stamp, verify="yes").text
    bare = shop.audit(data).text
    other = shop.audit(b"a,b\n1,2\n").text

    assert "says the same" in known and "The data is what was saved." in known
    assert shop.changed[:8] in known
    assert "Other values: spend_per_signup" in changed
    assert "the catalog knows its content" in bare
    assert "no dataset that you may see has this content" in other


@pytest.mark.parametrize(
    ("data", "name", "status"),
    [
        (b"PAR1 half", "x.parquet", 409),
        (b"x", "x.exe", 409),
        (b"", "../../x.csv", 409),
        (b"[" * 100_000, "x.json", 409),
        (b"\x1f\x8b\x08\x00,a\n1,2\n", "x.csv", 409),
    ],
)
def test_what_is_no_table_is_told(shop: Shop, data: bytes, name: str, status: int):
    answer = shop.audit(data, name)

    assert answer.status_code == status
    assert "exit code" not in answer.text
    assert 'role="alert"' in answer.text and 'name="file"' in answer.text  # where the next one is chosen


def test_a_link_in_the_place_of_a_dataset_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    catalog, _ = make_shop(tmp_path)
    run = catalog.run("spend_per_signup", dataflow="marketing", save="csv")
    version = catalog.version(run)
    assert version is not None
    file = datasets.file_of(catalog.settings, version)
    backup = tmp_path / "backup.csv"
    backup.hardlink_to(file)
    client = create_app(catalog.settings, catalog.database).test_client()
    reproductions = f"/api/v1/datasets/shop/marketing/versions/{run.id}/reproductions"

    assert client.get(f"/runs/{run.id}/file").data == backup.read_bytes()
    file.unlink()
    file.symlink_to(backup)  # of the same bytes even
    assert client.get(f"/runs/{run.id}/file").status_code == 404
    answer = client.post(reproductions, json={})
    assert answer.status_code == 409 and "its file is gone" in answer.json["detail"]
    home = {
        "HEADWATER_HOME": str(catalog.settings.home),
        "HEADWATER_DATABASE_URL": catalog.settings.database_url,
    }
    told = CliRunner().invoke(
        command_line(), ["reproduce", f"marketing@{run.id}", "--repo", "shop"], env=home
    )
    assert told.exit_code != 0 and "its file is gone" in told.output
    catalog.database.dispose()


def test_a_stretch_of_the_main_line_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    catalog, repo = make_shop(tmp_path)
    run = catalog.run("spend_per_signup", dataflow="marketing", save="csv")
    for number in range(3):
        source = (repo.path / "features/spend.py").read_text()
        repo.write("features/spend.py", source.replace("spend / signups", "spend / signups * 2"))
        repo.commit(f"Count {number}")
    scan(catalog.database, catalog.settings, "shop")
    monkeypatch.setattr(meanings, "_MOST_LOOKS", 0)
    client = create_app(catalog.settings, catalog.database).test_client()
    page = client.get("/datasets/shop/marketing").text
    version = client.get(f"/api/v1/datasets/shop/marketing/versions/{run.id}").json
    catalog.database.dispose()

    (column,) = (each for each in version["standing"]["columns"] if each["name"] == "spend_per_signup")
    (stretch,) = column["stretches"]
    assert (stretch["until"]["subject"], stretch["until"]["position"] - stretch["after"]["position"]) == (
        "Count 2",
        3,
    )
    assert column["commits"] == []
    assert re.search(r"some of the <a [^>]*>3 commits</a> after", page)
    assert f"a={stretch['after']['sha']}" in page and "Count 2" in page


def test_a_file_that_takes_long_to_read_does_not_hold_the_server(shop: Shop, tmp_path: Path):
    pq.write_table(pa.table({"x": [7]}), tmp_path / "x.parquet")
    data = (tmp_path / "x.parquet").read_bytes()
    settings = shop.catalog.settings
    limits = replace(settings.runs.limits, wall_seconds=0.01)  # no process even begins in that time
    short = replace(settings, runs=replace(settings.runs, limits=limits))
    client = create_app(short, shop.catalog.database).test_client()
    body = {"name": "x.parquet", "content": base64.b64encode(data).decode()}
    answer = client.post("/api/v1/audit", json=body)

    assert answer.status_code == 409
    assert "ran longer than 0.01 seconds" in answer.json["detail"]
    assert "`headwater audit` on the machine of the catalog" in answer.json["detail"]


def test_a_few_files_are_looked_at_at_once(shop: Shop):
    with contextlib.ExitStack() as places:
        for _ in range(2):
            places.enter_context(audited_uploads.place())
        page = shop.audit(b"a,b\n1,2\n")
        body = {"name": "a.csv", "content": base64.b64encode(b"a\n1\n").decode()}
        answer = shop.client.post("/api/v1/audit", json=body)

        assert shop.client.get("/datasets").status_code == 200
    assert (page.status_code, answer.status_code) == (503, 503)
    assert page.headers["Retry-After"] == answer.headers["Retry-After"] == "15"
    assert "Other files are being looked at" in page.text and "in a moment" in answer.json["detail"]
    assert shop.audit(b"a,b\n1,2\n").status_code == 200


def test_a_stamp_is_shown_as_text(shop: Shop):
    stamp = shop.file.with_name(shop.file.name + SIDECAR).read_bytes()
    hostile = stamp.replace(b'"made_by":"tester"', b'"made_by":"<script>alert(1)</script>"')
    page = shop.audit(shop.file.read_bytes(), stamp=hostile).text

    assert "&lt;script&gt;" in page and "<script>alert" not in page
    assert "says something else of" in page and "made_by" in page


def test_an_upload_needs_the_token_of_the_form(shop: Shop):
    sent = {"file": (io.BytesIO(b"a\n1\n"), "a.csv")}
    assert shop.client.post("/audit", data=sent, content_type="multipart/form-data").status_code == 400
    assert shop.audit(b"", "").status_code == 409


def test_a_file_may_be_larger_than_a_form(shop: Shop):
    token = re.search(r'name="csrf_token" value="([^"]+)"', shop.client.get("/audit").text)
    assert token
    parts = (
        f'name="csrf_token"\r\n\r\n{token[1]}',
        'name="file"; filename="a.csv"\r\n\r\na\n' + "1\n" * 1_000_000,
    )
    body = "".join(f"--x\r\nContent-Disposition: form-data; {part}\r\n" for part in parts) + "--x--\r\n"
    answer = shop.client.post("/audit", data=body, content_type="multipart/form-data; boundary=x")

    assert answer.status_code == 200 and "a.csv" in answer.text


def test_programs_ask_the_same(shop: Shop):
    found = shop.client.get("/api/v1/datasets?stale=true").json["items"]
    address = "/api/v1/datasets/shop/marketing/versions"
    (listed,) = shop.client.get(address).json["items"]
    version = shop.client.get(f"{address}/{shop.run.id}").json
    body = {"name": "mine.csv", "content": base64.b64encode(shop.file.read_bytes()).decode(), "verify": True}
    audit = shop.client.post("/api/v1/audit", json=body).json

    assert found[0]["stale"] == ["spend_per_signup"]
    assert listed["fingerprint"] == version["fingerprint"]
    states = {column["name"]: column["state"] for column in version["standing"]["columns"]}
    assert states == {"week": "none", "spend_per_signup": "changed", "scaled": "same"}
    assert (audit["origin"], audit["store"], audit["verified"]["same"]) == ("content", "known", True)
    assert shop.client.get(f"{address}/77").status_code == 404
    wrong = shop.client.post("/api/v1/audit", json={**body, "content": "no base64!"})
    assert wrong.status_code == 409 and "base64" in wrong.json["detail"]


def test_a_dataset_is_made_again_from_its_page(shop: Shop):
    page = shop.client.get("/datasets/shop/marketing").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token and "Make it again" in page
    answer = shop.client.post(f"/runs/{shop.run.id}/again", data={"csrf_token": token[1]})
    assert answer.status_code == 303
    assert "queued" in shop.client.get(answer.location).text
    Worker(shop.catalog.database, shop.catalog.settings).run(once=True)

    assert "identical" in shop.client.get(answer.location).text
    address = f"/api/v1/datasets/shop/marketing/versions/{shop.run.id}/reproductions"
    asked = shop.client.post(address, json={"tolerance": 0.001})
    assert (asked.status_code, asked.json["verdict"], asked.json["state"]) == (202, "", "queued")
    Worker(shop.catalog.database, shop.catalog.settings).run(once=True)
    first, second = shop.client.get(address).json["items"]
    assert (first["verdict"], second["verdict"], first["tolerance"]) == ("identical", "identical", 0.001)
    assert (
        shop.client.post("/api/v1/datasets/shop/marketing/versions/99/reproductions", json={}).status_code
        == 404
    )


def test_a_version_from_before_stamps_is_shown(shop: Shop):
    with shop.catalog.database.write() as session:
        repository = get_repository(session, "shop")
        run = session.get_one(Run, shop.run.id)
        again = Run(
            job_id=_job(session, repository.id),
            repository_id=repository.id,
            commit_id=run.commit_id,
            dataflow="old",
            outputs=[],
            config={},
            inputs={},
            environment={},
        )
        session.add(again)
        session.flush()
        datasets.record_version(
            *(session, again, "old"),
            path="datasets/shop/old.csv",
            format="csv",
            sha256="0" * 64,
            rows=1,
            columns=[{"name": "x", "type": "int64"}],
            now=0,
        )
        number = again.id
    page = shop.client.get("/datasets/shop/old").text

    assert "before datasets had stamps" in page
    assert "old" in shop.client.get("/datasets").text
    assert shop.client.get(f"/runs/{number}/file").status_code == 404
    assert shop.client.get(f"/runs/{number}/stamp").status_code == 404


def _job(session: Any, repository: int) -> int:
    from headwater_catalog.jobs import enqueue

    return enqueue(session, "run", {}, repository, "somebody", 0).id


def test_pages_audits_and_the_api_say_whether_inputs_are_still_kept(shop: Shop):
    sent = shop.catalog.send(b"week,spend,signups\n2026-02-02,5,1\n")
    given = {"weekly": sent, "factor": 3}
    run = shop.catalog.run("scaled", dataflow="marketing", save="parquet", dataset="given", inputs=given)
    version = shop.catalog.version(run)
    assert version is not None, run.job.error
    data = datasets.file_of(shop.catalog.settings, version).read_bytes()
    address = f"/api/v1/datasets/shop/given/versions/{run.id}"

    def told() -> tuple[Any, Any, str, str]:
        asked = {"name": "a.parquet", "content": base64.b64encode(data).decode()}
        audited = shop.client.post("/api/v1/audit", json=asked)
        found = shop.client.get(address).json["kept_inputs"], audited.json["kept_inputs"]
        return *found, shop.client.get("/datasets/shop/given").text, shop.audit(data, "a.parquet").text

    by_api, by_audit, page, audited = told()
    assert by_api == by_audit == {"weekly": True}
    assert page.count("still kept") == audited.count("still kept") == 1 and "34 Bytes" in page
    input_file(shop.catalog.settings, sent.sha256).unlink()
    by_api, by_audit, page, audited = told()
    assert by_api == by_audit == {"weekly": False}
    assert page.count("no longer kept") == audited.count("no longer kept") == 1
    again = shop.client.post(f"{address}/reproductions", json={})
    assert again.status_code == 409 and "Give the same file to a run once more" in again.json["detail"]


def test_pages_say_that_nobody_had_committed_what_made_a_table(shop: Shop):
    catalog, repo = shop.catalog, shop.repo
    source = (repo.path / "features/spend.py").read_text()
    repo.write("features/spend.py", source.replace("spend * factor", "spend * factor + 1  # <try>"))
    with catalog.database.read() as session:
        found = take_changes(catalog.settings, get_repository(session, "shop"), repo.path, "ana")
    repo.git("checkout", "--quiet", "--", ".")
    run = catalog.run("scaled", at=found.sha, dataflow="marketing", save="csv", dataset="tried")
    version = catalog.version(run)
    assert version is not None, run.job.error
    file = datasets.file_of(catalog.settings, version)
    stamp = file.with_name(file.name + SIDECAR).read_bytes()
    told = shop.client.get(f"/api/v1/runs/{run.id}").json
    pages = {
        "run": shop.client.get(f"/runs/{run.id}").text,
        "dataset": shop.client.get("/datasets/shop/tried").text,
        "audit": shop.audit(file.read_bytes(), "tried.csv", stamp).text,
        "commit": shop.client.get(f"/r/shop/c/{found.sha}").text,
    }

    assert (told["commit"], told["changes_on"]) == (found.sha, found.parent)
    assert f"/r/shop/compare?a={found.parent}&amp;b={found.sha}" in pages["run"]
    assert all("changes of a working tree" in pages[name] for name in ("run", "commit"))
    for name in ("dataset", "audit"):
        assert "nobody had committed these" in pages[name] and "+ 1  # &lt;try&gt;" in pages[name]
    assert shop.client.get(f"/r/shop/compare?a={found.parent}&b={found.sha}").text.count("scaled") > 1
    assert found.sha[:8] not in shop.client.get("/r/shop/timeline").text
    assert shop.client.get(f"/api/v1/runs/{shop.run.id}").json["changes_on"] is None
